"""Recordings of event cameras and cochleas: formats, representations and data modules."""

from synfire.data.events.events import Events
from synfire.data.events.format import Block, Format
from synfire.data.events.formats import FORMATS
from synfire.data.events.recording import Recording, read_events, write_events

__all__ = ["FORMATS", "Block", "Events", "Format", "Recording", "read_events", "write_events"]
