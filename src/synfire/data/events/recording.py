"""Recordings on disk: which format a file has, and its events, whole or chunk by chunk."""

from collections import Counter
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from synfire.base import ConfigError, DataError, write_atomic
from synfire.data.events.events import LARGEST, Events, smallest_sensor
from synfire.data.events.format import HEAD, Block, Format
from synfire.data.events.formats import FORMATS
from synfire.data.reading import reading

PART = 1 << 18  # events


class Recording:
    """The events of a file. Nothing but its header is read before they are asked for.

    `x`, `y`, `t`, `p` and `events` read the whole file once and keep it; `chunks` reads it anew each time and keeps
    nothing, for recordings larger than memory.

    Args:
        source: reads the format.
        sensor_size: width and height; by default as the file says, and where it does not, the smallest that holds the
            events (which takes reading it through).
        damaged: "error" raises on a damaged file; "stop" ends the recording before the damage and counts it.

    Attributes:
        path: the file.
        format: name of its format.
        discarded: how many events were left out, by reason, after the file was read through: "outside the sensor",
            "polarity other than 0 and 1", and with damaged="stop" "damaged rest" (counted once).
        skipped: what the file holds beside events, after it was read through.
    """

    def __init__(
        self, source: Format, sensor_size: tuple[int, int] | None = None, damaged: Literal["error", "stop"] = "error"
    ) -> None:
        if sensor_size is not None and not all(0 < size <= LARGEST for size in sensor_size):
            raise ConfigError(f"sensor_size is {sensor_size}; give width and height, each 1 to {LARGEST}.")
        if damaged not in ("error", "stop"):
            raise ConfigError(f"damaged is {damaged!r}; give 'error' or 'stop'.")
        self.path, self.format = source.path, source.NAME
        self.discarded: Counter[str] = Counter()
        self._source, self._damaged = source, damaged
        self._sensor_size = sensor_size or source.sensor_size

    @property
    def skipped(self) -> Counter[str]:
        """What the file holds beside events."""
        return self._source.skipped

    @cached_property
    def sensor_size(self) -> tuple[int, int]:
        """Width and height in pixels; where nobody told, the file is read through, but not kept."""
        if self._sensor_size is not None:
            return self._sensor_size
        return _largest([self.events] if "events" in vars(self) else self._parts())

    @cached_property
    def events(self) -> Events:
        """All events."""
        return Events.gather(self._parts(), self._sensor_size, lambda: self._source.progress)

    @property
    def x(self) -> np.ndarray:
        """Columns, int16, (N,)."""
        return self.events.x

    @property
    def y(self) -> np.ndarray:
        """Rows, int16, (N,)."""
        return self.events.y

    @property
    def t(self) -> np.ndarray:
        """Times in microseconds, int64, (N,)."""
        return self.events.t

    @property
    def p(self) -> np.ndarray:
        """Polarities, uint8, (N,), 0 or 1."""
        return self.events.p

    def __len__(self) -> int:
        return len(self.events)

    def chunks(self, size: int = PART) -> Iterator[Events]:
        """Yield the events in order, in parts of this size (the last may be smaller), without keeping them.

        Where neither the file nor the caller says the size of the sensor, that of a part is the smallest that holds the
        events up to its end.

        Raises:
            ConfigError: size is below 1.
            DataError: the file is damaged.
        """
        if size < 1:
            raise ConfigError(f"size of chunks is {size}; give at least 1 event.")
        waiting: list[Events] = []
        have, sensor = 0, self._sensor_size or (1, 1)
        for part in self._parts():
            sensor = (max(sensor[0], part.sensor_size[0]), max(sensor[1], part.sensor_size[1]))
            first = 0
            while have + len(part) - first >= size:
                last = first + size - have
                yield Events.join([*waiting, part[first:last]], sensor)
                waiting, have, first = [], 0, last
            if first < len(part):
                waiting.append(part[first:])
                have += len(part) - first
        if waiting:
            yield Events.join(waiting, sensor)

    def between(self, start: int, stop: int) -> Events:
        """Return the events with start <= t < stop, in microseconds, without keeping the others.

        The whole file is read, since time may run backwards anywhere.
        """
        parts = [part.between(start, stop) for part in self._parts()]
        return Events.join(parts, self._sensor_size or _largest(parts))

    def _parts(self) -> Iterator[Events]:
        """Yield what the format reads, checked."""
        discarded = self.discarded = Counter[str]()  # its own, as the source is, since a file may be read twice at once
        source = self._source = copy(self._source)
        source.skipped, source.progress = Counter(), 0.0
        try:
            with reading(self.path, self.format):
                for block in source.blocks():
                    yield self._checked(block, discarded)
        except DataError:
            if self._damaged == "error":
                raise
            discarded["damaged rest"] = 1

    def _checked(self, block: Block, discarded: Counter[str]) -> Events:
        """Return the events of a block that are within the sensor and have a polarity; count the others."""
        x, y, t, p = block
        sensor = self._sensor_size
        width, height = sensor or (LARGEST, LARGEST)
        if len(x) and not (
            x.min() >= 0 and x.max() < width and y.min() >= 0 and y.max() < height and p.min() >= 0 and p.max() <= 1
        ):
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            polar = p <= 1 if p.dtype.kind in "ub" else (p >= 0) & (p <= 1)
            kept = inside & polar
            found = {"outside the sensor": (~inside).sum(), "polarity other than 0 and 1": (inside & ~polar).sum()}
            discarded.update({reason: int(count) for reason, count in found.items() if count})
            x, y, t, p = x[kept], y[kept], t[kept], p[kept]
        return Events(
            x.astype(np.int16, copy=False),
            y.astype(np.int16, copy=False),
            t.astype(np.int64, copy=False),
            p.astype(np.uint8, copy=False),
            sensor or smallest_sensor(x, y),
        )


