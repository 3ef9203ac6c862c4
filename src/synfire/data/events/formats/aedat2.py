"""AEDAT 2.0 and 1.0, the recordings of jAER: CIFAR10-DVS and much from before 2017."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synfire.base import DataError
from synfire.data.events.format import Block, Format
from synfire.data.events.formats.aedat import GATHER, SIZES, camera_in, header_lines

WRAP = 1 << 32  # microseconds after which the time begins anew
EVENTS = {
    b"#!AER-DAT2.0": np.dtype([("address", ">u4"), ("t", ">u4")]),
    b"#!AER-DAT1.0": np.dtype([("address", ">u2"), ("t", ">u4")]),
}
CHIP = re.compile(r"#\s*AEChip:(.*)")
END = "#End Of ASCII Header"  # of jAER since 2020; before, the header ended without a sign


class Aedat2(Format):
    """Text, then big-endian pairs of an address and of microseconds, 32 bits each (in AEDAT 1.0, 16 and 32).

    What an address means depends on the camera, which the line "# AEChip" names. DVS128 (also where there is no such
    line): bit 0 is 1 for darker, bits 1 to 7 are x, 8 to 14 are y; a higher bit marks a special event. DAVIS: bit 11 is
    1 for brighter, bits 12 to 21 are x, 22 to 30 are y; bit 31 marks samples of frames and of the IMU, bit 10 external
    events.

    The pictures of a DAVIS are turned upright, as jAER shows them: x is `width - 1` and y `height - 1` less that of the
    address. Those of a DVS128 stay as addressed, since readers of the data sets made with it disagree on how to turn
    them; jAER would show 127 - x and 127 - y. Time that falls by more than half of its 32 bits has wrapped and goes on.

    Source: jAER, classes DVS128.Extractor and DavisChip. iniVation's page on AEDAT 1.0 has the polarity of DVS128 the
    other way round than jAER, which wrote the files.
    """

    NAME = "AEDAT 2.0"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        chip = "DVS128"
        with path.open("rb") as file:
            self._dtype = EVENTS[file.read(12)]
            file.seek(0)
            for line in header_lines(self, file):
                if found := CHIP.match(line):
                    chip = found[1].strip()
                if line == END:
                    break
            self._start = file.tell()
        camera = camera_in(chip)
        if camera is None:
            raise DataError(
                f"{path}: recorded with {chip!r}, but AEDAT 2.0 is read from {', '.join(SIZES)}. Convert it with jAER."
            )
        self._camera, self._davis = camera, camera.startswith("davis")
        self.sensor_size = SIZES[camera]

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the first line says so."""
        return head[:12] in EVENTS

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        place, last = self._start, None
        size = self._dtype.itemsize
        with self.path.open("rb") as file:
            file.seek(place)
            while data := file.read(size * GATHER):
                place, rest = place + len(data), len(data) % size
                raw = np.frombuffer(data, self._dtype, len(data) // size)
                if len(raw):
                    t = unwrapped(raw["t"].astype(np.uint32), last)
                    last = int(t[-1])
                    yield self._events(raw["address"].astype(np.uint32), t)
                if rest:
                    raise self.damaged(f"the last event has {rest} of {size} bytes", place - rest)

    def _events(self, address: np.ndarray, t: np.ndarray) -> Block:
        """Return the events among the records; count the others."""
        if self._davis:
            other = (address & 0x80000400) != 0
            width, height = SIZES[self._camera]
            column, row = (address >> 12 & 1023).astype(np.int16), (address >> 22 & 511).astype(np.int16)
            x, y, p = width - 1 - column, height - 1 - row, address >> 11 & 1
        else:
            other = address > 0x7FFF
            x, y, p = address >> 1 & 127, address >> 8 & 127, address & 1 ^ 1
        block = Block(x.astype(np.int16, copy=False), y.astype(np.int16, copy=False), t, p.astype(np.uint8))
        if other.any():
            self._count(address[other])
            block = Block(*(column[~other] for column in block))
        return block

    def _count(self, address: np.ndarray) -> None:
        """Count what is no event of a pixel."""
        if not self._davis:
            self.skipped["special events"] += len(address)
            return
        samples = address >> 31 == 1
        imu = samples & (address >> 10 & 3 == 3)
        self.skipped["IMU words"] += int(imu.sum())
        self.skipped["samples of frames"] += int((samples & ~imu).sum())
        self.skipped["external events"] += int((~samples).sum())


def unwrapped(t: np.ndarray, last: int | None) -> np.ndarray:
    """Return times as int64 that do not wrap: each is the nearest to the one before that has the same 32 bits.

    Args:
        t: times, uint32, (N,), N at least 1.
        last: the time before them, of any size; None at the start of a recording.
    """
    first = int(t[0])
    if last is not None:
        first = last + (first - last + WRAP // 2) % WRAP - WRAP // 2
    if int(t.max()) - int(t.min()) < WRAP // 2:
        return t.astype(np.int64) + (first - int(t[0]))
    steps = np.diff(t).view(np.int32)  # modulo 2**32, the smaller way round
    return first + np.concatenate(([0], np.cumsum(steps, dtype=np.int64)))
