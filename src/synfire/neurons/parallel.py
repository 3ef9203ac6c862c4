"""Parallel spiking neurons: no reset, so that all steps are one product of a learned matrix or window over time."""

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError, ShapeError, check_sequence
from synfire.neurons.neuron import Neuron
from synfire.ops.lif import NeuronSpec
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.saving import tell_spikes
from synfire.ops.spike import Surrogate, fire

BLOCK = 64  # steps; a larger band matrix holds more zeros, a smaller one is multiplied more often


class ParallelNeuron(Neuron):
    """What the family shares: h = mix(x);  s = the highest k with h >= threshold + k - 1, or 0. Nothing is reset.

    Source: arXiv:2304.12760, for one level. The multiplications of `mix` are counted as those of a layer of weights, in
    a row of their own; nothing else of the neuron multiplies, and its past inputs count as one potential.

    Args:
        mix: what weighs the inputs of several steps.
        threshold: where it fires, (), or (T, 1) for one per step; a parameter, of any sign.
        levels: highest value of a spike.
        surrogate: slope for the backward pass.
    """

    mix: Any

    def __init__(self, mix: nn.Module, threshold: Tensor, levels: int, surrogate: Surrogate) -> None:
        super().__init__()
        self.spec = NeuronSpec(levels=uniform_levels(levels), reset="none", surrogate=surrogate)
        self.mix = mix
        self.threshold = nn.Parameter(threshold)

    @property
    def levels(self) -> int:
        """Highest value of a spike."""
        return len(self.spec.levels)

    @property
    def decay(self) -> Tensor:
        """Share of a potential that is kept without any weight: there is nothing that leaks."""
        return torch.ones(())

    def _spikes(self, h: Tensor, threshold: Tensor, dtype: torch.dtype) -> Tensor:
        u = h.flatten(1) + (1 - threshold).to(h.dtype)
        spikes = fire(u, levels=self.spec.levels, surrogate=self.spec.surrogate).view(h.shape).to(dtype)
        tell_spikes(spikes, 0, self.levels)
        return spikes

    def extra_repr(self) -> str:
        """Describe the neuron in one line for `print(net)`."""
        return f"levels={self.levels}, surrogate={self.spec.surrogate.shape}({self.spec.surrogate.width:g})"


