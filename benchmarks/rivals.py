"""Every way to run one layer of neurons that the benchmarks compare, set to the same equation wherever it can be.

Nothing here is imported until it is built, so a library that is missing costs one row of a table.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

DECAY = 0.5
LEVELS = 4

# One forward and backward pass; returns spikes and the gradient of the currents, or None where there are no spikes.
Run = Callable[[], tuple[Tensor, Tensor] | None]


@dataclass(frozen=True)
class Contender:
    """One row of a table.

    Attributes:
        name: what the row is called.
        build: from currents (T, B, n) and the gradient of the spikes, a call that is to be timed; raises
            ModuleNotFoundError where the library is missing.
        equals: name of the row whose spikes it must give; None where the equation differs or there are no spikes.
        note: how it is set up, and where its equation differs.
        compiles: whether building takes a minute of compilation.
    """

    name: str
    build: Callable[[Tensor, Tensor], Run]
    equals: str | None = None
    note: str = ""
    compiles: bool = False


def pass_both_ways(
    layer: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor, parameters: Iterable[nn.Parameter] = ()
) -> Run:
    """Return a call that runs the layer and its backward pass and leaves nothing behind."""
    x, held = x.clone().requires_grad_(), [p for p in parameters if p.requires_grad]

    def run() -> tuple[Tensor, Tensor]:
        spikes = layer(x)
        spikes.backward(grad)
        slopes, x.grad = x.grad, None
        for parameter in held:
            parameter.grad = None
        return spikes.detach(), slopes

    return run


# Ours


def synfire(make: Callable[[], nn.Module], forced: str | None = None) -> Callable[[Tensor, Tensor], Run]:
    """Build one of our neurons, on the back end that is chosen by default or on the one asked for."""

    def build(x: Tensor, grad: Tensor) -> Run:
        from synfire.base import backend

        neuron = make()
        run = pass_both_ways(neuron, x, grad, neuron.parameters())
        if forced is None:
            return run

        def on_backend() -> tuple[Tensor, Tensor] | None:
            with backend(forced):
                return run()

        return on_backend

    return build


def our_lif() -> nn.Module:
    """u = v / 2 + x; s = [u >= 1]; v = u - s; arctan surrogate; reset without gradient."""
    from synfire.neurons import LIF

    return LIF(DECAY)


def our_parametric_lif() -> nn.Module:
    """The same with a learned decay."""
    from synfire.neurons import ParametricLIF

    return ParametricLIF(DECAY)


def our_levels(initial: float, surrogate: str) -> Callable[[], nn.Module]:
    """The same with spikes 0..4."""

    def make() -> nn.Module:
        from synfire.neurons import MultiLevelLIF, Surrogate

        return MultiLevelLIF(LEVELS, DECAY, initial=initial, surrogate=Surrogate(surrogate))

    return make


# Plain PyTorch


class _Arctan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, over: Tensor) -> Tensor:
        ctx.save_for_backward(over)
        return (over >= 0).to(over.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0] * arctan_slope(ctx.saved_tensors[0])


def arctan_slope(over: Tensor) -> Tensor:
    """Slope of the arctan surrogate of width 1 at a distance from the threshold."""
    angle = math.pi * over
    return 1 / (1 + angle * angle)


def _loop(x: Tensor) -> Tensor:
    v = torch.zeros_like(x[0])
    spikes = []
    for current in x:
        u = DECAY * v + current
        s = _Arctan.apply(u - 1)
        v = u - s.detach()
        spikes.append(s)
    return torch.stack(spikes)


def plain_loop(x: Tensor, grad: Tensor) -> Run:
    """Build a Python loop over the steps, differentiated by autograd."""
    return pass_both_ways(_loop, x, grad)


def compiled_loop(x: Tensor, grad: Tensor) -> Run:
    """Build the same loop, compiled as a whole."""
    return pass_both_ways(torch.compile(_loop, fullgraph=True), x, grad)


def copy_in_place(x: Tensor, grad: Tensor) -> Run:
    """Build what must be moved at least, and nothing else: read x, write s; read x and the gradient, write another."""
    spikes, slopes = torch.empty_like(x), torch.empty_like(x)

    def run() -> None:
        spikes.copy_(x)
        torch.add(grad, x, out=slopes)

    return run


def copy_to_fresh(x: Tensor, grad: Tensor) -> Run:
    """Build the same into memory that is allocated on every call, as an operation without an `out` must."""

    def run() -> tuple[Tensor, Tensor]:
        return x.clone(), grad + x

    return run


# SpikingJelly


def _jelly_options() -> dict[str, Any]:
    from spikingjelly.activation_based import surrogate

    return {"decay_input": False, "v_reset": None, "surrogate_function": surrogate.ATan(2.0), "detach_reset": True}


def _jelly_layer(node: nn.Module, call: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
    from spikingjelly.activation_based import functional

    def layer(x: Tensor) -> Tensor:
        functional.reset_net(node)
        return (call or node)(x)

    return layer


def jelly_single_step(x: Tensor, grad: Tensor) -> Run:
    """Build SpikingJelly's LIFNode in its default step mode, called once per step."""
    from spikingjelly.activation_based import neuron

    node = neuron.LIFNode(tau=1 / (1 - DECAY), **_jelly_options())
    return pass_both_ways(_jelly_layer(node, lambda x: torch.stack([node(current) for current in x])), x, grad)


