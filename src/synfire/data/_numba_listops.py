"""The compiled loops behind `listops.py`; importing this module imports numba.

Every expression has a stream of random numbers of its own, made of whole numbers alone, so that neither the machine nor
the number of threads changes an expression.
"""

import numpy as np
from numba import njit

DEPTH = 10  # of the deepest node; there only digits stand
MOST = 10  # arguments of an operator; it has at least 2
FIRST_OPERATOR, CLOSE = 11, 15  # tokens; digits are 1 to 10
MIN, MAX, MEDIAN = range(3)  # the fourth operator is the sum modulo 10


@njit(cache=True)
def _step(state):  # splitmix64 (Steele et al., OOPSLA 2014)
    return state + np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True)
def _mix(state):
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _below(bits, count):
    return np.int64((bits >> np.uint64(32)) % np.uint64(count))


@njit(cache=True)
def draw(seed, number, row, limit):
    """Draw expression `number` into `row`, uint8 (limit,), and return its length; `limit` if it is that long or longer.

    With an empty row nothing is written, and the length alone is found.
    """
    state = _mix(_step(np.uint64(seed))) ^ _mix(_step(~np.uint64(number)))
    left = np.zeros(DEPTH + 1, np.int64)
    depth, length, write = 1, 0, len(row) > 0
    while length < limit:
        state = _step(state)
        bits = _mix(state)
        if depth < DEPTH and bits >> np.uint64(62) == np.uint64(0):
            state = _step(state)
            bits = _mix(state)
            token = FIRST_OPERATOR + np.int64(bits & np.uint64(3))
            left[depth] = 2 + _below(bits, MOST - 1)
            depth += 1
            if write:
                row[length] = token
            length += 1
            continue
        if write:
            row[length] = 1 + _below(bits, 10)
        length += 1
        while depth > 1:
            left[depth - 1] -= 1
            if left[depth - 1] > 0:
                break
            depth -= 1
            if length == limit:
                return limit
            if write:
                row[length] = CLOSE
            length += 1
        if depth == 1:
            return length
    return limit


@njit(cache=True)
def _apply(operator, values):
    if operator == MIN:
        return values.min()
    if operator == MAX:
        return values.max()
    if operator == MEDIAN:
        ordered = np.sort(values)
        half = len(values) // 2
        return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) // 2
    return values.sum() % 10


@njit(cache=True)
def value(tokens):
    """Return the value of an expression of any depth and number of arguments; -1 if it is none."""
    values = np.zeros(len(tokens) + 1, np.int64)
    starts = np.zeros(len(tokens) + 1, np.int64)
    operators = np.zeros(len(tokens) + 1, np.int64)
    held, depth = 0, 0
    for place in range(len(tokens)):
        token = tokens[place]
        if place > 0 and depth == 0:
            return -1
        if FIRST_OPERATOR <= token < CLOSE:
            operators[depth], starts[depth] = token - FIRST_OPERATOR, held
            depth += 1
        elif 1 <= token <= 10:
            values[held] = token - 1
            held += 1
        elif token == CLOSE and held > starts[depth - 1]:
            depth -= 1
            result = _apply(operators[depth], values[starts[depth] : held])
            held = starts[depth] + 1
            values[starts[depth]] = result
        else:
            return -1
    return values[0] if depth == 0 and held == 1 else -1


@njit(cache=True, nogil=True)
def lengths(first, last, seed, start, limit, found):
    """Find the lengths of expressions first .. last - 1, counted from number `start` on."""
    nothing = np.empty(0, np.uint8)
    for i in range(first, last):
        found[i] = draw(seed, start + i, nothing, limit)


@njit(cache=True, nogil=True)
def write(first, last, seed, numbers, found, tokens, labels):
    """Write expressions first .. last - 1 of the given numbers and lengths into rows of `tokens`, and their values."""
    for i in range(first, last):
        draw(seed, numbers[i], tokens[i, : found[i] + 1], found[i] + 1)
        labels[i] = value(tokens[i, : found[i]])
