"""The conventional twins of spiking neurons: rectifiers that stand in the same place and keep nothing between steps."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, check_sequence
from synfire.neurons.integrate_and_fire import ScanNeuron, bound_threshold, scale_gradient
from synfire.neurons.sequence import SequenceLIF
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
    """ReLU rounded to levels + 1 values: y = clip(floor(x / step + initial), 0, levels), whole numbers, at every step.

    At T = 1 it gives the spikes of MultiLevelIF(levels, step, initial), and with the same gradient: straight-through
    up to half a level above the top. Source of the learned step and the scale of its gradient: arXiv:1902.08153.

    Args:
        levels: highest value, at least 1.
        step: distance between two levels; positive.
        learn_step: whether the step is a parameter.
        initial: what is added before rounding down, in steps; 0.5 rounds to the nearest level, 0 truncates.
        signed: also give -1..-levels, for x / step + initial at or below -1..-levels.
        channels: number of channels (axis 2 of (T, B, ...)), for a step each; None for one step in all.

    Raises:
        ConfigError: levels or channels is below 1, the step is not positive or initial is not finite.
    """

    _step: Tensor
    _decay: Tensor

    def __init__(
        self,
        levels: int = 4,
        step: float = 1.0,
        *,
        learn_step: bool = False,
        initial: float = 0.5,
        signed: bool = False,
        channels: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 < step < math.inf:
            raise ConfigError(f"QuantisedReLU: step is {step}; give a positive number.")
        if channels is not None and channels < 1:
            raise ConfigError(f"QuantisedReLU: channels is {channels}; give at least 1, or None for one step in all.")
        surrogate = Surrogate("straight_through")
        self.spec = NeuronSpec(levels=uniform_levels(levels), signed=signed, initial=initial, surrogate=surrogate)
        self.channel_axis, self.scale_step_gradient = 2, True
        value = torch.full(() if channels is None else (channels,), float(step))
        self.register_buffer("_step", value, persistent=False)
        self.register_buffer("_decay", torch.tensor(1.0), persistent=False)  # of a leaky neuron's `initial`; see `of`
        if learn_step:
            self._step = nn.Parameter(value)

    @classmethod
    def of(cls, neuron: nn.Module, levels: int | None = None) -> "QuantisedReLU":
        """Return what gives the spikes of a neuron at T = 1, bit for bit, and gives them at every step.

        It has the neuron's threshold as its step, its initial potential (less what leaks in one step), sign and
        channels, and learns what the neuron learns; its gradient is straight-through.

        Args:
            neuron: a `ScanNeuron`, also one of unequal levels.
            levels: so many equal levels instead of the neuron's own.

        Raises:
            ConfigError: the neuron is none of that family or has a `run` of its own, so what equals it is unknown.
        """
        kinds = {ScanNeuron.run: QuantisedReLU, SequenceLIF.run: _QuotientReLU}
        kind = kinds.get(getattr(type(neuron), "run", None))
        if kind is None or not isinstance(neuron, ScanNeuron):
            raise ConfigError(
                f"QuantisedReLU: what equals {type(neuron).__name__} at T = 1 is unknown, because it is no ScanNeuron "
                "or has a run of its own. Take the twin 'relu' or 'gelu', or put a QuantisedReLU there yourself."
            )
        made = kind()
        made.spec = replace(
            made.spec,
            levels=neuron.spec.levels if levels is None else uniform_levels(levels),
            signed=neuron.spec.signed,
            initial=neuron.spec.initial,
        )
        made._take(neuron)
        return made.train(neuron.training)

    def _take(self, neuron: Any) -> None:
        """Copy the numbers of a neuron, learned or not."""
        self.channel_axis, self.scale_step_gradient = neuron.channel_axis, neuron.scale_threshold_gradient
        # without a potential there is nothing to leak, and nothing to learn
        self._decay = _copy(neuron._decay) if neuron.spec.initial else torch.ones_like(neuron._decay.detach())
        self._step = _copy(neuron._threshold)

    @property
    def levels(self) -> int:
        """Highest value."""
        return len(self.spec.levels)

    @property
    def step(self) -> Tensor:
        """Distance between two levels, () or (channels,); a learned one stays above 0.001 and keeps its gradient."""
        return bound_threshold(self._step)

    def forward(self, x: Tensor) -> Tensor:
        """Return whole numbers 0..levels, or -levels..levels if signed, shaped like x."""
        check_sequence(x, "QuantisedReLU")
        # every step is a first step, so nothing is carried over
        spikes = self._round(x.flatten(0, 1).unsqueeze(0)).view_as(x)
        tell_spikes(spikes, -self.levels if self.spec.signed else 0, self.levels)
        return spikes

    def _round(self, x: Tensor) -> Tensor:
        step = scale_gradient(self.step, x, self.levels) if self.scale_step_gradient else self.step
        decay = torch.sigmoid(self._decay) if isinstance(self._decay, nn.Parameter) else self._decay
        spec, axis = self.spec, self.channel_axis
        return lif(x, decay=decay, threshold=step, spec=spec, channel_axis=axis, return_state=False)[0]

    def extra_repr(self) -> str:
        """Describe the rectifier in one line for `print(net)`."""
        spec = self.spec
        parts = [f"levels={'-' if spec.signed else ''}{self.levels}" if spec.uniform else f"levels={spec.levels}"]
        if spec.initial != 0.5:
            parts.append(f"initial={spec.initial:g}")
        if self.step.dim():
            parts.append(f"channels={self.step.numel()}")
        return ", ".join(parts)


class _QuotientReLU(QuantisedReLU):
    """Equals SequenceLIF at T = 1: it divides by the step and compares with 1, 2, ..., and learns the step's logarithm.

    To compare with multiples of the step would round otherwise.
    """

    log_step: nn.Parameter | None

    def _take(self, neuron: Any) -> None:
        super()._take(neuron)
        self.log_step = None if neuron.log_threshold is None else _copy(neuron.log_threshold)

    @property
    def step(self) -> Tensor:
        """Distance between two levels, () or (channels,)."""
        return self._step if self.log_step is None else self.log_step.exp()

    def _round(self, x: Tensor) -> Tensor:
        step = self.step.view(-1, *[1] * (x.dim() - 1 - self.channel_axis % x.dim())) if self.step.dim() else self.step
        wide = x.to(torch.promote_types(x.dtype, torch.float32)) / step
        return lif(wide, spec=self.spec, return_state=False)[0].to(x.dtype)


def _copy(value: Tensor) -> Any:
    """Return a copy with its device and precision, a parameter if it is one."""
    copied = value.detach().clone()
    return nn.Parameter(copied, value.requires_grad) if isinstance(value, nn.Parameter) else copied
