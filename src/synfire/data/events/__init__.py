"""Recordings of event cameras and cochleas: formats, representations and data modules."""

from synfire.data.events.events import Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats import FORMATS
from synfire.data.events.formats.spike_trains import read_spike_trains
from synfire.data.events.frames import read_frames
from synfire.data.events.packets import Packets, packets
from synfire.data.events.recording import Recording, read_events, write_events
from synfire.data.events.representations import (
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    OneFrame,
    Representation,
    StepsAsChannels,
    TimeSurface,
    Voxels,
)
from synfire.data.events.simulate import EventCamera, EventSimulator, simulate_events, stream_events
from synfire.data.events.sources import (
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
    "packets",
    "read_events",
    "read_frames",
    "read_spike_trains",
    "simulate_events",
    "stream_events",
    "write_events",
]
