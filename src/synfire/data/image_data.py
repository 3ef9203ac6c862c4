"""Image classification data for Lightning."""

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.data.augment import Augment
from synfire.data.data_module import LabelledData
from synfire.data.normalise import Normalisation, measure
from synfire.data.split import ImageSource, ImageSplit


class ImageData(LabelledData[ImageSplit]):
    """Training, validation and test batches of an image source, kept on the device.

    Batches are (images, labels): float32 (B, C, H, W) and int64 (B,); an encoder adds the time axis. Training images
    are augmented in [0, 1], then all images are normalised. Order and augmentation depend on (seed, epoch, rank) and
    the place in the epoch alone, so a run that is resumed, also in the middle of an epoch, sees the same numbers bit
    for bit.

    With `val_fraction` 0 the validation batches are those that the source sets aside, if it does, and else those of the
    **test split**: choosing a model by them, as much of the literature does, makes the test accuracy optimistic. Set a
    fraction to choose honestly.

    Args:
        source: where the images come from, such as `synfire.data.Digits`.
        batch_size: training images per batch and process.
        eval_batch_size: images per batch and process in validation and testing; by default four times `batch_size`.
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
        grey: make grey images of colour images, as sequential CIFAR-10 has them.
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
        grey: bool = False,
    ) -> None:
        super().__init__(
            source, batch_size, eval_batch_size, val_fraction, seed, limit_train, limit_test, drop_last, resident
        )
        if not (normalize in ("dataset", None) or isinstance(normalize, Normalisation)):
            raise ConfigError(f"normalize is {normalize!r}; give 'dataset', a mean and std, or nothing.")
        self.source: ImageSource = source
        self.normalize, self.grey = normalize, grey
        self.augment = Augment(augment)
        self.normalisation = normalize if isinstance(normalize, Normalisation) else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W); reads the files."""
        channels, height, width = self.source.shape
        return 1 if self.grey else channels, height, width

    def setup(self, stage: str | None = None) -> None:
        """Read the source once, set images aside and measure the normalisation; the stage makes no difference."""
        super().setup(stage)
        if self.normalize == "dataset" and self.normalisation is None:
            self.normalisation = measure(self._splits["train"].images)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Augment (in training only) and normalise a batch on its device."""
        images, labels = batch
        if len(self.augment.steps) and (seed := self._augment_seed()) is not None:
            images = self.augment.to(images.device)(images, seed)
        return (images if self.normalisation is None else self.normalisation(images)), labels

    def _prepare(self, split: ImageSplit) -> ImageSplit:
        return split.grey() if self.grey else split
