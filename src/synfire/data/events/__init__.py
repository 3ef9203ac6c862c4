"""Recordings of event cameras and cochleas: formats, representations and data modules."""

from synfire.data.events.events import Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats import FORMATS
from synfire.data.events.frames import read_frames
from synfire.data.events.moving_digits import MovingDigits
from synfire.data.events.packets import Packets, packets
from synfire.data.events.recording import Recording, read_events, write_events
from synfire.data.events.representations import (
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    OneFrame,
    Representation,
    TimeSurface,
    Voxels,
)
from synfire.data.events.simulate import EventCamera, EventSimulator, simulate_events, stream_events

__all__ = [
    "FORMATS",
    "Block",
    "EventCamera",
    "EventSimulator",
    "Events",
    "Format",
    "FramesByCount",
    "FramesByNumber",
    "FramesByTime",
    "MovingDigits",
    "OneFrame",
    "Packets",
    "Recording",
    "Representation",
    "TimeSurface",
    "Voxels",
    "packets",
    "read_events",
    "read_frames",
    "simulate_events",
    "stream_events",
    "write_events",
]
