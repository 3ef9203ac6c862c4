"""Event Stream (.es), version 2: DVS, ATIS and colour recordings."""

import importlib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.format import CHUNK, Block, Format
from synfire.data.events.formats.decoding import decode

MAGIC, HEADER = b"Event Stream", 20  # bytes: the name, 3 of version, 1 of type, 2 of width, 2 of height
DVS, ATIS, COLOUR = 1, 2, 4  # types
SIZES = {DVS: 5, ATIS: 5, COLOUR: 8}  # bytes of an event
LOOPS = {DVS: "dvs", ATIS: "atis", COLOUR: "colour"}
COUNTED = {
    DVS: (),
    ATIS: ("starts and ends of exposures",),
    COLOUR: ("first colours of pixels", "colours as bright as the last"),
}
MOST_PIXELS = 1 << 24  # of a sensor in colour, whose brightness is remembered
STEP = 127  # microseconds that a byte without an event lets pass
LIMIT = 1 << 34  # microseconds, 4.8 hours: so much without an event takes 129 MiB


@cache
def _kernels() -> Any:
    """The compiled loops; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.data.events.formats._numba_es")


class EventStream(Format):
    """20 bytes of header, then events with the time since the one before: 7 bits in DVS, 6 in ATIS, 8 in colour.

    Of ATIS recordings the changes of brightness are read; the starts and ends of exposures are counted in `skipped`.

    An event in colour tells the new colour of its pixel. It is read as a change of that pixel's brightness,
    0.299 red + 0.587 green + 0.114 blue: polarity 1 where it rose since the pixel's last colour and 0 where it fell.
    The first colour of a pixel, and a colour that is as bright as the last, make no event and are counted in `skipped`.

    Rows are as the file has them. Writers that count them from below give pictures upside down.
    """

    NAME, WRITES = "Event Stream", ".es"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            head = file.read(HEADER)
        if len(head) > 15 and (head[12] != 2 or head[15] not in SIZES):
            raise DataError(
                f"{path}: Event Stream version {head[12]} with events of type {head[15]}, but version 2 with types 1 "
                "(DVS), 2 (ATIS) and 4 (colour) are read. Generic events (type 0) have no pixels."
            )
        if len(head) < HEADER:
            raise self.damaged(f"the header has {len(head)} of {HEADER} bytes", 0)
        width, height = int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little")
        self._type, most = head[15], MOST_PIXELS if head[15] == COLOUR else LARGEST**2
        if not (0 < width <= LARGEST and 0 < height <= LARGEST and width * height <= most):
            raise self.damaged(f"a sensor of {width} x {height} pixels", 16)
        self.sensor_size = (width, height)

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether it begins with the name of the format."""
        return head.startswith(MAGIC)

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        state, loop = np.zeros(3, np.int64), getattr(_kernels(), LOOPS[self._type])
        if self._type == COLOUR:
            width, height = self.sensor_size or (1, 1)
            loop = partial(loop, np.zeros((height, width), np.int32))
        try:
            rest = yield from decode(self, HEADER, "u1", loop, state)
        finally:
            counts = zip(COUNTED[self._type], state[1:].tolist(), strict=False)
            self.skipped.update({name: count for name, count in counts if count})
        if rest:
            place = self.path.stat().st_size - rest
            raise self.damaged(f"the last event has {rest} of {SIZES[self._type]} bytes", place)

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write DVS events in the order of time, of up to 4.8 hours."""
        if len(events) and (events.backward_steps or not 0 <= events.t[0] <= events.t[-1] < LIMIT):
            raise DataError(
                f"{cls.NAME}: it holds times from 0 to {LIMIT - 1} microseconds that do not fall. Subtract the first "
                "time and sort the events, or choose another format."
            )
        file.write(MAGIC + bytes([2, 0, 0, DVS]) + np.array(events.sensor_size, "<u2").tobytes())
        since, left = np.divmod(np.diff(events.t, prepend=0), STEP)
        for first in range(0, len(events), CHUNK):
            rows = slice(first, first + CHUNK)
            ends = np.cumsum(since[rows] + SIZES[DVS])
            out = np.full(ends[-1], 0xFF, np.uint8)  # that byte lets STEP pass
            out[ends - 5] = left[rows] << 1 | events.p[rows]
            for place, column in ((4, events.x), (2, events.y)):
                out[ends - place], out[ends - place + 1] = column[rows] & 0xFF, column[rows] >> 8
            file.write(out.data)
