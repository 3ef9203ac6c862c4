"""The compiled loops behind `numba.py`; importing this module imports numba.

Whatever the inner loops touch has the width of the input, so that they vectorise: Numba widens small integers.
"""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _add(a, b, c, d, fired, tops, odd, sums):
    """Add the numbers of four samples to the counts of their positions; four, to load and store the counts less."""
    none, one = a.dtype.type(0), a.dtype.type(1)
    for i in range(a.size):
        p, q, r, s = abs(a[i]), abs(b[i]), abs(c[i]), abs(d[i])
        some = (one if p != none else none) + (one if q != none else none)
        more = (one if r != none else none) + (one if s != none else none)
        fired[i] += some + more
        high, higher = p if p > q else q, r if r > s else s
        top = high if high > higher else higher
        tops[i] = top if top > tops[i] else tops[i]
        odd[i] += (p - np.floor(p)) + (q - np.floor(q)) + (r - np.floor(r)) + (s - np.floor(s))
        sums[i] = sums[i] + p + q + r + s  # one by one, so that they add up in the type of the sums


@njit(cache=True, nogil=True, error_model="numpy", inline="never", fastmath={"reassoc"})
def _total(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _block(x, exact, start, stop, by_step, by_place, ends):
    """Count the positions start..stop of x; by_step, (2, T), and ends, (2,), are those of this block."""
    steps, samples = x.shape[:2]
    fired, largest, odd, none = np.zeros((4, stop - start), x.dtype)
    sums = np.full(stop - start, exact)
    by_place[:, start:stop] = 0
    for t in range(steps):
        now = x[t]
        fired[:] = 0
        sums[:] = 0
        fours = samples - samples % 4
        for i in range(0, fours, 4):
            a, b, c, d = now[i, start:stop], now[i + 1, start:stop], now[i + 2, start:stop], now[i + 3, start:stop]
            _add(a, b, c, d, fired, largest, odd, sums)
        for i in range(fours, samples):
            _add(now[i, start:stop], none, none, none, fired, largest, odd, sums)
        for i in range(stop - start):
            by_place[0, start + i] += fired[i]
            by_place[1, start + i] += sums[i]
        by_step[0, t] = _total(fired)
        by_step[1, t] = _total(sums)
    ends[0] = largest.max() if np.isfinite(_total(by_step[1])) else np.inf
    ends[1] = odd.max()


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_up(of_block, ends, by_step, tops):
    by_step[:] = of_block.sum(0)
    tops[0] = ends[:, 0].max()
    tops[1] = 1 if ends[:, 1].max() > 0 else 0


@njit(cache=True, nogil=True, error_model="numpy")
def tally(x, exact, block, by_step, by_place, tops):
    """Count x, (T, B, N), in blocks of positions; the rest is as in `Tally`.

    Args:
        x: the sequence.
        exact: a zero of the type in which the values of a step are summed: that of x, or float64.
        block: positions of a block.
        by_step: to fill, (2, T).
        by_place: to fill, (2, N).
        tops: to fill; the largest value is infinite if any number is, or is none.
    """
    size = x.shape[2]
    blocks = -(-size // block)
    of_block, ends = np.zeros((blocks, 2, x.shape[0])), np.zeros((blocks, 2))
    for k in range(blocks):
        _block(x, exact, k * block, min(k * block + block, size), of_block[k], by_place, ends[k])
    _sum_up(of_block, ends, by_step, tops)


# A function of its own: Numba's cache tells functions apart, but not the options that one was compiled with.
@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def tally_in_parallel(x, exact, block, by_step, by_place, tops):
    """Count as `tally` does, a block a thread."""
    size = x.shape[2]
    blocks = -(-size // block)
    of_block, ends = np.zeros((blocks, 2, x.shape[0])), np.zeros((blocks, 2))
    for k in prange(blocks):
        _block(x, exact, k * block, min(k * block + block, size), of_block[k], by_place, ends[k])
    _sum_up(of_block, ends, by_step, tops)
