"""Texts as sequences of bytes, with a class each: in tables, or in a folder per class."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from synfire.base import ConfigError, DataError
from synfire.data.class_folders import class_folders
from synfire.data.reading import open_maybe_gzip, reading
from synfire.data.split import name_classes
from synfire.data.tokens import TokenSource, TokenSplit

VOCABULARY = 257  # padding, and a token per byte
Texts = tuple[list[bytes], torch.Tensor]  # texts and labels, int64, (N,)


class ByteTexts(TokenSource):
    """Base of the sources of texts: every byte is a token, byte + 1, and 0 fills up; 257 tokens in all.

    Args:
        length: L, in bytes.
        truncate: cut longer texts; otherwise they are an error.

    Raises:
        ConfigError: the length is below 1.
    """

    def __init__(self, length: int = 4096, truncate: bool = False) -> None:
        if length < 1:
            raise ConfigError(f"{type(self).__name__}: length is {length}; give at least 1 byte.")
        self.width, self.truncate = length, truncate

    def fit(self, text: bytes, where: str) -> bytes:
        """Return a text of at most L bytes.

        Raises:
            DataError: it is empty, or too long and not to be cut; `where` names it.
        """
        if not text:
            raise DataError(f"{where}: the text is empty. Drop rows without a text.")
        if len(text) > self.width and not self.truncate:
            raise DataError(
                f"{where}: the text has {len(text)} bytes, but length is {self.width}. Give a greater length, or set "
                "truncate to true to cut longer ones."
            )
        return text[: self.width]

    def splits(
        self, train: Texts, test: Texts, classes: Sequence[str] | None, origins: tuple[str, str]
    ) -> tuple[TokenSplit, TokenSplit]:
        """Return (train, test) with classes of the given names, or numbered."""
        names = name_classes(classes, train[1], test[1], origin=origins[0])
        first, second = (
            TokenSplit(self._tokens(texts), labels, names, VOCABULARY, 0, origin)
            for (texts, labels), origin in zip((train, test), origins, strict=True)
        )
        return first, second

    def _tokens(self, texts: Sequence[bytes]) -> torch.Tensor:
        """Return byte + 1, filled up with 0: int16, (N, L)."""
        made = torch.zeros(len(texts), self.width, dtype=torch.int16)
        for text, row in zip(texts, made, strict=True):
            row[: len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
            row[: len(text)] += 1
        return made


class TextClasses(ByteTexts):
    """Texts and labels in two tables, .tsv or .csv, plain or gzipped.

    A .csv is read as Python's csv module reads it. Of any other table, cells lie between tabs, and quotation marks mean
    nothing. Every line has as many cells as the first; empty lines are passed over. Bytes stay as they are and need not
    be valid UTF-8.

    Args:
        train: the file.
        test: the file for testing.
        text_column: its number, from 0; or its name, if the first line holds names.
        label_column: likewise. Labels are whole numbers from 0, or names given in `classes`.
        classes: names of the classes in label order; by default "0", "1", ... up to the highest label.
        length: L, in bytes.
        truncate: cut longer texts; otherwise they are an error.

    Raises:
        ConfigError: one column is a number and the other a name, or an option is out of its range.
    """

    def __init__(
        self,
        train: str,
        test: str,
        text_column: int | str = 1,
        label_column: int | str = 0,
        classes: Sequence[str] | None = None,
        length: int = 4096,
        truncate: bool = False,
    ) -> None:
        super().__init__(length, truncate)
        columns = (text_column, label_column)
        if len({type(column) for column in columns}) > 1 or any(isinstance(c, int) and c < 0 for c in columns):
            raise ConfigError(
                f"TextClasses: text_column is {text_column!r} and label_column {label_column!r}; give two numbers from "
                "0 on, or two names if the first line holds names."
            )
        self.train, self.test, self.columns = train, test, columns
        self.class_names = None if classes is None else tuple(classes)

    def read(self) -> tuple[TokenSplit, TokenSplit]:
        """Return (train, test)."""
        train, test = (self._read(Path(path)) for path in (self.train, self.test))
        return self.splits(train, test, self.class_names, (self.train, self.test))

    def _read(self, path: Path) -> Texts:
        texts, labels = [], []
        with reading(path, "a table of texts"), open_maybe_gzip(path) as stream:
            rows = _rows(cast(Any, stream), ".csv" in path.suffixes)
            places, width = None, 0
            for line, cells in rows:
                where = f"{path}: line {line}"
                if places is None:
                    places, width = self._places(cells, str(path)), len(cells)
                    if isinstance(self.columns[0], str):
                        continue
                if len(cells) != width:
                    raise DataError(
                        f"{where}: {len(cells)} cells, but the first line has {width}. Each line needs the same "
                        "columns; remove tabs within a text, or write it as .csv with quotation marks."
                    )
                text, label = (cells[place] for place in places)
                texts.append(self.fit(text, where))
                labels.append(self._label(label, where))
        if not texts:
            raise DataError(f"{path}: no text in it. Give a table with a text and a label in each line.")
        return texts, torch.tensor(labels, dtype=torch.int64)

    def _places(self, first: Sequence[bytes], where: str) -> list[int]:
        """Return the places of text and label in a line, by the cells of the first one."""
        names = [cell.decode(errors="replace").strip() for cell in first]
        wanted: list[Any] = list(self.columns)
        of_names = isinstance(wanted[0], str)
        for column in wanted:
            if column not in (names if of_names else range(len(names))):
                held = f"the columns {', '.join(names)}" if of_names else f"{len(names)} columns, from 0 on"
                raise DataError(f"{where}: no column {column!r}; it has {held}. Give text_column and label_column.")
        return [names.index(column) for column in wanted] if of_names else wanted

    def _label(self, cell: bytes, where: str) -> int:
        word = cell.decode(errors="replace").strip()
        if self.class_names is not None and word in self.class_names:
            return self.class_names.index(word)
        if not (word.isascii() and word.isdigit()):
            known = "" if self.class_names is None else f" or one of {', '.join(self.class_names)}"
            raise DataError(
                f"{where}: label {word[:40]!r}, but a whole number from 0{known} was expected. Give the right "
                "label_column, or the names of the classes in their order as classes."
            )
        return int(word)


def _rows(stream: Any, of_commas: bool) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number, from 1 on, and the cells of every line that is not empty."""
    if not of_commas:
        for line, text in enumerate(stream, 1):
            if text.strip():
                yield line, text.rstrip(b"\r\n").split(b"\t")
        return
    # Latin-1 has a character for every byte, so that bytes come out as they went in.
    table = csv.reader((text.decode("latin-1") for text in stream), strict=True)
    for cells in table:
        if cells:
            yield table.line_num, [cell.encode("latin-1") for cell in cells]


