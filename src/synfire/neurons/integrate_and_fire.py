"""Integrate-and-fire neurons: thin modules over one scan, `synfire.ops.lif`."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, ShapeError, check_sequence
from synfire.neurons.neuron import Neuron
from synfire.ops.lif import NeuronSpec, lif
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.saving import tell_spikes
from synfire.ops.spike import Surrogate

# A learned threshold that reached zero would saturate the layer for good (arXiv:2510.24637 and learned step sizes).
LOWEST_THRESHOLD = 1e-3

Numbers = float | Sequence[float] | Tensor  # one for all channels, or one per channel


class ScanNeuron(Neuron):
    """A neuron of the integrate-and-fire family, for any `NeuronSpec`, leak and threshold.

    u = decay v + x;  s = the highest level reached;  v = reset(u). See `synfire.ops.lif.lif`.

    Args:
        spec: how the neuron fires, resets, starts and passes gradients.
        decay: share of the potential kept per step, in [0, 1]; 1 integrates without leak. A list or a tensor gives
            one per channel.
        threshold: unit of the firing levels; positive; likewise.
        channels: number of channels, for one value each; None for one value in all, or as many as a list has.
        learn_decay: whether the decay is a parameter (through a logistic function).
        learn_threshold: whether the threshold is a parameter (never below 0.001).
        scale_threshold_gradient: whether a learned threshold's gradient is divided by sqrt(neurons * levels), with the
            neurons that share it; without, a layer's worth of gradients meets in one number, which then collapses at
            the learning rates that weights need. Source: arXiv:1902.08153, section 2.2.
        channel_axis: axis of the channels in (T, B, ...), not that of time or the batch; below zero from the end.

    Raises:
        ConfigError: the decay is outside [0, 1], the threshold is not positive, channels is below 1 or not as many as
            a list has, or the channels are to run along time or the batch.
    """

    _decay: Tensor
    _threshold: Tensor

    def __init__(
        self,
        spec: NeuronSpec,
        *,
        decay: Numbers = 1.0,
        threshold: Numbers = 1.0,
        channels: int | None = None,
        learn_decay: bool = False,
        learn_threshold: bool = False,
        scale_threshold_gradient: bool = True,
        channel_axis: int = 2,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        decays, thresholds = _numbers(decay, name, "decay"), _numbers(threshold, name, "threshold")
        for number in decays:
            if not 0 <= number <= 1:
                raise ConfigError(
                    f"{name}: decay is {decay}; it is the share of the potential that stays, so give 0 to 1."
                )
            if learn_decay and number in (0, 1):
                raise ConfigError(
                    f"{name}: decay is {decay}, which a logistic function never reaches; start in between."
                )
        if not all(0 < number < math.inf for number in thresholds):
            raise ConfigError(f"{name}: threshold is {threshold}; give a positive number.")
        if channels is not None and channels < 1:
            raise ConfigError(f"{name}: channels is {channels}; give at least 1, or None for one value in all.")
        if channel_axis in (0, 1):
            raise ConfigError(
                f"{name}: channel_axis is {channel_axis}, but axes 0 and 1 are time and the batch; give 2 or more, or "
                "-1 for the last."
            )
        lists = {len(values) for values, given in ((decays, decay), (thresholds, threshold)) if _is_list(given)}
        if len(lists | ({channels} - {None})) > 1:
            raise ConfigError(
                f"{name}: channels is {channels}, with {len(decays)} decays and {len(thresholds)} thresholds; give one "
                "number, or one per channel."
            )
        channels = channels if channels is not None or not lists else lists.pop()
        self.spec = spec
        self.channel_axis = channel_axis
        self.scale_threshold_gradient = scale_threshold_gradient
        starts = [math.log(number / (1 - number)) for number in decays] if learn_decay else decays
        _hold(self, "_decay", _spread(starts, channels), learn_decay)
        _hold(self, "_threshold", _spread(thresholds, channels), learn_threshold)

    @property
    def decay(self) -> Tensor:
        """Share of the potential kept per step, () or (channels,)."""
        return torch.sigmoid(self._decay) if isinstance(self._decay, nn.Parameter) else self._decay

    @property
    def threshold(self) -> Tensor:
        """Unit of the firing levels, () or (channels,); a learned one stays above 0.001 and keeps its gradient."""
        return bound_threshold(self._threshold)

    @property
    def levels(self) -> int:
        """Highest value of a spike."""
        return len(self.spec.levels)

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Continue from a potential, (B, ...), or from rest; see `Neuron.run`."""
        check_sequence(x, type(self).__name__)
        axis, decay = self.channel_axis, self.decay
        axis = axis + x.dim() if axis < 0 else axis
        if axis < 2 and self._decay.dim():
            raise ShapeError(
                f"{type(self).__name__}: channel_axis is {self.channel_axis}, which is time or the batch in x of shape "
                f"{tuple(x.shape)}; give x an axis of {self._decay.numel()} channels behind them."
            )
        scaled = self.scale_threshold_gradient
        spikes, last = lif(
            x,
            state,
            decay=decay,
            threshold=scale_gradient(self.threshold, x, self.levels) if scaled else self.threshold,
            spec=self.spec,
            channel_axis=axis,
            return_state=keep,
        )
        tell_spikes(spikes, -self.levels if self.spec.signed else 0, self.levels)
        return spikes, last

    def extra_repr(self) -> str:
        """Describe the neuron in one line for `print(net)`."""
        spec = self.spec
        parts = [f"levels={'-' if spec.signed else ''}{self.levels}" if spec.uniform else f"levels={spec.levels}"]
        for name, value, plain in (("decay", self._decay, 1.0), ("threshold", self._threshold, None)):
            shown = self.decay if name == "decay" else self.threshold
            number = f"{shown.item():g}" if shown.dim() == 0 and not shown.is_meta else f"[{shown.numel()}]"
            if isinstance(value, nn.Parameter):
                parts.append(f"{name}={number} learned")
            elif plain is None or number != f"{plain:g}":
                parts.append(f"{name}={number}")
        parts.append(f"reset={spec.reset}")
        if spec.initial:
            parts.append(f"initial={spec.initial:g}")
        parts.append(f"surrogate={spec.surrogate.shape}({spec.surrogate.width:g})")
        return ", ".join(parts)


