"""AEDAT 3.1, the recordings of cAER: DVS128 Gesture."""

import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats.aedat import GATHER, SIZES, camera_in, gathered, header_lines, joined

VERSION, END = b"#!AER-DAT3.1", "#!END-HEADER"
SOURCE = re.compile(r"#Source -?\d+:(.*)")  # "#-Source" is one that an earlier recording had
# Of a packet: type, source, size of an event, place of its time, overflows, capacity, number, valid
PACKET = struct.Struct("<hhiiiiii")
SIZE, POLARITY, SECONDS = 8, 1, 31  # bytes of an event; type of packets; bits of a time
FORMAT = re.compile(r"#Format:(?!\s*RAW\s*$)\s*(.*?)\s*$")  # of packets that are compressed
OTHERS = {0: "special events", 2: "frames", 3: "IMU samples", 4: "IMU samples"}


def fault(kind: int, size: int, at: int, overflows: int, capacity: int, number: int) -> str | None:
    """Return what is wrong with the header of a packet, if anything is."""
    if kind < 0 or size <= 0 or overflows < 0 or not 0 <= number <= capacity:
        return f"a packet of type {kind}, {number} of {capacity} events of {size} bytes, {overflows} overflows"
    if kind == POLARITY and (size, at) != (SIZE, 4):
        return f"events of {size} bytes with the time at {at}, but {SIZE} and 4 were expected"
    return None


def decoded(data: bytes | memoryview, overflows: int | np.ndarray) -> tuple[Block, int]:
    """Return the valid events of pixels in these bytes, and how many others there are.

    Args:
        data: whole events.
        overflows: how often the time overflowed before, for all of them or for each.
    """
    raw = np.frombuffer(data, "<u4").reshape(-1, 2)
    word, t = raw[:, 0].copy(), raw[:, 1].view(np.int32).astype(np.int64)
    if np.any(overflows):
        t += overflows << SECONDS
    block = Block(
        (word >> 17).astype(np.int16), (word >> 2 & 0x7FFF).astype(np.int16), t, (word >> 1 & 1).astype(np.uint8)
    )
    valid = (word & 1).astype(bool)
    if valid.all():
        return block, 0
    return Block(*(column[valid] for column in block)), int((~valid).sum())


class Aedat3(Format):
    """Lines of text, then packets of little-endian events of one type, of which those of pixels (type 1) are read.

    Such an event has 32 bits, of which bit 0 says that it is valid, bit 1 is 1 for brighter, bits 2 to 16 are y from
    the top, 17 to 31 are x; then 31 bits of microseconds, to which the packet adds its overflows. Of several sources of
    events, the one of the first packet is read. The size of the sensor is that of the camera that the header names.
    """

    NAME, WRITES = "AEDAT 3.1", ".aedat"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        sizes = set()
        with path.open("rb") as file:
            for line in header_lines(self, file):
                if found := FORMAT.match(line):
                    raise DataError(f"{path}: packets of the format {found[1]!r}, but RAW was expected.")
                if found := SOURCE.match(line):
                    sizes.add(SIZES.get(camera_in(found[1]) or ""))
                if line == END:
                    break
            else:
                raise self.damaged(f"the header has no line {END}")
            self._start = file.tell()
        self.sensor_size = sizes.pop() if len(sizes) == 1 else None

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the first line says so."""
        return head.startswith(VERSION)

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        with self.path.open("rb", buffering=1 << 18) as file:
            for pieces in gathered(self._pieces(file), SIZE * GATHER):
                overflows = np.array([overflows for _, overflows in pieces])
                if overflows.any():
                    overflows = np.repeat(overflows, [len(data) // SIZE for data, _ in pieces])
                block, invalid = decoded(joined(pieces), overflows)
                if invalid:
                    self.skipped["invalid events"] += invalid
                yield block

    def _pieces(self, file: BinaryIO) -> Iterator[tuple[bytes, int]]:
        """Yield events of pixels as bytes, at most GATHER at once, and how often their time overflowed."""
        first, end, place = None, file.seek(0, 2), file.seek(self._start)
        while head := file.read(PACKET.size):
            if len(head) < PACKET.size:
                raise self.damaged(f"the header of a packet has {len(head)} of {PACKET.size} bytes", place)
            kind, source, size, at, overflows, capacity, number, _ = PACKET.unpack(head)
            if wrong := fault(kind, size, at, overflows, capacity, number):
                raise self.damaged(wrong, place)
            place += PACKET.size
            if kind == POLARITY and source == (first := source if first is None else first):
                left = min(number * SIZE, end - place) // SIZE * SIZE
                while left > 0 and (data := file.read(min(left, SIZE * GATHER))):
                    left -= len(data)
                    yield data[: len(data) // SIZE * SIZE], overflows
            else:
                self.skipped["events of other sources" if kind == POLARITY else OTHERS.get(kind, "others")] += number
            place += size * capacity
            if place > end:
                raise self.damaged(f"the last packet lacks {place - end} of {size * capacity} bytes", end)
            file.seek(place)

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events; the header names a camera where one has a sensor of this size."""
        if len(events) and not 0 <= events.t.min() <= events.t.max() < 1 << 2 * SECONDS:
            raise DataError(
                f"{cls.NAME}: times from {events.t.min()} to {events.t.max()} microseconds, but it holds 0 to "
                f"{(1 << 2 * SECONDS) - 1}. Subtract the first."
            )
        camera = next((name.upper() for name, size in SIZES.items() if size == events.sensor_size), "unknown")
        file.write(f"{VERSION.decode()}\r\n#Format: RAW\r\n#Source 0: {camera}\r\n{END}\r\n".encode())
        overflows = events.t >> SECONDS
        changes = np.flatnonzero(np.diff(overflows)) + 1  # a packet counts overflows for all of its events
        edges = np.unique([*range(0, len(events), GATHER), *changes.tolist(), len(events)]).tolist()
        for start, stop in pairwise(edges):
            part, count = events[start:stop], stop - start
            word = part.x.astype(np.uint32) << 17 | part.y.astype(np.uint32) << 2 | part.p.astype(np.uint32) << 1 | 1
            time = (part.t & (1 << SECONDS) - 1).astype(np.uint32)
            file.write(PACKET.pack(POLARITY, 0, SIZE, 4, overflows[start], count, count, count))
            file.write(np.stack([word, time], 1).astype("<u4").tobytes())
