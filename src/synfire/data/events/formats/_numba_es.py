"""The compiled loops behind `es.py`; importing this module imports numba.

The state begins with the time; the rest counts what makes no event. Coordinates beyond 16 signed bits are outside.
"""

import numpy as np
from numba import njit

from synfire.data.events.formats.decoding import MOST

LARGEST = np.iinfo(np.int16).max


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(words, at):
    """Return the 16-bit number at a place, at most `LARGEST`."""
    return min(np.int64(words[at]) | np.int64(words[at + 1]) << 8, LARGEST)


@njit(cache=True, nogil=True, error_model="numpy")
def dvs(words, at, state, x, y, t, p, count):
    """Decode 7 bits of time and 1 of polarity, x, y; 255 lets 127 microseconds pass, 254 nothing."""
    time, room = state[0], t.size - MOST
    while at < words.size and count <= room:
        first = np.int64(words[at])
        if first >= 254:
            time += 127 * (first & 1)
            at += 1
            continue
        if at + 5 > words.size:
            break
        time += first >> 1
        x[count] = _pair(words, at + 1)
        y[count] = _pair(words, at + 3)
        t[count] = time
        p[count] = first & 1
        count, at = count + 1, at + 5
    state[0] = time
    return at, count


@njit(cache=True, nogil=True, error_model="numpy")
def atis(words, at, state, x, y, t, p, count):
    """Decode 6 bits of time, 1 of polarity, 1 of exposure, x, y; 252 to 255 let 0 to 3 times 63 microseconds pass."""
    time, exposures = state[:2]
    room = t.size - MOST
    while at < words.size and count <= room:
        first = np.int64(words[at])
        if first >= 252:
            time += 63 * (first & 3)
            at += 1
            continue
        if at + 5 > words.size:
            break
        time += first >> 2
        if first & 1:
            exposures += 1
        else:
            x[count] = _pair(words, at + 1)
            y[count] = _pair(words, at + 3)
            t[count] = time
            p[count] = first >> 1 & 1
            count += 1
        at += 5
    state[0], state[1] = time, exposures
    return at, count


@njit(cache=True, nogil=True, error_model="numpy")
def colour(last, words, at, state, x, y, t, p, count):
    """Decode 8 bits of time, x, y, red, green, blue; 255 lets 254 microseconds pass, 254 nothing.

    `last`, (height, width), holds 1 + 1000 times the last brightness of every pixel, or 0.
    """
    time, new, same = state[:3]
    room = t.size - MOST
    while at < words.size and count <= room:
        first = np.int64(words[at])
        if first >= 254:
            time += 254 * (first & 1)
            at += 1
            continue
        if at + 8 > words.size:
            break
        time += first
        column, row = _pair(words, at + 1), _pair(words, at + 3)
        now, before = 1 + 299 * words[at + 5] + 587 * words[at + 6] + 114 * words[at + 7], 1
        at += 8
        if row < last.shape[0] and column < last.shape[1]:
            before = last[row, column]
            last[row, column] = now
            if not before:
                new += 1
                continue
            if now == before:
                same += 1
                continue
        x[count], y[count], t[count], p[count] = column, row, time, now > before
        count += 1
    state[0], state[1], state[2] = time, new, same
    return at, count
