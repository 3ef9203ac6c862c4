"""What a network does on real inputs, counted once."""

from synfire.metering.trace import Row, Trace, trace

__all__ = ["Row", "Trace", "trace"]
