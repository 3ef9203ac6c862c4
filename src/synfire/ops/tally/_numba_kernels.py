"""The compiled loops behind `numba.py`; importing this module imports numba.

Whatever the inner loops touch has the width of the input, so that they vectorise: Numba widens small integers.
"""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _row(values, one, fired, tops, odd, sums):
    """Add one row of numbers to the counts of its positions."""
    for i in range(values.size):
        size = abs(values[i])
        fired[i] += min(np.ceil(size), one)
        tops[i] = max(tops[i], size)
        odd[i] = max(odd[i], size - np.floor(size))
        sums[i] += size


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def tally(x, exact, block, by_step, by_position, sums):
    """Count x, (T, B, N), in blocks of positions; by_step has a row per block.

    Args:
        exact: a zero of the type in which the values of a step are summed: that of x, or float64.

    Returns:
        The largest absolute value, infinite if one is or is not a number; and the largest fraction.
    """
    steps, samples, size = x.shape
    blocks = by_step.shape[0]
    one = x.dtype.type(1)
    largest, odds = np.zeros(blocks), np.zeros(blocks)
    for k in prange(blocks):
        start = k * block
        stop = min(start + block, size)
        fired, tops, odd = np.zeros((3, stop - start), x.dtype)
        total = np.full(stop - start, exact)
        by_position[start:stop] = 0
        sums[start:stop] = 0
        for t in range(steps):
            fired[:] = 0
            total[:] = 0
            by_step[k, t] = 0
            for b in range(samples):
                _row(x[t, b, start:stop], one, fired, tops, odd, total)
            for i in range(stop - start):
                by_step[k, t] += np.int64(fired[i])
                by_position[start + i] += np.int64(fired[i])
                sums[start + i] += total[i]
        largest[k] = tops.max() if np.isfinite(sums[start:stop]).all() else np.inf
        odds[k] = odd.max()
    return largest.max(), odds.max()