class TextFolder(ByteTexts):
    """A text per file: root/train/<class>/*.txt and root/test/<class>/*.txt, as the original IMDB has it.

    Classes are the folders below test, numbered by sorted name; others below train, such as unsup, are passed over.

    Args:
        root: the folder that holds train and test.
        length: L, in bytes.
        truncate: cut longer texts; otherwise they are an error.
    """

    def __init__(self, root: str, length: int = 4096, truncate: bool = False) -> None:
        super().__init__(length, truncate)
        self.root = root

    def read(self) -> tuple[TokenSplit, TokenSplit]:
        """Return (train, test)."""
        train, test = Path(self.root, "train"), Path(self.root, "test")
        for part in (train, test):
            if not part.is_dir():
                raise DataError(
                    f"TextFolder: the folder {part} does not exist. Give the folder that holds train and test."
                )
        classes = class_folders(test)
        if not classes:
            raise DataError(f"{test}: no folder in it, but one per class was expected, such as neg and pos.")
        return self.splits(self._read(train, classes), self._read(test, classes), classes, (str(train), str(test)))

    def _read(self, part: Path, classes: Iterable[str]) -> Texts:
        texts, labels = [], []
        for label, name in enumerate(classes):
            files = sorted((part / name).glob("*.txt"))
            if not files:
                raise DataError(f"{part / name}: no *.txt in it. Every class needs texts in train and in test.")
            for file in files:
                with reading(file, "a text"):
                    texts.append(self.fit(file.read_bytes().rstrip(b"\r\n"), str(file)))
                labels.append(label)
        return texts, torch.tensor(labels, dtype=torch.int64)
