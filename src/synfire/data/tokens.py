"""Labelled sequences of tokens in memory, and what every source of them is."""

from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import DataError
from synfire.data.split import Source, Split

KEPT_AS = (torch.uint8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True, eq=False)
class TokenSplit(Split):
    """Labelled sequences of tokens that fit in memory, all brought to one length.

    Attributes:
        tokens: uint8, int16, int32 or int64, (N, L), each 0 .. vocabulary - 1; kept as they are, int64 in a batch.
        labels: int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        vocabulary: number of tokens, padding included.
        padding: the token that fills up what is shorter than L; no sequence is made of it alone.
        origin: the file or folder it came from; the subject of error messages.

    Raises:
        DataError: the set or a sequence is empty, a dtype or shape is wrong, the counts differ, or a token or label is
            out of range.
    """

    FIELD, NOUN = "tokens", "sequence"

    tokens: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    vocabulary: int
    padding: int = 0
    origin: str = "TokenSplit"

    def __post_init__(self) -> None:
        tokens = self.tokens
        if tokens.dtype not in KEPT_AS or tokens.dim() != 2:
            raise DataError(
                f"{self.origin}: tokens are {tokens.dtype} of shape {tuple(tokens.shape)}, but whole numbers (N, L) "
                "were expected. Bring sequences to one length with a padding token and convert with .to(torch.int32)."
            )
        self._check_labels()
        low, high = (int(bound) for bound in tokens.aminmax())
        if low < 0 or high >= self.vocabulary:
            row, place = (int(n) for n in ((tokens < 0) | (tokens >= self.vocabulary)).nonzero()[0])
            raise DataError(
                f"{self.origin}: token {int(tokens[row, place])} at row {row}, place {place}, but tokens 0 to "
                f"{self.vocabulary - 1} were expected. Give a vocabulary of at least {high + 1}, or "
                "repair the row."
            )
        empty = (tokens == self.padding).all(1)
        if empty.any():
            raise DataError(
                f"{self.origin}: the sequence at row {int(empty.nonzero()[0])} holds no token but the padding "
                f"({self.padding}). Drop empty sequences."
            )

    @property
    def length(self) -> int:
        """L, the length that all sequences have with their padding."""
        return self.tokens.shape[1]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens, int64, (B, L), and labels, int64, (B,)."""
        return self.tokens[rows].to(torch.int64), self.labels[rows]

    def describe(self) -> str:
        """Return length, vocabulary and classes in words."""
        return (
            f"of length {self.length}, {self.vocabulary} tokens (padding {self.padding}) and {self.num_classes} classes"
        )


class TokenSource(Source[TokenSplit]):
    """Something that yields a training and a test split of sequences; write `read` to make your own."""

    @property
    def length(self) -> int:
        """L, the length of the sequences; reads the files."""
        return self.load()[0].length

    @property
    def vocabulary(self) -> int:
        """Number of tokens, padding included; reads the files."""
        return self.load()[0].vocabulary

    @property
    def padding(self) -> int:
        """The token that fills up short sequences; reads the files."""
        return self.load()[0].padding
