"""The conventional twins of spiking neurons: rectifiers that stand in the same place and keep nothing between steps."""

import math

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, check_sequence
from synfire.neurons.integrate_and_fire import bound_threshold, scale_gradient
from synfire.ops.lif import NeuronSpec, lif
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.saving import tell_spikes
from synfire.ops.spike import Surrogate


class ReLU(nn.Module):
    """max(0, x) at every step of a sequence (T, B, ...)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return max(0, x), shaped like x."""
        check_sequence(x, "ReLU")
        return torch.relu(x)


class GELU(nn.Module):
    """x times the normal distribution function of x, at every step of a sequence (T, B, ...). arXiv:1606.08415."""

    def forward(self, x: Tensor) -> Tensor:
        """Return GELU(x), shaped like x."""
        check_sequence(x, "GELU")
        return torch.nn.functional.gelu(x)


class QuantisedReLU(nn.Module):
    """ReLU rounded to levels + 1 values: y = clip(floor(x / step + 0.5), 0, levels), whole numbers, at every step.

    At T = 1 it gives the spikes of MultiLevelIF(levels) with initial = 0.5, and with the same gradient:
    straight-through up to half a level above the top. Source of the learned step and the scale of its gradient:
    arXiv:1902.08153.

    Args:
        levels: highest value, at least 1.
        step: distance between two levels; positive.
        learn_step: whether the step is a parameter.

    Raises:
        ConfigError: levels is below 1 or the step is not positive.
    """

    def __init__(self, levels: int = 4, step: float = 1.0, *, learn_step: bool = False) -> None:
        super().__init__()
        if not 0 < step < math.inf:
            raise ConfigError(f"QuantisedReLU: step is {step}; give a positive number.")
        self.spec = NeuronSpec(levels=uniform_levels(levels), initial=0.5, surrogate=Surrogate("straight_through"))
        value = torch.tensor(float(step))
        if learn_step:
            self._step = nn.Parameter(value)
        else:
            self.register_buffer("_step", value, persistent=False)

    @property
    def levels(self) -> int:
        """Highest value."""
        return len(self.spec.levels)

    def forward(self, x: Tensor) -> Tensor:
        """Return whole numbers 0..levels, shaped like x."""
        check_sequence(x, "QuantisedReLU")
        step = scale_gradient(bound_threshold(self._step), x, self.levels)
        steps_as_batch = x.flatten(0, 1).unsqueeze(0)  # every step is a first step, so nothing is carried over
        spikes, _ = lif(steps_as_batch, threshold=step, spec=self.spec, return_state=False)
        spikes = spikes.view_as(x)
        tell_spikes(spikes, 0, self.levels)
        return spikes

    def extra_repr(self) -> str:
        """Describe the rectifier in one line for `print(net)`."""
        return f"levels={self.levels}"
