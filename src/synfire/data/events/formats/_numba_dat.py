"""The compiled loop behind `dat.py`; importing this module imports numba."""

import numpy as np
from numba import njit

from synfire.data.events.formats.decoding import MOST


@njit(cache=True, nogil=True, error_model="numpy")
def dat(words, at, state, x, y, t, p, count):
    """Decode events of 64 bits; state: the last time, microseconds of past rounds, bits of x, y and polarity."""
    last, passed, x_bits, y_bits, p_bits = state
    x_mask, y_mask, p_mask = (1 << x_bits) - 1, (1 << y_bits) - 1, (1 << p_bits) - 1
    room = t.size - MOST
    while at < words.size and count <= room:
        time, address = np.int64(words[at] & np.uint64(0xFFFFFFFF)), np.int64(words[at] >> np.uint64(32))
        if last - time > 1 << 31:
            passed += 1 << 32
        last = time
        x[count] = address & x_mask
        y[count] = address >> x_bits & y_mask
        t[count] = passed + time
        p[count] = address >> (x_bits + y_bits) & p_mask
        count, at = count + 1, at + 1
    state[0], state[1] = last, passed
    return at, count
