"""Image classification data for Lightning."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import lightning.pytorch as L
from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.data.augment import Augment
from synfire.data.loader import ResidentLoader
from synfire.data.normalise import Normalisation, measure
from synfire.data.order import content_order, derive_seed
from synfire.data.split import ImageSource, ImageSplit, check_fraction


class ImageData(L.LightningDataModule):
    """Training, validation and test batches of an image source, kept on the device.

    Batches are (images, labels): float32 (B, C, H, W) and int64 (B,); an encoder adds the time axis. Training images
    are augmented in [0, 1], then all images are normalised. Order and augmentation depend on (seed, epoch, rank) and
    the place in the epoch alone, so a run that is resumed, also in the middle of an epoch, sees the same numbers bit
    for bit.

    With `val_fraction` 0 the validation batches are those of the **test split**: choosing a model by them, as much of
    the literature does, makes the test accuracy optimistic. Set a fraction to choose honestly.

    Args:
        source: where the images come from, such as `synfire.data.Digits`.
        batch_size: training images per batch and process.
        eval_batch_size: images per batch and process in validation and testing; by default `batch_size`.
        val_fraction: share of the training images set aside for validation, from 0 up to 1. Which ones depends on
            the seed and the images, not on their order in the file.
        augment: what to do to training images, in this order: "flip", "crop4" (any number of pixels),
            "autoaugment_cifar10", or modules such as those of kornia.augmentation.
        normalize: "dataset" for mean and deviation of the images trained on, a `Normalisation`, or nothing.
        seed: seeds order, augmentation and choice of subsets, a whole number >= 0.
        limit_train: train on at most this many images, chosen by the seed; each larger set contains the smaller.
        limit_test: test and validate on at most this many images each, chosen likewise.
        drop_last: leave out the training images that do not fill a batch on every process.
        resident: "accelerator" keeps all images on the training device; "cpu" copies batch by batch.
    """

    def __init__(
        self,
        source: ImageSource,
        batch_size: int = 128,
        eval_batch_size: int | None = None,
        val_fraction: float = 0.0,
        augment: Sequence[str | nn.Module] = (),
        normalize: Literal["dataset"] | Normalisation | None = "dataset",
        seed: int = 0,
        limit_train: int | None = None,
        limit_test: int | None = None,
        drop_last: bool = False,
        resident: Literal["accelerator", "cpu"] = "accelerator",
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
        if not (normalize in ("dataset", None) or isinstance(normalize, Normalisation)):
            raise ConfigError(f"normalize is {normalize!r}; give 'dataset', a mean and std, or nothing.")
        self.source = source
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or batch_size
        self.val_fraction, self.limit_train, self.limit_test = val_fraction, limit_train, limit_test
        self.normalize, self.seed, self.drop_last, self.resident = normalize, seed, drop_last, resident
        self.augment = Augment(augment)
        self.normalisation = normalize if isinstance(normalize, Normalisation) else None
        self._splits: dict[str, ImageSplit] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in label order; reads the files."""
        return self.source.classes

    @property
    def num_classes(self) -> int:
        """Number of classes; reads the files."""
        return self.source.num_classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W); reads the files."""
        return self.source.shape

    def setup(self, stage: str | None = None) -> None:
        """Read the source once, set images aside and measure the normalisation; the stage makes no difference."""
        if self._splits:
            return
        train, test = self.source.load()
        splits = {"test": self._limit(test, self.limit_test)}
        if self.val_fraction:
            order = content_order(train.images, train.labels, self.seed)
            count = int(self.val_fraction * len(train) + 0.5)
            if not 0 < count < len(train):
                raise ConfigError(
                    f"val_fraction {self.val_fraction} of {len(train)} training images is {count} for validation and "
                    f"{len(train) - count} for training; at least 1 of each is needed."
                )
            val = replace(train, origin=f"{train.origin} (validation)").take(order[:count])
            splits["val"] = self._limit(val, self.limit_test)
            train = train.take(order[count:])
        splits["train"] = self._limit(train, self.limit_train)
        if self.normalize == "dataset":
            self.normalisation = measure(splits["train"].images)
        self._splits = splits

    def split(self, part: Literal["train", "val", "test"]) -> ImageSplit:
        """Return what the batches of a part are made of; without a validation fraction "val" is the test split."""
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

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Augment (in training only) and normalise a batch on its device."""
        images, labels = batch
        if self.trainer is not None and self.trainer.training and len(self.augment.steps):
            place = self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
            seed = derive_seed(self.seed, self.trainer.current_epoch, self.trainer.global_rank, place)
            images = self.augment.to(images.device)(images, seed)
        return (images if self.normalisation is None else self.normalisation(images)), labels

    def _key(self, part: str) -> str:
        return "test" if part == "val" and not self.val_fraction else part

    def _limit(self, split: ImageSplit, limit: int | None) -> ImageSplit:
        if limit is None or limit >= len(split):
            return split
        return split.take(content_order(split.images, split.labels, self.seed)[:limit])

    def _loader(self, part: Literal["train", "val", "test"], batch_size: int, **options: bool) -> ResidentLoader:
        split, trainer = self.split(part), self.trainer
        if trainer is not None and self.resident == "accelerator":
            split = self._splits[self._key(part)] = split.to(trainer.strategy.root_device)
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)
        return ResidentLoader(
            split,
            batch_size,
            device=split.images.device,
            seed=self.seed,
            rank=rank,
            world_size=world_size,
            # not what Lightning gives to samplers: that is one too far after some resumed runs with max_steps
            epoch=(lambda: trainer.current_epoch) if trainer is not None else None,
            **options,
        )
