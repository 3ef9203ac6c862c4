"""Events as lines of text: .csv and .txt."""

import codecs
import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.format import HEAD, Block, Format
from synfire.data.events.formats.columns import find_columns, find_order, in_seconds, polarity

BEGINNING = 1 << 16  # bytes by which columns and units are told
PIECE = 1 << 20  # bytes at once
SHORTEST = 8  # bytes of a line of four columns
PRINTABLE = bytes([*b"\t\r\n", *range(32, 127), *range(128, 256)])  # comments may be in any language
SIZE = re.compile(r"geometry\s*[:=]\s*(\d{1,5})\s*[,x]\s*(\d{1,5})\b")
WRONG = ("", "a number was expected", "a whole number was expected", "it has another number of columns", "too large")


class Beginning(NamedTuple):
    """What the first lines of a text tell."""

    names: list[str] | None  # of the columns
    rows: list[list[float]]  # of the first lines of data
    sensor_size: tuple[int, int] | None
    start: int  # where data begins, in bytes


class TextEvents(Format):
    """A line for each event; columns lie between commas, semicolons, tabs or spaces.

    A first line, also behind a #, may name the columns; without it there are four, whose order is told by their content
    (`find_order`). Times are seconds if some of the first have fractions, else microseconds. Lines that begin with # or
    % are passed over. A first line of two numbers is width and height of the sensor, as is %geometry:640,480.
    """

    NAME, WRITES = "text", ".csv"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            head = file.read(BEGINNING)
            end = len(head) if not file.read(1) else head.rfind(b"\n") + 1
        found = read_beginning(head[:end])
        if found is None:
            raise self.damaged("no line of four numbers, and none that names x, y, t and p")
        columns = [*np.array(found.rows).T]
        names = find_columns(found.names) if found.names is not None else None
        if names is None and (found.names is not None or len(columns) != 4):
            held = ", ".join(found.names or [f"{len(columns)} without names"])[:200]
            raise DataError(
                f"{path}: the columns are {held}, but x, y, t and p were expected. Name them in a first line."
            )
        order = [*find_order(columns, str(path))] if names is None else _order(found.names or [], names)
        self._places = np.array(["xytp".find(name) if name else -1 for name in order])
        self._seconds = len(columns) > 0 and in_seconds(columns[order.index("t")])
        self._start = found.start
        if found.sensor_size is not None and all(0 < size <= LARGEST for size in found.sensor_size):
            self.sensor_size = found.sensor_size

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether it is text, and the first lines have numbers of events in them or name their columns."""
        end = len(head) if len(head) < HEAD else head.rfind(b"\n") + 1
        return not head[:end].translate(None, PRINTABLE) and read_beginning(head[:end]) is not None

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        kernel = importlib.import_module("synfire.data.events.formats._numba_text")
        rest, place, more = b"", self._start, True
        with self.path.open("rb") as file:
            file.seek(self._start)
            while more:
                data = file.read(PIECE)
                piece, more = rest + data, bool(data)
                end = piece.rfind(b"\n") + 1 if more else len(piece)
                lines, rest = np.frombuffer(piece, np.uint8, end), piece[end:]
                out = np.empty((4, end // SHORTEST + 1), np.int64)
                count, wrong, at = kernel.parse(lines, self._places, 6 if self._seconds else 0, out)
                x, y, t, p = out[:, :count]
                yield Block(x, y, t.copy(), polarity(p))  # lest what is kept keep the other columns, too
                if wrong:
                    raise self.damaged(WRONG[wrong], place + at)
                if len(rest) > BEGINNING:
                    raise self.damaged("a line without an end", place + end)
                place += end

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events with times in microseconds; the size of the sensor is not kept."""
        file.write(b"t,x,y,p\n")
        for start in range(0, len(events), BEGINNING):
            part = events[start : start + BEGINNING]
            rows = np.stack([part.t, part.x, part.y, part.p], 1)
            file.write(b"%d,%d,%d,%d\n" * len(part) % tuple(rows.ravel().tolist()))


def read_beginning(head: bytes) -> Beginning | None:
    """Return what whole lines at the beginning of a text tell; None if there are no events in them."""
    names = sensor = None
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    lines, before = head[start:].splitlines(keepends=True), 0
    for line in lines:
        text = line.decode("latin-1").strip()
        cells = _cells(text.lstrip("#% "))
        numbers = _numbers(cells)
        if text[:1] in ("#", "%"):
            size = SIZE.search(text)
            sensor = (int(size[1]), int(size[2])) if size else sensor
            names = cells if find_columns(cells) else names
        elif cells and numbers is None and names is None:
            names = cells
        elif len(cells) == 2 and numbers is not None and all(number.is_integer() for number in numbers):
            sensor = int(numbers[0]), int(numbers[1])
        elif cells:
            break
        start, before = start + len(line), before + 1
    rows = list(_rows(lines[before:], len(names) if names else 0))
    return Beginning(names, rows, sensor, start) if rows or (names and find_columns(names)) else None


def _rows(lines: Iterable[bytes], width: int) -> Iterator[list[float]]:
    """Yield the numbers of lines of one width, up to one that has others; reading will say what is wrong with it."""
    for line in lines:
        cells = _cells(line.decode("latin-1"))
        numbers = _numbers(cells)
        width = width or len(cells)
        if numbers is None or width < 4 or len(numbers) != width:
            return
        yield numbers


def _cells(text: str) -> list[str]:
    return [cell for cell in re.split(r"[\s,;]+", text) if cell]


def _numbers(cells: Sequence[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None


def _order(names: Sequence[str], columns: dict[str, str]) -> list[str]:
    """Return which of x, y, t and p each column is, "" for others."""
    known = {name: column for column, name in columns.items()}
    return [known.get(name, "") for name in names]
