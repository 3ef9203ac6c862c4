"""The compiled loops behind `pathfinder.py`; importing this module imports numba.

Lengths are in pixels. Every image has a stream of random whole numbers of its own, and directions come from a table of
multiples of 2^-16, so that no machine's cosine decides whether a contour fits.
"""

import numpy as np
from numba import njit

DIRECTIONS = 256
TRIES = 400  # to find room for a distractor, which else is left out
FEW = 40  # for the second target contour; else the image begins anew
MATCHED = 0.25  # of the spread, by which the distances of discs on one contour and on two may differ


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
def _fits(bars, start, bar, clear, length):
    """Whether a bar of the contour that begins at `start` keeps clear of all bars before it but its neighbour."""
    for i in range(bar):
        if i == bar - 1 and i >= start:
            continue
        room = clear if i >= start else clear + bars[i, 4] + bars[bar, 4]
        # Bars are of one length, so those whose first ends are this far apart cannot be near; most are.
        dx, dy = bars[i, 0] - bars[bar, 0], bars[i, 1] - bars[bar, 1]
        if dx * dx + dy * dy < (room + 2 * length) ** 2 and _apart(bars[i], bars[bar]) < room * room:
            return False
    return True


@njit(cache=True)
def contour(state, bars, count, length, x, y, radius, shape, table):
    """Draw a contour of `length` bars from (x, y) into bars[count:], without meeting any other; whether it fits.

    Args:
        radius: of the discs for which its ends keep room; 0 where none may come.
        shape: side, border, bar, gap, clear, turn; the last is the greatest change of direction per bar.
    """
    side, border, bar, gap, clear, turn = shape
    where = _share(state) * DIRECTIONS
    for i in range(length):
        if i > 0:  # the sum of two is likelier small than great
            where += (_share(state) + _share(state) - 1.0) * turn
        dx, dy = table[np.int64(np.floor(where)) % DIRECTIONS]
        made = bars[count + i]
        made[0], made[1] = x + 0.5 * gap * dx, y + 0.5 * gap * dy
        made[2], made[3] = made[0] + bar * dx, made[1] + bar * dy
        made[4] = radius if i == 0 or i == length - 1 else 0.0
        x, y = made[2] + 0.5 * gap * dx, made[3] + 0.5 * gap * dy
        if min(min(made[0], made[2]), min(made[1], made[3])) < border:
            return False
        if max(max(made[0], made[2]), max(made[1], made[3])) > side - border:
            return False
        if not _fits(bars, count, count + i, clear, bar):
            return False
    return True


@njit(cache=True)
def _anywhere(state, shape):
    side, border = shape[0], shape[1]
    return border + _share(state) * (side - 2 * border)


@njit(cache=True)
def _end(bars, length, which):
    """Return x and y of an end: 0 and 1 of the first contour, 2 and 3 of the second, the beginning before the end."""
    bar = bars[which // 2 * length + which % 2 * (length - 1)]
    return (bar[2], bar[3]) if which % 2 else (bar[0], bar[1])


@njit(cache=True)
def _between(bars, length, first, second):
    """Return the distance of two ends."""
    ax, ay = _end(bars, length, first)
    bx, by = _end(bars, length, second)
    return np.sqrt((ax - bx) ** 2 + (ay - by) ** 2)


@njit(cache=True)
def _across(bars, length):
    """Return the end of the second contour, 2 or 3, that is as far from an end of the first as that is long; and which.

    Else discs on one contour would be farther apart than others, and their distance would tell the label.
    """
    wanted = _between(bars, length, 0, 1)
    best, first, second = np.inf, 0, 2
    for one in range(2):
        for other in range(2, 4):
            off = abs(_between(bars, length, one, other) - wanted)
            if off < best:
                best, first, second = off, one, other
    return first, second, best


@njit(cache=True)
def scene(state, bars, length, others, spread, radius, shape, table):
    """Place two contours of `length` bars whose first bars are `spread` apart, and others of a third of their length.

    Returns how many bars there are; the two come first. Of the others, some may find no room.
    """
    while True:
        x, y = _anywhere(state, shape), _anywhere(state, shape)
        if not contour(state, bars, 0, length, x, y, radius, shape, table):
            continue
        count = length
        for _ in range(FEW):
            dx, dy = table[np.int64(_share(state) * DIRECTIONS)]
            if contour(state, bars, count, length, x + spread * dx, y + spread * dy, radius, shape, table):
                count += length
                break
        if count == length or _across(bars, length)[2] > MATCHED * spread:
            continue
        for _ in range(others):
            for _ in range(TRIES):
                x, y = _anywhere(state, shape), _anywhere(state, shape)
                if contour(state, bars, count, length // 3, x, y, 0.0, shape, table):
                    count += length // 3
                    break
        return count


@njit(cache=True)
def _paint(image, ax, ay, bx, by, half):
    """Draw what is nearer than `half` to a bar, its edge softened over one pixel; the brighter wins."""
    reach = half + 1.0
    for row in range(max(0, int(min(ay, by) - reach)), min(image.shape[0], int(max(ay, by) + reach) + 1)):
        for column in range(max(0, int(min(ax, bx) - reach)), min(image.shape[1], int(max(ax, bx) + reach) + 1)):
            far = np.sqrt(_from_point(column + 0.5, row + 0.5, ax, ay, bx, by))
            light = min(1.0, max(0.0, half + 0.5 - far))
            image[row, column] = max(image[row, column], np.uint8(255.0 * light + 0.5))


@njit(cache=True, parallel=True)
def draw(seed, images, labels, kept, length, others, spread, radius, half, shape, table):
    """Draw images, uint8 (N, H, W), of the given labels; `kept`, float64 (M, bars, 5), takes the bars of the first M.

    Label 1 marks both ends of the first contour, label 0 one end of each.
    """
    for i in prange(len(images)):
        state = np.empty(1, np.uint64)
        state[0] = seed
        state[0] = _next(state) ^ np.uint64(i)
        bars = np.zeros((2 * length + others * (length // 3), 5))
        count = scene(state, bars, length, others, spread, radius, shape, table)
        for bar in bars[:count]:  # round ends reach as far as the bar does
            cut = half / np.sqrt((bar[2] - bar[0]) ** 2 + (bar[3] - bar[1]) ** 2)
            dx, dy = cut * (bar[2] - bar[0]), cut * (bar[3] - bar[1])
            _paint(images[i], bar[0] + dx, bar[1] + dy, bar[2] - dx, bar[3] - dy, half)
        first, second, _ = _across(bars, length)
        for which in (0, 1) if labels[i] else (first, second):
            x, y = _end(bars, length, which)
            _paint(images[i], x, y, x + 1e-3, y, radius)
        if i < len(kept):
            kept[i, :count] = bars[:count]
