"""Data sets of recordings, each with its own splits."""

from synfire.data.events.sources.cochlea import SHD, SSC
from synfire.data.events.sources.folders import CIFAR10DVS, NCARS, EventFolder, NCaltech101
from synfire.data.events.sources.gesture import DVSGesture
from synfire.data.events.sources.moving_digits import MovingDigits
from synfire.data.events.sources.nmnist import NMNIST
from synfire.data.events.sources.recorded import RecordedSource

__all__ = [
    "CIFAR10DVS",
    "NCARS",
    "NMNIST",
    "SHD",
    "SSC",
    "DVSGesture",
    "EventFolder",
    "MovingDigits",
    "NCaltech101",
    "RecordedSource",
]
