"""The compiled loop behind `numba.py`; importing this module imports numba."""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _row(values, fired, sums, tops, broken):
    """Add one row of numbers to the counts of its positions; written so that it vectorises."""
    for i in range(values.size):
        size = abs(values[i])
        fired[i] += size != 0
        sums[i] += size
        tops[i] = max(tops[i], size)
        broken[i] |= size != np.floor(size)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def tally(x, block, by_step, by_position, sums):
    """Count x, (T, B, N), in blocks of positions; by_step has a row per block.

    Returns:
        The largest absolute value, and whether all values are whole numbers.
    """
    steps, samples, size = x.shape
    blocks = by_step.shape[0]
    largest, broken = np.zeros(blocks), np.zeros(blocks, np.bool_)
    for k in prange(blocks):
        start = k * block
        stop = min(start + block, size)
        fired = np.zeros(stop - start, np.int32)
        tops = np.zeros(stop - start, x.dtype)
        odd = np.zeros(stop - start, np.int32)
        by_position[start:stop] = 0
        sums[start:stop] = 0
        for t in range(steps):
            fired[:] = 0
            for b in range(samples):
                _row(x[t, b, start:stop], fired, sums[start:stop], tops, odd)
            by_step[k, t] = fired.sum()
            by_position[start:stop] += fired
        largest[k] = np.nan if np.isnan(sums[start:stop]).any() else tops.max()
        broken[k] = odd.any()
    return np.nan if np.isnan(largest).any() else largest.max(), not broken.any()
