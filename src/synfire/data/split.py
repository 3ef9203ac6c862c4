"""Labelled images in memory, what every image source is, and how a part is set aside."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from synfire.base import ConfigError, DataError
from synfire.data.order import content_order

MAX_CLASSES = 1 << 16  # a damaged 64-bit label must not make us name a billion classes


@dataclass(frozen=True, eq=False)
class ImageSplit:
    """Labelled images that fit in memory.

    Attributes:
        images: uint8, (N, C, H, W), values 0..255.
        labels: int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        origin: the file or folder it came from; the subject of error messages.

    Raises:
        DataError: the set is empty, a dtype or shape is wrong, the counts differ, or a label is out of range.
    """

    NOUN: ClassVar[str] = "image"

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    origin: str = "ImageSplit"

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise DataError(
                f"{self.origin}: images are {images.dtype} of shape {tuple(images.shape)}, but uint8 (N, C, H, W) was "
                "expected. Scale to 0..255, convert with .to(torch.uint8), and add a missing axis with .unsqueeze(1)."
            )
        if labels.dtype != torch.int64 or labels.dim() != 1:
            raise DataError(
                f"{self.origin}: labels are {labels.dtype} of shape {tuple(labels.shape)}, but int64 (N,) was "
                "expected. Give one class index per image, converted with .long()."
            )
        if len(images) != len(labels):
            raise DataError(
                f"{self.origin}: {len(images)} images but {len(labels)} labels. "
                "Each image needs exactly one label; check that both files belong together."
            )
        if images.numel() == 0:
            raise DataError(f"{self.origin}: no image in it (shape {tuple(images.shape)}). Give at least one.")
        check_labels(labels, len(self.classes), self.origin)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not each occurs."""
        return len(self.classes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def device(self) -> torch.device:
        """Where the samples are."""
        return self.images.device

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return images, float32, (B, C, H, W), the bytes divided by 255, and labels, int64, (B,)."""
        return self.images[rows].to(torch.float32).div_(255), self.labels[rows]

    def take(self, rows: Tensor) -> "ImageSplit":
        """Return a copy of the given rows, int64, (n,), in that order."""
        rows = rows.to(self.images.device)
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def to(self, device: torch.device | str) -> "ImageSplit":
        """Return the split on a device; itself if it is there already."""
        if self.images.device == torch.device(device):
            return self
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


class ImageSource(ABC):
    """Something that yields a training and a test split; write `read` to make your own."""

    _loaded: tuple[ImageSplit, ImageSplit] | None = None

    @abstractmethod
    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Read both splits from where they are kept: (train, test), with the same classes and image shape."""

    def load(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test); files are read on the first call and the result is kept.

        Raises:
            DataError: a file is missing, damaged or out of range, or the splits do not fit together.
        """
        if self._loaded is None:
            train, test = self.read()
            if train.shape != test.shape or train.classes != test.classes:
                raise DataError(
                    f"{type(self).__name__}: {train.origin} has images {train.shape} and {train.num_classes} classes, "
                    f"but {test.origin} has {test.shape} and {test.num_classes}. Both must come from one data set."
                )
            self._loaded = train, test
        return self._loaded

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in label order; reads the files."""
        return self.load()[0].classes

    @property
    def num_classes(self) -> int:
        """Number of classes; reads the files."""
        return len(self.classes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W); reads the files."""
        return self.load()[0].shape


def check_labels(labels: Tensor, num_classes: int, origin: str) -> None:
    """Raise a DataError naming the first label outside 0 .. num_classes - 1; labels are whole numbers, (N,)."""
    wrong = (labels < 0) | (labels >= num_classes)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise DataError(
            f"{origin}: label {int(labels[row])} at row {row}, but labels 0 to {num_classes - 1} were expected "
            f"({num_classes} classes). Number the classes from 0 and drop images without a label."
        )


def name_classes(given: Sequence[str] | None, *labels: Tensor, origin: str) -> tuple[str, ...]:
    """Return the given names, or "0", "1", ... up to the highest label, and check every label against them."""
    highest = max(int(part.max()) if part.numel() else 0 for part in labels)
    if given is None and highest >= MAX_CLASSES:
        raise DataError(
            f"{origin}: label {highest}, that is more than {MAX_CLASSES} classes. "
            "Number the classes from 0 without gaps, or repair the damaged label."
        )
    names = tuple(given) if given is not None else tuple(str(label) for label in range(highest + 1))
    for part in labels:
        check_labels(part, len(names), origin)
    return names


def check_fraction(value: float, name: str) -> None:
    """Raise a ConfigError unless 0 <= value < 1."""
    if not 0 <= value < 1:
        raise ConfigError(f"{name} is {value}, but a share from 0 up to, but not including, 1 was expected.")


def stratified_split(split: ImageSplit, test_fraction: float, seed: int) -> tuple[ImageSplit, ImageSplit]:
    """Set a share of every class aside as a test split, chosen by `content_order`.

    A class of n images gives round(test_fraction * n) of them, at least one if it has two or more.

    Returns:
        (train, test), both in the order of `split`.

    Raises:
        ConfigError: test_fraction is not above 0 and below 1.
        DataError: no class has two images, so that a part would be empty.
    """
    check_fraction(test_fraction, "test_fraction")
    if test_fraction == 0:
        raise ConfigError("test_fraction is 0, but a test split is needed here; give more than 0, such as 0.2.")
    order = content_order(split.images, split.labels, seed)
    chosen = torch.zeros(len(split), dtype=torch.bool)
    for label in range(split.num_classes):
        rows = order[split.labels[order] == label]
        wanted = max(1, int(test_fraction * len(rows) + 0.5))
        chosen[rows[: max(0, min(wanted, len(rows) - 1))]] = True
    if not chosen.any():
        raise DataError(
            f"{split.origin}: no class has two images ({len(split)} images, {split.num_classes} classes), "
            "so no test split can be set aside. Add images, or give a test split of its own."
        )
    return split.take((~chosen).nonzero()[:, 0]), split.take(chosen.nonzero()[:, 0])
