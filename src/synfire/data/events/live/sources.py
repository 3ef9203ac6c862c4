"""Where live bytes come from."""

import select
import socket
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from synfire.base import RunError
from synfire.data.events.format import Block
from synfire.data.events.live.decoders import AEDAT, NETWORK, Aedat31, Datagrams, Decoder, Words
from synfire.data.events.recording import Recording

WAIT = 0.1  # seconds
PIECE = 1 << 17  # bytes of a pipe at once; more than its buffer in Python, so that nothing stays there
TOGETHER, LEAST = 1 << 17, 1 << 9  # bytes of packets that are decoded at once; what the smallest one counts as
BUFFER = 1 << 23  # bytes that the system is asked to keep for us
LARGEST = 1 << 16  # bytes of a datagram
MEMINFO, NUMBERS = 55, struct.Struct("=9I")  # SO_MEMINFO of Linux; the last number is that of packets dropped


class Source(ABC):
    """Yields events, and None now and then where there are none.

    Attributes:
        drops: what to do where the network is too slow: leave steps out, or stop reading.
        decoder: what makes events of the bytes; it counts what is wrong with them.
        lost_packets: see `Tally`.
    """

    drops = False
    lost_packets: int | None = None

    def __init__(self) -> None:
        self.decoder: Decoder = Words()

    @abstractmethod
    def blocks(self) -> Iterator[Block | None]:
        """Yield what came."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the source opened itself."""


class Udp(Source):
    """Datagrams of AEStream's words.

    Raises:
        RunError: the port cannot be had.
    """

    drops = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.decoder = self._packets = Datagrams()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._socket.bind((host, port))
        except (OSError, OverflowError) as err:
            self._socket.close()
            why = getattr(err, "strerror", None) or err
            raise RunError(f"cannot listen on {host}:{port}: {why}. Choose another port, or end who uses it.") from err
        self._socket.setblocking(False)
        self.address: tuple[str, int] = self._socket.getsockname()

    def blocks(self) -> Iterator[Block | None]:
        """Yield the events of packets that came together."""
        while True:
            packets: list[bytes] = []
            room = TOGETHER
            if select.select([self._socket], [], [], WAIT)[0]:
                with suppress(BlockingIOError):
                    while room > 0:
                        packets.append(self._socket.recv(LARGEST))
                        room -= max(LEAST, len(packets[-1]))
            self._count_lost()
            yield self._packets.several(packets) if packets else None

    def _count_lost(self) -> None:
        """Ask the system how many packets it could not keep."""
        if sys.platform != "linux":
            return
        with suppress(OSError, struct.error):  # before Linux 4.12
            told = self._socket.getsockopt(socket.SOL_SOCKET, MEMINFO, NUMBERS.size)
            self.lost_packets = NUMBERS.unpack(told)[-1]

    def close(self) -> None:
        """Close the socket, after a last look at what it lost."""
        self._count_lost()
        self._socket.close()


class Pipe(Source):
    """A flow of bytes: AEDAT 3.1, of a file or a network stream, if it begins like that, AEStream's words otherwise."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        try:
            self._number: int | None = file.fileno()
        except (OSError, AttributeError):
            self._number = None  # such as io.BytesIO

    def blocks(self) -> Iterator[Block | None]:
        """Yield the events of what could be read at once."""
        first, began = b"", False
        for data in self._pieces():
            if data is None:
                yield None
                continue
            if not began:
                first += data
                if data and any(len(first) < len(begin) and begin.startswith(first) for begin in (AEDAT, NETWORK)):
                    continue
                began, data = True, first
                self.decoder = Aedat31() if first.startswith((AEDAT, NETWORK)) else self.decoder
            yield self.decoder.feed(data)
            if self.decoder.error is not None:
                raise self.decoder.error
        self.decoder.end()

    def close(self) -> None:
        """Leave the pipe to whoever opened it."""

    def _pieces(self) -> Iterator[bytes | None]:
        """Yield what could be read at once, and b"" at the end; None where nothing came for a while."""
        read = getattr(self._file, "read1", self._file.read)
        data: bytes | None = None
        while data != b"":
            data = read(PIECE) if self._ready() else None
            yield data

    def _ready(self) -> bool:
        """Whether a read would not wait, so that closing never hangs."""
        if self._number is None:
            return True
        try:
            return bool(select.select([self._number], [], [], WAIT)[0])
        except (OSError, ValueError):  # not to be asked on this system, or closed
            return True


class Replay(Source):
    """A recording of any format, as fast as the network takes it."""

    CHUNK = 1 << 14  # events

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def blocks(self) -> Iterator[Block | None]:
        """Yield the events of the recording."""
        for part in self._recording.chunks(self.CHUNK):
            yield Block(part.x, part.y, part.t, part.p)

    def close(self) -> None:
        """Leave the recording as it is: a file is open only while `blocks` reads it."""
