"""AEStream's form of events on a wire: 32-bit words, of which one says where, and one that may follow says when.

Little-endian. Bit 31 of a word is 0 if a word with the time follows, 32 bits of microseconds, and 1 if none does; bits
16 to 30 are x, bit 15 is 1 for brighter, bits 0 to 14 are y. Source: the README of spiffer in
github.com/SpiNNakerManchester/spif, and AEStream, src/output/dvs_to_udp.cpp, which sends packets of up to 512 bytes.
"""

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.format import Block

ABSENT, COORDINATE = np.uint32(1 << 31), 0x7FFF  # "no time follows"; the 15 bits of x and of y
NEVER = -1  # time of an event that came without


def encode(events: Events, times: bool = True) -> bytes:
    """Return events as words; their times, if they are to be sent, modulo 2**32 microseconds.

    Raises:
        DataError: a coordinate is below 0.
    """
    if len(events) and min(events.x.min(), events.y.min()) < 0:
        raise DataError("events with coordinates below 0 cannot be sent. Leave them out.")
    place = events.x.astype(np.uint32) << 16 | events.p.astype(np.uint32) << 15 | events.y.astype(np.uint32)
    if not times:
        return (place | ABSENT).astype("<u4").tobytes()
    return np.stack([place, (events.t & 0xFFFFFFFF).astype(np.uint32)], 1).astype("<u4").tobytes()


def parse(words: np.ndarray) -> tuple[Block, int]:
    """Return the events of words, uint32, from the first on, and how many words they took.

    Times are as they were sent, or `NEVER`. All words are taken but a last one whose time is missing.
    """
    absent, every = words >= ABSENT, np.arange(len(words))
    # Behind a word with bit 31, be it place or time, an event begins; behind others places and times take turns.
    begun = np.maximum.accumulate(np.where(absent, every + 1, 0))
    places = every[(every - np.append(0, begun[:-1])) % 2 == 0] if len(words) else every
    if len(places) and places[-1] == len(words) - 1 and not absent[-1]:
        places = places[:-1]
    timed = ~absent[places]
    t = np.full(len(places), NEVER, np.int64)
    t[timed] = words[places[timed] + 1]
    found = words[places]
    used = int(places[-1]) + 1 + int(timed[-1]) if len(places) else 0
    return Block(found >> 16 & COORDINATE, found & COORDINATE, t, found >> 15 & 1), used


class Clock:
    """Makes times of 32 bits whole, and gives those who have none that of their arrival.

    A time is taken to be less than 36 minutes from the one before it, so that nothing happens when 32 bits overflow.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def whole(self, t: np.ndarray, now: int) -> np.ndarray:
        """Return times, int64 microseconds.

        Args:
            t: as `parse` gives them.
            now: what those without get.
        """
        timed = t != NEVER
        some = t[timed]
        if not len(some):
            return np.full(len(t), now)
        last = int(some[0]) if self._last is None else self._last
        steps = np.diff(some, prepend=last).astype(np.uint32).view(np.int32)
        whole = np.where(timed, 0, now)
        whole[timed] = last + np.cumsum(steps, dtype=np.int64)
        self._last = int(whole[timed][-1])
        return whole
