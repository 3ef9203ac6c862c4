"""What a network does on real inputs, counted once."""

from synfire.metering.trace import Meter, Row, Trace, counting, trace

__all__ = ["Meter", "Row", "Trace", "counting", "trace"]