def bound_threshold(value: Tensor) -> Tensor:
    """Return a learned threshold raised to the lowest one allowed; the gradient passes as if it had not been."""
    if not isinstance(value, nn.Parameter):
        return value
    return value.detach().clamp_min(LOWEST_THRESHOLD) + (value - value.detach())


def scale_gradient(threshold: Tensor, x: Tensor, levels: int) -> Tensor:
    """Return the same threshold, its gradient divided by sqrt(neurons that share it * levels) (arXiv:1902.08153)."""
    if not threshold.requires_grad or not x.numel():
        return threshold
    sharing = x[0, 0].numel() // threshold.numel()
    fixed = threshold.detach()
    return fixed + (threshold - fixed) * (sharing * levels) ** -0.5  # adds exactly zero


def _is_list(value: Any) -> bool:
    return value.dim() == 1 if isinstance(value, Tensor) else not isinstance(value, Real)


def _numbers(value: Any, who: str, what: str) -> list[float]:
    """Return what was given as a list of numbers, of one where it was a number."""
    found = value.tolist() if isinstance(value, Tensor) else value
    found = list(found) if isinstance(found, Sequence) and not isinstance(found, str) else [found]
    if not found or not all(isinstance(number, Real) for number in found):
        raise ConfigError(f"{who}: {what} is {value!r}; give a number, or a list or a tensor of one per channel.")
    return [float(number) for number in found]


def _spread(values: list[float], channels: int | None) -> Tensor:
    """Return one number, (), or one per channel, (channels,)."""
    if channels is None:
        return torch.full((), values[0])
    return torch.tensor(values) if len(values) == channels else torch.full((channels,), values[0])


def _hold(module: nn.Module, name: str, value: Tensor, learned: bool) -> None:
    if learned:
        module.register_parameter(name, nn.Parameter(value))
    else:
        module.register_buffer(name, value, persistent=False)  # it is in the recipe, not in the weights


class IF(ScanNeuron):
    """Integrate-and-fire without leak: u = v + x;  s = [u >= threshold];  v = u - threshold s.

    Args:
        threshold: potential at which it fires, or one per channel.
        reset: "subtract", "zero" or "none".
        surrogate: slope for the backward pass.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps.
        channels: number of channels, for a value of their own each; None for one value in all, or for lists of values.
        learn_threshold: whether the threshold is a parameter; see `ScanNeuron`.
    """

    def __init__(
        self,
        threshold: Numbers = 1.0,
        *,
        reset: str = "subtract",
        surrogate: Surrogate = Surrogate(),
        detach_reset: bool = True,
        through_time: bool = True,
        channels: int | None = None,
        learn_threshold: bool = False,
    ) -> None:
        spec = NeuronSpec(reset=reset, surrogate=surrogate, detach_reset=detach_reset, through_time=through_time)
        super().__init__(spec, threshold=threshold, channels=channels, learn_threshold=learn_threshold)


