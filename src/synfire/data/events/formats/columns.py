"""Columns of events that other programs wrote: their names, their order, and whether times are in seconds."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import LARGEST
from synfire.data.events.format import Block

NAMES = {
    "x": ("x", "xs", "col"),
    "y": ("y", "ys", "row"),
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps", "t_us", "time_us", "timestamp_us"),
    "p": ("p", "ps", "pol", "pols", "polarity", "polarities", "on"),
}
ORDERS = ("txyp", "xytp", "xypt")  # in use where no names are given
RISING = 0.9  # share of steps that do not go back, by which times are told from coordinates, of which it is half
LONGEST = 4e12  # seconds; 63 bits hold twice as many microseconds, a time and an offset


def find_columns(names: Iterable[str]) -> dict[str, str] | None:
    """Return which of these names are the columns x, y, t and p; None if one is missing. Their case is no matter."""
    given = {name.strip().lower(): name for name in names}
    found = {column: next((given[name] for name in usual if name in given), None) for column, usual in NAMES.items()}
    return {column: name for column, name in found.items() if name is not None} if all(found.values()) else None


def find_order(columns: Sequence[np.ndarray], where: str) -> str:
    """Tell the order of four columns by the first events in them.

    Polarities are -1, 0 and 1, coordinates are whole, and times hardly ever go back. Times with fractions or larger
    than any coordinate are told for sure.

    Args:
        columns: four of one length.
        where: the file, for the message.

    Returns:
        One of `ORDERS`.

    Raises:
        DataError: no order fits, or more than one does.
    """
    fits = {order: _fit(dict(zip(order, columns, strict=True))) for order in ORDERS}
    best = [order for order, fit in fits.items() if fit == max(fits.values())]
    if len(best) > 1 or not fits[best[0]]:
        orders = " or ".join(" ".join(order) for order in ORDERS)
        raise DataError(
            f"{where}: {'more than one' if fits[best[0]] else 'no'} order of the four columns fits, of {orders}. Name "
            "them: in a text by a first line such as t,x,y,p, in an array by a data set or field for each."
        )
    return best[0]


def _fit(columns: Mapping[str, np.ndarray]) -> int:
    """Return 2 if the columns are surely these, 1 if they may be, 0 if not."""
    x, y, t, p = (columns[name] for name in "xytp")
    polar = np.isin(p, (-1, 0, 1)).mean() > 0.5 if len(p) else False
    if not polar or not all(_whole(c) and c.min() >= 0 and np.median(c) <= LARGEST for c in (x, y)):
        return 0
    if not _whole(t) or t.max() > LARGEST:
        return 2
    return int(t[-1] > t[0] and np.mean(t[1:] >= t[:-1]) >= RISING)


def _whole(column: np.ndarray) -> bool:
    return column.dtype.kind in "iub" or bool((column == np.round(column)).all())


def in_seconds(t: np.ndarray) -> bool:
    """Whether times are seconds, by the first of them: numbers with fractions are, whole ones are microseconds."""
    return not _whole(t)


def microseconds(t: np.ndarray, seconds: bool, where: str) -> np.ndarray:
    """Return times as whole microseconds, int64; seconds are rounded to the nearest.

    Raises:
        DataError: a time is no number or too large, or has a fraction although those before were whole.
    """
    t, unit = t if t.dtype.kind in "iu" else t.astype(np.float64), 1_000_000 if seconds else 1
    if len(t) and not -LONGEST * 1e6 < t.min().item() * unit <= t.max().item() * unit < LONGEST * 1e6:
        raise DataError(f"{where}: a time is no number, or larger than {LONGEST:.0e} seconds. Write the file again.")
    if not seconds and not _whole(t):
        raise DataError(
            f"{where}: a time has a fraction, but those before were whole, so that its unit is unknown. Write times as "
            "whole microseconds."
        )
    return np.rint(t * unit).astype(np.int64, copy=False)


def whole(column: np.ndarray, name: str, where: str) -> np.ndarray:
    """Return a column of whole numbers as integers.

    Raises:
        DataError: one is not whole, or beyond 32 bits.
    """
    if column.dtype.kind == "b":
        return column.astype(np.uint8)
    if column.dtype.kind in "iu":
        return column
    if not (np.abs(column.astype(np.float64)) < 1 << 31).all() or not _whole(column):
        raise DataError(f"{where}: {name} holds numbers that are not whole. Round them and write the file again.")
    return column.astype(np.int32)


def polarity(p: np.ndarray) -> np.ndarray:
    """Return polarities as 0 and 1 where they were 0 and 1, -1 and 1, or booleans; others stay."""
    return np.where(p == -1, 0, p) if p.dtype.kind == "i" else p


class Converter:
    """Makes blocks of columns as they are in a file, part by part; the first part tells the unit of time.

    Args:
        where: the file, for messages.
        offset: microseconds to add to every time.
        seconds: the unit, where it is known.

    Raises:
        DataError: the offset is too large.
    """

    def __init__(self, where: str, offset: int = 0, seconds: bool | None = None) -> None:
        if abs(offset) >= LONGEST * 1e6:
            raise DataError(f"{where}: {offset} microseconds are to be added to all times. Write the file again.")
        self.where, self.offset, self._seconds = where, offset, seconds

    def block(self, x: np.ndarray, y: np.ndarray, t: np.ndarray, p: np.ndarray) -> Block:
        """Return the events of a part.

        Raises:
            DataError: a column holds other than numbers, a number is not whole that should be, or a time is too large.
        """
        for name, column in {"x": x, "y": y, "t": t, "p": p}.items():
            if column.dtype.kind not in "biuf":
                raise DataError(f"{self.where}: {name} holds {column.dtype}, but numbers were expected. Convert them.")
        if self._seconds is None:
            self._seconds = in_seconds(t)
        times = microseconds(t, self._seconds, self.where)
        x, y, p = (whole(column, name, self.where) for column, name in ((x, "x"), (y, "y"), (p, "p")))
        return Block(x, y, times + self.offset if self.offset else times, polarity(p))
