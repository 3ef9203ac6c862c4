"""Reading a file piece by piece through a compiled loop that keeps its state from one piece to the next."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from synfire.data.events.format import Block, Format

PIECE = 1 << 18  # bytes read at once: they and the events they make stay in a near cache
ROOM = 1 << 17  # events of a block
MOST = 12  # events that one word makes: a vector of EVT 3.0


def decode(
    source: Format, start: int, word: Any, loop: Callable[..., tuple[int, int]], state: np.ndarray
) -> Generator[Block, None, int]:
    """Yield full blocks, then the rest.

    Args:
        source: whose file is read; its `progress` is kept.
        start: the byte from which on it is read.
        word: NumPy type of what the loop reads.
        loop: `loop(words, at, state, x, y, t, p, count)` decodes words from `at` on into the columns from `count` on,
            as long as these have room for `MOST` more; returns the next `at` and `count`. Without lack of room it must
            leave fewer words than make one event.
        state: what the loop remembers.

    Returns:
        How many bytes at the end of the file made no event.
    """
    memory, kept = bytearray(PIECE), 0
    buffer = np.frombuffer(memory, np.uint8)
    block, count = _columns(), 0
    size, total = np.dtype(word).itemsize, source.path.stat().st_size
    with source.path.open("rb", buffering=0) as file:
        file.seek(start)
        while read := file.readinto(memoryview(memory)[kept:]):
            have, at = kept + read, 0
            words = buffer[: have - have % size].view(word)
            while True:
                at, count = loop(words, at, state, *block, count)
                if count <= ROOM - MOST:
                    break
                source.progress = (file.tell() - have + at * size) / total
                yield Block(*(column[:count] for column in block))
                block, count = _columns(), 0
            kept = have - at * size
            buffer[:kept] = buffer[at * size : have].copy()
    source.progress = 1.0
    if count:
        yield Block(*(column[:count] for column in block))
    return kept


def _columns() -> Block:
    return Block(*(np.empty(ROOM, kind) for kind in (np.int16, np.int16, np.int64, np.uint8)))
