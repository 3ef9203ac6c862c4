from . import augment, live, statistics
from .events import Events
from .format import Block, Format
from .formats import FORMATS
from .formats.spike_trains import read_spike_trains
from .frames import read_frames
from .packets import Packets, packets
from .recording import Recording, read_events, write_events
from .representations import (
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    OneFrame,
    Representation,
    StepsAsChannels,
    TimeSurface,
    Voxels,
)
from .simulate import EventCamera, EventSimulator, simulate_events, stream_events
from .sources import (
    CIFAR10DVS,
    NCARS,
    NMNIST,
    SHD,
    SSC,
    DVSGesture,
    EventFolder,
    MovingDigits,
    NCaltech101,
    RecordedSource,
)

__all__ = [
    "CIFAR10DVS",
    "FORMATS",
    "NCARS",
    "NMNIST",
    "SHD",
    "SSC",
    "Block",
    "DVSGesture",
    "EventCamera",
    "EventFolder",
    "EventSimulator",
    "Events",
    "Format",
    "FramesByCount",
    "FramesByNumber",
    "FramesByTime",
    "MovingDigits",
    "NCaltech101",
    "OneFrame",
    "Packets",
    "RecordedSource",
    "Recording",
    "Representation",
    "StepsAsChannels",
    "TimeSurface",
    "Voxels",
    "augment",
    "live",
    "packets",
    "read_events",
    "read_frames",
    "read_spike_trains",
    "simulate_events",
    "statistics",
    "stream_events",
    "write_events",
]
