"""From text to whole numbers and back: bytes, words, or pieces of words."""

import codecs
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from synfire.base import ConfigError, DataError, RunError, need
from synfire.data.reading import reading

END = "<eos>"  # the word that stands for the end of a line
UNKNOWN = "<unk>"  # the word that stands for all that the vocabulary has not


class Vocabulary(ABC):
    """Numbers tokens from 0; write `encode`, `pieces`, `size`, `record` and `restore` to make your own."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def size(self) -> int:
        """How many tokens there are.

        Raises:
            ConfigError: it is made from a text, and has not seen one.
        """

    @abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of a text, whole numbers, (N,)."""

    @abstractmethod
    def pieces(self, tokens: Iterable[int]) -> Iterator[str]:
        """Yield the text of tokens bit by bit, as soon as each can be shown; what they add up to is the text."""

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """Return all of it as plain data; `restore` makes it again."""

    @classmethod
    @abstractmethod
    def restore(cls, record: Mapping[str, Any]) -> "Vocabulary":
        """Return what `record` was made of."""

    def options(self) -> dict[str, Any]:
        """Return what, beside a text, it is made from."""
        return {}

    def fit(self, chunks: Iterable[str]) -> None:
        """Make it from a text, given in parts that end at the end of a line; by default it needs none."""
        return

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens."""
        return "".join(self.pieces(tokens))

    def check_prompt(self, text: str) -> None:
        """Raise a DataError if a text holds what the vocabulary has not; by default it has all."""
        return


class Bytes(Vocabulary):
    """The 256 bytes of UTF-8: nothing is unknown, and a bit per byte is a bit per character of English."""

    kind = "bytes"

    @property
    def size(self) -> int:
        """256."""
        return 256

    def encode(self, text: str) -> np.ndarray:
        """Return the bytes of a text, uint8, (N,)."""
        return np.frombuffer(text.encode(), np.uint8)

    def pieces(self, tokens: Iterable[int]) -> Iterator[str]:
        """Yield every character once its last byte is there; bytes that are no UTF-8 become U+FFFD."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in tokens:
            if piece := decoder.decode(bytes([token])):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def record(self) -> dict[str, Any]:
        """Return its kind, which is all."""
        return {"kind": self.kind}

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Bytes":
        """Return the bytes."""
        return cls()


