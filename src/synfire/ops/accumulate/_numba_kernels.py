"""The compiled loops behind `numba.py`; importing this module imports numba."""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True, error_model="numpy")
def count(values):
    """Return how many of a flat array are not zero."""
    found = 0
    for i in range(values.size):
        found += values[i] != 0
    return found


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _list(values, index, fired):
    """List the places and values that are not zero, without a branch; return their number."""
    found = 0
    for i in range(values.size):
        index[found] = i
        fired[found] = values[i]
        found += values[i] != 0
    return found


# Four rows at a time, so that a sum stays in a register for four additions; the order stays that of the inputs.
@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _add(y, a, b, c, d):
    for j in range(y.size):
        y[j] = (((y[j] + a[j]) + b[j]) + c[j]) + d[j]


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _add_times(y, a, b, c, d, za, zb, zc, zd):
    for j in range(y.size):
        y[j] = (((y[j] + za * a[j]) + zb * b[j]) + zc * c[j]) + zd * d[j]


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _add_one(y, a, z):
    for j in range(y.size):
        y[j] += z * a[j]


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _part(y, weight, index, fired, found, start, stop):
    """Add the weights start..stop of the spikes of one sample to its outputs y."""
    whole = found - found % 4
    for k in range(0, whole, 4):
        a, b = weight[index[k], start:stop], weight[index[k + 1], start:stop]
        c, d = weight[index[k + 2], start:stop], weight[index[k + 3], start:stop]
        za, zb, zc, zd = fired[k], fired[k + 1], fired[k + 2], fired[k + 3]
        if za == 1 and zb == 1 and zc == 1 and zd == 1:
            _add(y, a, b, c, d)
        else:
            _add_times(y, a, b, c, d, za, zb, zc, zd)
    for k in range(whole, found):
        _add_one(y, weight[index[k], start:stop], fired[k])


@njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _task(task, weight, bias, y, block, index, fired, found):
    """Write one block of outputs of one sample."""
    samples, outputs = y.shape
    b, start = task % samples, task // samples * block
    stop = min(start + block, outputs)
    part = y[b, start:stop]
    if bias.size:
        part[:] = bias[start:stop]
    else:
        part[:] = 0
    _part(part, weight, index[b], fired[b], found[b], start, stop)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def _on_all_threads(tasks, weight, bias, y, block, index, fired, found):
    for task in prange(tasks):  # a thread keeps to few blocks, whose weights serve it for several samples
        _task(task, weight, bias, y, block, index, fired, found)


@njit(cache=True, nogil=True, error_model="numpy")
def forward(spikes, weight, bias, y, block, alone):
    """Write the outputs y, (B, N_out), in blocks of outputs; bias has N_out numbers or none.

    Args:
        alone: number of weights up to which one thread reads them all.
    """
    samples, inputs = spikes.shape
    outputs = weight.shape[1]
    index = np.empty((samples, inputs + 1), np.int64)
    fired = np.empty((samples, inputs + 1), spikes.dtype)
    found = np.empty(samples, np.int64)
    for b in range(samples):
        found[b] = _list(spikes[b], index[b], fired[b])
    tasks = -(-outputs // block) * samples
    if found.sum() * outputs > alone:
        _on_all_threads(tasks, weight, bias, y, block, index, fired, found)
    else:
        for task in range(tasks):
            _task(task, weight, bias, y, block, index, fired, found)
