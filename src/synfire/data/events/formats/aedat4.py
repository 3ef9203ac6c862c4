"""AEDAT 4, the recordings of iniVation's DV."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO
from xml.etree import ElementTree

import numpy as np

from synfire.base import SynfireError, need
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats.aedat import GATHER, gathered, joined

VERSION = b"#!AER-DAT4.0\r\n"
EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
NONE, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH = range(5)  # compressions
HEADER, PACKET = 1 << 20, 1 << 28  # bytes of a header and of a packet, at most, so that few bytes cannot ask for many
WINDOW = 1 << 27  # bytes that a zstd frame may refer back over; the usual limit of zstd itself
PIECE = 1 << 24  # bytes that are unpacked at once, at most
WRITTEN = 1 << 13  # events of a packet; DV itself writes those of 10 ms
PURPOSE = "reading a compressed AEDAT 4 recording"
DESCRIPTION = """<dv version="2.0"><node name="outInfo" path="/outInfo/"><node name="0" path="/outInfo/0/">
<attr key="compression" type="string">LZ4</attr>
<attr key="originalModuleName" type="string">synfire</attr>
<attr key="originalOutputName" type="string">events</attr>
<attr key="typeDescription" type="string">Array of events (polarity ON/OFF).</attr>
<attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info" path="/outInfo/0/info/">
<attr key="sizeX" type="int">{}</attr><attr key="sizeY" type="int">{}</attr>
<attr key="source" type="string">synfire</attr>
</node></node></node></dv>
"""
KINDS = {"FRME": "frames", "IMUS": "IMU samples", "TRIG": "triggers"}


class Aedat4(Format):
    """A FlatBuffer that describes streams, then packets of one stream and FlatBuffer each, plain or in LZ4 or zstd.

    The events of the first stream of events are read. Times are microseconds since 1970; y is from the top.

    Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html and the FlatBuffers
    internals, https://flatbuffers.dev/internals.
    """

    NAME, WRITES = "AEDAT 4", ".aedat4"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(len(VERSION))
            prefix = file.read(4)
            size = struct.unpack("<I", prefix)[0] if len(prefix) == 4 else 0
            self._start = len(VERSION) + 4 + size
            if not 0 < size <= HEADER or self._start > end:
                raise self.damaged(f"a header of {size} bytes in a file of {end}", len(VERSION))
            table = Table(prefix + file.read(size))
        self._compression, self._end = table.number(0, "<i", NONE), table.number(1, "<q", -1)
        if self._end == -1:
            self._end = end  # no table of packets follows them
        if not self._start <= self._end <= end or self._compression not in range(5):
            raise self.damaged(f"compression {self._compression} and packets from byte {self._start} to {self._end}")
        streams = described(table.text(2))
        self._kinds = {number: kind for number, (kind, _) in streams.items()}
        self._stream, self.sensor_size = next(
            ((number, size) for number, (kind, size) in sorted(streams.items()) if kind == "EVTS"), (None, None)
        )

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether the first line says so."""
        return head.startswith(VERSION)

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        with self.path.open("rb", buffering=1 << 18) as file:
            for pieces in gathered(self._pieces(file), EVENT.itemsize * GATHER):
                raw = np.frombuffer(joined(pieces), EVENT)
                yield Block(raw["x"].copy(), raw["y"].copy(), raw["t"].copy(), raw["p"].copy())

    def _pieces(self, file: BinaryIO) -> Iterator[tuple[memoryview, int]]:
        """Yield events as bytes, at most GATHER at once."""
        place = file.seek(self._start)
        while place < self._end:
            head, left = file.read(8), self._end - place - 8
            if left < 0:
                raise self.damaged(f"the header of a packet has {left + 8} of 8 bytes", place)
            stream, size = struct.unpack("<iI", head)
            if size > min(PACKET, left):
                raise self.damaged(f"a packet of {size} bytes, but {left} follow and at most {PACKET} are read", place)
            try:
                yield from self._packet(stream, file, size)
            except SynfireError:
                raise
            except Exception as error:  # unpacking raises several types
                raise self.damaged(f"a packet of stream {stream}: {error}", place) from error
            place = file.seek(place + 8 + size)

    def _packet(self, stream: int, file: BinaryIO, size: int) -> Iterator[tuple[memoryview, int]]:
        """Yield the events of a packet, or count what else it holds."""
        kind = self._kinds.get(stream, "")
        if stream == self._stream:
            data = Table(unpacked(file.read(size), self._compression), b"EVTS").elements(0, EVENT.itemsize)
            step = EVENT.itemsize * GATHER
            for start in range(0, len(data), step):
                yield data[start : start + step], 0
        elif kind == "EVTS":
            self.skipped["packets of other cameras"] += 1
        elif kind in ("IMUS", "TRIG"):
            table = Table(unpacked(file.read(size), self._compression), kind.encode())
            self.skipped[KINDS[kind]] += len(table.elements(0, 4)) // 4
        else:
            self.skipped[KINDS.get(kind, "packets of other streams")] += 1

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events, compressed with LZ4."""
        lz4 = need("lz4.frame", extra="events", purpose="writing an AEDAT 4 recording")
        text = DESCRIPTION.format(*events.sensor_size).encode()
        # each buffer is its size, root and name, then vtable, table and vector, aligned as their numbers ask for
        rest = bytes(4 - len(text) % 4)
        size = 44 + len(text) + len(rest)
        head = struct.pack("<II4s5H2xiiqII", size, 20, b"IOHE", 10, 20, 4, 8, 16, 12, LZ4, -1, 4, len(text))
        file.write(VERSION + head + text + rest)
        for start in range(0, len(events), WRITTEN):
            part = events[start : start + WRITTEN]
            raw = np.zeros(len(part), EVENT)
            raw["t"], raw["x"], raw["y"], raw["p"] = part.t, part.x, part.y, part.p
            head = struct.pack("<II4s3H2xiII", 28 + raw.nbytes, 16, b"EVTS", 6, 8, 4, 8, 4, len(raw))
            packed = lz4.compress(head + raw.tobytes())
            file.write(struct.pack("<iI", 0, len(packed)) + packed)


class Table:
    """The root table of a FlatBuffer that begins with its size; nothing outside of the buffer is ever read.

    Args:
        data: the buffer.
        name: the four letters it must carry.

    Raises:
        ValueError: it has another name, or ends too early.
        struct.error: it points outside of itself.
    """

    def __init__(self, data: bytes | bytearray, name: bytes = b"IOHE") -> None:
        self._data = memoryview(data)
        size = self._at("<I", 0) + 4
        if data[8:12] != name or size > len(data):
            raise ValueError(f"{size} bytes of {bytes(data[8:12])!r} claimed, but {len(data)} of {name!r} expected")
        self._place = 4 + self._at("<I", 4)
        self._fields = self._place - self._at("<i", self._place)

    def _at(self, code: str, place: int) -> int:
        """Return the number at a place."""
        if place < 0:
            raise ValueError(f"a place {place} before the start")
        return struct.unpack_from(code, self._data, place)[0]

    def _field(self, number: int) -> int | None:
        """Return the place of a field, or None where it is left out."""
        entry = 4 + 2 * number
        offset = self._at("<H", self._fields + entry) if entry + 2 <= self._at("<H", self._fields) else 0
        return self._place + offset if offset else None

    def number(self, field: int, code: str, default: int) -> int:
        """Return a number."""
        place = self._field(field)
        return default if place is None else self._at(code, place)

    def elements(self, field: int, size: int) -> memoryview:
        """Return the elements, of so many bytes each, of a vector."""
        place = self._field(field)
        if place is None:
            return self._data[:0]
        place += self._at("<I", place)
        start, count = place + 4, self._at("<I", place)
        if start + count * size > len(self._data):
            raise ValueError(f"{count} elements of {size} bytes in {len(self._data)} bytes")
        return self._data[start : start + count * size]

    def text(self, field: int) -> str:
        """Return a string."""
        return bytes(self.elements(field, 1)).decode()


def unpacked(data: bytes, compression: int) -> bytes | bytearray:
    """Return the bytes of a packet.

    Raises:
        ValueError: there are more than PACKET, or fewer than begun.
        Exception: what the library raises on damage.
    """
    if compression == NONE:
        return data
    most = min(PIECE, 8 * len(data) + 4096)  # events seldom shrink more, so that one part is all
    if compression in (ZSTD, ZSTD_HIGH):
        zstd = need("zstandard", extra="events", purpose=PURPOSE)
        stream = zstd.ZstdDecompressor(max_window_size=WINDOW).stream_reader(data)
        pieces = iter(lambda: stream.read(most), b"")
    else:
        pieces = lz4_pieces(data, most)
    whole: bytes | bytearray = next(pieces, b"")
    for piece in pieces:
        whole = bytearray(whole) if isinstance(whole, bytes) else whole
        whole += piece
        if len(whole) > PACKET:
            raise ValueError(f"unpacked it has more than {PACKET} bytes, which no camera writes")
    return whole


def lz4_pieces(data: bytes, most: int) -> Iterator[bytes]:
    """Unpack a frame, at most so many bytes at a time."""
    frame = need("lz4.frame", extra="events", purpose=PURPOSE).LZ4FrameDecompressor()
    yield frame.decompress(data, most)
    while not frame.eof:
        piece = frame.decompress(b"", most)
        if not piece and not frame.eof:
            raise ValueError("its LZ4 frame is cut short")
        yield piece


def described(text: str) -> dict[int, tuple[str, tuple[int, int] | None]]:
    """Return the type of each stream, such as "EVTS", and the size of its sensor.

    Raises:
        ValueError: it declares something, as entities would be, which could make it grow without bound; or a number is
            none.
        ParseError: it is no XML.
    """
    if "<!" in text:
        raise ValueError("the description of the streams has declarations")
    streams = {}
    for node in ElementTree.fromstring(text).iterfind("node[@name='outInfo']/node"):
        kind = node.findtext("attr[@key='typeIdentifier']", "")
        width, height = (node.findtext(f"node[@name='info']/attr[@key='{key}']", "") for key in ("sizeX", "sizeY"))
        size = (int(width), int(height)) if width and height else None
        if size and not 0 < min(size) <= max(size) <= LARGEST:
            raise ValueError(f"a sensor of {width} x {height} pixels")
        streams[int(node.get("name", ""))] = (kind, size)
    return streams
