"""The compiled loops behind `evt.py`; importing this module imports numba.

The state of the readers: the upper part of the time as the last word told it, microseconds of it with past rounds, then for
EVT 3.0 the time, the row, the next column and the polarity of vectors; the last four count what is no event.
"""

import numpy as np
from numba import njit

from synfire.data.events.formats.decoding import MOST

OUTSIDE = np.iinfo(np.int16).max  # a column that no sensor has
LOWEST = np.array([0] + [(bits & -bits).bit_length() - 1 for bits in range(1, 1 << 12)], np.uint8)  # bit that is set


@njit(cache=True, nogil=True, error_model="numpy")
def evt2(words, at, state, x, y, t, p, count):
    """Decode words of 32 bits."""
    told, high = state[0], state[1]
    triggers, vendor, unknown, early = state[-4:]
    room = t.size - MOST
    while at < words.size and count <= room:
        word = np.int64(words[at])
        at += 1
        kind = word >> 28
        if kind <= 1:
            if high >= 0:
                x[count] = word >> 11 & 0x7FF
                y[count] = word & 0x7FF
                t[count] = high | (word >> 22 & 0x3F)
                p[count] = kind
                count += 1
            else:
                early += 1
        elif kind == 8:
            now = word & 0xFFFFFFF
            rounds = (high >> 34) + (told - now > 1 << 27) if told >= 0 else 0
            told, high = now, rounds << 34 | now << 6
        elif kind == 10:
            triggers += 1
        elif kind >= 14:
            vendor += 1
        else:
            unknown += 1
    state[0], state[1] = told, high
    state[-4:] = triggers, vendor, unknown, early
    return at, count


@njit(cache=True, nogil=True, error_model="numpy")
def evt3(words, at, state, x, y, t, p, count):
    """Decode words of 16 bits."""
    told, high, time, row, column, polarity = state[:6]
    triggers, vendor, unknown, early = state[-4:]
    room = t.size - MOST
    while at < words.size and count <= room:
        word = np.int64(words[at])
        at += 1
        kind = word >> 12
        if kind == 2:
            if time >= 0 and row >= 0:
                x[count] = word & 0x7FF
                y[count] = row
                t[count] = time
                p[count] = word >> 11 & 1
                count += 1
            else:
                early += 1
        elif kind == 0:
            row = word & 0x7FF
        elif kind == 6:
            if told >= 0:
                time = high | (word & 0xFFF)
        elif kind == 4 or kind == 5:
            bits = word & (0xFFF if kind == 4 else 0xFF)
            known = time >= 0 and row >= 0 and column >= 0
            while bits:
                if known:
                    at_x = column + LOWEST[bits]
                    x[count] = at_x if at_x <= 0x7FF else OUTSIDE
                    y[count] = row
                    t[count] = time
                    p[count] = polarity
                    count += 1
                else:
                    early += 1
                bits &= bits - 1
            if column >= 0:
                column = min(column + (12 if kind == 4 else 8), OUTSIDE)
        elif kind == 3:
            column, polarity = word & 0x7FF, word >> 11 & 1
        elif kind == 8:
            now = word & 0xFFF
            if now != told:
                rounds = (high >> 24) + (told - now > 1 << 11) if told >= 0 else 0
                told, high = now, rounds << 24 | now << 12
                time = high
        elif kind == 10:
            triggers += 1
        elif kind == 7 or kind >= 14:
            vendor += 1
        else:
            unknown += 1
    state[0], state[1], state[2], state[3], state[4], state[5] = told, high, time, row, column, polarity
    state[-4:] = triggers, vendor, unknown, early
    return at, count


@njit(cache=True, nogil=True, error_model="numpy")
def write_evt3(x, y, t, p, at, state, out):
    """Encode events from `at` on; state: the upper part of the time with past rounds, the time and the row last told.

    Returns the next `at` and how many words were written.
    """
    high, time, row = state
    count = 0
    while at < t.size and count < out.size - 8:
        wanted = t[at] >> 12
        if time < 0 or high != wanted:
            if time >= 0 or wanted:  # in steps of a quarter of the range, so that no reader takes a gap for a round
                first = time < 0 and high == 0
                if first:
                    out[count] = 0x8000
                    count += 1
                high = high + 1 if high & 1023 == 1023 else min(wanted, high | 1023)
            out[count] = 0x8000 | (high & 0xFFF)
            count += 1
            time = high << 12
            continue
        if t[at] != time:
            time = t[at]
            out[count] = 0x6000 | (time & 0xFFF)
            count += 1
        if y[at] != row:
            row = y[at]
            out[count] = row
            count += 1
        bits, stop = 1, at + 1
        while (
            stop < t.size
            and t[stop] == time
            and y[stop] == row
            and p[stop] == p[at]
            and 0 < x[stop] - x[stop - 1]
            and x[stop] - x[at] < 12
        ):
            bits |= 1 << (x[stop] - x[at])
            stop += 1
        if stop - at < 3:
            out[count] = 0x2000 | p[at] << 11 | x[at]
            count, at = count + 1, at + 1
        else:
            out[count] = 0x3000 | p[at] << 11 | x[at]
            out[count + 1] = 0x4000 | bits
            count, at = count + 2, stop
    state[0], state[1], state[2] = high, time, row
    return at, count
