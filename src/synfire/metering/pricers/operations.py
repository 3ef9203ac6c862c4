"""Operation counting: every synaptic operation costs one multiplication with addition, or one addition."""

from dataclasses import dataclass

from synfire.base import ConfigError
from synfire.metering.pricers.bill import EVENTS, Bill, Line
from synfire.metering.pricers.checks import check_energies
from synfire.metering.rows import Row
from synfire.metering.trace import Trace

COUNTS = ("exact", "rate")


@dataclass(frozen=True)
class Operations:
    """Prices operations alone, the account that most papers give.

    A conventional network pays a MAC for every product of its layers' formulas, or with `zero_skipping` as an
    event-driven one does. A spiking network pays an addition per synaptic operation; a layer that takes real numbers,
    such as the first under direct coding, pays a MAC for every product of every step that is really computed.

    Args:
        mac: energy of a multiplication and addition, pJ.
        ac: energy of an addition, pJ.
        name: of the price list.
        source: of the two numbers.
        events: what a spike of value z > 1 costs per weight: "graded" a MAC, "unary" or "burst" z additions.
        count: "exact" takes the true fan-out of every event and leaves padding out of dense layers; "rate" is the
            shortcut density x MACs of most papers, where padding counts as input.
        zero_skipping: price a conventional network by the events of its rectifiers.

    Raises:
        ConfigError: a price is negative or not finite, or a choice unknown.
    """

    mac: float
    ac: float
    name: str = "operations"
    source: str = "given by the caller"
    events: str = "graded"
    count: str = "exact"
    zero_skipping: bool = False

    def __post_init__(self) -> None:
        check_energies(self.name, mac=self.mac, ac=self.ac)
        if self.events not in EVENTS:
            raise ConfigError(f"{self.name}: events is {self.events!r}; choose one of {', '.join(EVENTS)}.")
        if self.count not in COUNTS:
            raise ConfigError(f"{self.name}: count is {self.count!r}; choose one of {', '.join(COUNTS)}.")

    def __call__(self, trace: Trace) -> Bill:
        """Price a trace."""
        driven = trace.spiking or self.zero_skipping
        lines = tuple(Line(row.name, row.kind, compute=self._price(row, driven)) for row in trace.of_kind("synapse"))
        return Bill(self.name, self.source, self._assumptions(trace, driven), lines)

    def _price(self, row: Row, driven: bool) -> float:
        dense = row.products if self.count == "rate" else row.dense_macs
        if not driven:
            return self.mac * dense
        if row.arithmetic == "real":
            return self.mac * (row.synops if self.zero_skipping else dense)
        synops = row.synops if self.count == "exact" else row.synops_by_rate
        if row.arithmetic == "accumulate":
            return self.ac * synops
        if self.events == "graded":
            return self.mac * synops
        mean = row.spikes / row.events if row.events else 0.0
        return self.ac * (row.unary_synops if self.count == "exact" else synops * mean)

    def _assumptions(self, trace: Trace, driven: bool) -> tuple[str, ...]:
        held = any(row.computed_steps < row.steps for row in trace.of_kind("synapse"))
        said = [
            f"a MAC costs {self.mac:g} pJ, an addition {self.ac:g} pJ",
            "batch norms are folded; pooling, neuron updates, memory, addressing and biases cost nothing",
        ]
        if not driven:
            said.append("dense: every product of a layer's formula is computed, also with zeros")
            return (*said, *self._missing(trace))
        said.append("an event pays for the weights that it meets, a layer that takes real numbers for every product")
        if any(row.arithmetic == "graded" for row in trace.of_kind("synapse")):
            cost = "one MAC" if self.events == "graded" else "z additions"
            said.append(f"events are {self.events}: a spike of value z costs {cost} per weight")
        if self.count == "rate":
            said.append("synaptic operations by rate: density x MACs, which ignores borders and uneven activity")
        if held:
            said.append("a frame that is held over all steps is multiplied once")
        return (*said, *self._missing(trace))

    def _missing(self, trace: Trace) -> list[str]:
        return [f"not counted and so for nothing: {', '.join(trace.uncounted)}"] if trace.uncounted else []
