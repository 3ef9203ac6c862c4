"""What the AEDAT formats share: headers of text, cameras by name, small packets put together.

Source: https://docs.inivation.com/software/software-advanced-usage/file-formats
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from synfire.base import DataError
from synfire.data.events.format import Format

SIZES = {
    "dvs128": (128, 128),
    "tmpdiff128": (128, 128),
    "davis128": (128, 128),
    "davis208": (208, 192),
    "davis240": (240, 180),
    "davis346": (346, 260),
    "davis640": (640, 480),
}
"""Width and height of the cameras that recordings name, however the name goes on."""

TEXT = re.compile(rb"#[\t\x20-\x7e\x80-\xff]*(\r?\n)?")
LINE, HEADER = 1 << 16, 1 << 24  # bytes, at most; jAER writes its settings, a few 100 KB, into the header
Piece = tuple[bytes | memoryview, int]  # events as bytes, and what is to be added to their times
GATHER = 1 << 15  # events that are decoded at once: few enough for the cache of a processor


def camera_in(text: str) -> str | None:
    """Return the key of SIZES that a text names."""
    found = re.search("|".join(SIZES), text.lower())
    return found and found[0]


def header_lines(source: Format, file: BinaryIO) -> Iterator[str]:
    """Yield the lines that begin with '#'; behind each, the file is at the line that follows.

    A first event may begin with the byte '#' too. It is told from a line by bytes that no text has.

    Raises:
        DataError: the file ends within a line, or the lines have no end.
    """
    while (place := file.tell()) < HEADER:
        line = file.readline(LINE)
        found = TEXT.fullmatch(line)
        if found is None or (not found[1] and len(line) == LINE):
            file.seek(place)
            return
        if not found[1]:
            raise source.damaged("it ends within its header", place)
        yield line.decode("utf-8", "replace").strip()
    raise source.damaged(f"the header has more than {HEADER} bytes", place)


def gathered(pieces: Iterator[Piece], size: int) -> Iterator[list[Piece]]:
    """Put consecutive pieces together until they have this many bytes; what comes before damage is still yielded."""
    waiting: list[Piece] = []
    have, damage = 0, None
    try:
        for piece in pieces:
            waiting.append(piece)
            have += len(piece[0])
            if have >= size:
                yield waiting
                waiting, have = [], 0
    except DataError as error:
        damage = error
    if have:
        yield waiting
    if damage:
        raise damage


def joined(pieces: list[Piece]) -> bytes | memoryview:
    """Return the bytes of pieces one after the other."""
    return pieces[0][0] if len(pieces) == 1 else b"".join(data for data, _ in pieces)
