"""Step-by-step use: an object outside the network that owns the states of all its neurons."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from synfire.base import ConfigError

_active: ContextVar["Stream | None"] = ContextVar("synfire_stream", default=None)


def current_stream() -> "Stream | None":
    """Return the stream whose step is being computed in this thread, or None."""
    return None if torch.compiler.is_compiling() else _active.get()


class _Eager:
    """Switches torch.compile off while a stream runs: a graph traced outside of streams would start every step at rest.

    The switch is one for all threads, so it is held until the last stream that runs has ended.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._stance: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._running:
                self._stance = torch.compiler.set_stance("force_eager")
            self._running += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._stance.__exit__(None, None, None)


_eager = _Eager()


def eagerly(run: Callable[..., Tensor], *args: Any) -> Tensor:
    """Call a network, or what runs one, with whatever torch.compile made of it or its parts as it was before."""
    if "torch._dynamo" not in sys.modules:  # then nothing is compiled, and importing it would take seconds
        return run(*args)

    def uncompiled() -> Tensor:
        with _eager:
            return run(*args)

    call: Any = torch.compiler.disable(uncompiled)
    return call()


@dataclass(frozen=True)
class _Made:
    """What was made of some weights, and what tells whether they still are what they were.

    Attributes:
        originals: share the memory of the weights, so that no later tensor takes its place.
        versions: how often each had been changed in place.
        value: what was made.
    """

    originals: tuple[Tensor, ...]
    versions: tuple[int, ...]
    value: Any

    def is_of(self, weights: Sequence[Tensor]) -> bool:
        """Return whether the weights have stayed what they were."""
        return len(weights) == len(self.originals) and all(
            now.data_ptr() == then.data_ptr() and now._version == version and _form(now) == _form(then)
            for now, then, version in zip(weights, self.originals, self.versions, strict=True)
        )


def _form(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.dtype, tensor.shape, tensor.stride()


class Stream:
    """A running network: one call per step, with the states of its neurons kept here between calls.

    The steps' outputs are equal to those of the whole sequence. Several streams of one network run independently.
    What `torch.compile` made of the network or of parts of it runs as it was before.

    Args:
        net: the network.
        event_driven: see `stream`.
    """

    def __init__(self, net: nn.Module, event_driven: bool = False) -> None:
        self.net = net
        self.event_driven = event_driven
        self._made: dict[nn.Module, _Made] = {}
        # The name of a neuron is the same whether it is compiled or not.
        self._names = {module: _plain(name) for name, module in net.named_modules()}
        self._states: dict[tuple[str, int], Any] = {}
        self._calls: dict[str, int] = {}
        self._steps = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Run one step: x is (B, ...), and so is the result."""
        return self.run(x.unsqueeze(0))[0]

    def run(self, x: Tensor) -> Tensor:
        """Run a chunk of any number of steps, (T, B, ...), continuing from the last one.

        Raises:
            ConfigError: the network is in training mode with batch norms, whose statistics would differ per step.
        """
        if any(isinstance(m, _BatchNorm) and m.training for m in self.net.modules()):
            raise ConfigError(
                "stream: the network is in training mode, where batch norm sees each step alone and results differ "
                "from those of the whole sequence. Call net.eval() first."
            )
        return eagerly(self._run, x)

    def _run(self, x: Tensor) -> Tensor:
        before = dict(self._states)
        try:
            with self._activate():
                y = self.net(x)
            self._steps += len(x)
            return y
        except BaseException:
            self._states = before  # a step that failed has not happened
            raise

    def reset(self) -> None:
        """Return to rest."""
        self._states.clear()
        self._steps = 0

    @property
    def at_rest(self) -> bool:
        """Whether no step has been run since the beginning or the last reset."""
        return not self._states and not self._steps

    def state_dict(self) -> dict[str, Any]:
        """Return the states by the neuron's name (and the number of its use, if it is used more than once)."""
        return {name if call == 0 else f"{name}#{call}": state for (name, call), state in self._states.items()}

    def load_state_dict(self, states: dict[str, Any]) -> None:
        """Continue from states that `state_dict` returned.

        Raises:
            ConfigError: a name belongs to no neuron of this network, or is none that `state_dict` gives.
        """
        loaded = {}
        for key, state in states.items():
            name, mark, call = key.partition("#")
            if name not in self._names.values():
                raise ConfigError(f"stream: state {key!r} belongs to no module of this network; was it another one?")
            if mark and not (call.isascii() and call.isdigit()):
                raise ConfigError(
                    f"stream: state {key!r} has {call!r} behind '#', but the number of a use was expected, such as "
                    f"'{name}#1'. Load what state_dict returned."
                )
            loaded[name, int(call or 0)] = state
        self._states = loaded

    def take(self, neuron: nn.Module) -> Any:
        """Return the state of a neuron for its next use within this step, or None at rest."""
        name = self._name(neuron)
        return self._states.get((name, self._calls.get(name, 0)))

    def put(self, neuron: nn.Module, state: Any) -> None:
        """Keep the state of a neuron after its use."""
        name = self._name(neuron)
        call = self._calls.get(name, 0)
        self._calls[name] = call + 1
        self._states[name, call] = state

    def made(self, layer: nn.Module, weights: Sequence[Tensor], make: Callable[[], Any]) -> Any:
        """Return what `make` makes of weights of a layer: made once, and again when they have changed.

        Where a gradient may be wanted, or a weight does not tell when it changes, it is made at every call.
        """
        if any(w.is_inference() or (w.requires_grad and torch.is_grad_enabled()) for w in weights):
            return make()
        kept = self._made.get(layer)
        if kept is None or not kept.is_of(weights):
            originals = tuple(weight.detach() for weight in weights)
            with torch.inference_mode(False), torch.no_grad():
                kept = self._made[layer] = _Made(originals, tuple(w._version for w in weights), make())
        return kept.value

    def _name(self, neuron: nn.Module) -> str:
        if neuron not in self._names:
            raise ConfigError(
                f"stream: {type(neuron).__name__} is not a submodule of the network, so its state has no name. "
                "Assign it as an attribute in __init__."
            )
        return self._names[neuron]

    @contextmanager
    def _activate(self) -> Iterator[None]:
        self._calls.clear()
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)


def _plain(name: str) -> str:
    """Return the name of a module without the wrappers that torch.compile puts around modules."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def stream(net: nn.Module, *, event_driven: bool = False) -> Stream:
    """Run a network step by step: `s = stream(net)`, then `y = s(x)` with x and y of one step, (B, ...).

    Args:
        net: the network.
        event_driven: whether a `synfire.layers.Linear` reads only the weights of the spikes it gets, where they are few
            enough for that to be faster. It is for inference on a CPU in float32 or float64: put the stream inside
            `torch.inference_mode()` or `torch.no_grad()`, since a layer that may be asked for gradients computes the
            dense product. Sums are rounded in another order than in the dense product, so currents agree to rounding,
            and a spike may differ where a potential meets its threshold to the last bits. The stream keeps a transposed
            copy of such weights, and makes it again when they change, but not where they are changed through `.data`.

    Example:
        >>> net = synfire.LIF()
        >>> run = synfire.stream(net)
        >>> outputs = [run(x_t) for x_t in x]  # equal to net(x)
    """
    return Stream(net, event_driven)
