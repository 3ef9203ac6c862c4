"""The compiled loops behind `pathfinder.py`; importing this module imports numba.

Lengths are in pixels. Every image has a stream of random whole numbers of its own, and directions come from a table of
multiples of 2^-16, so that no machine's cosine decides whether a contour fits.
"""

import numpy as np
from numba import njit

DIRECTIONS = 256
TRIES = 400  # to find room for one contour, before the image begins anew


@njit(cache=True, inline="always")
def _next(state):  # splitmix64 (Steele et al., OOPSLA 2014), the state in state[0]
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, inline="always")
def _share(state):  # uniform in [0, 1), a multiple of 2^-24
    return np.float64(_next(state) >> np.uint64(40)) / 16777216.0


@njit(cache=True)
def _from_point(px, py, ax, ay, bx, by):
    """Return the squared distance of a point from a bar from a to b."""
    dx, dy = bx - ax, by - ay
    along = ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    ex, ey = px - ax - along * dx, py - ay - along * dy
    return ex * ex + ey * ey


@njit(cache=True)
def _apart(a, b):
    """Return the squared distance of two bars (x, y, x, y) that do not cross, 0 if they do."""
    first = (b[2] - b[0]) * (a[1] - b[1]) - (b[3] - b[1]) * (a[0] - b[0])
    second = (b[2] - b[0]) * (a[3] - b[1]) - (b[3] - b[1]) * (a[2] - b[0])
    third = (a[2] - a[0]) * (b[1] - a[1]) - (a[3] - a[1]) * (b[0] - a[0])
    fourth = (a[2] - a[0]) * (b[3] - a[1]) - (a[3] - a[1]) * (b[2] - a[0])
    if first * second < 0 and third * fourth < 0:
        return 0.0
    return min(
        min(_from_point(a[0], a[1], b[0], b[1], b[2], b[3]), _from_point(a[2], a[3], b[0], b[1], b[2], b[3])),
        min(_from_point(b[0], b[1], a[0], a[1], a[2], a[3]), _from_point(b[2], b[3], a[0], a[1], a[2], a[3])),
    )


@njit(cache=True)
def _fits(bars, count, bar, spared, clear):
    """Whether a bar keeps clear of all bars but the last `spared` of its own contour."""
    for i in range(count - spared):
        if _apart(bars[i], bar) < clear * clear:
            return False
    return True


@njit(cache=True)
def contour(state, bars, count, length, x, y, where, shape, table):
    """Draw a contour of `length` bars from (x, y) into bars[count:], without meeting any other; whether it fits.

    Args:
        where: direction of the first bar, 0 .. 255.
        shape: side, border, bar, gap, clear, turn; the last is the greatest change of direction per bar.
    """
    side, border, bar, gap, clear, turn = shape
    for i in range(length):
        if i > 0:  # the sum of two is likelier small than great
            where += (_share(state) + _share(state) - 1.0) * turn
        dx, dy = table[np.int64(np.floor(where)) % DIRECTIONS]
        made = bars[count + i]
        made[0], made[1] = x + 0.5 * gap * dx, y + 0.5 * gap * dy
        made[2], made[3] = made[0] + bar * dx, made[1] + bar * dy
        x, y = made[2] + 0.5 * gap * dx, made[3] + 0.5 * gap * dy
        if min(min(made[0], made[2]), min(made[1], made[3])) < border:
            return False
        if max(max(made[0], made[2]), max(made[1], made[3])) > side - border:
            return False
        if not _fits(bars, count + i, made, min(i, 1), clear):
            return False
    return True


@njit(cache=True)
def _anywhere(state, shape):
    side, border = shape[0], shape[1]
    return border + _share(state) * (side - 2 * border)


@njit(cache=True)
def scene(state, bars, length, others, short, spread, shape, table):
    """Place two contours of `length` bars whose first bars are `spread` apart, and `others` of `short`; bars or 0."""
    while True:
        x, y = _anywhere(state, shape), _anywhere(state, shape)
        if not contour(state, bars, 0, length, x, y, _share(state) * DIRECTIONS, shape, table):
            continue
        count, placed = length, False
        for _ in range(TRIES):
            dx, dy = table[np.int64(_share(state) * DIRECTIONS)]
            if contour(
                state, bars, count, length, x + spread * dx, y + spread * dy, _share(state) * DIRECTIONS, shape, table
            ):
                placed = True
                break
        if not placed:
            continue
        count += length
        for _ in range(others):
            for _ in range(TRIES):
                if contour(
                    state, bars, count, short, _anywhere(state, shape), _anywhere(state, shape),
                    _share(state) * DIRECTIONS, shape, table,
                ):  # fmt: skip
                    count += short
                    break
        return count
