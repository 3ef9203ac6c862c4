"""Images, text, tokens and events: sources, splits, loaders on the device, and data modules for Lightning."""

import importlib
from typing import TYPE_CHECKING, Any

from synfire.base import need
from synfire.data.augment import Augment, AutoAugment
from synfire.data.checks import check_batch
from synfire.data.cifar import CIFAR10, CIFAR100
from synfire.data.digits import Digits
from synfire.data.events import (
    CIFAR10DVS,
    NCARS,
    NMNIST,
    SHD,
    SSC,
    DVSGesture,
    EventCamera,
    EventFolder,
    Events,
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    MovingDigits,
    NCaltech101,
    OneFrame,
    Packets,
    Recording,
    Representation,
    StepsAsChannels,
    TimeSurface,
    Voxels,
    packets,
    read_events,
    read_frames,
    simulate_events,
    write_events,
)
from synfire.data.folder import ImageFolder
from synfire.data.huggingface import HuggingFaceImages, HuggingFaceTexts
from synfire.data.idx import MNIST, FashionMNIST, IdxImages
from synfire.data.listops import ListOps
from synfire.data.loader import ResidentLoader
from synfire.data.normalise import Normalisation, measure
from synfire.data.npz import NpzImages
from synfire.data.parquet import ParquetImages
from synfire.data.pathfinder import Pathfinder
from synfire.data.split import ImageSource, ImageSplit, Source, Split
from synfire.data.text import (
    Bytes,
    Corpus,
    HuggingFaceText,
    PythonSources,
    Subwords,
    TextFiles,
    Vocabulary,
    Words,
    restore_vocabulary,
)
from synfire.data.text_classes import TextClasses, TextFolder
from synfire.data.tokens import TokenSource, TokenSplit

if TYPE_CHECKING:
    from synfire.data.events.event_data import EventData
    from synfire.data.image_data import ImageData
    from synfire.data.random_currents import RandomCurrents
    from synfire.data.sequence_data import SequenceData
    from synfire.data.text.text_data import TextData

__all__ = [
    "CIFAR10",
    "CIFAR10DVS",
    "CIFAR100",
    "MNIST",
    "NCARS",
    "NMNIST",
    "SHD",
    "SSC",
    "Augment",
    "AutoAugment",
    "Bytes",
    "Corpus",
    "DVSGesture",
    "Digits",
    "EventCamera",
    "EventData",
    "EventFolder",
    "Events",
    "FashionMNIST",
    "FramesByCount",
    "FramesByNumber",
    "FramesByTime",
    "HuggingFaceImages",
    "HuggingFaceText",
    "HuggingFaceTexts",
    "IdxImages",
    "ImageData",
    "ImageFolder",
    "ImageSource",
    "ImageSplit",
    "ListOps",
    "MovingDigits",
    "NCaltech101",
    "Normalisation",
    "NpzImages",
    "OneFrame",
    "Packets",
    "ParquetImages",
    "Pathfinder",
    "PythonSources",
    "RandomCurrents",
    "Recording",
    "Representation",
    "ResidentLoader",
    "SequenceData",
    "Source",
    "Split",
    "StepsAsChannels",
    "Subwords",
    "TextClasses",
    "TextData",
    "TextFiles",
    "TextFolder",
    "TimeSurface",
    "TokenSource",
    "TokenSplit",
    "Vocabulary",
    "Voxels",
    "Words",
    "check_batch",
    "measure",
    "packets",
    "read_events",
    "read_frames",
    "restore_vocabulary",
    "simulate_events",
    "write_events",
]

_NEEDS_LIGHTNING = {
    "EventData": "synfire.data.events.event_data",
    "ImageData": "synfire.data.image_data",
    "RandomCurrents": "synfire.data.random_currents",
    "SequenceData": "synfire.data.sequence_data",
    "TextData": "synfire.data.text.text_data",
}


def __getattr__(name: str) -> Any:
    """Import a data module on first use, because it needs Lightning."""
    if name in _NEEDS_LIGHTNING:
        need("lightning.pytorch", extra="train", purpose=f"synfire.data.{name}")
        return getattr(importlib.import_module(_NEEDS_LIGHTNING[name]), name)
    raise AttributeError(f"module 'synfire.data' has no attribute {name!r}")
