"""What the data modules for classification share: parts, limits and loaders for Lightning."""

from typing import Any, Generic, Literal

import lightning.pytorch as L

from synfire.base import ConfigError
from synfire.data.loader import ResidentLoader
from synfire.data.order import derive_seed
from synfire.data.split import S, Source, check_fraction

EVAL_TIMES = 4  # samples per batch without gradients over those with: nothing is kept for them, and more is faster


class LabelledData(L.LightningDataModule, Generic[S]):
    """Training, validation and test batches of a source of labelled samples, kept on the device.

    Order and choice of subsets depend on (seed, epoch, rank) and the samples alone, so a run that is resumed, also in
    the middle of an epoch, sees the same numbers bit for bit.

    Args:
        source: where the samples come from.
        batch_size: samples per batch and process in training.
        eval_batch_size: the same else; by default `EVAL_TIMES` as many.
        val_fraction: share of the training samples set aside for validation, from 0 up to 1.
        seed: seeds order and choice of subsets, a whole number >= 0.
        limit_train, limit_test: use at most this many samples.
        drop_last: leave out the training samples that do not fill a batch on every process.
        resident: "accelerator" keeps all samples on the training device; "cpu" copies batch by batch.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        source: Source[S],
        batch_size: int,
        eval_batch_size: int | None,
        val_fraction: float,
        seed: int,
        limit_train: int | None,
        limit_test: int | None,
        drop_last: bool,
        resident: Literal["accelerator", "cpu"],
    ) -> None:
        super().__init__()
        check_fraction(val_fraction, "val_fraction")
        for name, value in {
            "batch_size": batch_size,
            "eval_batch_size": eval_batch_size,
            "limit_train": limit_train,
            "limit_test": limit_test,
        }.items():
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}, but at least 1 was expected.")
        if seed < 0:
            raise ConfigError(f"seed is {seed}; give a whole number of at least 0.")
        self.source = source
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or EVAL_TIMES * batch_size
        self.val_fraction, self.limit_train, self.limit_test = val_fraction, limit_train, limit_test
        self.seed, self.drop_last, self.resident = seed, drop_last, resident
        self._splits: dict[str, S] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in label order; reads the files."""
        return self.source.classes

    @property
    def num_classes(self) -> int:
        """Number of classes; reads the files."""
        return self.source.num_classes

    def setup(self, stage: str | None = None) -> None:
        """Read the source once and set samples aside; the stage makes no difference."""
        if self._splits:
            return
        train, test = (self._prepare(split) for split in self.source.load())
        splits = {"test": self._limit(test, self.limit_test)}
        if self.val_fraction:
            order = train.order(self.seed)
            count = int(self.val_fraction * len(train) + 0.5)
            if not 0 < count < len(train):
                raise ConfigError(
                    f"val_fraction {self.val_fraction} of {len(train)} training {train.NOUN}s is {count} for "
                    f"validation and {len(train) - count} for training; at least 1 of each is needed."
                )
            val = train.take(order[:count]).named(f"{train.origin} (validation)")
            splits["val"] = self._limit(val, self.limit_test)
            train = train.take(order[count:])
        elif (published := self.source.read_validation()) is not None:
            splits["val"] = self._limit(self._prepare(published), self.limit_test)
        splits["train"] = self._limit(train, self.limit_train)
        self._splits = splits

    def split(self, part: Literal["train", "val", "test"]) -> S:
        """Return what the batches of a part are made of; where nothing is set aside, "val" is the test split."""
        self.setup()
        return self._splits[self._key(part)]

    def train_dataloader(self) -> ResidentLoader:
        """Batches for training, in a new order every epoch."""
        # Trainer(overfit_batches=...) repeats the first batches, so these must be the same in every epoch.
        shuffle = not getattr(self.trainer, "overfit_batches", 0)
        return self._loader("train", self.batch_size, shuffle=shuffle, drop_last=self.drop_last)

    def val_dataloader(self) -> ResidentLoader:
        """Batches for validation, in fixed order."""
        return self._loader("val", self.eval_batch_size)

    def test_dataloader(self) -> ResidentLoader:
        """Batches for testing, in fixed order."""
        return self._loader("test", self.eval_batch_size)

    def predict_dataloader(self) -> ResidentLoader:
        """The test batches."""
        return self.test_dataloader()

    def _augment_seed(self) -> int | None:
        """Return the seed of what is drawn for the training batch at hand; None outside of training."""
        if self.trainer is None or not self.trainer.training:
            return None
        place = self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        return derive_seed(self.seed, self.trainer.current_epoch, self.trainer.global_rank, place)

    def _prepare(self, split: S) -> S:
        """Return the split as it is used."""
        return split

    def _key(self, part: str) -> str:
        return "test" if part == "val" and "val" not in self._splits else part

    def _limit(self, split: S, limit: int | None) -> S:
        if limit is None or limit >= len(split):
            return split
        return split.take(split.order(self.seed)[:limit])

    def _loader(self, part: Literal["train", "val", "test"], batch_size: int, **options: Any) -> ResidentLoader:
        split, trainer = self.split(part), self.trainer
        if trainer is not None and self.resident == "accelerator":
            split = self._splits[self._key(part)] = split.to(trainer.strategy.root_device)
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        return ResidentLoader(
            split,
            batch_size,
            device=split.device,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
            # not what Lightning gives to samplers: that is one too far after some resumed runs with max_steps
            epoch=(lambda: trainer.current_epoch) if trainer is not None else None,
            **options,
        )
