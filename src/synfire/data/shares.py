"""Compiled loops over many samples, on all threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

SHARE = 512  # samples: few enough that no thread waits long for the last


def in_shares(run: Callable[..., None], count: int, *args: Any) -> None:
    """Call run(first, last, *args) for ranges that make up 0 .. count - 1, on as many threads as PyTorch has.

    Numba's own parallel loops would do the same, but take 20 seconds more to compile.

    Args:
        run: a function compiled to run without Python's lock (nogil).
        count: number of samples.
        args: passed on.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        starts = range(0, count, SHARE)
        list(pool.map(lambda first: run(first, min(first + SHARE, count), *args), starts))
