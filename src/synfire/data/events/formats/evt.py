"""Prophesee's raw recordings: EVT 2.0 and EVT 3.0.

Both tell the upper part of the time in words of their own. Where that falls by more than half of its range, it has
wrapped round; a single damaged bit cannot look so. Smaller falls are times that run backwards, and are kept.
"""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.format import CHUNK, Block, Format
from synfire.data.events.formats.decoding import decode
from synfire.data.events.formats.prophesee import header, read_header, sensor_size

PIXELS = 1 << 11  # of a sensor, each way
LIMIT = 1 << 40  # microseconds, 12 days: EVT 3.0 needs words for every 17 s
COUNTED = ("external triggers", "vendor words", "unknown words", "events before their time or row was told")


@cache
def _kernels() -> Any:
    """The compiled loops; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.data.events.formats._numba_evt")


def version(fields: dict[str, str]) -> str:
    """Return the version that a header names, such as "3.0", or ""."""
    return fields.get("evt") or {"EVT2": "2.0", "EVT21": "2.1", "EVT3": "3.0", "": ""}.get(
        found := fields.get("format", "").partition(";")[0], found
    )


class Evt(Format):
    """Lines of text, then little-endian words whose upper 4 bits tell what they are.

    What is no event is counted in `skipped`: triggers, words for extensions, words of no known kind, and events whose
    time or row no word before them told.
    """

    WORD: ClassVar[str]
    LOOP: ClassVar[str]

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        fields, self._start = read_header(path)
        if not self._start:
            raise DataError(
                f"{path}: a .raw file of Prophesee begins with lines such as '% evt 3.0', this one does not, and "
                "its words alone do not tell what they are. Put that line before it."
            )
        if version(fields) not in ("2.0", "3.0"):
            raise DataError(
                f"{path}: EVT {version(fields) or 'of no version'}, but 2.0 and 3.0 are read. Convert it, for "
                "example with Prophesee's metavision_file_to_dat."
            )
        self.sensor_size = sensor_size(fields)

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        state = np.array([-1, -1, -1, -1, PIXELS, 0, 0, 0, 0, 0], np.int64)  # nothing told yet
        try:
            rest = yield from decode(self, self._start, self.WORD, getattr(_kernels(), self.LOOP), state)
        finally:
            counts = zip(COUNTED, state[-len(COUNTED) :].tolist(), strict=True)
            self.skipped.update({name: count for name, count in counts if count})
        if rest:
            size = np.dtype(self.WORD).itemsize
            raise self.damaged(f"the last word has {rest} of {size} bytes", self.path.stat().st_size - rest)


class Evt3(Evt):
    """Words of 16 bits: a row, a column in it, 12 or 8 columns at once, the lower or the upper 12 bits of the time.

    A changed upper part sets the lower to 0. A vector without a first column, or past column 2047, makes events outside
    every sensor.
    """

    NAME, WRITES = "Prophesee EVT 3.0", ".raw"
    WORD, LOOP = "<u2", "evt3"

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the header names version 3.0."""
        return version(header(head)[0]) == "3.0"

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events in the order of time, of up to 12 days; three and more beside each other make a vector."""
        width, height = events.sensor_size
        if max(width, height) > PIXELS:
            raise DataError(
                f"{cls.NAME}: a sensor of {width} x {height} pixels, but it holds at most {PIXELS} each way."
            )
        if len(events) and (events.backward_steps or not 0 <= events.t[0] <= events.t[-1] < LIMIT):
            raise DataError(
                f"{cls.NAME}: it holds times from 0 to {LIMIT - 1} microseconds that do not fall. Subtract the first "
                "time and sort the events, or choose another format."
            )
        lines = ["evt 3.0", f"format EVT3;height={height};width={width}", f"geometry {width}x{height}", "end"]
        file.write("".join(f"% {line}\n" for line in lines).encode())
        state, out, done = np.array([0, -1, -1], np.int64), np.empty(CHUNK, "<u2"), 0
        while done < len(events):
            done, words = _kernels().write_evt3(events.x, events.y, events.t, events.p, done, state, out)
            file.write(out[:words].data)


class Evt2(Evt):
    """Words of 32 bits: an event with the lower 6 bits of its time, or the upper 28 bits for those that follow."""

    NAME = "Prophesee EVT 2.0"
    WORD, LOOP = "<u4", "evt2"

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the header names a version; files that name none, or another one, are refused with the reason."""
        return bool(version(header(head)[0])) or (path.suffix.lower() == ".raw" and not head.startswith(b"%"))
