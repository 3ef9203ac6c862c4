"""How often the memories of a layer are read and written, and what is computed to address them.

Source: E. Lemaire et al., "An analytical estimation of spiking neural networks energy efficiency", ICONIP 2022,
arXiv:2210.13107. The numbers in brackets are its equations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from synfire.metering.rows import Row, Synapse


@dataclass(frozen=True)
class Traffic:
    """Accesses of one row, per sample over all steps.

    Attributes:
        inputs: numbers, or events, read from the buffer before the layer.
        weights: weights read.
        biases: biases read, those of a folded batch norm included.
        potentials: potentials read; as many are written.
        outputs: numbers, or events, written to the buffer behind the layer.
        address_additions: additions that find addresses.
        address_products: multiplications with addition that find addresses.
    """

    inputs: float = 0.0
    weights: float = 0.0
    biases: float = 0.0
    potentials: float = 0.0
    outputs: float = 0.0
    address_additions: float = 0.0
    address_products: float = 0.0


@dataclass(frozen=True)
class Machine:
    """What a machine does for a zero, an event and a held frame.

    Args:
        events: "graded" or "burst" reads a weight once for a spike of value z > 1, "unary" z times.
        fan_out: "exact" is that of every event; "nominal" the paper's, without borders and stride, where padding counts
            as input of a dense layer.
        zero_skipping: a conventional network skips its zeros.
        potential_every_step: a layer of a spiking network that takes real numbers touches its potentials at every step,
            as the authors' code has it, or once per computed step.
    """

    events: str = "graded"
    fan_out: str = "exact"
    zero_skipping: bool = False
    potential_every_step: bool = True

    def traffic(self, row: Row, rows: Mapping[str, Row], spiking: bool) -> Traffic:
        """Count the accesses of one row.

        Args:
            row: of a trace.
            rows: all rows of the trace by name.
            spiking: whether the trace is that of a spiking network.
        """
        if not spiking:
            return self._formal(row)
        if row.synapse is not None:
            return self._synapse(row, row.synapse)
        return self._neuron(row, rows) if row.kind == "neuron" else Traffic()

    def reached(self, row: Row, events: float) -> float:
        """Return how many weights so many events of a row meet; each of `row.synops` is one."""
        if self.fan_out == "nominal" and row.synapse is not None and (row.synapse.linear or row.synapse.kernel > 1):
            return events * row.synapse.out_channels * row.synapse.kernel / row.synapse.groups
        return row.unary_synops if self.events == "unary" and row.whole else row.synops

    def products(self, row: Row) -> float:
        """Return the multiplications of a conventional layer: all of them, or those that are not zero."""
        if not self.zero_skipping:
            return row.products if self.fan_out == "nominal" else row.dense_macs
        return replace(self, events="graded").reached(row, row.events * row.computed_steps / row.steps)

    def _formal(self, row: Row) -> Traffic:
        """Count a layer (eqs. 3, 4, 6, 11, 12) or the sum of two branches of a conventional network."""
        made = row.synapse
        if made is None:
            n = row.neurons * row.steps
            return Traffic(inputs=2 * n, outputs=n) if row.kind == "merge" else Traffic()
        times, outputs = row.computed_steps, row.computed_steps * prod(made.out_shape)
        products = self.products(row)
        dense_reads = times * row.neurons if made.linear else products
        return Traffic(
            inputs=row.events if self.zero_skipping and made.linear else dense_reads,
            weights=products,
            biases=outputs if made.biases else 0,
            outputs=outputs,
            address_additions=products
            if made.linear
            else times * row.neurons + outputs + times * made.out_channels * made.kernel,
        )

    def _synapse(self, row: Row, made: Synapse) -> Traffic:
        """Count a layer of a spiking network (eqs. 5 to 10, 14, 16, 17); outgoing events stand with its neuron."""
        real = row.arithmetic == "real"
        times = row.computed_steps  # a held frame arrives once, of real numbers or of spikes
        events = row.spikes if self.events == "unary" and not real else row.events
        events = events * times / row.steps
        reached, outputs = self.reached(row, events), prod(made.out_shape)
        touched = times if real and not self.potential_every_step else row.steps
        return Traffic(
            inputs=events,
            weights=reached,
            biases=times * outputs if made.biases else 0,
            potentials=reached + touched * outputs,
            address_additions=events * (made.out_channels if made.linear else made.kernel),
            address_products=0 if made.linear else 2 * events,
        )

    def _neuron(self, row: Row, rows: Mapping[str, Row]) -> Traffic:
        """Count outgoing events (eq. 13), and the potentials of a neuron that no layer of weights feeds."""
        fires = row.spikes if self.events == "unary" else row.events
        if row.fed_by in rows and rows[row.fed_by].kind == "synapse":
            return Traffic(outputs=fires)
        return Traffic(inputs=row.arriving, potentials=row.arriving + row.updates, outputs=fires)
