"""The 40-bit spikes of one-dimensional sensors: .bs1 files of cochleas, such as those of N-TIDIGITS18."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synfire.data.events.format import CHUNK, Block, Format

SIZE = 5  # bytes of a spike


class SpikesBs1(Format):
    """Big-endian: 16 bits of channel, which become x, 1 of polarity, 23 of microseconds; no header."""

    NAME = "one-dimensional spikes .bs1"

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the name says so: there is no header, and most bytes make spikes."""
        return path.suffix.lower() == ".bs1"

    def blocks(self) -> Iterator[Block]:
        """Yield the spikes."""
        place = 0
        with self.path.open("rb") as file:
            while data := file.read(SIZE * CHUNK):
                place, rest = place + len(data), len(data) % SIZE
                raw = np.frombuffer(data, np.uint8, len(data) - rest).reshape(-1, SIZE).astype(np.int64)
                x, t = raw[:, 0] << 8 | raw[:, 1], (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
                yield Block(x, np.zeros_like(x), t, raw[:, 2] >> 7)
                if rest:
                    raise self.damaged(f"the last spike has {rest} of {SIZE} bytes", place)
