"""What a network does on real inputs, counted once."""

from synfire.metering.counts import Activity, Counts, count
from synfire.metering.measured import Measured, energy_is_counted, measure_energy
from synfire.metering.rows import Row, Synapse
from synfire.metering.trace import Meter, Trace, counting, trace
from synfire.metering.traffic import Machine, Traffic

__all__ = [
    "Activity",
    "Counts",
    "Machine",
    "Measured",
    "Meter",
    "Row",
    "Synapse",
    "Trace",
    "Traffic",
    "count",
    "counting",
    "energy_is_counted",
    "measure_energy",
    "trace",
]
