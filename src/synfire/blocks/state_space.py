"""The block of spiking state space models: a long memory, neurons, and a mixing of channels."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError
from synfire.blocks.residual import NeuronFactory
from synfire.layers import S4D, BatchNorm1d, Linear, SequenceDropout, TokenShift

NORMS = ("batch", "layer", "none")
PLACES = ("pre", "post")


class StateSpaceBlock(nn.Module):
    """x + mix(neuron(S4D(norm(x)))), with mix(s) = GLU(W s + b); (T, B, H) to (T, B, H).

    Between neuron and W travel spikes alone, between blocks real numbers. Source: arXiv:2408.14909, whose code drops
    what its post-norm computes, which is `norm="none"` here.

    Args:
        channels: H.
        neuron: makes the neuron.
        modes: states per channel, see `synfire.layers.S4D`; with 0 there is no S4D, and the block remembers by its
            neurons and the shift alone. Then, with gate="none", a decay that is a power of two and a batch norm that
            is folded into thresholds, nothing in it multiplies.
        bidirectional, learn_input, step: see `synfire.layers.S4D`.
        norm: "batch", "layer" or "none".
        place: "pre" norms what the branch sees, "post" the sum after it.
        dropout: share of the channels that is zeroed, of the spikes and of the branch's output.
        gate: "glu" multiplies half of the mixed channels by the sigmoid of the other half; "none" mixes H to H.
        shift: whether half of the channels that S4D sees are those of the step before.

    Raises:
        ConfigError: an option is unknown or out of its range.
    """

    def __init__(
        self,
        channels: int,
        neuron: NeuronFactory,
        *,
        modes: int = 64,
        bidirectional: bool = False,
        learn_input: bool = False,
        step: tuple[float, float] = (1e-3, 0.1),
        norm: Literal["batch", "layer", "none"] = "layer",
        place: Literal["pre", "post"] = "pre",
        dropout: float = 0.0,
        gate: Literal["glu", "none"] = "glu",
        shift: bool = False,
    ) -> None:
        super().__init__()
        for name, value, known in (("norm", norm, NORMS), ("place", place, PLACES), ("gate", gate, ("glu", "none"))):
            if value not in known:
                raise ConfigError(f"StateSpaceBlock: {name} is {value!r}; choose one of {', '.join(known)}.")
        kinds = {"batch": BatchNorm1d, "layer": nn.LayerNorm, "none": lambda _: nn.Identity()}
        self.place, self.gate = place, gate
        self.norm = kinds[norm](channels)
        self.shift = TokenShift() if shift else nn.Identity()
        memory = {"bidirectional": bidirectional, "learn_input": learn_input, "step": step}
        self.memory = S4D(channels, modes, **memory) if modes else nn.Identity()
        self.neuron = neuron()
        self.mix = Linear(channels, 2 * channels if gate == "glu" else channels)
        self.dropout = SequenceDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (T, B, H) to (T, B, H)."""
        spikes = self.neuron(self.memory(self.shift(self.norm(x) if self.place == "pre" else x)))
        mixed = self.mix(self.dropout(spikes))
        x = x + self.dropout(functional.glu(mixed, 2) if self.gate == "glu" else mixed)
        return self.norm(x) if self.place == "post" else x
