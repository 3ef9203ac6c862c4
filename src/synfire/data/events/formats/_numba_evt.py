"""The compiled loops behind `evt.py`; importing this module imports numba.

The state of the readers: the upper part of the time as the last word told it, microseconds of it with past rounds, then
for EVT 3.0 the time, the row, the next column and the polarity of vectors; the last four count what is no event. Places
in the columns are unsigned, which saves asking whether they are negative.
"""

import numpy as np
from numba import njit, uint32, uint64

from synfire.data.events.formats.decoding import MOST

OUTSIDE = np.iinfo(np.int16).max  # a column that no sensor has
LOWEST = np.array([0] + [(bits & -bits).bit_length() - 1 for bits in range(1, 1 << 12)], np.uint8)  # bit that is set


@njit(cache=True, nogil=True, error_model="numpy")
def _count(others, early, vendor, state):
    """Add up the words that make no event; others: by kind."""
    state[-4] += others[10]
    state[-3] += vendor
    state[-2] += others.sum() - others[10] - vendor
    state[-1] += early


@njit(cache=True, nogil=True, error_model="numpy")
def _upper(told, high, now, bits, below):
    """Return microseconds of an upper part of the time that has so many bits, with so many more below it."""
    rounds = (high >> (bits + below)) + (told - now > 1 << (bits - 1)) if told >= 0 else 0
    return rounds << (bits + below) | now << below


@njit(cache=True, nogil=True, error_model="numpy")
def _vector(bits, column, row, time, polarity, x, y, t, p, place):
    """Write the events of a vector; return the next place."""
    while bits:
        across = column + LOWEST[bits]
        x[place] = across if across <= 0x7FF else OUTSIDE
        y[place] = row
        t[place] = time
        p[place] = polarity
        place += uint64(1)
        bits &= bits - 1
    return place


@njit(cache=True, nogil=True, error_model="numpy")
def evt2(words, at, state, x, y, t, p, count):
    """Decode words of 32 bits."""
    told, high = state[:2]
    others, early = np.zeros(16, np.int64), uint64(0)
    start, place, room = uint64(at), uint64(count), uint64(t.size - MOST)
    for at in range(start, uint64(words.size)):
        if place > room:
            break
        start = at + uint64(1)
        word = words[at]
        kind = word >> uint32(28)
        if kind <= 1:
            x[place] = word >> uint32(11) & uint32(0x7FF)
            y[place] = word & uint32(0x7FF)
            t[place] = high | np.int64(word >> uint32(22) & uint32(0x3F))
            p[place] = kind
            place += uint64(high >= 0)
            early += uint64(high < 0)
        elif kind == 8:
            now = np.int64(word & uint32(0xFFFFFFF))
            high = _upper(told, high, now, 28, 6)
            told = now
        else:
            others[kind] += 1
    state[0], state[1] = told, high
    _count(others, early, others[14] + others[15], state)
    return np.int64(start), np.int64(place)


@njit(cache=True, nogil=True, error_model="numpy")
def evt3(words, at, state, x, y, t, p, count):
    """Decode words of 16 bits.

    The kinds of the frequent words follow one another as if at random, so a branch for each would often be predicted
    wrong: what they set is selected, an event is always written, and counted if it was one.
    """
    told, high, time, row, column, polarity = state[:6]
    others, early = np.zeros(16, np.int64), uint64(0)
    start, place, room = uint64(at), uint64(count), uint64(t.size - MOST)
    for at in range(start, uint64(words.size)):
        if place > room:
            break
        start = at + uint64(1)
        word = np.int64(words[at])
        kind, value = word >> 12, word & 0xFFF
        if kind <= 3 or kind == 6:
            place_in, bit = word & 0x7FF, word >> 11 & 1
            row = place_in if kind == 0 else row
            time = high | value if kind == 6 else time
            column = place_in if kind == 3 else column
            polarity = bit if kind == 3 else polarity
            x[place] = place_in
            y[place] = row
            t[place] = time
            p[place] = bit
            event, known = uint64(kind == 2), uint64((row | time) >= 0)
            place += event & known
            early += event & ~known
            others[1] += np.int64(kind == 1)
        elif kind == 4 or kind == 5:
            bits = value & (0xFFF if kind == 4 else 0xFF)
            after = _vector(bits, column, row, time, polarity, x, y, t, p, place)
            known = (row | time) >= 0
            early += uint64(0) if known else after - place
            place = after if known else place
            column = min(column + (12 if kind == 4 else 8), OUTSIDE)
        elif kind == 8:
            if value != told:
                time = high = _upper(told, high, value, 12, 12)
                told = value
        else:
            others[kind] += 1
    state[0], state[1], state[2], state[3], state[4], state[5] = told, high, time, row, column, polarity
    _count(others, early, others[7] + others[14] + others[15], state)
    return np.int64(start), np.int64(place)


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
            and x[stop] - x[stop - 1] > 0
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
