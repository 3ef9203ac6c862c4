"""Text for language models, as windows of tokens, for Lightning."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as L
import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.cache import cache_folder
from synfire.data.loader import EpochLoader
from synfire.data.order import EpochOrder, derive_seed
from synfire.data.text.corpus import Corpus, Part, check_share
from synfire.data.text.encoded import Encoded, check_length, encode, fit, windows
from synfire.data.text.vocabulary import Bytes, Vocabulary


class TextData(L.LightningDataModule):
    """Windows of a text: batches are (tokens,), int64, (B, length + 1), each token's target being the next one.

    The text is turned into numbers once and then read from the disk, so it may be larger than memory. In training,
    windows lie end to end from a start that is drawn anew for every epoch, and come in random order; order and start
    depend on (seed, epoch, rank) alone. In validation and testing every token but the first is predicted once, and
    the last window may be shorter. A window begins at rest, so longer ones know more of what came before.

    Where a corpus has no validation or test text, it is cut from the end of the training text; a vocabulary that is
    made from the text has then seen it.

    Args:
        corpus: where the text comes from, such as `synfire.data.TextFiles`.
        vocabulary: how it becomes numbers: `Bytes` (the default), `Words` or `Subwords` of synfire.data.
        length: tokens that are predicted per window, T.
        batch_size: windows per training batch and process.
        eval_batch_size: windows per batch in validation and testing; by default `batch_size`.
        val_share: share of the training text that validates, if the corpus has no text for it.
        test_share: likewise for testing.
        limit_train: train on at most so many tokens, from the beginning.
        limit_eval: validate and test on at most so many tokens each.
        seed: seeds starts and order, a whole number >= 0.
        cache: folder of the texts in numbers; by default $SYNFIRE_CACHE or ~/.cache/synfire.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary | None = None,
        length: int = 256,
        batch_size: int = 16,
        eval_batch_size: int | None = None,
        val_share: float = 0.05,
        test_share: float = 0.05,
        limit_train: int | None = None,
        limit_eval: int | None = None,
        seed: int = 0,
        cache: str | Path | None = None,
    ) -> None:
        super().__init__()
        for name, value in {
            "length": length,
            "batch_size": batch_size,
            "eval_batch_size": eval_batch_size,
            "limit_train": limit_train,
            "limit_eval": limit_eval,
        }.items():
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}, but at least 1 was expected.")
        if seed < 0:
            raise ConfigError(f"seed is {seed}; give a whole number of at least 0.")
        check_share(val_share, "val_share")
        check_share(test_share, "test_share")
        self.corpus, self.given = corpus, vocabulary if vocabulary is not None else Bytes()
        self.length, self.batch_size, self.eval_batch_size = length, batch_size, eval_batch_size or batch_size
        self.val_share, self.test_share = val_share, test_share
        self.limit_train, self.limit_eval, self.seed = limit_train, limit_eval, seed
        self.cache = cache_folder() if cache is None else Path(cache).expanduser()
        self._vocabulary: Vocabulary | None = None
        self._texts: dict[Part, Encoded] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary, made from the training text if it has to be."""
        if self._vocabulary is None:
            self._vocabulary = fit(self.given, self.corpus, self.cache)
        return self._vocabulary

    def prepare_data(self) -> None:
        """Fill the cache, on one process."""
        for part in self._own():
            encode(self.vocabulary, self.corpus, part, self.cache)

    def setup(self, stage: str | None = None) -> None:
        """Open the texts and cut what is missing from the training text; the stage makes no difference."""
        if self._texts:
            return
        texts: dict[Part, Encoded] = {
            part: encode(self.vocabulary, self.corpus, part, self.cache) for part in self._own()
        }
        end = 1.0
        cuts: dict[Part, float] = {"test": self.test_share, "val": self.val_share}
        for part, share in cuts.items():
            if part not in texts:
                texts[part] = texts["train"].cut(end - share, end)
                end -= share
        texts["train"] = texts["train"].cut(0.0, end)
        limits: dict[Part, int | None] = {"train": self.limit_train, "val": self.limit_eval, "test": self.limit_eval}
        for part, limit in limits.items():
            if limit is not None and limit < len(texts[part]):
                texts[part] = texts[part].cut(0.0, limit / len(texts[part]))
            check_length(texts[part], self.length if part == "train" else 1)
        self._texts = texts

    def text(self, part: Part) -> Encoded:
        """Return a part in numbers."""
        self.setup()
        return self._texts[part]

    def characters_per_token(self, part: Part) -> float:
        """Return how many characters a token stands for in the mean."""
        text = self.text(part)
        return text.characters / len(text)

    def train_dataloader(self) -> "WindowLoader":
        """Windows for training, in a new order from a new start every epoch."""
        shuffle = not getattr(self.trainer, "overfit_batches", 0)  # else the first batches must stay the same
        return self._loader("train", self.batch_size, shuffle=shuffle)

    def val_dataloader(self) -> "WindowLoader":
        """Windows for validation, in the order of the text."""
        return self._loader("val", self.eval_batch_size)

    def test_dataloader(self) -> "WindowLoader":
        """Windows for testing, in the order of the text."""
        return self._loader("test", self.eval_batch_size)

    def predict_dataloader(self) -> "WindowLoader":
        """The test windows."""
        return self.test_dataloader()

    def _own(self) -> list[Part]:
        parts: tuple[Part, ...] = ("train", "val", "test")
        return [part for part in parts if self.corpus.has(part)]

    def _loader(self, part: Part, batch_size: int, shuffle: bool = False) -> "WindowLoader":
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        return WindowLoader(
            self.text(part),
            self.length,
            batch_size,
            roll=part == "train",
            shuffle=shuffle,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
            epoch=(lambda: trainer.current_epoch) if trainer is not None else None,
        )


class WindowLoader(EpochLoader):
    """Yields batches of windows of a text, see `TextData`; one that is built anew goes on where the last one was.

    Args:
        text: the tokens.
        length: tokens that are predicted per window.
        batch_size: windows per batch.
        roll: whether windows start at another place every epoch, and none is shorter.
        shuffle, seed, rank, world_size: see `synfire.data.order.EpochOrder`.
        epoch: asked for the epoch when an iteration starts; by default it is the one last given to `set_epoch`.
    """

    def __init__(
        self,
        text: Encoded,
        length: int,
        batch_size: int,
        *,
        roll: bool,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        epoch: Callable[[], int] | None = None,
    ) -> None:
        self.text, self.length, self.batch_size, self.roll, self.shuffle = text, length, batch_size, roll, shuffle
        # A start may be anywhere in the first window, so a whole one less fits.
        count = max(1, (len(text) - length) // length) if roll else len(list(windows(text, length)))
        super().__init__(EpochOrder(count, shuffle=shuffle, seed=seed, rank=rank, world_size=world_size), epoch)

    def __len__(self) -> int:
        """Batches per epoch on this rank."""
        return -(-len(self.order) // self.batch_size) if self.roll else len(self.batches())

    def batches(self) -> list[list[tuple[int, int]]]:
        """Return the windows of every batch, by start and length; those of a batch are equally long."""
        rows = [self._window(row) for row in self.order.rows().tolist()]
        whole = [window for window in rows if window[1] == self.length]
        batches = [whole[i : i + self.batch_size] for i in range(0, len(whole), self.batch_size)]
        return batches + [[window] for window in rows if window[1] < self.length]

    def make(self, batch: list[tuple[int, int]]) -> tuple[Tensor]:
        """Return the tokens of some windows, int64, (B, length + 1)."""
        spans = [self.text.tokens[start : start + length + 1] for start, length in batch]
        return (torch.from_numpy(np.stack(spans).astype(np.int64)),)

    def _window(self, row: int) -> tuple[int, int]:
        if self.roll:
            room = min(self.length, len(self.text) - self.length)
            start = derive_seed(self.order.seed, self.order.epoch, 1) % room if self.shuffle else 0
            return start + row * self.length, self.length
        start = row * self.length
        return start, min(self.length, len(self.text) - 1 - start)
