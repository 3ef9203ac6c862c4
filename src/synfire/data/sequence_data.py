"""Classification of sequences of tokens for Lightning."""

from typing import Literal

from synfire.data.data_module import LabelledData
from synfire.data.tokens import TokenSource, TokenSplit


class SequenceData(LabelledData[TokenSplit]):
    """Training, validation and test batches of a source of tokens, kept on the device.

    Batches are (tokens, labels): int64 (B, L) and int64 (B,); the encoder `synfire.layers.TokenSequence` puts time
    first. Order and choice of subsets depend on (seed, epoch, rank) and the sequences alone, so a run that is resumed,
    also in the middle of an epoch, sees the same numbers bit for bit.

    With `val_fraction` 0 the validation batches are those that the source sets aside, if it does, and else those of the
    **test split**: choosing a model by them makes the test accuracy optimistic. Set a fraction to choose honestly.

    Args:
        source: where the sequences come from, such as `synfire.data.ListOps`.
        batch_size: training sequences per batch and process.
        eval_batch_size: sequences per batch and process in validation and testing; by default four times `batch_size`.
        val_fraction: share of the training sequences set aside for validation, from 0 up to 1. Which ones depends on
            the seed and the sequences, not on their order in the file.
        seed: seeds order and choice of subsets, a whole number >= 0.
        limit_train: train on at most this many sequences, chosen by the seed; each larger set contains the smaller.
        limit_test: test and validate on at most this many sequences each, chosen likewise.
        drop_last: leave out the training sequences that do not fill a batch on every process.
        resident: "accelerator" keeps all sequences on the training device; "cpu" copies batch by batch.
    """

    def __init__(
        self,
        source: TokenSource,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        val_fraction: float = 0.0,
        seed: int = 0,
        limit_train: int | None = None,
        limit_test: int | None = None,
        drop_last: bool = False,
        resident: Literal["accelerator", "cpu"] = "accelerator",
    ) -> None:
        super().__init__(
            source, batch_size, eval_batch_size, val_fraction, seed, limit_train, limit_test, drop_last, resident
        )
        self.source: TokenSource = source

    @property
    def length(self) -> int:
        """L, the length of the sequences; reads the files."""
        return self.source.length

    @property
    def vocabulary(self) -> int:
        """Number of tokens, padding included; reads the files."""
        return self.source.vocabulary

    @property
    def padding(self) -> int:
        """The token that fills up short sequences; reads the files."""
        return self.source.padding
