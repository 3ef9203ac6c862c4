"""The 40-bit events of ATIS recordings: N-MNIST and N-Caltech101 (Orchard et al. 2015)."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.format import CHUNK, Block, Format

SIZE = 5  # bytes of an event
OVERFLOW_ROW, OVERFLOW = 240, 1 << 13  # an "event" in this row says that so many microseconds went by


class AtisBin(Format):
    """Big-endian: 8 bits of x, 8 of y, 1 of polarity, 23 of microseconds; no header."""

    NAME, WRITES = "ATIS .bin", ".bin"

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the name says so: there is no header, and most bytes make events."""
        return path.suffix.lower() == ".bin"

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        passed = place = 0
        with self._open() as file:
            while data := file.read(SIZE * CHUNK):
                place, rest = place + len(data), len(data) % SIZE
                raw = np.frombuffer(data, np.uint8, len(data) - rest).reshape(-1, SIZE)
                x, y, p = raw[:, 0], raw[:, 1], raw[:, 2] >> 7
                t = (raw[:, 2].astype(np.int64) & 127) << 16 | raw[:, 3].astype(np.int64) << 8 | raw[:, 4]
                overflows = y == OVERFLOW_ROW
                if passed or overflows.any():
                    t += passed + OVERFLOW * np.cumsum(overflows)
                    passed += OVERFLOW * int(overflows.sum())
                    x, y, t, p = (column[~overflows] for column in (x, y, t, p))
                yield Block(x, y, t, p)
                if rest:
                    raise self.damaged(f"the last event has {rest} of {SIZE} bytes", place)

    def _open(self) -> IO[bytes]:
        return self.path.open("rb")

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events; their times, of 0 to 8.3 seconds, need no overflows then."""
        if len(events) and not (
            0 <= events.t.min() <= events.t.max() < 1 << 23 and events.x.max() < 256 and events.y.max() < OVERFLOW_ROW
        ):
            raise DataError(
                f"{cls.NAME}: it holds times of 0 to {(1 << 23) - 1} microseconds and 256 x {OVERFLOW_ROW} pixels. "
                "Subtract the first time, or choose another format."
            )
        time = events.t | events.p.astype(np.int64) << 23
        columns = [events.x, events.y, time >> 16, time >> 8 & 255, time & 255]
        file.write(np.stack(columns, 1).astype(np.uint8).tobytes())


class AtisPart(AtisBin):
    """A recording of which the bytes are at hand; the path is that of the file they came from."""

    def __init__(self, path: Path, data: bytes) -> None:
        super().__init__(path)
        self._data = data

    def _open(self) -> IO[bytes]:
        return io.BytesIO(self._data)
