"""One pass over a network that counts what leaves neurons and merges and what arrives at weights."""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from synfire.base import RunError, ShapeError
from synfire.layers import Join
from synfire.metering.counts import Counts, count
from synfire.metering.rows import Row, Synapse
from synfire.metering.traffic import Machine, Traffic
from synfire.neurons import GELU, Neuron, QuantisedReLU, ReLU, current_stream

EMITTERS = {Neuron: "neuron", QuantisedReLU: "quantised", ReLU: "relu", GELU: "relu"}


@dataclass(frozen=True)
class Trace:
    """The account of one network, per sample; see `trace`.

    Attributes:
        rows: in the order of execution.
        parameters: number of parameters.
        bytes: of parameters and buffers.
    """

    rows: tuple[Row, ...]
    parameters: int = 0
    bytes: int = 0

    def of_kind(self, *kinds: str) -> tuple[Row, ...]:
        """Return the rows of some kinds, see `Row.kind`."""
        return tuple(row for row in self.rows if row.kind in kinds)

    @property
    def spiking(self) -> bool:
        """Whether any layer keeps a potential; a conventional network has none."""
        return bool(self.of_kind("neuron"))

    @property
    def steps(self) -> int:
        """T."""
        return max((row.steps for row in self.rows), default=0)

    @property
    def events(self) -> float:
        """Non-zero outputs of all neurons and rectifiers."""
        return sum(row.events for row in self.of_kind(*EMITTERS.values()))

    @property
    def spikes(self) -> float:
        """Sum of absolute outputs of all neurons and rectifiers."""
        return sum(row.spikes for row in self.of_kind(*EMITTERS.values()))

    @property
    def emits_whole_numbers(self) -> bool:
        """Whether sums of outputs count spikes: a ReLU of a conventional twin emits real numbers."""
        return not self.of_kind("relu")

    @property
    def activation_sparsity(self) -> float:
        """Share of zeros among the outputs of neurons and rectifiers, over all layers and steps (NeuroBench)."""
        emitters = self.of_kind(*EMITTERS.values())
        return 1 - self.events / max(1, sum(row.neurons * row.steps for row in emitters))

    @property
    def connection_sparsity(self) -> float:
        """Share of weights that are zero (NeuroBench); biases are no connections."""
        made = [row.synapse for row in self.rows if row.synapse]
        return 1 - sum(s.live_weights for s in made) / max(1, sum(s.weights for s in made))

    @property
    def arriving_events(self) -> float:
        """Non-zero whole numbers that arrive at weights: what makes an event-driven machine work.

        It differs from `events` where a merge stands between: the sum of two spikes arrives once, and spikes that a
        barrier absorbs arrive nowhere. Images, and means over an image, are not whole numbers and are left out.
        """
        return sum(row.events for row in self.of_kind("synapse") if row.whole)

    @property
    def arriving_spikes(self) -> float:
        """Sum of the absolute values that `arriving_events` counts."""
        return sum(row.spikes for row in self.of_kind("synapse") if row.whole)

    @property
    def dense_macs(self) -> int:
        """Multiplications if every input and weight were used; padding is none."""
        return sum(row.dense_macs for row in self.rows)

    @property
    def effective_macs(self) -> float:
        """Synaptic operations that multiply: inputs other than -1, 0 and 1."""
        return sum(row.synops for row in self.of_kind("synapse") if row.arithmetic != "accumulate")

    @property
    def effective_acs(self) -> float:
        """Synaptic operations that only add: inputs of -1, 0 and 1."""
        return sum(row.synops for row in self.of_kind("synapse") if row.arithmetic == "accumulate")

    def merges(self) -> tuple[Row, ...]:
        """Return the rows of the merges: the avalanche profile of a residual network (arXiv:2510.24637)."""
        return self.of_kind("merge")

    def traffic(self, machine: Machine | None = None) -> dict[str, Traffic]:
        """Return reads and writes of memory by kind for every row, by name.

        Args:
            machine: what it does for zeros, events and held frames; by default graded events with their exact fan-out.
        """
        machine, rows = machine or Machine(), {row.name: row for row in self.rows}
        return {name: machine.traffic(row, rows, self.spiking) for name, row in rows.items()}

    def record(self) -> dict[str, Any]:
        """Return the trace as plain data for a file; `Trace.read` makes a trace of it again."""
        traffic = self.traffic()
        rows = [{**row.record(), "traffic": asdict(traffic[row.name])} for row in self.rows]
        return {"parameters": self.parameters, "bytes": self.bytes, "rows": rows}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Trace":
        """Return the trace that `record` was made of.

        Raises:
            RunError: it is no record of a trace.
        """
        try:
            rows = tuple(Row.read(row) for row in record["rows"])
            return cls(rows, int(record["parameters"]), int(record["bytes"]))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as err:
            raise RunError(
                f"this is no record of a trace ({type(err).__name__}: {err}); test the network again to write one."
            ) from err

    def joined(self, others: Iterable["Trace"]) -> "Trace":
        """Return the account over the samples of several traces of one network."""
        rows = [replace(row) for row in self.rows]
        for other in others:
            for row, theirs in zip(rows, other.rows, strict=True):
                row.join(theirs)
        return replace(self, rows=tuple(rows))

    def __str__(self) -> str:
        """Return a table, a line per row."""
        lines = [
            f"{'layer':<36} {'kind':<10} {'size':>9} {'T':>3} {'events':>12} {'spikes':>12} {'density':>8} {'max':>5} "
            f"{'MACs':>13} {'synops':>13} {'by rate':>8}"
        ]
        for row in self.rows:
            line = (
                f"{row.name:<36} {row.kind:<10} {row.neurons:>9} {row.steps:>3} {row.events:>12.1f} "
                f"{row.spikes:>12.1f} {row.density:>8.4f} {row.largest:>5.3g}"
            )
            if row.synapse:
                gap = f"{row.synops_by_rate / row.synops - 1:+.1%}" if row.synops else "-"
                line += f" {row.dense_macs:>13,} {row.synops:>13,.0f} {gap:>8}"
            lines.append(line)
        for label, events, spikes in (
            ("leaving neurons, per sample", self.events, self.spikes),
            ("arriving at synapses, per sample", self.arriving_events, self.arriving_spikes),
        ):
            lines.append(f"{label:<61} {events:>12.1f} {spikes:>12.1f}")
        lines.append(
            f"per sample: {self.dense_macs:,} dense MACs; effective {self.effective_macs:,.0f} MACs and "
            f"{self.effective_acs:,.0f} ACs; {self.parameters:,} parameters in {self.bytes:,} bytes"
        )
        return "\n".join(lines)


