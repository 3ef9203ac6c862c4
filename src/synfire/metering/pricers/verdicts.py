"""Limits of activity below which a spiking network saves energy: its own against a rival, and published ones."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from synfire.base import ConfigError
from synfire.metering.pricers.bill import Bill
from synfire.metering.pricers.lists import price_lists, pricer
from synfire.metering.rows import Row
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

    def record(self, against: str) -> dict[str, str | float]:
        """Return it as plain data beside the records of verdicts; `against` names rival and price list."""
        return {
            "says": "events per neuron and inference",
            "value": self.now,
            "limit": f"{self.events_per_neuron:.3g}",
            "verdict": "below" if self.factor > 1 else "above",
            "source": f"break-even against {against}",
        }


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


def conventional(trace: Trace) -> Trace:
    """Return the trace of a network's conventional twin as far as dense pricing reads it.

    The same layers with rectifiers for neurons, computed once whatever T is; what comes from neurons is real there.
    """

    def computed_once(row: Row) -> Row:
        real = bool(row.levels) or not row.whole
        steps, kind = [row.event_count], "relu" if row.kind == "neuron" else row.kind
        return replace(row, kind=kind, levels=0, whole=not real, computed_steps=1, events_by_step=steps)

    return replace(trace, rows=tuple(map(computed_once, trace.rows)))


def break_evens(trace: Trace, lists: Iterable[str | Path] | None = None) -> dict[str, BreakEven]:
    """Return the break-even of a spiking network with its dense `conventional` twin under several price lists, by name.

    Lists under which its events cost nothing are left out.

    Args:
        trace: of a spiking network.
        lists: names or paths, see `pricer`; by default all of the package.

    Raises:
        ConfigError: a list is unknown or invalid.
    """
    found, rival = {}, conventional(trace)
    for name in price_lists() if lists is None else lists:
        price = pricer(name)
        with suppress(ConfigError):
            found[price(rival).pricer] = break_even(trace, rival, price)
    return found


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
