"""From bytes, in pieces of any length, to events."""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np

from synfire.base import DataError
from synfire.data.events.format import Block
from synfire.data.events.formats.aedat3 import PACKET, POLARITY, SECONDS, SIZE
from synfire.data.events.live.words import Clock, parse

AEDAT, END = b"#!AER-DAT3", b"#!END-HEADER\r\n"
LONGEST_HEADER = 1 << 20  # bytes


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
    """Decodes a flow in the form of AEDAT 3.1: lines of text, then packets of which those of pixels are read."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._head = True
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
        place = self._rest.find(END)
        if place < 0:
            if len(self._rest) > LONGEST_HEADER:
                raise DataError(f"a header of AEDAT 3.1 was expected to end within {LONGEST_HEADER} bytes. Check it.")
            return False
        self._rest, self._head = self._rest[place + len(END) :], False
        return True

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
            count = min(have, self._left) // SIZE
            self._left -= SIZE * count
            return SIZE * count, self._events(place, count) if count else None
        if self._padding:
            count = min(have, self._padding)
            self._padding -= count
            return count, None
        if have < PACKET.size:
            return 0, None
        self._begin(*PACKET.unpack_from(self._rest, place))
        return PACKET.size, None

    def _begin(
        self, kind: int, _: int, size: int, at: int, overflows: int, capacity: int, number: int, *__: int
    ) -> None:
        fits = kind != POLARITY or (size, at) == (SIZE, 4)
        if kind < 0 or size <= 0 or overflows < 0 or not 0 <= number <= capacity or not fits:
            raise DataError(
                f"a packet of type {kind} with {number} of {capacity} events of {size} bytes and {overflows} overflows "
                "came through a pipe, which AEDAT 3.1 does not have. The bytes are damaged; start the sender anew."
            )
        pixels = kind == POLARITY
        self._overflows = overflows
        self._left = SIZE * number if pixels else 0
        self._padding = size * capacity - self._left
        if not pixels and number:
            self.skipped["events of other types"] += number

    def _events(self, place: int, count: int) -> Block:
        words = np.frombuffer(self._rest, "<u4", 2 * count, place).reshape(-1, 2)
        valid = (words[:, 0] & 1).astype(bool)
        if not valid.all():
            self.lost["marked invalid"] += int((~valid).sum())
        word, t = words[valid, 0], words[valid, 1].astype(np.int64) + (self._overflows << SECONDS)
        return Block(word >> 17, word >> 2 & 0x7FFF, t, word >> 1 & 1)
