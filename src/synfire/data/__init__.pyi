from . import events, text
from .augment import Augment, AutoAugment
from .checks import check_batch
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .events import (
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
from .events.event_data import EventData
from .folder import ImageFolder
from .huggingface import HuggingFaceImages, HuggingFaceTexts
from .idx import MNIST, FashionMNIST, IdxImages
from .image_data import ImageData
from .listops import ListOps
from .loader import ResidentLoader
from .normalise import Normalisation, measure
from .npz import NpzImages
from .parquet import ParquetImages
from .pathfinder import Pathfinder
from .random_currents import RandomCurrents
from .sequence_data import SequenceData
from .split import ImageSource, ImageSplit, Source, Split
from .text import (
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
from .text.text_data import TextData
from .text_classes import TextClasses, TextFolder
from .tokens import TokenSource, TokenSplit

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
    "events",
    "measure",
    "packets",
    "read_events",
    "read_frames",
    "restore_vocabulary",
    "simulate_events",
    "text",
    "write_events",
]
