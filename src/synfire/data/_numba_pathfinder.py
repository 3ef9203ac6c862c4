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


@njit(cache=True)
def _next(state):  # splitmix64 (Steele et al., OOPSLA 2014), the state in state[0]
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
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
        direction = np.int64(np.floor(where)) % DIRECTIONS
        dx, dy = table[direction, 0], table[direction, 1]
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
def _ends(bars, length):
    """Return the ends of the two target contours, (4, 2): beginning and end of the first, then of the second."""
    ends = np.empty((4, 2))
    for which in range(4):
        bar = which // 2 * length + which % 2 * (length - 1)
        for axis in range(2):
            ends[which, axis] = bars[bar, axis + 2 * (which % 2)]
    return ends


@njit(cache=True)
def _across(ends):
    """Return an end of the first contour, one of the second, and by how much they are not as far apart as the first's.

    The pair is the best of four. If it were any, discs on one contour would be farther apart than discs on two, and
    their distance would tell the label.
    """
    wanted = np.sqrt((ends[0, 0] - ends[1, 0]) ** 2 + (ends[0, 1] - ends[1, 1]) ** 2)
    best, first, second = np.inf, 0, 2
    for pair in range(4):
        one, other = pair // 2, 2 + pair % 2
        off = abs(np.sqrt((ends[one, 0] - ends[other, 0]) ** 2 + (ends[one, 1] - ends[other, 1]) ** 2) - wanted)
        if off < best:
            best, first, second = off, one, other
    return first, second, best


@njit(cache=True)
def scene(state, bars, length, others, spread, radius, shape, table):
    """Place two contours of `length` bars whose first bars are `spread` apart, and others of a third of their length.

    Returns how many bars there are; the two come first. Of the others, some may find no room.
    """
    side, border = shape[0], shape[1]
    while True:
        count, number = 0, 0
        while number < 2 + others:
            tries, size, room = TRIES, length // 3, 0.0
            if number < 2:
                tries, size, room = (FEW if number else 1), length, radius
            before = count
            for _ in range(tries):
                if number == 1:
                    where = np.int64(_share(state) * DIRECTIONS)
                    x, y = bars[0, 0] + spread * table[where, 0], bars[0, 1] + spread * table[where, 1]
                else:
                    x, y = border + _share(state) * (side - 2 * border), border + _share(state) * (side - 2 * border)
                if contour(state, bars, count, size, x, y, room, shape, table):
                    count += size
                    break
            if number < 2 and count == before:
                break
            if number == 1 and _across(_ends(bars, length))[2] > MATCHED * spread:
                break
            number += 1
        if number == 2 + others:
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


@njit(cache=True)
def picture(seed, number, image, label, bars, length, others, spread, radius, half, shape, table):
    """Draw image `number`, uint8 (H, W), and leave its bars in `bars`, (bars, 5).

    Label 1 marks both ends of the first contour, label 0 one end of each.
    """
    state = np.empty(1, np.uint64)
    state[0] = seed
    state[0] = _next(state) ^ np.uint64(number)
    count = scene(state, bars, length, others, spread, radius, shape, table)
    for i in range(count):
        bar = bars[i]
        cut = half / np.sqrt((bar[2] - bar[0]) ** 2 + (bar[3] - bar[1]) ** 2)
        dx, dy = cut * (bar[2] - bar[0]), cut * (bar[3] - bar[1])  # round ends reach as far as the bar does
        _paint(image, bar[0] + dx, bar[1] + dy, bar[2] - dx, bar[3] - dy, half)
    bars[count:] = 0.0
    ends = _ends(bars, length)
    first, second, _ = _across(ends)
    for which in (0, 1) if label else (first, second):
        _paint(image, ends[which, 0], ends[which, 1], ends[which, 0] + 1e-3, ends[which, 1], radius)


@njit(cache=True, nogil=True)
def draw(first, last, seed, images, labels, kept, length, others, spread, radius, half, shape, table):
    """Draw images first .. last - 1 of uint8 (N, H, W), of the given labels; `kept` takes the bars of the foremost."""
    for i in range(first, last):
        bars = np.zeros((2 * length + others * (length // 3), 5))
        picture(seed, i, images[i], labels[i], bars, length, others, spread, radius, half, shape, table)
        if i < len(kept):
            kept[i] = bars
