"""How often, and how strongly, the numbers of a sequence differ from zero."""

from dataclasses import dataclass

from torch import Tensor

from synfire.ops.tally import tally


@dataclass(frozen=True)
class Counts:
    """What one sequence (T, B, *n) holds.

    Attributes:
        samples: B.
        steps: T.
        computed_steps: steps that differ from each other: 1 for a frame that is held over time, else T.
        by_step: non-zeros at each step over all samples, int64, (T,).
        by_position: non-zeros at each position over all samples and steps, int64, (*n).
        sums: sums of absolute values at each position, float64, (*n); exact for whole numbers.
        largest: largest absolute value.
        whole: whether all values are whole numbers, as spikes are and images and their means are not.
    """

    samples: int
    steps: int
    computed_steps: int
    by_step: Tensor
    by_position: Tensor
    sums: Tensor
    largest: float
    whole: bool


def count(x: Tensor) -> Counts:
    """Count one sequence, (T, B, *n), of at least one sample and one number each."""
    steps = x.shape[0]
    held = steps > 1 and x.stride(0) == 0
    seen = tally(x[:1] if held else x)
    repeats = steps if held else 1
    return Counts(
        samples=x.shape[1],
        steps=steps,
        computed_steps=1 if held else steps,
        by_step=seen.by_step.expand(steps) if held else seen.by_step,
        by_position=repeats * seen.by_position if held else seen.by_position,
        sums=repeats * seen.sums if held else seen.sums,
        largest=seen.largest,
        whole=seen.whole,
    )
