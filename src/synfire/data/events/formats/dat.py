"""Prophesee's DAT, versions 1 and 2: N-CARS and other recordings with decoded events."""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats.decoding import decode
from synfire.data.events.formats.prophesee import header, read_header, sensor_size

SIZE = 8  # bytes of an event
KINDS = (0, 12)  # the byte before the size, for changes of brightness; others are exposures or triggers
# bits of x, of y, of the polarity
LAYOUTS = {"0": (9, 8, 1), "1": (9, 8, 1), "2": (14, 14, 4)}
LIMIT = 1 << 32  # of the time


@cache
def _kernels() -> Any:
    """The compiled loop; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.data.events.formats._numba_dat")


class Dat(Format):
    """Lines of text; two bytes, for the kind of events and their size; then 32 bits of microseconds and 32 of address.

    The address has, from its lowest bit on, x, y and the polarity: 9, 8 and 1 bits in version 1, and 14, 14 and 4 in
    version 2, all little-endian. A time that falls by more than half of 32 bits has wrapped round.
    """

    NAME, WRITES = "Prophesee DAT", ".dat"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        fields, start = read_header(path)
        version = fields.get("version", "1")
        with path.open("rb") as file:
            file.seek(start)
            kind = file.read(2)
        if len(kind) < 2 or kind[1] != SIZE:
            found = f"events of {kind[1]} bytes" if len(kind) == 2 else "nothing"
            raise self.damaged(f"{found} behind the header, but events of {SIZE} bytes were expected", start)
        if version not in LAYOUTS or kind[0] not in KINDS:
            raise DataError(
                f"{path}: version {version!r} with events of kind {kind[0]}, but versions {', '.join(LAYOUTS)} with "
                f"kinds {', '.join(map(str, KINDS))} (changes of brightness) are read. Convert it."
            )
        self.sensor_size = sensor_size(fields)
        self._start, self._layout = start + 2, LAYOUTS[version]

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether lines of text that name no EVT have those of such files."""
        fields = header(head)[0]
        return not fields.keys() & {"evt", "format"} and bool(fields.keys() & {"version", "data"})

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        state = np.array([0, 0, *self._layout], np.int64)
        rest = yield from decode(self, self._start, "<u8", _kernels().dat, state)
        if rest:
            raise self.damaged(f"the last event has {rest} of {SIZE} bytes", self.path.stat().st_size - rest)

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write version 2; times are 0 to 71 minutes."""
        width, height = events.sensor_size
        if len(events) and not (
            0 <= events.t.min() <= events.t.max() < LIMIT and np.diff(events.t, prepend=0).min() >= -LIMIT // 2
        ):
            raise DataError(
                f"{cls.NAME}: it holds times of 0 to {LIMIT - 1} microseconds that fall by at most half of that. "
                "Subtract the first time and sort the events, or choose another format."
            )
        if max(width, height) > 1 << 14:
            raise DataError(
                f"{cls.NAME}: a sensor of {width} x {height} pixels, but it holds at most {1 << 14} each way."
            )
        lines = ["Data file containing CD events", "Version 2", f"Height {height}", f"Width {width}", "end"]
        file.write("".join(f"% {line}\n" for line in lines).encode() + bytes([12, SIZE]))
        words = np.empty((len(events), 2), "<u4")
        words[:, 0] = events.t
        words[:, 1] = events.x.astype(np.uint32) | events.y.astype(np.uint32) << 14 | events.p.astype(np.uint32) << 28
        file.write(words.data)