def trace(net: nn.Module, batches: Tensor | Iterable[Tensor]) -> Trace:
    """Run a network and count what leaves every neuron layer, rectifier and merge, and what arrives at every weight.

    The network's mode (training or evaluation) is left as it is; nothing is learned. Any module counts as a layer of
    weights that has a method `fan_out(shape, dense=False)`: how many (live, or all) weights each number of a sample of
    that shape meets, int64, of that shape.

    Args:
        net: maps (T, B, ...) to (T, B, ...).
        batches: one sequence (T, B, ...), or several.

    Returns:
        A row per layer in the order of execution.

    Raises:
        ShapeError: there is no batch, or batches differ in T or in the shape of a sample.
    """
    with torch.no_grad(), counting(net) as meter:
        for batch in [batches] if isinstance(batches, Tensor) else batches:
            net(batch)
    found = meter.trace()
    if not found.rows or not all(row.samples for row in found.rows):
        raise ShapeError(
            "trace: nothing was counted; give at least one batch of at least one sample, and a network that has "
            "neurons (synfire.Neuron), rectifiers (synfire.ReLU, synfire.QuantisedReLU) or joins."
        )
    return found


@contextmanager
def counting(net: nn.Module, meter: "Meter | None" = None) -> Iterator["Meter"]:
    """Count whatever the network runs inside the block, also step by step through `synfire.stream`.

    Args:
        net: maps (T, B, ...) to (T, B, ...). Code from torch.compile may pass the counters by: run the plain network.
        meter: what an earlier block over the same network counted, to go on with.
    """
    meter = meter if meter is not None else Meter(net)
    handles = [net.register_forward_pre_hook(lambda *_: meter.begin())]
    handles += [module.register_forward_hook(hook) for module, hook in meter.hooks]
    try:
        yield meter
    finally:
        for handle in handles:
            handle.remove()


def _kind(module: nn.Module) -> str | None:
    if hasattr(module, "fan_out"):
        return "synapse"
    if isinstance(module, Join):
        return "merge"
    return next((kind for base, kind in EMITTERS.items() if isinstance(module, base)), None)


@dataclass(slots=True)
class _Sight:
    """What is known of one tensor of a pass; the tensor itself is not kept alive.

    Attributes:
        tensor: to tell it from a later one in the same place of memory.
        source: row of the synapse or merge that it comes from, through norms and poolings.
        counts: what it holds, once counted.
    """

    tensor: "weakref.ref[Tensor]"
    source: str = ""
    counts: Counts | None = None


