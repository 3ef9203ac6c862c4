"""From a trace to joules, each price list with its source and its assumptions."""

from synfire.metering.pricers.bill import Bill, Line
from synfire.metering.pricers.lists import Pricer, bills, price_lists, pricer
from synfire.metering.pricers.memory import Memory, access_energy, operation_energy
from synfire.metering.pricers.operations import Operations
from synfire.metering.pricers.verdicts import (
    BANDS,
    Band,
    BreakEven,
    Verdict,
    break_even,
    break_evens,
    conventional,
    verdicts,
)

__all__ = [
    "BANDS",
    "Band",
    "Bill",
    "BreakEven",
    "Line",
    "Memory",
    "Operations",
    "Pricer",
    "Verdict",
    "access_energy",
    "bills",
    "break_even",
    "break_evens",
    "conventional",
    "operation_energy",
    "price_lists",
    "pricer",
    "verdicts",
]
