"""The compiled loop behind `dat.py`; importing this module imports numba."""

import numpy as np
from numba import njit, uint64

from synfire.data.events.formats.decoding import MOST


@njit(cache=True, nogil=True, error_model="numpy")
def dat(words, at, state, x, y, t, p, count):
    """Decode events of 64 bits; state: the last time, microseconds of past rounds, bits of x, y and polarity."""
    last, passed, x_bits, y_bits, p_bits = state
    x_mask, y_mask, p_mask = uint64((1 << x_bits) - 1), uint64((1 << y_bits) - 1), uint64((1 << p_bits) - 1)
    x_at, y_at, p_at = uint64(32), uint64(32 + x_bits), uint64(32 + x_bits + y_bits)
    taken = words[at : at + t.size - MOST + 1 - count]
    size = uint64(taken.size)
    to_x, to_y, to_t, to_p = x[count:], y[count:], t[count:], p[count:]
    rounds = False
    for i in range(size):
        word = taken[i]
        time = np.int64(word & uint64(0xFFFFFFFF))
        rounds |= last - time > 1 << 31
        last = time
        to_x[i] = word >> x_at & x_mask
        to_y[i] = word >> y_at & y_mask
        to_p[i] = word >> p_at & p_mask
        to_t[i] = passed + time
    if rounds:
        before = state[0]
        for i in range(size):
            time = np.int64(taken[i] & uint64(0xFFFFFFFF))
            passed += np.int64(before - time > 1 << 31) << 32
            before = time
            to_t[i] = passed + time
    if size:
        state[0], state[1] = last, passed
    return at + taken.size, count + taken.size