class Meter:
    """Adds up rows, one per use of a module within a pass; see `counting`."""

    def __init__(self, net: nn.Module) -> None:
        self.rows: dict[str, Row] = {}
        self.hooks: list[tuple[nn.Module, Callable[..., None]]] = []
        for name, module in net.named_modules():
            name = name or type(module).__name__
            if (kind := _kind(module)) is not None:
                self.hooks.append((module, partial(self.count, name, kind)))
            elif next(module.children(), None) is None:
                self.hooks.append((module, self.follow))
        self._net = net
        self._uses: dict[str, int] = {}
        self._sights: dict[int, _Sight] = {}
        self._done: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()

    def trace(self) -> Trace:
        """Return what was counted so far."""
        parameters = list(self._net.parameters())
        size = sum(tensor.numel() * tensor.element_size() for tensor in (*parameters, *self._net.buffers()))
        return Trace(tuple(self.rows.values()), sum(p.numel() for p in parameters), size)

    def begin(self) -> None:
        """Begin a pass, so that a module's first use is its first again."""
        self._uses.clear()
        self._sights.clear()
        running = current_stream()
        if running is not None and running.at_rest:
            self._done.pop(running, None)

    def count(self, name: str, kind: str, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Add one use of a module; a forward hook, once name and kind are bound."""
        use = self._uses[name] = self._uses.get(name, 0) + 1
        key = name if use == 1 else f"{name}#{use}"
        values = inputs[0] if kind == "synapse" else output
        if not values.numel():
            return
        if key not in self.rows:
            self.rows[key] = self._describe(key, kind, module, values, inputs[0], output)
        row = self.rows[key]
        first = self._first_step(key, values.shape[0])
        self._check(row, values, first)
        row.add(self._counts(values), first)
        if kind == "neuron" and not self._takes_currents(row):
            row.arriving_count += int(self._counts(inputs[0]).by_step.sum())
        if kind in ("synapse", "merge"):
            self._see(output, key)

    def follow(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Remember through a norm or pooling where a tensor comes from; a forward hook."""
        if not (inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor)):
            return
        source = self._source(inputs[0])
        self._see(output, source)
        row = self.rows.get(source)
        if isinstance(module, _BatchNorm) and row is not None and row.synapse is not None and not row.synapse.biases:
            row.synapse = replace(row.synapse, biases=row.synapse.out_channels)

    def _describe(self, key: str, kind: str, module: nn.Module, values: Tensor, given: Tensor, output: Tensor) -> Row:
        shape = tuple(values.shape[2:])
        if kind == "synapse":
            return Row(key, kind, shape, synapse=Synapse.of(module, shape, tuple(output.shape[2:])))
        spec = getattr(module, "spec", None)
        return Row(
            key,
            kind,
            shape,
            levels=getattr(module, "levels", 1) if kind in ("neuron", "quantised") else 0,
            leaks=kind == "neuron" and bool((getattr(module, "decay", torch.zeros(())) != 1).any()),
            resets=kind == "neuron" and getattr(spec, "reset", "") != "none",
            fed_by=self._source(given),
        )

    def _takes_currents(self, row: Row) -> bool:
        return row.fed_by in self.rows and self.rows[row.fed_by].kind == "synapse"

    def _first_step(self, key: str, steps: int) -> int:
        """Return at which step of a streamed sequence this use begins; 0 outside a stream."""
        running = current_stream()
        if running is None:
            return 0
        done = self._done.setdefault(running, {})
        first = done.get(key, 0)
        done[key] = first + steps
        return first

    def _check(self, row: Row, values: Tensor, first: int) -> None:
        shape, steps = tuple(values.shape[2:]), values.shape[0]
        streamed = current_stream() is not None
        if row.shape != shape or (row.steps and row.steps != steps and not streamed):
            raise ShapeError(
                f"trace: {row.name} saw {steps} steps of shape {shape}, but {row.steps} of {row.shape} in a batch "
                "before; give batches of equal T and sample shape."
            )

    def _see(self, tensor: Tensor, source: str) -> None:
        self._sight(tensor).source = source

    def _sight(self, tensor: Tensor) -> _Sight:
        """Return what is known of a tensor; a new, empty note for one not seen before."""
        sight = self._sights.get(id(tensor))
        if sight is None or sight.tensor() is not tensor:
            sight = self._sights[id(tensor)] = _Sight(weakref.ref(tensor))
        return sight

    def _source(self, tensor: Tensor) -> str:
        return self._sight(tensor).source

    def _counts(self, tensor: Tensor) -> Counts:
        """Count a tensor, once: what leaves one layer arrives at the next."""
        sight = self._sight(tensor)
        if sight.counts is None:
            sight.counts = count(tensor)
        return sight.counts