def jelly_multi_step(x: Tensor, grad: Tensor) -> Run:
    """Build SpikingJelly's LIFNode with step_mode "m"."""
    from spikingjelly.activation_based import neuron

    node = neuron.LIFNode(tau=1 / (1 - DECAY), step_mode="m", **_jelly_options())
    return pass_both_ways(_jelly_layer(node), x, grad)


def jelly_compiled(x: Tensor, grad: Tensor) -> Run:
    """Build SpikingJelly's multi-step function under torch.compile."""
    from spikingjelly.activation_based import functional

    options = _jelly_options()
    reset, slope = options.pop("v_reset"), options.pop("surrogate_function")

    @torch.compile
    def layer(x: Tensor) -> Tensor:
        rest = torch.zeros_like(x[0])
        return functional.lif_multi_step(
            x, rest, tau=1 / (1 - DECAY), v_reset=reset, surrogate_function=slope, **options
        )[0]

    return pass_both_ways(layer, x, grad)


def jelly_parametric(x: Tensor, grad: Tensor) -> Run:
    """Build SpikingJelly's ParametricLIFNode with step_mode "m"."""
    from spikingjelly.activation_based import neuron

    node = neuron.ParametricLIFNode(init_tau=1 / (1 - DECAY), step_mode="m", **_jelly_options())
    return pass_both_ways(_jelly_layer(node), x, grad, node.parameters())


def jelly_levels(x: Tensor, grad: Tensor) -> Run:
    """Build SpikingJelly's ILIFNode, which rounds to the nearest level where ours adds half a level and truncates.

    With v' = v - 1/2 and x' = x - (1 - decay) / 2 the two are one equation, also in their straight-through windows.
    """
    from spikingjelly.activation_based import neuron, surrogate

    window = surrogate.MultiLevelSpikeCount(LEVELS, grad_window=(-0.5, float(LEVELS)))
    node = neuron.ILIFNode(tau=1 / (1 - DECAY), surrogate_function=window, detach_reset=True, step_mode="m")
    return pass_both_ways(_jelly_layer(node), x - (1 - DECAY) / 2, grad)


# snnTorch


def _snntorch(x: Tensor, grad: Tensor, **options: Any) -> Run:
    import snntorch
    from snntorch import surrogate

    node = snntorch.Leaky(beta=DECAY, spike_grad=surrogate.atan(alpha=2.0), **options)

    def layer(x: Tensor) -> Tensor:
        potential, spikes = node.reset_mem(), []
        for current in x:
            spike, potential = node(current, potential)
            spikes.append(spike)
        return torch.stack(spikes)

    return pass_both_ways(layer, x, grad, node.parameters())


def snntorch_default(x: Tensor, grad: Tensor) -> Run:
    """Build snnTorch's Leaky, whose reset waits for the next step: u = decay u + x - s of the step before."""
    return _snntorch(x, grad)


def snntorch_at_once(x: Tensor, grad: Tensor) -> Run:
    """Build snnTorch's Leaky with the reset in the step of the spike."""
    return _snntorch(x, grad, reset_delay=False)


def snntorch_learned(x: Tensor, grad: Tensor) -> Run:
    """Build snnTorch's Leaky with a learned decay, its reset in the step of the spike."""
    return _snntorch(x, grad, reset_delay=False, learn_beta=True)


# Norse


def norse(x: Tensor, grad: Tensor) -> Run:
    """Build Norse's LIFBoxCell, lifted over time: v = u + (x' - u) / 2, so that x' = 2 x gives our equation."""
    from norse.torch import LIFBoxCell, Lift
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract

    step = 1e-3  # second
    rate = torch.tensor((1 - DECAY) / step)
    cell = Lift(LIFBoxCell(LIFBoxParameters(tau_mem_inv=rate, reset_method=reset_subtract), dt=step))
    return pass_both_ways(lambda x: cell(x)[0], x / (1 - DECAY), grad)


# sinabs


def _sinabs(x: Tensor, grad: Tensor, learn: bool = False, **options: Any) -> Run:
    from sinabs.layers import LIF

    node = LIF(tau_mem=1.0, train_alphas=True, norm_input=False, **options)
    with torch.no_grad():
        node.alpha_mem.fill_(DECAY)
    node.alpha_mem.requires_grad_(learn)

    def layer(x: Tensor) -> Tensor:
        node.reset_states()
        return node(x)

    # It is batch-major, in memory too.
    run = pass_both_ways(layer, x.transpose(0, 1).contiguous(), grad.transpose(0, 1).contiguous(), [node.alpha_mem])

    def in_our_order() -> tuple[Tensor, Tensor]:
        spikes, slopes = run()
        return spikes.transpose(0, 1), slopes.transpose(0, 1)

    return in_our_order


def sinabs_binary(x: Tensor, grad: Tensor) -> Run:
    """Build sinabs' LIF with one spike per step and our surrogate."""
    from sinabs.activation import SingleSpike

    return _sinabs(x, grad, spike_fn=SingleSpike, surrogate_grad_fn=lambda v, threshold: arctan_slope(v - threshold))


def sinabs_learned(x: Tensor, grad: Tensor) -> Run:
    """Build the same with a learned decay."""
    from sinabs.activation import SingleSpike

    return _sinabs(
        x, grad, learn=True, spike_fn=SingleSpike, surrogate_grad_fn=lambda v, threshold: arctan_slope(v - threshold)
    )


def sinabs_levels(x: Tensor, grad: Tensor) -> Run:
    """Build sinabs' LIF with up to four spikes per step and its own default surrogate."""
    from sinabs.activation import MaxSpike

    return _sinabs(x, grad, spike_fn=MaxSpike(LEVELS))