class Words(Vocabulary):
    """Words between blanks, the most frequent first; the end of a line is a word too, as WikiText has it.

    Args:
        limit: keep at most so many words; all others become "<unk>", which is one of them.

    Raises:
        ConfigError: the limit is below 2.
    """

    kind = "words"

    def __init__(self, limit: int | None = None) -> None:
        if limit is not None and limit < 2:
            raise ConfigError(f"Words: limit is {limit}; give at least 2, one word and {UNKNOWN}.")
        self.limit = limit
        self.words: tuple[str, ...] = ()
        self._numbers: dict[str, int] = {}

    @property
    def size(self) -> int:
        """How many words there are."""
        if not self.words:
            raise ConfigError("Words: the vocabulary is made from a text; call fit first, or let TextData do it.")
        return len(self.words)

    def options(self) -> dict[str, Any]:
        """Return the limit."""
        return {"limit": self.limit}

    def fit(self, chunks: Iterable[str]) -> None:
        """Count the words; equally frequent ones stand in the order of the alphabet."""
        counts: Counter[str] = Counter()
        for chunk in chunks:
            counts.update(_split(chunk))
        counts.setdefault(UNKNOWN, 0)
        order = sorted(counts, key=lambda word: (-counts[word], word))
        if self.limit is not None and len(order) > self.limit:
            kept = [word for word in order if word != UNKNOWN][: self.limit - 1]
            counts[UNKNOWN] = counts.total() - sum(counts[word] for word in kept)
            order = sorted([*kept, UNKNOWN], key=lambda word: (-counts[word], word))
        self._take(order)

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of the words of a text, int32, (N,)."""
        if not self.size or UNKNOWN not in self._numbers:
            raise ConfigError(f"Words: there is no word {UNKNOWN} for what is unknown; restore a whole vocabulary.")
        unknown = self._numbers[UNKNOWN]
        return np.fromiter((self._numbers.get(word, unknown) for word in _split(text)), np.int32)

    def check_prompt(self, text: str) -> None:
        """Raise a DataError that names the first unknown word."""
        missing = [word for word in _split(text) if word not in self._numbers]
        if missing:
            raise DataError(
                f"the word {missing[0]!r} is not in the vocabulary of {self.size:,} words ({len(missing)} of the "
                f"prompt's words are not). Take other words, or write {UNKNOWN} for it."
            )

    def pieces(self, tokens: Iterable[int]) -> Iterator[str]:
        """Yield word by word with blanks between."""
        fresh = True  # at the beginning of a line
        for token in tokens:
            word = self.words[token]
            yield "\n" if word == END else word if fresh else f" {word}"
            fresh = word == END

    def record(self) -> dict[str, Any]:
        """Return its kind and words."""
        return {"kind": self.kind, "words": list(self.words)}

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Words":
        """Return the words of a record."""
        made = cls()
        made._take([str(word) for word in record["words"]])
        return made

    def _take(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(self.words)}


class Subwords(Vocabulary):
    """Pieces of words, by the `tokenizers` library: learned from the text, or read from a tokenizer.json.

    A learned one is byte-level BPE, in which nothing is unknown.

    Args:
        limit: of a learned one, at most so many pieces, 256 of which are the bytes.
        file: a tokenizer.json of Hugging Face to take instead; then the limit is not looked at.

    Raises:
        ConfigError: the limit is below 257.
        DataError: the file is missing or no tokenizer.
    """

    kind = "subwords"

    def __init__(self, limit: int = 8192, file: str | Path | None = None) -> None:
        if limit < 257:
            raise ConfigError(f"Subwords: limit is {limit}; give at least 257, since the bytes alone are 256.")
        self.limit, self.file = limit, file
        self._made: Any = None
        if file is not None:
            library = _tokenizers()
            with reading(file, "a tokenizer.json"):
                self._made = library.Tokenizer.from_str(Path(file).read_text(encoding="utf-8"))

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return self._tokenizer.get_vocab_size()

    @property
    def _tokenizer(self) -> Any:
        if self._made is None:
            raise ConfigError("Subwords: the vocabulary is made from a text; call fit first, or let TextData do it.")
        return self._made

    def options(self) -> dict[str, Any]:
        """Return the limit, or the tokenizer that was read."""
        return {"limit": self.limit} if self.file is None else self.record()

    def fit(self, chunks: Iterable[str]) -> None:
        """Learn byte-level BPE, unless it was read from a file."""
        if self.file is not None:
            return
        library = _tokenizers()
        made = library.Tokenizer(library.models.BPE())
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = library.decoders.ByteLevel()
        alphabet = library.pre_tokenizers.ByteLevel.alphabet()
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.limit, initial_alphabet=sorted(alphabet), show_progress=False
        )
        made.train_from_iterator(chunks, trainer)
        self._made = made

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of the pieces of a text, int32, (N,)."""
        return np.asarray(self._tokenizer.encode(text, add_special_tokens=False).ids, np.int32)

    def pieces(self, tokens: Iterable[int]) -> Iterator[str]:
        """Yield text as soon as no later token changes it."""
        stream = _tokenizers().decoders.DecodeStream(skip_special_tokens=False)
        for token in tokens:
            if piece := stream.step(self._tokenizer, int(token)):
                yield piece

    def record(self) -> dict[str, Any]:
        """Return its kind and the tokenizer as JSON."""
        return {"kind": self.kind, "tokenizer": self._tokenizer.to_str()}

    @classmethod
    def restore(cls, record: Mapping[str, Any]) -> "Subwords":
        """Return the tokenizer of a record."""
        made = cls()
        made._made = _tokenizers().Tokenizer.from_str(str(record["tokenizer"]))
        return made


def restore_vocabulary(record: Mapping[str, Any], origin: str) -> Vocabulary:
    """Return the vocabulary of a record, such as a run keeps.

    Raises:
        RunError: it is none.
    """
    kinds = {kind.kind: kind for kind in (Bytes, Words, Subwords)}
    try:
        return kinds[record["kind"]].restore(record)
    except ConfigError:
        raise
    except Exception as err:  # the tokenizers library has no error of its own
        raise RunError(
            f"{origin} holds no vocabulary of synfire ({type(err).__name__}: {err}); train the run again to write one."
        ) from err


def _split(text: str) -> list[str]:
    return text.replace("\n", f" {END} ").split()


def _tokenizers() -> Any:
    return need("tokenizers", extra="text", purpose="synfire.data.Subwords")
