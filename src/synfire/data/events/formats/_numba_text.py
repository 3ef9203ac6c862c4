"""The compiled loop behind `text.py`; importing this module imports numba."""

import numpy as np
from numba import njit

FINE, NOT_A_NUMBER, NOT_WHOLE, MISSING, TOO_LARGE = range(5)
NEWLINE, SPACE, TAB, RETURN, COMMA, SEMICOLON, HASH, PERCENT = 10, 32, 9, 13, 44, 59, 35, 37
PLUS, MINUS, DOT, ZERO, NINE, LOWER_E, UPPER_E = 43, 45, 46, 48, 57, 101, 69
SAFE = np.uint64(18)  # digits that 64 bits hold, whatever they are
ONE = np.uint64(1)  # places are unsigned where it matters: signed ones might count from the end, which takes a look
ROOM = (1 << 63) // 10 - 1  # a number up to this may get one more digit


@njit(cache=True, nogil=True)
def _is_digit(byte):
    return ZERO <= byte <= NINE


@njit(cache=True, nogil=True)
def _shifted(value, shift, may_round):
    """Return value * 10 ** shift as a whole number, and what is wrong with it."""
    if value > 0 and shift > 18:
        return 0, TOO_LARGE
    for _ in range(shift):
        if value > ROOM:
            return 0, TOO_LARGE
        value *= 10
    half = 0
    for step in range(-shift):
        last, value = value % 10, value // 10
        if last != 0 and not may_round:
            return 0, NOT_WHOLE
        half = 1 if step == -shift - 1 and last >= 5 else 0
    return value + half, FINE


@njit(cache=True, nogil=True)
def _digits(data, at, stop, value, most):
    """Read on with the digits of a number up to `most`; return the number and the place behind them."""
    while at < stop and value <= most and _is_digit(data[at]):
        value = value * 10 + (data[at] - ZERO)
        at += 1
    return value, at


@njit(cache=True, nogil=True)
def _exponent(data, at, stop):
    """Read what follows an e; return the power of ten, the place behind it and what is wrong with it."""
    sign = -1 if at < stop and data[at] == MINUS else 1
    if at < stop and (data[at] == MINUS or data[at] == PLUS):
        at += 1
    power, end = _digits(data, at, stop, 0, 400)
    return sign * power, end, FINE if end > at else NOT_A_NUMBER


@njit(cache=True, nogil=True)
def _number(data, at, stop, shift, may_round):
    """Read a number at a place; return it times 10 ** shift, the place behind it and what is wrong with it."""
    negative = data[at] == MINUS
    if data[at] == MINUS or data[at] == PLUS:
        at += 1
    value, end = _digits(data, at, stop, 0, ROOM)
    seen = end > at
    if end < stop and _is_digit(data[end]):
        return 0, end, TOO_LARGE
    if end < stop and data[end] == DOT:
        at = end + 1
        value, end = _digits(data, at, stop, value, ROOM)
        seen, shift = seen or end > at, shift - (end - at)
        while end < stop and _is_digit(data[end]):  # beyond what 64 bits hold
            end += 1
    wrong = FINE if seen else NOT_A_NUMBER
    if seen and end < stop and (data[end] == LOWER_E or data[end] == UPPER_E):
        power, end, wrong = _exponent(data, end + 1, stop)
        shift += power
    if wrong == FINE and shift != 0 and value != 0:
        value, wrong = _shifted(value, shift, may_round)
    return (-value if negative else value), end, wrong


@njit(cache=True, nogil=True)
def _skip_blanks(data, at, stop):
    while at < stop and (data[at] == SPACE or data[at] == TAB or data[at] == RETURN):
        at += 1
    return at


@njit(cache=True, nogil=True)
def _ends(byte):
    return byte in (SPACE, TAB, RETURN, COMMA, SEMICOLON, NEWLINE)


@njit(cache=True, nogil=True)
def _line(data, at, stop, places, shift, row, out):
    """Read the numbers of a line into a row; return where it ends and what is wrong with it."""
    for column in range(places.size):
        at = _skip_blanks(data, at, stop)
        if at == stop or data[at] == NEWLINE:
            return at, MISSING
        place = places[column]
        if place >= 0:
            seconds = place == 2 and shift > 0
            value, end = _digits(data, at, stop, 0, ROOM)
            if seconds or end == at or (end < stop and not _ends(data[end])):  # all but the usual case
                value, end, wrong = _number(data, at, stop, shift if seconds else 0, seconds)
                if wrong:
                    return end, wrong
            at = end
            out[place, row] = value
        else:
            while at < stop and not _ends(data[at]):
                at += 1
        if at < stop and not _ends(data[at]):
            return at, NOT_A_NUMBER
        at = _skip_blanks(data, at, stop)
        if column < places.size - 1 and at < stop and (data[at] == COMMA or data[at] == SEMICOLON):
            at += 1
    return at, FINE if at == stop or data[at] == NEWLINE else MISSING


@njit(cache=True, nogil=True)
def _plain_lines(data, at, places, row, out):
    """Read lines of digits with one byte between them; return the next row and the first line of another kind.

    It is one loop nest, because calls take longer than what they do: a fifth of the time of `_line`, which reads all.
    """
    stop, columns, begin = np.uint64(data.size), places.size, at
    while at < stop:
        for column in range(columns):
            value, first = np.int64(0), at
            while at < stop:
                digit = np.int64(data[at]) - ZERO
                if digit < 0 or digit > 9:
                    break
                value = value * 10 + digit
                at += ONE
            if at == first or at - first > SAFE or places[column] < 0:
                return row, begin
            out[places[column], row] = value
            if at == stop or (column + 1 == columns) != (data[at] == NEWLINE):
                return row, begin
            if data[at] != NEWLINE and data[at] != COMMA and data[at] != SPACE and data[at] != TAB:
                return row, begin
            at += ONE
        begin = at
        row += 1
    return row, begin


@njit(cache=True, nogil=True)
def parse(data, places, shift, out):
    """Read lines of numbers.

    Args:
        data: bytes, uint8; the last line need not end.
        places: for each column of a line, the row of `out` it goes to, or -1; row 2 is the time.
        shift: times are multiplied by 10 ** shift and rounded; other numbers must be whole.
        out: int64, (4, rows), at least one column for every 8 bytes.

    Returns:
        How many events were read, what is wrong with the next line (0: nothing, all is read), and where that begins.
    """
    begin, stop, row = 0, data.size, 0
    while begin < stop:
        if shift == 0:
            row, plain = _plain_lines(data, np.uint64(begin), places, row, out)
            begin = np.int64(plain)
        at = _skip_blanks(data, begin, stop)
        if at < stop and (data[at] == HASH or data[at] == PERCENT):
            while at < stop and data[at] != NEWLINE:
                at += 1
        elif at < stop and data[at] != NEWLINE:
            at, wrong = _line(data, at, stop, places, shift, row, out)
            if wrong:
                return row, wrong, begin
            row += 1
        begin = at + 1
    return row, FINE, stop