class LIF(ScanNeuron):
    """Leaky integrate-and-fire: u = decay v + x;  s = [u >= threshold];  v = reset(u).

    Args:
        decay: share of the potential kept per step, 0 to 1, or one per channel.
        threshold: potential at which it fires, or one per channel.
        reset: "subtract", "zero" or "none".
        surrogate: slope for the backward pass.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps.
        channels: number of channels, for a value of their own each; None for one value in all, or for lists of values.
        learn_threshold: whether the threshold is a parameter; see `ScanNeuron`.
    """

    def __init__(
        self,
        decay: Numbers = 0.5,
        threshold: Numbers = 1.0,
        reset: str = "subtract",
        *,
        surrogate: Surrogate = Surrogate(),
        detach_reset: bool = True,
        through_time: bool = True,
        channels: int | None = None,
        learn_threshold: bool = False,
    ) -> None:
        spec = NeuronSpec(reset=reset, surrogate=surrogate, detach_reset=detach_reset, through_time=through_time)
        super().__init__(spec, decay=decay, threshold=threshold, channels=channels, learn_threshold=learn_threshold)


class ParametricLIF(ScanNeuron):
    """Leaky integrate-and-fire with a learned leak, decay = sigmoid(a). Source: arXiv:2007.05785.

    Args:
        decay: share of the potential kept per step at the start, between 0 and 1.
        threshold: potential at which it fires, or one per channel.
        reset: "subtract", "zero" or "none".
        surrogate: slope for the backward pass.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps.
        channels: learn one leak per channel; None learns one in all.
    """

    def __init__(
        self,
        decay: Numbers = 0.5,
        threshold: Numbers = 1.0,
        reset: str = "subtract",
        *,
        surrogate: Surrogate = Surrogate(),
        detach_reset: bool = True,
        through_time: bool = True,
        channels: int | None = None,
    ) -> None:
        spec = NeuronSpec(reset=reset, surrogate=surrogate, detach_reset=detach_reset, through_time=through_time)
        super().__init__(spec, decay=decay, threshold=threshold, channels=channels, learn_decay=True)


class MultiLevelIF(ScanNeuron):
    """Integrate-and-fire with spikes 0..levels: s = clip(floor(u / threshold), 0, levels);  v = u - threshold s.

    At T = 1 it is a uniformly quantised ReLU; with one level it is IF. Source: arXiv:2510.24637.

    Args:
        levels: highest value of a spike, at least 1.
        threshold: step between two levels, or one per channel.
        initial: potential before the first step in units of the threshold; 0.5 rounds to a level, 0 truncates.
        signed: also fire -1..-levels.
        surrogate: slope for the backward pass; straight-through passes the gradient up to half a level above the top.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps.
        floor_at_zero: whether negative potentials are dropped after each step.
        channels: number of channels, for a value of their own each; None for one value in all, or for lists of values.
        learn_threshold: whether the threshold is a parameter; see `ScanNeuron`.
    """

    def __init__(
        self,
        levels: int = 4,
        threshold: Numbers = 1.0,
        initial: float = 0.5,
        *,
        signed: bool = False,
        surrogate: Surrogate = Surrogate("straight_through"),
        detach_reset: bool = True,
        through_time: bool = True,
        floor_at_zero: bool = False,
        channels: int | None = None,
        learn_threshold: bool = False,
    ) -> None:
        spec = NeuronSpec(
            levels=uniform_levels(levels),
            signed=signed,
            initial=initial,
            surrogate=surrogate,
            detach_reset=detach_reset,
            through_time=through_time,
            floor_at_zero=floor_at_zero,
        )
        super().__init__(spec, threshold=threshold, channels=channels, learn_threshold=learn_threshold)


class MultiLevelLIF(ScanNeuron):
    """MultiLevelIF with a leak: u = decay v + x, the rest as there.

    Args:
        levels: highest value of a spike, at least 1.
        decay: share of the potential kept per step, 0 to 1, or one per channel.
        threshold: step between two levels, or one per channel.
        initial: potential before the first step in units of the threshold.
        reset: "subtract", "zero" or "none".
        signed: also fire -1..-levels.
        surrogate: slope for the backward pass.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps.
        channels: number of channels, for a value of their own each; None for one value in all, or for lists of values.
        learn_decay: whether the decay is a parameter; see `ScanNeuron`.
        learn_threshold: whether the threshold is a parameter; see `ScanNeuron`.
    """

    def __init__(
        self,
        levels: int = 4,
        decay: Numbers = 0.5,
        threshold: Numbers = 1.0,
        initial: float = 0.5,
        reset: str = "subtract",
        *,
        signed: bool = False,
        surrogate: Surrogate = Surrogate("straight_through"),
        detach_reset: bool = True,
        through_time: bool = True,
        channels: int | None = None,
        learn_decay: bool = False,
        learn_threshold: bool = False,
    ) -> None:
        spec = NeuronSpec(
            levels=uniform_levels(levels),
            signed=signed,
            reset=reset,
            initial=initial,
            surrogate=surrogate,
            detach_reset=detach_reset,
            through_time=through_time,
        )
        super().__init__(
            spec,
            decay=decay,
            threshold=threshold,
            channels=channels,
            learn_decay=learn_decay,
            learn_threshold=learn_threshold,
        )
