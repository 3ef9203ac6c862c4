"""What reads one format of recordings."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar, NamedTuple

import numpy as np

from synfire.base import ConfigError, DataError
from synfire.data.events.events import Events

HEAD = 4096  # bytes of a file by which its format is recognised
CHUNK = 1 << 20  # events at once: 13 bytes each, and a few times that while they are decoded


class Block(NamedTuple):
    """Consecutive events as a format has them, of any integer types; what is wrong with them is found later."""

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    p: np.ndarray


class Format(ABC):
    """Reads one format. A subclass for a new one needs a name, `recognises` and `blocks`, and a place in `FORMATS`.

    One that also writes has an ending in `WRITES` and its own `write`.

    Args:
        path: the file. The header is read here.

    Attributes:
        sensor_size: width and height, or None where the file does not tell.
        skipped: what the file holds beside events, such as frames, counted while `blocks` runs.
        progress: share of the file that made the events so far, while `blocks` runs; 0 where that is not known.

    Raises:
        DataError: the header is damaged.
    """

    NAME: ClassVar[str]  # such as "Prophesee EVT 3.0"
    WRITES: ClassVar[str] = ""  # ending of the files that it writes, such as ".dat"; "" if it only reads

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sensor_size: tuple[int, int] | None = None
        self.skipped: Counter[str] = Counter()
        self.progress = 0.0

    @staticmethod
    @abstractmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether a file that begins with these bytes, `HEAD` or fewer, is of the format.

        The path is for what has no header; a format asks its name or size only where the bytes cannot tell.
        """

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Yield the events from the first, at most a few times `CHUNK` at once, in memory that does not grow.

        A count that the file claims must not decide how much memory is asked for.

        Raises:
            DataError: the file is damaged or cut short. Other errors of a parser are turned into it by the caller.
        """

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write events as a file of the format.

        Raises:
            ConfigError: the format is only read.
            DataError: the format has no room for such events, for example for times that large.
        """
        raise ConfigError(f"{cls.NAME} is only read. Choose a format that has an ending in WRITES.")

    def damaged(self, what: str, place: int | None = None) -> DataError:
        """Return the error for a damaged file; place is the offset in bytes, where known."""
        where = "" if place is None else f" at byte {place}"
        return DataError(
            f"{self.path}: damaged or cut short as {self.NAME}{where}: {what}. Download or copy it again, or read what "
            "comes before with damaged='stop'."
        )
