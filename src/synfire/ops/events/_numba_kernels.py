"""The compiled loops behind `numba.py`; importing this module imports numba.

An event's cell is the sum of what three tables say of its polarity, row and column. Unsigned numbers, since Numba looks
at the sign of every other index.
"""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True, error_model="numpy")
def _count(x, y, p, start, stop, channel, row, column, sign, frame):
    for e in range(start, stop):
        frame[channel[p[e]] + row[y[e]] + column[x[e]]] += sign[p[e]]


@njit(cache=True, nogil=True, error_model="numpy")
def frames(x, y, p, edges, channel, row, column, sign, made):
    """Count the events of every step; made is zero, float32, (B, T, cells)."""
    for i in range(made.shape[0]):
        for k in range(made.shape[1]):
            _count(x, y, p, edges[i, k], edges[i, k + 1], channel, row, column, sign, made[i, k])


# A function of its own: Numba's cache tells functions apart, but not the options that one was compiled with.
@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def frames_in_parallel(x, y, p, edges, channel, row, column, sign, made):
    """Count as `frames` does, a step of a sample at a time on any thread."""
    steps = made.shape[1]
    for j in prange(made.shape[0] * steps):
        i, k = j // steps, j % steps
        _count(x, y, p, edges[i, k], edges[i, k + 1], channel, row, column, sign, made[i, k])


@njit(cache=True, nogil=True, error_model="numpy")
def _share(x, y, t, p, start, stop, first, last, channel, row, column, sign, made):
    bins = made.shape[0]
    span = np.float64(max(last - first, 1))
    for e in range(start, stop):
        s = np.float64(bins - 1) * np.float64(t[e] - first) / span
        k = min(np.int64(s), bins - 1)
        share = np.float32(s - k)
        cell = channel[p[e]] + row[y[e]] + column[x[e]]
        made[k, cell] += sign[p[e]] * (np.float32(1) - share)
        if k + 1 < bins:
            made[k + 1, cell] += sign[p[e]] * share


@njit(cache=True, nogil=True, error_model="numpy")
def voxels(x, y, t, p, offsets, first, last, channel, row, column, sign, made):
    """Share events between bins; made is zero, float32, (B, bins, cells)."""
    for i in range(made.shape[0]):
        _share(x, y, t, p, offsets[i], offsets[i + 1], first[i], last[i], channel, row, column, sign, made[i])


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def voxels_in_parallel(x, y, t, p, offsets, first, last, channel, row, column, sign, made):
    """Share as `voxels` does, a sample at a time on any thread."""
    for i in prange(made.shape[0]):
        _share(x, y, t, p, offsets[i], offsets[i + 1], first[i], last[i], channel, row, column, sign, made[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _age(x, y, t, p, edges, ends, tau, never, channel, row, column, made):
    latest = np.full(made.shape[1], never)
    for k in range(made.shape[0]):
        for e in range(edges[k], edges[k + 1]):
            latest[channel[p[e]] + row[y[e]] + column[x[e]]] = t[e]
        for c in range(made.shape[1]):
            if latest[c] != never:
                made[k, c] = np.exp(-np.float64(ends[k] - latest[c]) / tau)


@njit(cache=True, nogil=True, error_model="numpy")
def surface(x, y, t, p, edges, ends, tau, never, channel, row, column, made):
    """Tell how long ago the last event was; made is zero, float32, (B, T, cells)."""
    for i in range(made.shape[0]):
        _age(x, y, t, p, edges[i], ends[i], tau, never, channel, row, column, made[i])


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def surface_in_parallel(x, y, t, p, edges, ends, tau, never, channel, row, column, made):
    """Tell as `surface` does, a sample at a time on any thread."""
    for i in prange(made.shape[0]):
        _age(x, y, t, p, edges[i], ends[i], tau, never, channel, row, column, made[i])
