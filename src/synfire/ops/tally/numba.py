"""A tally on a CPU: every number is read once."""

import importlib
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.lif.numba import follow_torch_threads, why_not
from synfire.ops.tally import reference
from synfire.ops.tally.reference import Tally

BLOCK = 1024  # positions whose counts stay in the nearest cache while all samples run over them


def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.tally._numba_kernels")


def forward(x: Tensor) -> Tally:
    """Count a sequence (T, B, *n) of at least one number; a sample may lie in memory in any order of its axes."""
    plain = x.is_contiguous()
    order = list(range(2, x.dim())) if plain else sorted(range(2, x.dim()), key=lambda axis: -x.stride(axis))
    array = (x if x.dtype == torch.float64 else x.float()).numpy()
    array = array if plain else np.ascontiguousarray(array.transpose(0, 1, *order))
    steps, samples, *shape = array.shape
    values = array.reshape(steps, samples, -1)
    size = values.shape[2]
    by_step = np.empty((-(-size // BLOCK), steps), np.int64)
    by_position, sums = np.empty(size, np.int64), np.empty(size)
    follow_torch_threads()
    seems_whole = all(value.is_integer() for value in values[0, 0, :: size // 8 + 1].tolist())
    kind: Any = values.dtype.type if seems_whole else np.float64
    largest, odd = _kernels().tally(values, kind(0), BLOCK, by_step, by_position, sums)
    exact = kind is np.float64 or (not odd and largest * samples < 2 / np.finfo(kind).eps)
    if not exact:  # its sums over the samples of a step were rounded
        largest, odd = _kernels().tally(values, np.float64(0), BLOCK, by_step, by_position, sums)
    if not math.isfinite(largest):
        return reference.forward(x)
    places = (torch.from_numpy(array.reshape(shape)) for array in (by_position, sums))
    fired, total = places if plain else (place.permute([order.index(i) for i in range(2, x.dim())]) for place in places)
    return Tally(torch.from_numpy(by_step.sum(0)), fired, total, largest, whole=odd == 0)


KERNEL = Kernel("numba", why_not, forward)
