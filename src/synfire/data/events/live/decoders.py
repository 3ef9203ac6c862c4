"""From bytes, in pieces of any length, to events."""

import re
import struct
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np

from synfire.base import DataError
from synfire.data.events.format import Block
from synfire.data.events.formats.aedat3 import FORMAT, PACKET, POLARITY, SIZE, decoded, fault
from synfire.data.events.live.words import Clock, parse

AEDAT, END = b"#!AER-DAT3", re.compile(rb"(?m)^#!END-HEADER\r?\n")
LONGEST_HEADER = 1 << 20  # bytes
# Of a network stream: what begins it, number of the message, version, format (0 is RAW), source. From network.h of
# libcaer; output "net_tcp" of cAER sends it once.
NETWORK, HEADER = struct.pack("<q", 0x1D378BC90B9A6658), struct.Struct("<qqbbh")


def nothing() -> Block:
    """Return no events."""
    none = np.zeros(0, np.int64)
    return Block(none, none, none, none)


def joined(blocks: Sequence[Block]) -> Block:
    """Return events of several blocks, one behind the other."""
    return Block(*(np.concatenate(columns) for columns in zip(*blocks, strict=True))) if blocks else nothing()


def microseconds() -> int:
    """Return the time of arrival."""
    return time.monotonic_ns() // 1000


class Decoder(ABC):
    """Makes events of bytes.

    Attributes:
        timed: whether the last event came with a time of its own.
        lost: events that were damaged, by reason; they are no part of what `feed` returns.
        skipped: what came beside events.
        error: why nothing behind the events of the last `feed` can be read, if so.
    """

    def __init__(self) -> None:
        self.timed = True
        self.lost: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.error: DataError | None = None

    @abstractmethod
    def feed(self, data: bytes) -> Block:
        """Return the events that are whole, with times in microseconds."""

    @abstractmethod
    def end(self) -> None:
        """Say that nothing comes any more."""


class Words(Decoder):
    """Decodes a flow of AEStream's words, see `synfire.data.events.live.words`."""

    def __init__(self) -> None:
        super().__init__()
        self._rest, self._clock = b"", Clock()

    def feed(self, data: bytes) -> Block:
        """Return the events that are whole."""
        data = self._rest + data
        block, used = parse(np.frombuffer(data, "<u4", len(data) // 4))
        self._rest = data[4 * used :]
        return self._whole(block)

    def end(self) -> None:
        """Count an event that is not whole."""
        if self._rest:
            self.lost["cut short"] += 1

    def _whole(self, block: Block) -> Block:
        if len(block.t):
            self.timed = bool(block.t[-1] >= 0)
        return block._replace(t=self._clock.whole(block.t, microseconds()))


class Datagrams(Words):
    """Decodes datagrams of AEStream's words, each for itself; one that is no number of words is left out."""

    def several(self, packets: Sequence[bytes]) -> Block:
        """Return the events of packets that came together."""
        fit = [packet for packet in packets if len(packet) % 4 == 0]
        self.skipped["packets that are no words"] += len(packets) - len(fit)
        self.skipped = +self.skipped  # without zeros
        if all(len(packet) % 8 == 0 for packet in fit):
            words = np.frombuffer(b"".join(fit), "<u4")
            if not (words[::2] >> 31).any():  # every word at an even place is followed by its time, in every packet
                return self._whole(parse(words)[0])
        blocks = []
        for packet in fit:
            block, used = parse(np.frombuffer(packet, "<u4"))
            self.lost["cut short"] += 4 * used < len(packet)
            blocks.append(block)
        self.lost = +self.lost
        return self._whole(joined(blocks))


class Aedat31(Decoder):
    """Decodes a flow in the form of AEDAT 3.1, as `Aedat3` does a file: a header, and packets.

    The header has lines of text, or 20 bytes where the flow is one of cAER's or libcaer's network streams.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._head = True
        self._first: int | None = None  # the source that is read
        self._left, self._padding, self._overflows = 0, 0, 0  # bytes of the packet at hand

    def feed(self, data: bytes) -> Block:
        """Return the events that are whole."""
        self._rest += data
        blocks: list[Block] = []
        try:
            if not self._head or self._past_header():
                self._read(blocks)
        except DataError as error:
            self.error = error
        return joined(blocks)

    def end(self) -> None:
        """Count an event that is not whole.

        Raises:
            DataError: the header, or that of a packet, is not whole.
        """
        if self._left and self._rest:
            self.lost["cut short"] += 1
        elif self._head or self._rest:
            raise DataError("the events of a pipe ended within a header of AEDAT 3.1. Start the sender anew.")

    def _past_header(self) -> bool:
        """Leave the header out, if it is whole."""
        if self._rest.startswith(NETWORK):
            length, form = HEADER.size if len(self._rest) >= HEADER.size else 0, None
            if length and HEADER.unpack_from(self._rest)[2:4] != (1, 0):
                form = "{1} of version {0}".format(*HEADER.unpack_from(self._rest)[2:4])
        else:
            found = END.search(self._rest)
            length = found.end() if found else 0
            lines = self._rest[:length].decode("utf-8", "replace").splitlines()
            form = next((other[1] for line in lines if (other := FORMAT.match(line))), None)
        if form is not None:
            raise DataError(f"a pipe has packets of the format {form}, but RAW was expected. Let the sender send that.")
        if not length and len(self._rest) > LONGEST_HEADER:
            raise DataError(f"a header of AEDAT 3.1 was expected to end within {LONGEST_HEADER} bytes. Check it.")
        self._rest, self._head = self._rest[length:], not length
        return not self._head

    def _read(self, blocks: list[Block]) -> None:
        """Add the events that are whole."""
        place = 0
        while True:
            taken, block = self._step(place)
            if not taken:
                break
            place += taken
            if block is not None:
                blocks.append(block)
        self._rest = self._rest[place:]

    def _step(self, place: int) -> tuple[int, Block | None]:
        """Return how many bytes could be used, and the events in them."""
        have = len(self._rest) - place
        if self._left:
            used = min(have, self._left) // SIZE * SIZE
            self._left -= used
            block, invalid = decoded(self._rest[place : place + used], self._overflows)
            if invalid:
                self.lost["marked invalid"] += invalid
            return used, block
        if self._padding:
            used = min(have, self._padding)
            self._padding -= used
            return used, None
        if have < PACKET.size:
            return 0, None
        self._begin(*PACKET.unpack_from(self._rest, place))
        return PACKET.size, None

    def _begin(
        self, kind: int, source: int, size: int, at: int, overflows: int, capacity: int, number: int, _: int
    ) -> None:
        if wrong := fault(kind, size, at, overflows, capacity, number):
            raise DataError(f"through a pipe came {wrong}. The bytes are damaged; start the sender anew.")
        if kind == POLARITY and self._first is None:
            self._first = source
        read = kind == POLARITY and source == self._first
        self._overflows = overflows
        self._left = SIZE * number if read else 0
        self._padding = size * capacity - self._left
        if not read and number:
            self.skipped["events of other sources" if kind == POLARITY else "events of other types"] += number
