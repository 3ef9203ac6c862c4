"""Where text comes from: files, data sets of Hugging Face, the source files of Python; read in parts, never whole."""

import hashlib
import io
import json
import os
import sysconfig
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from synfire.base import ConfigError, DataError, need
from synfire.data.reading import PIECE, open_maybe_gzip, reading

Part = Literal["train", "val", "test"]

_NO_SOURCES = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "__pycache__"}


class Corpus(ABC):
    """A training text and, where it has them, texts for validation and testing."""

    @abstractmethod
    def has(self, part: Part) -> bool:
        """Whether there is a text of its own for a part; what is missing is cut from the end of the training text."""

    @abstractmethod
    def chunks(self, part: Part) -> Iterator[str]:
        """Yield a text in chunks of about a megabyte that end at the end of a line, where it has lines.

        Raises:
            DataError: a file is missing, damaged or no text.
        """

    @abstractmethod
    def fingerprint(self, part: Part) -> str:
        """Return what changes when the text does, found without reading it."""


class TextFiles(Corpus):
    """Plain text in UTF-8, also packed by gzip.

    Args:
        train: a file, a folder whose files *.txt and *.txt.gz are read in the order of their names, or several.
        val: likewise, for validation.
        test: likewise, for testing.
    """

    def __init__(
        self,
        train: str | Path | Sequence[str | Path],
        val: str | Path | Sequence[str | Path] | None = None,
        test: str | Path | Sequence[str | Path] | None = None,
    ) -> None:
        self.paths = {"train": train, "val": val, "test": test}

    def has(self, part: Part) -> bool:
        """Whether files were given for it."""
        return self.paths[part] is not None

    def chunks(self, part: Part) -> Iterator[str]:
        """Yield the files one after the other."""
        return whole_lines(piece for file in _find(self.paths[part]) for piece in _pieces(file))

    def fingerprint(self, part: Part) -> str:
        """Return a digest of names, sizes and times of change."""
        return _file_digest(list(_find(self.paths[part])))


class PythonSources(Corpus):
    """The source files of the running Python's standard library: real text that is always at hand.

    About ten megabytes; which, depends on the version of Python. Tests of the library itself are left out.
    """

    def has(self, part: Part) -> bool:
        """Whether the part is the training text, which is all there is."""
        return part == "train"

    def chunks(self, part: Part) -> Iterator[str]:
        """Yield the files in the order of a digest of their names, so that related ones lie apart."""
        return whole_lines(piece for file in self._files() for piece in _pieces(file, errors="replace"))

    def fingerprint(self, part: Part) -> str:
        """Return a digest of names, sizes and times of change."""
        return _file_digest(self._files())

    def _files(self) -> list[Path]:
        root = Path(sysconfig.get_path("stdlib"))
        kept: list[Path] = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in _NO_SOURCES]
            kept += [Path(folder, name).relative_to(root) for name in names if name.endswith(".py")]
        if not kept:
            raise DataError(f"{root} holds no source file of Python's standard library. Give TextFiles instead.")
        return [root / name for name in sorted(kept, key=lambda name: hashlib.sha256(str(name).encode()).digest())]


class HuggingFaceText(Corpus):
    """A column of text that the `datasets` library streams, by its name on the hub or from a local folder.

    Args:
        name: name on the hub, such as "Salesforce/wikitext", or a local folder.
        config: configuration of the set, such as "wikitext-103-v1".
        column: name of the column.
        train_split: its name in the set.
        val_split: likewise; None cuts it from the training text.
        test_split: likewise.
        revision: commit, tag or branch on the hub; name a commit for results that can be repeated.
        end: what is put behind every row; nothing if rows hold their own ends of lines, as WikiText's do.
    """

    def __init__(
        self,
        name: str,
        config: str | None = None,
        column: str = "text",
        train_split: str = "train",
        val_split: str | None = "validation",
        test_split: str | None = "test",
        revision: str | None = None,
        end: str = "\n",
    ) -> None:
        self.name, self.config, self.column, self.revision, self.end = name, config, column, revision, end
        self.splits = {"train": train_split, "val": val_split, "test": test_split}

    def has(self, part: Part) -> bool:
        """Whether a split was named for it."""
        return self.splits[part] is not None

    def chunks(self, part: Part) -> Iterator[str]:
        """Yield the rows of a split."""
        where = f"{self.name}[{self.splits[part]}]"
        datasets: Any = need("datasets", extra="data", purpose="HuggingFaceText")
        with reading(where, "a Hugging Face data set"):
            rows = datasets.load_dataset(
                self.name, self.config, split=self.splits[part], revision=self.revision, streaming=True
            )
        return whole_lines(self._texts(rows, where))

    def _texts(self, rows: Iterable[Any], where: str) -> Iterator[str]:
        with reading(where, "a Hugging Face data set"):
            for number, row in enumerate(rows):
                text = row.get(self.column)
                if not isinstance(text, str):
                    raise DataError(
                        f"{where}: row {number} has no text in column {self.column!r}; its columns are "
                        f"{', '.join(row)}. Give the name of one as column."
                    )
                yield text + self.end

    def fingerprint(self, part: Part) -> str:
        """Return a digest of the names; a set that changes under its name needs a revision."""
        return _digest([self.name, self.config, self.column, self.splits[part], self.revision, self.end])


def whole_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces of text to chunks of about a megabyte that end at the end of a line, or at a blank without one."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size < PIECE:
            continue
        text = "".join(held)
        cut = text.rfind("\n") + 1 or text.rfind(" ") + 1 or len(text)
        yield text[:cut]
        held, size = [text[cut:]], len(text) - cut
    if size:
        yield "".join(held)


def _pieces(path: Path, errors: str = "strict") -> Iterator[str]:
    """Yield the text of a file in pieces."""
    with reading(path, "text"), open_maybe_gzip(path) as file:
        decoder = io.TextIOWrapper(cast(Any, file), encoding="utf-8", errors=errors, newline="")
        place = 0
        while True:
            try:
                piece = decoder.read(PIECE)
            except UnicodeDecodeError as err:
                raise DataError(
                    f"{path}: byte 0x{err.object[err.start]:02x} at about character {place:,} is no UTF-8. It is "
                    "damaged or in another encoding; convert it, such as with iconv."
                ) from err
            if not piece:
                return
            place += len(piece)
            yield piece


def _find(paths: str | Path | Sequence[str | Path] | None) -> Iterator[Path]:
    for given in [paths] if isinstance(paths, str | Path) else paths or ():
        path = Path(given).expanduser()
        if path.is_dir():
            found = sorted(file for ending in ("*.txt", "*.txt.gz") for file in path.glob(ending))
            if not found:
                raise DataError(f"the folder {path} holds no *.txt and no *.txt.gz. Name the files themselves.")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise DataError(f"the text {path} does not exist. Check the path.")


def _file_digest(files: Sequence[Path]) -> str:
    about = ((file, file.stat()) for file in files)
    return _digest([[str(file.resolve()), stat.st_size, stat.st_mtime_ns] for file, stat in about])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def check_share(value: float, name: str) -> None:
    """Raise a ConfigError unless a share is above 0 and below 1/2."""
    if not 0 < value < 0.5:
        raise ConfigError(f"{name} is {value}; give a share of the text above 0 and below 0.5.")
