"""Labelled samples in memory, what every source is, and how a part is set aside."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import torch
from torch import Tensor

from synfire.base import ConfigError, DataError
from synfire.data.order import content_order

MAX_CLASSES = 1 << 16  # a damaged 64-bit label must not make us name a billion classes


class Split(ABC):
    """Labelled samples that fit in memory: what images and sequences of tokens share.

    A subclass is a frozen dataclass with a field for the samples, which `FIELD` names, and the attributes below.

    Attributes:
        labels: int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        origin: the file or folder it came from; the subject of error messages.
    """

    FIELD: ClassVar[str]
    NOUN: ClassVar[str]  # what one sample is called in messages

    labels: Tensor
    classes: tuple[str, ...]
    origin: str

    @abstractmethod
    def batch(self, rows: Tensor) -> tuple[Any, Tensor]:
        """Return the samples of the given rows, int64, (B,), as a network takes them, and their labels, int64, (B,)."""

    @abstractmethod
    def describe(self) -> str:
        """Return what both splits of a source must have in common, in words."""

    @property
    def samples(self) -> Tensor:
        """The samples as they are kept, (N, ...)."""
        return getattr(self, self.FIELD)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def num_classes(self) -> int:
        """Number of classes, whether or not each occurs."""
        return len(self.classes)

    @property
    def device(self) -> torch.device:
        """Where the samples are kept."""
        return self.samples.device

    def take(self, rows: Tensor) -> Self:
        """Return a copy of the given rows, int64, (n,), in that order."""
        rows = rows.to(self.device)
        return self._with(**{self.FIELD: self.samples[rows]}, labels=self.labels[rows])

    def to(self, device: torch.device | str) -> Self:
        """Return the split on a device; itself if it is there already."""
        if self.device == torch.device(device):
            return self
        return self._with(**{self.FIELD: self.samples.to(device)}, labels=self.labels.to(device))

    def order(self, seed: int) -> Tensor:
        """Return the permutation `content_order` of the samples."""
        return content_order(self.samples, self.labels, seed)

    def named(self, origin: str) -> Self:
        """Return the split under another origin."""
        return self._with(origin=origin)

    def _with(self, **changed: Any) -> Self:
        kept = {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}
        return type(self)(**{**kept, **changed})

    def _check_labels(self) -> None:
        """Raise a DataError unless there is a sample, and one label of a class for each."""
        labels, noun = self.labels, self.NOUN
        if labels.dtype != torch.int64 or labels.dim() != 1:
            raise DataError(
                f"{self.origin}: labels are {labels.dtype} of shape {tuple(labels.shape)}, but int64 (N,) was "
                f"expected. Give one class index per {noun}, converted with .long()."
            )
        if len(self) != len(labels):
            raise DataError(
                f"{self.origin}: {len(self)} {noun}s but {len(labels)} labels. "
                f"Each {noun} needs exactly one label; check that both files belong together."
            )
        if self.samples.numel() == 0:
            raise DataError(f"{self.origin}: no {noun} in it (shape {tuple(self.samples.shape)}). Give at least one.")
        check_labels(labels, len(self.classes), self.origin)


@dataclass(frozen=True, eq=False)
class ImageSplit(Split):
    """Labelled images that fit in memory.

    Attributes:
        images: uint8, (N, C, H, W), values 0..255.
        labels: int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        origin: the file or folder it came from; the subject of error messages.

    Raises:
        DataError: the set is empty, a dtype or shape is wrong, the counts differ, or a label is out of range.
    """

    FIELD, NOUN = "images", "image"

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    origin: str = "ImageSplit"

    def __post_init__(self) -> None:
        images = self.images
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise DataError(
                f"{self.origin}: images are {images.dtype} of shape {tuple(images.shape)}, but uint8 (N, C, H, W) was "
                "expected. Scale to 0..255, convert with .to(torch.uint8), and add a missing axis with .unsqueeze(1)."
            )
        self._check_labels()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return images, float32, (B, C, H, W), the bytes divided by 255, and labels, int64, (B,)."""
        return self.images[rows].to(torch.float32).div_(255), self.labels[rows]

    def describe(self) -> str:
        """Return shape and classes in words."""
        return f"{self.shape} and {self.num_classes} classes"

    def grey(self) -> "ImageSplit":
        """Return the images with one channel, L = 0.299 R + 0.587 G + 0.114 B in 16-bit whole numbers as in Pillow.

        Grey images are returned as they are.

        Raises:
            DataError: the images have neither one nor three channels.
        """
        channels = self.shape[0]
        if channels == 1:
            return self
        if channels != 3:
            raise DataError(f"{self.origin}: {channels} channels, but 1 or 3 were expected to make grey images of.")
        red, green, blue = self.images.to(torch.int32).unbind(1)
        sums = 19595 * red + 38470 * green + 7471 * blue
        return self._with(images=((sums + 0x8000) >> 16).to(torch.uint8).unsqueeze(1))


S = TypeVar("S", bound=Split)


class Source(ABC, Generic[S]):
    """Something that yields a training and a test split; write `read` to make your own."""

    _loaded: tuple[S, S] | None = None

    @abstractmethod
    def read(self) -> tuple[S, S]:
        """Read both splits from where they are kept: (train, test), with the same classes and shape of a sample."""

    def read_validation(self) -> S | None:
        """Read the validation split that whoever published the data set aside; None if there is none."""
        return None

    def load(self) -> tuple[S, S]:
        """Return (train, test); files are read on the first call and the result is kept.

        Raises:
            DataError: a file is missing, damaged or out of range, or the splits do not fit together.
        """
        if self._loaded is None:
            train, test = self.read()
            if train.describe() != test.describe() or train.classes != test.classes:
                raise DataError(
                    f"{type(self).__name__}: {train.origin} has {train.NOUN}s {train.describe()}, "
                    f"but {test.origin} has {test.describe()}. Both must come from one data set."
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


class ImageSource(Source[ImageSplit]):
    """Something that yields a training and a test split of images; write `read` to make your own."""

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


def stratified_split(split: S, test_fraction: float, seed: int) -> tuple[S, S]:
    """Set a share of every class aside as a test split, chosen by `content_order`.

    A class of n images gives round(test_fraction * n) of them, at least one if it has two or more.

    Returns:
        (train, test), both in the order of `split`.

    Raises:
        ConfigError: test_fraction is not above 0 and below 1.
        DataError: no class has two samples, so that a part would be empty.
    """
    chosen = stratified_rows(split, test_fraction, seed)
    return split.take((~chosen).nonzero()[:, 0]), split.take(chosen.nonzero()[:, 0])


def stratified_rows(split: Split, test_fraction: float, seed: int) -> Tensor:
    """Return which samples `stratified_split` sets aside, bool, (N,)."""
    check_fraction(test_fraction, "test_fraction")
    if test_fraction == 0:
        raise ConfigError("test_fraction is 0, but a test split is needed here; give more than 0, such as 0.2.")
    order = split.order(seed)
    chosen = torch.zeros(len(split), dtype=torch.bool)
    for label in range(split.num_classes):
        rows = order[split.labels[order] == label]
        wanted = max(1, int(test_fraction * len(rows) + 0.5))
        chosen[rows[: max(0, min(wanted, len(rows) - 1))]] = True
    if not chosen.any():
        raise DataError(
            f"{split.origin}: no class has two {split.NOUN}s ({len(split)} {split.NOUN}s, {split.num_classes} "
            f"classes), so no test split can be set aside. Add {split.NOUN}s, or give a test split of its own."
        )
    return chosen
