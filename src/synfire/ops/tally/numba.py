"""A tally on a CPU: every number is read once."""

import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.lif.numba import follow_torch_threads
from synfire.ops.lif.numba import why_not as refuses
from synfire.ops.tally.reference import Tally

BLOCK = 1024  # positions whose counts stay in the nearest cache while all samples run over them


def why_not(x: Tensor) -> str | None:
    """Return why this back end cannot take the input, or None."""
    return refuses(x)


def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.tally._numba_kernels")


def forward(x: Tensor) -> Tally:
    """Count a sequence (T, B, *n) of at least one number; a sample may lie in memory in any order of its axes."""
    plain = x.is_contiguous()
    order = list(range(2, x.dim())) if plain else sorted(range(2, x.dim()), key=lambda axis: -x.stride(axis))
    laid = x if plain else x.permute(0, 1, *order)
    values = laid.reshape(*x.shape[:2], -1)
    values = values if values.dtype == torch.float64 else values.float()
    size = values.shape[2]
    by_step = np.empty((-(-size // BLOCK), x.shape[0]), np.int64)
    by_position, sums = np.empty(size, np.int64), np.empty(size)
    follow_torch_threads()
    largest, whole = _kernels().tally(values.contiguous().numpy(), BLOCK, by_step, by_position, sums)
    shape = tuple(laid.shape)[2:]
    back = [order.index(axis) for axis in range(2, x.dim())]
    return Tally(
        by_step=torch.from_numpy(by_step.sum(0)),
        by_position=torch.from_numpy(by_position.reshape(shape).transpose(back)),
        sums=torch.from_numpy(sums.reshape(shape).transpose(back)),
        largest=largest,
        whole=whole,
    )


KERNEL = Kernel("numba", why_not, forward)
