"""A text as a file of whole numbers, made once and read where it lies, so that it may be larger than memory."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from synfire.base import DataError, RunError, read_json, write_atomic, write_json
from synfire.data.cache import make_folder
from synfire.data.text.corpus import Corpus, Part
from synfire.data.text.vocabulary import Vocabulary, restore_vocabulary

FORMAT = 1  # changes when files that were written before must not be read any more


@dataclass(frozen=True)
class Encoded:
    """A text in numbers.

    Attributes:
        tokens: (N,), on the disk.
        characters: of the text, ends of lines included.
        origin: the subject of error messages.
    """

    tokens: np.ndarray
    characters: int
    origin: str

    def __len__(self) -> int:
        return len(self.tokens)

    def cut(self, start: float, stop: float) -> "Encoded":
        """Return what lies between two shares of the text; its characters are counted by the mean."""
        first, last = (int(len(self) * share + 0.5) for share in (start, stop))
        share = (last - first) / max(1, len(self))
        return Encoded(self.tokens[first:last], int(self.characters * share + 0.5), self.origin)


def fit(vocabulary: Vocabulary, corpus: Corpus, cache: Path) -> Vocabulary:
    """Return the vocabulary made from the training text, or what was made of the same text before."""
    key = _key(vocabulary.kind, vocabulary.options(), corpus.fingerprint("train"))
    path = cache / f"{vocabulary.kind}-{key}.json"
    if path.exists():
        return restore_vocabulary(read_json(path), str(path))
    vocabulary.fit(corpus.chunks("train"))
    make_folder(cache)
    write_json(path, vocabulary.record(), indent=None)
    return vocabulary


def encode(vocabulary: Vocabulary, corpus: Corpus, part: Part, cache: Path) -> Encoded:
    """Return a text in numbers, from the cache where it is there whole.

    Raises:
        DataError: the text cannot be read.
        RunError: the cache cannot be written.
    """
    key = _key(vocabulary.record(), corpus.fingerprint(part))
    data, about = cache / f"{part}-{key}.tokens", cache / f"{part}-{key}.json"
    kind = np.dtype(np.uint8 if vocabulary.size <= 1 << 8 else np.uint16 if vocabulary.size <= 1 << 16 else np.int32)
    if not about.exists():
        make_folder(cache)
        characters = 0

        def write(file: IO[bytes]) -> None:
            nonlocal characters
            for chunk in corpus.chunks(part):
                characters += len(chunk)
                file.write(vocabulary.encode(chunk).astype(kind).data)

        write_atomic(data, write)
        write_json(about, {"characters": characters, "bytes": data.stat().st_size})
    told = read_json(about)
    size = data.stat().st_size if data.exists() else -1
    if size != told.get("bytes"):
        about.unlink()
        raise RunError(f"{data} has {size} bytes, but {told.get('bytes')} were written. Run again to make it anew.")
    tokens = np.memmap(data, kind, "r") if size else np.empty(0, kind)
    return Encoded(tokens, int(told["characters"]), f"the {part} text")


def windows(text: Encoded, length: int) -> Iterator[tuple[int, int]]:
    """Yield start and length of windows that predict every token but the first once; the last may be shorter."""
    for start in range(0, len(text) - 1, length):
        yield start, min(length, len(text) - 1 - start)


def check_length(text: Encoded, length: int) -> None:
    """Raise a DataError for a text too short for one window."""
    if len(text) < 2:
        raise DataError(f"{text.origin} holds {len(text)} tokens, so there is nothing to predict. Give a longer text.")
    if len(text) <= length + 1:
        raise DataError(
            f"{text.origin} holds {len(text)} tokens, but a window takes {length + 1}. Give a longer text, or lower "
            "data.length."
        )


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True).encode()).hexdigest()[:24]
