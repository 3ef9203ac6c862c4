"""What a network does on real inputs, counted once."""

from synfire.metering.counts import Counts, count
from synfire.metering.rows import Row, Synapse
from synfire.metering.trace import Meter, Trace, counting, trace

__all__ = ["Counts", "Meter", "Row", "Synapse", "Trace", "count", "counting", "trace"]
