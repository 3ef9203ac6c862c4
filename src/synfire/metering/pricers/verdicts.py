"""Limits of activity below which a spiking network saves energy: its own against a rival, and published ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from synfire.base import ConfigError
from synfire.metering.pricers.bill import Bill
from synfire.metering.trace import Trace


def events_per_neuron(trace: Trace) -> float:
    """Return the events per neuron and inference, over the inputs of all layers that take events."""
    rows = [row for row in trace.of_kind("synapse") if row.whole]
    return sum(row.events for row in rows) / max(1, sum(row.neurons for row in rows))


def events_per_synapse(trace: Trace) -> float:
    """Return the events per synapse and inference, over all layers that take events."""
    rows = [row for row in trace.of_kind("synapse") if row.whole and row.synapse]
    return sum(row.synops for row in rows) / max(1, sum(row.synapse.dense_fan_out for row in rows if row.synapse))


def rate(trace: Trace) -> float:
    """Return the events per neuron and step."""
    return events_per_neuron(trace) / max(1, trace.steps)


@dataclass(frozen=True)
class BreakEven:
    """How active a network may be before a rival costs less.

    Attributes:
        factor: by which all its events may grow, or must fall if it is below 1; 0 if it costs more even in silence.
        events_per_neuron: at the limit, per inference, over the inputs of all layers that take events.
        now: the same, as it was counted.
    """

    factor: float
    events_per_neuron: float
    now: float


def break_even(trace: Trace, rival: Trace, price: Callable[[Trace], Bill]) -> BreakEven:
    """Return at which activity a spiking network costs as much as a rival under a price list.

    All events of all layers grow alike; bills are straight lines in them.

    Args:
        trace: of a spiking network with events.
        rival: of the other network, such as its conventional twin.
        price: prices both, see `synfire.metering.pricers.pricer`.

    Raises:
        ConfigError: the network has no events, or they cost nothing.
    """
    silent = price(_grown(trace, 0.0)).picojoules
    slope = price(trace).picojoules - silent
    if slope <= 0:
        raise ConfigError(
            "break_even: the network's events cost nothing under this price list, because there are none or they are "
            "free; trace it on inputs that make it spike."
        )
    factor = max(0.0, (price(rival).picojoules - silent) / slope)
    now = events_per_neuron(trace)
    return BreakEven(factor, factor * now, now)


def _grown(trace: Trace, factor: float) -> Trace:
    """Return a trace of as many times the events; real numbers stay as they are."""
    counts = ("event_count", "spike_total", "arriving_count", "synop_count", "synop_sum")
    rows = (
        replace(row, **{name: factor * getattr(row, name) for name in counts}) if row.whole else row
        for row in trace.rows
    )
    return replace(trace, rows=tuple(rows))


NO_END = 2**31


@dataclass(frozen=True)
class Band:
    """A published limit, or range of limits.

    Attributes:
        source: who found it.
        says: what it is a limit of.
        measure: the same quantity of a trace.
        low: the limit, or the lowest that it has, depending on the conventional rival.
        high: the highest that it has.
        steps: range of T that it was found for, or None for any.
    """

    source: str
    says: str
    measure: Callable[[Trace], float]
    low: float
    high: float
    steps: tuple[int, int] | None = None

    def __str__(self) -> str:
        """Return the limit as text, such as "0.15 to 1.38" or "0.057 at T = 5"."""
        limit = f"{self.low:.3g}" if self.low == self.high else f"{self.low:.3g} to {self.high:.3g}"
        if self.steps is None:
            return limit
        first, last = self.steps
        steps = f"= {first}" if first == last else f">= {first}" if last >= NO_END else f"= {first} to {last}"
        return f"{limit} at T {steps}"


BANDS = (
    Band("S. Davidson and S. Furber, Front. Neurosci. 15:651141 (2021)", "events per synapse and inference",
         events_per_synapse, 1.72, 1.72),
    Band("M. Dampfhoffer et al., IEEE TETCI 7(3):731 (2023)", "events per synapse and inference",
         events_per_synapse, 0.15, 1.38),
    Band("memory model, uniform accesses (E. Lemaire et al., arXiv:2210.13107, derived)",
         "events per neuron and inference", events_per_neuron, 2 / 3, 2 / 3),
    Band("Z. Yan et al., arXiv:2409.08290v2", "events per neuron and step", rate, 0.064, 0.064, (5, 10)),
    Band("Z. Yan et al., arXiv:2409.08290v4", "events per neuron and step", rate, 0.057, 0.057, (5, 5)),
    Band("Z. Yan et al., arXiv:2409.08290v1", "events per neuron and step", rate, 0.07, 0.08, (6, 6)),
    Band("Z. Yan et al., arXiv:2409.08290v1", "events per neuron and step", rate, 0.03, 0.03, (17, NO_END)),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Where a network stands: "below" the limit (it saves energy), "inside" its range, "above", or "no statement"."""

    band: Band
    value: float
    verdict: str

    def record(self) -> dict[str, str | float]:
        """Return the verdict as plain data."""
        return {
            "says": self.band.says,
            "value": self.value,
            "limit": str(self.band),
            "verdict": self.verdict,
            "source": self.band.source,
        }


def verdicts(trace: Trace) -> tuple[Verdict, ...]:
    """Compare a trace with every published limit; none is chosen for the reader."""
    found = []
    for band in BANDS:
        value = band.measure(trace)
        applies = trace.spiking and (band.steps is None or band.steps[0] <= trace.steps <= band.steps[1])
        side = "below" if value < band.low else "above" if value > band.high else "inside"
        found.append(Verdict(band, value, side if applies else "no statement"))
    return tuple(found)
