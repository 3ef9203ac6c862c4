"""Images and labels: sources, splits, loaders on the device, and the data module for Lightning."""

import importlib
from typing import TYPE_CHECKING, Any

from synfire.base import need
from synfire.data.augment import Augment, AutoAugment
from synfire.data.checks import check_batch
from synfire.data.cifar import CIFAR10, CIFAR100
from synfire.data.digits import Digits
from synfire.data.folder import ImageFolder
from synfire.data.huggingface import HuggingFaceImages
from synfire.data.idx import MNIST, FashionMNIST, IdxImages
from synfire.data.loader import ResidentLoader
from synfire.data.normalise import Normalisation, measure
from synfire.data.npz import NpzImages
from synfire.data.parquet import ParquetImages
from synfire.data.split import ImageSource, ImageSplit

if TYPE_CHECKING:
    from synfire.data.image_data import ImageData

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "Augment",
    "AutoAugment",
    "Digits",
    "FashionMNIST",
    "HuggingFaceImages",
    "IdxImages",
    "ImageData",
    "ImageFolder",
    "ImageSource",
    "ImageSplit",
    "Normalisation",
    "NpzImages",
    "ParquetImages",
    "ResidentLoader",
    "check_batch",
    "measure",
]


def __getattr__(name: str) -> Any:
    """Import the data module on first use, because it needs Lightning."""
    if name == "ImageData":
        need("lightning.pytorch", extra="train", purpose="synfire.data.ImageData")
        return importlib.import_module("synfire.data.image_data").ImageData
    raise AttributeError(f"module 'synfire.data' has no attribute {name!r}")