def _largest(parts: Iterable[Events]) -> tuple[int, int]:
    """Return the size of the smallest sensor that holds all parts."""
    width, height = 1, 1
    for part in parts:
        width, height = max(width, part.sensor_size[0]), max(height, part.sensor_size[1])
    return width, height


def read_events(
    path: str | Path, sensor_size: tuple[int, int] | None = None, damaged: Literal["error", "stop"] = "error"
) -> Recording:
    """Open a recording of an event camera or cochlea; its format is told by what is in it.

    The formats are those of `synfire.data.events.FORMATS`. Events come in the order of the file, with its own times;
    where time runs backwards it does so here, see `Events.backward_steps` and `Events.sorted`.

    Args:
        path: the file.
        sensor_size: width and height in pixels; by default as the file says, and where it does not, the smallest that
            holds the events. Events outside are left out and counted.
        damaged: "error" raises on a damaged file; "stop" ends the recording before the damage.

    Returns:
        A recording, whose arrays `x`, `y`, `t` (microseconds) and `p` are read when they are first asked for, and
        whose `chunks()` read it in bounded memory.

    Raises:
        DataError: the file is missing, empty, damaged or of no known format.
        ConfigError: sensor_size or damaged is out of range.
    """
    path = Path(path)
    with reading(path, "a recording of events"), path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise DataError(f"{path}: the file is empty. Download or copy it again.")
    with reading(path, "a recording of events"):
        kind = next((kind for kind in FORMATS if kind.recognises(head, path)), None)
    if kind is not None:
        with reading(path, kind.NAME):
            return Recording(kind(path), sensor_size, damaged)
    names = ", ".join(kind.NAME for kind in FORMATS)
    raise DataError(f"{path}: not a recording of a known format, which are: {names}. Check that it is the right file.")


def write_events(path: str | Path, events: Events) -> None:
    """Write events to a file, whole or not at all, in the format that its ending names.

    Args:
        path: the file; the endings are those of the formats in `FORMATS` that write, such as ".npz".
        events: what to write, in this order.

    Raises:
        ConfigError: no format writes such files.
        DataError: the format has no room for such events.
        RunError: the file cannot be written.
    """
    path = Path(path)
    writers = {kind.WRITES: kind for kind in FORMATS if kind.WRITES}
    if path.suffix.lower() not in writers:
        raise ConfigError(f"{path}: events are written to files that end with {', '.join(sorted(writers))}. Give one.")
    write_atomic(path, lambda file: writers[path.suffix.lower()].write(events, file))
