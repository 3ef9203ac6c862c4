"""Events as they come, from UDP or a pipe, in steps of time for a running network."""

from synfire.data.events.live.receiver import Live
from synfire.data.events.live.sender import send_events
from synfire.data.events.live.waiting import Tally
from synfire.data.events.live.words import encode

__all__ = ["Live", "Tally", "encode", "send_events"]