class PSN(ParallelNeuron):
    """Parallel spiking neuron: h = W x over all T steps;  s_t = [h_t >= threshold_t]. Source: arXiv:2304.12760.

    A step also sees later ones, so it has no stream, and T is fixed.

    Args:
        steps: T.
        levels: highest value of a spike.
        surrogate: slope for the backward pass.

    Raises:
        ConfigError: steps or levels is below 1.
    """

    def __init__(self, steps: int, *, levels: int = 1, surrogate: Surrogate = Surrogate()) -> None:
        super().__init__(_Matrix(steps), torch.ones(steps, 1), levels, surrogate)
        self.steps = steps

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Run the whole sequence, (T, B, ...); there is no state to continue from or to keep.

        Raises:
            ShapeError: x has another number of steps.
            ConfigError: a state is given or wanted.
        """
        _check_steps(x, self.steps, type(self).__name__)
        if keep or state is not None:
            raise ConfigError(
                "PSN: each of its steps sees all others, so it has no stream. Take MaskedPSN or SlidingPSN, or call "
                "the network on whole sequences."
            )
        return self._spikes(self.mix(_apart(x)), self.threshold, x.dtype), None


class MaskedPSN(ParallelNeuron):
    """Parallel spiking neuron that sees the last `order` steps: h = (W M) x;  s_t = [h_t >= threshold_t].

    M is 1 in the band t - order < j <= t and 1 - masking elsewhere. Training may begin with masking 0, where it is a
    PSN, and raise it to 1 by `set_masking`; with 1 it streams, up to T steps. Source: arXiv:2304.12760.

    Args:
        steps: T.
        order: number of steps that a step sees, itself included, 1 to T.
        masking: lambda of the source, 0 to 1; kept with the weights.
        levels: highest value of a spike.
        surrogate: slope for the backward pass.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self, steps: int, order: int, masking: float = 1.0, *, levels: int = 1, surrogate: Surrogate = Surrogate()
    ) -> None:
        super().__init__(_BandMatrix(steps, order), torch.ones(steps, 1), levels, surrogate)
        self.steps, self.order = steps, order
        self.set_masking(masking)

    def set_masking(self, masking: float) -> None:
        """Set how much of what lies outside the band is masked, 0 to 1.

        Raises:
            ConfigError: it is out of that range.
        """
        if not 0 <= masking <= 1:
            raise ConfigError(f"MaskedPSN: masking is {masking}; it is the share that is masked, so give 0 to 1.")
        self.mix.masking.fill_(masking)

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Continue from the inputs before, (up to order - 1, B, ...), and the number of steps so far, or begin.

        Raises:
            ShapeError: x has other axes than the inputs before, more steps than are left, or is to be run at once and
                has fewer than T.
            ConfigError: a state is given or wanted while masking is below 1, where a step sees later ones.
        """
        past, first = (None, 0) if state is None else (state[0], int(state[1]))
        if not keep and state is None:
            _check_steps(x, self.steps, type(self).__name__)
        elif self.mix.masking < 1:
            raise ConfigError(
                f"MaskedPSN: masking is {float(self.mix.masking):g}, where each step sees later ones, so it has no "
                "stream. Call set_masking(1.0) first."
            )
        check_sequence(x, type(self).__name__)
        if first + len(x) > self.steps:
            raise ShapeError(
                f"MaskedPSN: step {first + len(x)} was reached, but it was built for {self.steps}. Reset the stream, "
                "build the neuron with more steps, or take SlidingPSN, which runs for ever."
            )
        threshold = self.threshold[first : first + len(x)]
        spikes = self._spikes(self.mix(_apart(x), past, first), threshold, x.dtype)
        return spikes, (_last(x, past, self.order - 1), torch.tensor(first + len(x))) if keep else None

    def extra_repr(self) -> str:
        """Describe the neuron in one line for `print(net)`."""
        masking = "" if self.mix.masking.is_meta else f"masking={float(self.mix.masking):g}, "
        return f"steps={self.steps}, order={self.order}, {masking}{super().extra_repr()}"


class SlidingPSN(ParallelNeuron):
    """Parallel spiking neuron of one window for all steps: h_t = sum_i w_i x_(t-order+1+i);  s_t = [h_t >= threshold].

    It takes any number of steps, and streams with the last order - 1 inputs for its state; before the first step there
    is zero. Source: arXiv:2304.12760.

    Args:
        order: number of steps that a step sees, itself included.
        initial: weights at the start, "exponential" for 2^(i - order + 1), as of a leak of 1/2, or "kaiming".
        levels: highest value of a spike.
        surrogate: slope for the backward pass.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        order: int,
        initial: Literal["exponential", "kaiming"] = "exponential",
        *,
        levels: int = 1,
        surrogate: Surrogate = Surrogate(),
    ) -> None:
        super().__init__(_Window(order, initial), torch.ones(()), levels, surrogate)
        self.order = order

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Continue from the last inputs, (order - 1, B, ...), or from rest; see `Neuron.run`.

        Raises:
            ShapeError: x has other axes than the inputs before.
        """
        check_sequence(x, type(self).__name__)
        past = x.new_zeros(self.order - 1, *x.shape[1:]) if state is None else state
        spikes = self._spikes(self.mix(_apart(x), past), self.threshold, x.dtype)
        return spikes, _last(x, past, self.order - 1) if keep else None

    def extra_repr(self) -> str:
        """Describe the neuron in one line for `print(net)`."""
        return f"order={self.order}, {super().extra_repr()}"


class _Matrix(nn.Module):
    """h = W x, a matrix over time."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        if steps < 1:
            raise ConfigError(f"PSN: steps is {steps}; give the number of steps of a sequence, at least 1.")
        self.weight = nn.Parameter(_kaiming(torch.empty(steps, steps)))

    def weights(self) -> Tensor:
        """Return what the inputs are multiplied by, (T, T)."""
        return self.weight

    def seen(self) -> int:
        """Return how many steps a step sees."""
        return len(self.weight)

    def forward(self, x: Tensor, past: Tensor | None = None, first: int = 0) -> Tensor:
        """Return h of the steps first, first + 1, ... of x, (T', B, ...), behind the inputs of the steps before."""
        seen = _behind(past, x)
        begin = first + len(x) - len(seen)
        with torch.autocast(x.device.type, enabled=False):
            rows = self.weights()[first : first + len(x), begin : first + len(x)].to(seen.dtype)
            return (rows @ seen.flatten(1)).view(x.shape)

    def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
        """Return how many weights each number of a step meets, int64: as many as it is seen by steps.

        The first and the last steps meet fewer. The weights that are not zero are a mean over the steps, rounded up.
        """
        live = -(-int(self.weights().count_nonzero()) // len(self.weight))
        return torch.full(tuple(shape), self.seen() if dense else min(self.seen(), live), dtype=torch.int64)


class _BandMatrix(_Matrix):
    """h = (W M) x, of which each step sees the last `order` ones and 1 - masking of the others."""

    masking: Tensor
    _band: Tensor

    def __init__(self, steps: int, order: int) -> None:
        super().__init__(steps)
        if not 1 <= order <= steps:
            raise ConfigError(f"MaskedPSN: order is {order} of {steps} steps; give 1 to {steps}.")
        self.order = order
        self.register_buffer("masking", torch.ones(()))
        self.register_buffer("_band", torch.ones(steps, steps).tril().triu(1 - order).bool(), persistent=False)

    def weights(self) -> Tensor:
        """Return W M, (T, T)."""
        return self.weight * torch.where(self._band, 1.0, 1 - self.masking)

    def seen(self) -> int:
        """Return how many steps a step sees."""
        return self.order if self.masking == 1 else len(self.weight)


class _Window(nn.Module):
    """h_t = sum_i w_i x_(t-order+1+i), a convolution over time, as products of a banded matrix with blocks of steps.

    PyTorch's own convolutions take ten times as long for one channel on a CPU.
    """

    def __init__(self, order: int, initial: str) -> None:
        super().__init__()
        if order < 1 or initial not in ("exponential", "kaiming"):
            raise ConfigError(
                f"SlidingPSN: order is {order} and initial {initial!r}; give at least 1, and 'exponential' or "
                "'kaiming'."
            )
        weight = torch.exp2(torch.arange(1.0 - order, 1.0))[None]
        self.weight = nn.Parameter((weight if initial == "exponential" else _kaiming(weight))[0])

    def forward(self, x: Tensor, past: Tensor) -> Tensor:
        """Return h of the steps of x, (T, B, ...), behind the inputs of the order - 1 steps before."""
        seen, steps, order = _behind(past, x).flatten(1), len(x), len(self.weight)
        block = min(steps, max(BLOCK, order))
        places = torch.arange(block, device=x.device)[:, None] + torch.arange(order, device=x.device)
        with torch.autocast(x.device.type, enabled=False):
            window = self.weight.to(seen.dtype)
            band = window.new_zeros(block, block + order - 1).scatter(1, places, window.expand(block, order))
            if block == steps:
                return (band @ seen).view(x.shape)
            blocks = functional.pad(seen, (0, 0, 0, -steps % block)).unfold(0, block + order - 1, block)
            return (band @ blocks.transpose(1, 2)).flatten(0, 1)[:steps].view(x.shape)

    def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
        """Return how many weights each number of a step meets, int64: order, or those of them that are not zero."""
        each = self.weight.numel() if dense else int(self.weight.count_nonzero())
        return torch.full(tuple(shape), each, dtype=torch.int64)


def _kaiming(weight: Tensor) -> Tensor:
    """Draw weights as torch.nn.Linear does, within 1 / sqrt(inputs)."""
    return nn.init.kaiming_uniform_(weight, a=math.sqrt(5))


def _check_steps(x: Tensor, steps: int, who: str) -> None:
    check_sequence(x, who)
    if len(x) != steps:
        raise ShapeError(
            f"{who}: x has shape {tuple(x.shape)}, that is {len(x)} steps, but it was built for {steps}. Build it with "
            f"steps={len(x)}, or take SlidingPSN, which serves any number."
        )


def _apart(x: Tensor) -> Tensor:
    """Return x with a place in memory for each step: a held frame is weighed anew at every step, and counts so."""
    return x.contiguous() if len(x) > 1 and x.stride(0) == 0 else x


def _behind(past: Tensor | None, x: Tensor) -> Tensor:
    """Return the inputs before and x as one sequence, in at least float32."""
    wide = torch.promote_types(x.dtype, torch.float32)
    if past is None:
        return x.to(wide)
    if past.shape[1:] != x.shape[1:]:
        raise ShapeError(
            f"parallel neuron: the inputs before have shape {tuple(past.shape)}, but one step of x has "
            f"{tuple(x.shape[1:])}. Pass state=None to begin, or the state that the last call returned."
        )
    return torch.cat([past.to(wide), x.to(wide)])


def _last(x: Tensor, past: Tensor | None, count: int) -> Tensor:
    """Return the last inputs, `count` of them if there are so many."""
    seen = x if past is None else torch.cat([past.to(x.dtype), x])
    return seen[max(0, len(seen) - count) :]
