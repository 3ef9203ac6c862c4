"""The meaning of a tally, in plain PyTorch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import Kernel


@dataclass(frozen=True)
class Tally:
    """What a sequence (T, B, *n) holds.

    Attributes:
        by_step: non-zeros at each step over all samples, int64, (T,).
        by_position: non-zeros at each position over all samples and steps, int64, (*n).
        sums: sums of absolute values at each position, float64, (*n); exact for whole numbers, in any order.
        largest: largest absolute value.
        whole: whether all values are whole numbers.
    """

    by_step: Tensor
    by_position: Tensor
    sums: Tensor
    largest: float
    whole: bool


def forward(x: Tensor) -> Tally:
    """Count a sequence (T, B, *n) of at least one number."""
    fired = torch.count_nonzero(x, dim=1)
    return Tally(
        by_step=fired.reshape(len(fired), -1).sum(1),
        by_position=fired.sum(0),
        sums=x.abs().sum((0, 1), dtype=torch.float64),
        largest=x.abs().amax().item(),
        whole=bool((x == x.round()).all()),
    )


KERNEL = Kernel("reference", lambda x: None, forward)
