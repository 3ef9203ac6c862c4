"""Events of a camera or cochlea, as arrays."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synfire.base import DataError

LARGEST = np.iinfo(np.int16).max  # of a coordinate; no sensor comes near
GROWTH = 64  # of columns whose length is guessed from how much of a file was read, at most


@dataclass(frozen=True, eq=False)
class Events:
    """Events in the order of their recording: at `t` the pixel (x, y) saw brighter (p = 1) or darker (p = 0).

    A channel of a cochlea is a pixel of a sensor that is one pixel high.

    Attributes:
        x: column from the left, int16, (N,).
        y: row from the top, int16, (N,).
        t: time in microseconds, int64, (N,). It may run backwards where the recording does, see `sorted`.
        p: polarity, uint8, (N,), 0 or 1.
        sensor_size: width and height in pixels.

    Raises:
        DataError: a dtype or shape is other than this.
    """

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    p: np.ndarray
    sensor_size: tuple[int, int]

    def __post_init__(self) -> None:
        for name, dtype in (("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.uint8)):
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != (len(self.t),):
                raise DataError(
                    f"events: {name} is {column.dtype} of shape {column.shape}, but {np.dtype(dtype)} of shape "
                    f"{(len(self.t),)} was expected. Use synfire.data.Events.of(x, y, t, p), which converts."
                )

    @classmethod
    def of(cls, x: Any, y: Any, t: Any, p: Any, sensor_size: tuple[int, int] | None = None) -> "Events":
        """Convert columns of any numbers that fit.

        Args:
            x, y, t, p: as the attributes; p may also be booleans, or -1 and 1.
            sensor_size: width and height; by default the smallest that holds the events.

        Raises:
            DataError: a number is no whole number, or outside the sensor; a polarity is none; the lengths differ.
        """
        columns = {name: np.asarray(column).ravel() for name, column in {"x": x, "y": y, "t": t, "p": p}.items()}
        for name, column in columns.items():
            if len(column) != len(columns["t"]):
                raise DataError(f"events: {len(column)} values of {name}, but {len(columns['t'])} of t. Give as many.")
            with np.errstate(invalid="ignore"):  # of what int64 does not hold, which the comparison finds
                if not np.can_cast(column.dtype, np.int64) and not (column.astype(np.int64) == column).all():
                    raise DataError(
                        f"events: {name} holds numbers that are not whole, or beyond 64 bits. Round them, or leave "
                        "these events out; t is in microseconds."
                    )
        x, y, t, p = columns.values()
        p = np.where(p < 0, 0, p) if len(p) and p.dtype.kind != "b" and p.min() == -1 else p
        if len(p) and not 0 <= p.min() <= p.max() <= 1:
            raise DataError(f"events: polarities {p.min()} to {p.max()}, but 0 and 1, or -1 and 1, were expected.")
        width, height = sensor_size or smallest_sensor(x, y)
        if len(x) and not (
            x.min() >= 0 and x.max() < width <= LARGEST and y.min() >= 0 and y.max() < height <= LARGEST
        ):
            raise DataError(
                f"events: x from {x.min()} to {x.max()} and y from {y.min()} to {y.max()}, but the sensor has "
                f"{width} x {height} pixels, and none has more than {LARGEST}. Give another sensor_size, or leave out "
                "what is outside."
            )
        return cls(
            x.astype(np.int16), y.astype(np.int16), t.astype(np.int64), p.astype(np.uint8), (int(width), int(height))
        )

    @classmethod
    def from_records(cls, records: np.ndarray, sensor_size: tuple[int, int] | None = None) -> "Events":
        """Convert a structured array with the fields x, y, t and p (or "on"), as tonic, expelliarmus and faery have it.

        Raises:
            DataError: a field is missing, or as for `of`.
        """
        names = records.dtype.names or ()
        polarity = "on" if "on" in names else "p"
        if missing := [name for name in ("x", "y", "t", polarity) if name not in names]:
            raise DataError(f"events: fields {', '.join(names) or 'none'}, but {', '.join(missing)} is needed. Rename.")
        return cls.of(records["x"], records["y"], records["t"], records[polarity], sensor_size)

    def records(self) -> np.ndarray:
        """Return a structured array, (N,), with the fields x, y (int16), t (int64) and p (int8), as tonic has it."""
        made = np.empty(len(self), [("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])
        for name in "xytp":
            made[name] = getattr(self, name)
        return made

    @classmethod
    def none(cls, sensor_size: tuple[int, int]) -> "Events":
        """Return no events of a sensor."""
        return cls.of([], [], [], [], sensor_size)

    @classmethod
    def gather(
        cls,
        parts: Iterable["Events"],
        sensor_size: tuple[int, int] | None = None,
        progress: Callable[[], float] = lambda: 0.0,
    ) -> "Events":
        """Do as `join`, but hold no part beyond its turn.

        Args:
            parts: each is copied and let go.
            sensor_size: width and height; by default of the largest of the parts.
            progress: tells which share of all events the parts so far hold; 0 where that is not known.
        """
        columns, count, largest = cls.none((1, 1)), 0, (1, 1)
        for part in parts:
            stop = count + len(part)
            if stop > len(columns):  # room to spare takes no memory before it is written to
                share = progress() or (0.25 if count else 1)
                room = max(stop, min(GROWTH * stop, int(1.02 * stop / share)))
                x, y, t, p = (np.empty(room, getattr(columns, name).dtype) for name in "xytp")
                grown = cls(x, y, t, p, largest)
                _copy(columns[:count], grown, 0)
                columns = grown
            _copy(part, columns, count)
            count, largest = stop, (max(largest[0], part.sensor_size[0]), max(largest[1], part.sensor_size[1]))
        for name in "xytp":
            getattr(columns, name).resize(count, refcheck=False)  # in place
        return cls(columns.x, columns.y, columns.t, columns.p, sensor_size or largest)

    @classmethod
    def join(cls, parts: Sequence["Events"], sensor_size: tuple[int, int]) -> "Events":
        """Return the events of several parts one after the other, as of a sensor of this size."""
        if len(parts) < 2:  # nothing to copy
            (only,) = parts or [cls.none(sensor_size)]
            return cls(only.x, only.y, only.t, only.p, sensor_size)
        x, y, t, p = (np.concatenate([getattr(part, name) for part in parts]) for name in "xytp")
        return cls(x, y, t, p, sensor_size)

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, rows: Any) -> "Events":
        """Return the events at a slice, mask or array of places."""
        return Events(self.x[rows], self.y[rows], self.t[rows], self.p[rows], self.sensor_size)

    @property
    def duration(self) -> int:
        """Microseconds from the earliest event to the latest; 0 if there is none."""
        return int(self.t.max()) - int(self.t.min()) if len(self) else 0

    @property
    def backward_steps(self) -> int:
        """How often time runs back from an event to the next."""
        return int((self.t[1:] < self.t[:-1]).sum())

    def sorted(self) -> "Events":
        """Return the events in the order of time; those of one microsecond keep theirs."""
        return self if not self.backward_steps else self[np.argsort(self.t, kind="stable")]

    def between(self, start: int, stop: int) -> "Events":
        """Return the events with start <= t < stop, in microseconds."""
        return self[(self.t >= start) & (self.t < stop)]


def _copy(part: Events, columns: Events, at: int) -> None:
    for name in "xytp":
        getattr(columns, name)[at : at + len(part)] = getattr(part, name)


def smallest_sensor(x: np.ndarray, y: np.ndarray) -> tuple[int, int]:
    """Return width and height of the smallest sensor that has these pixels, at least 1 x 1."""
    return (int(x.max()) + 1, int(y.max()) + 1) if len(x) else (1, 1)
