"""A tally on a CPU: every number is read once."""

import importlib
import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.lif.numba import follow_torch_threads, why_not
from synfire.ops.tally import reference
from synfire.ops.tally.reference import Tally

BLOCK = 4096  # positions whose counts stay in a near cache while all samples run over them
LANES = 16  # floats in the widest register
ALONE = 2**19  # numbers that one thread counts in a fifth of a millisecond: waking others could cost as much


@cache
def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.tally._numba_kernels")


def forward(x: Tensor) -> Tally:
    """Count a sequence (T, B, *n) of at least one number; a sample may lie in memory in any order of its axes."""
    plain = x.is_contiguous()
    order = [] if plain else sorted(range(2, x.dim()), key=lambda axis: -x.stride(axis))
    array = (x if x.dtype == torch.float64 else x.float()).numpy()
    array = array if plain else np.ascontiguousarray(array.transpose(0, 1, *order))
    steps, samples, *shape = array.shape
    by_step, by_place, tops = np.empty((2, steps)), np.empty((2, math.prod(shape))), np.empty(2)
    _count(array.reshape(steps, samples, -1), by_step, by_place, tops)
    if not math.isfinite(tops[0]):
        return reference.forward(x)
    places = by_place.reshape(2, *shape)
    places = places if plain else places.transpose(0, *(1 + order.index(axis) for axis in range(2, x.dim())))
    return Tally(torch.from_numpy(by_step), torch.from_numpy(places), torch.from_numpy(tops))


def _count(values: Any, by_step: Any, by_place: Any, tops: Any) -> None:
    """Fill the counts of (T, B, N), summing whole numbers in their own type, which is faster, where that is exact."""
    kernel, block = _kernels().tally, BLOCK
    if values.size > ALONE and (threads := follow_torch_threads()) > 1:
        kernel = _kernels().tally_in_parallel
        block = min(BLOCK, -(-values.shape[2] // (threads * LANES)) * LANES)
    kind: Any = values.dtype.type
    some = values[0, 0, :: values.shape[2] // 8 + 1].tolist()
    if kind is not np.float64 and all(map(float.is_integer, some)):
        kernel(values, kind(0), block, by_step, by_place, tops)
        if not tops[1] and max(tops[0], 1) * values.shape[1] < 2 / np.finfo(kind).eps:
            return
    kernel(values, np.float64(0), block, by_step, by_place, tops)


KERNEL = Kernel("numba", why_not, forward)
