"""How often, and how strongly, the numbers of a sequence differ from zero."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
    x = x.detach()[:1] if held else x.detach()
    repeats = steps if held else 1
    fired = torch.count_nonzero(x, dim=1)
    by_position = repeats * fired.sum(0)
    largest = x.abs().amax().item()
    whole = bool((x == x.round()).all())
    # Sums of whole numbers are exact in float64 in any order, so that counts do not depend on the batch size.
    binary = whole and largest <= 1
    sums = by_position.double() if binary else repeats * x.abs().sum((0, 1), dtype=torch.float64)
    return Counts(
        samples=x.shape[1],
        steps=steps,
        computed_steps=1 if held else steps,
        by_step=fired.flatten(1).sum(1).expand(steps) if held else fired.flatten(1).sum(1),
        by_position=by_position,
        sums=sums,
        largest=largest,
        whole=whole,
    )
