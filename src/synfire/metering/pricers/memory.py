"""The memory-aware analytical model: accesses, operations and addressing of every layer.

Source: E. Lemaire et al., "An analytical estimation of spiking neural networks energy efficiency", ICONIP 2022,
arXiv:2210.13107. The numbers in brackets are its equations.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from synfire.base import ConfigError
from synfire.metering.pricers.bill import EVENTS, Bill, Line
from synfire.metering.pricers.checks import check_energies
from synfire.metering.rows import Row, Synapse
from synfire.metering.trace import Trace
from synfire.metering.traffic import Machine, Traffic

ACCESSES = ("fit", "packed", "constant")
POLICIES = ("iconip", "saturation", "linear", "quadratic")
FAN_OUTS = ("nominal", "exact")
BUS_BITS = 64
ADD = (0.03, 0.1)  # pJ at 8 and 32 bits, 45 nm: M. Horowitz, ISSCC 2014
MULTIPLY = (0.2, 3.1)
FIT = (13.2, 1.09e-5)  # pJ, and pJ per bit: a line through the SRAM energies of the same source
CONSTANT = 20.0  # pJ, a bank of 32 kB
MODEL = "E. Lemaire et al., ICONIP 2022, arXiv:2210.13107"
SOURCE = f"{MODEL}; energies of M. Horowitz, ISSCC 2014, 45 nm"


def operation_energy(at_8: float, at_32: float, bits: int, policy: str) -> float:
    """Return the energy of an operation at a width, pJ, from those at 8 and 32 bits.

    Args:
        at_8: energy at 8 bits, pJ.
        at_32: energy at 32 bits, pJ.
        bits: width, 1 to 32.
        policy: "iconip" takes the 32-bit value, "saturation" the 8-bit value up to 8 bits and the 32-bit value above,
            "linear" the line through both, "quadratic" the parabola through zero and both.

    Raises:
        ConfigError: the policy is unknown, the width is out of range or the policy gives no positive energy for it.
    """
    if policy not in POLICIES:
        raise ConfigError(f"operation energy: policy {policy!r} is unknown; choose one of {', '.join(POLICIES)}.")
    if not 1 <= bits <= 32:
        raise ConfigError(f"operation energy: {bits} bits; the energies are known from 1 to 32 bits.")
    if policy == "iconip":
        return at_32
    if policy == "saturation":
        return at_8 if bits <= 8 else at_32
    if policy == "linear":
        energy = at_8 + (at_32 - at_8) * (bits - 8) / 24
    else:
        square = (at_32 / 32 - at_8 / 8) / 24
        energy = square * bits**2 + (at_8 / 8 - 8 * square) * bits
    if energy <= 0:
        raise ConfigError(
            f"operation energy: the policy {policy!r} gives {energy:.3g} pJ at {bits} bits; choose another one."
        )
    return energy


def access_energy(
    elements: int, bits: int, mode: str, constant: float = CONSTANT, base: float = FIT[0], slope: float = FIT[1]
) -> float:
    """Return the energy of one read or write, pJ.

    Args:
        elements: size of the memory, in numbers.
        bits: width of a number.
        mode: "fit" is the line base + slope elements bits, by default through the SRAM energies of M. Horowitz, ISSCC
            2014; "packed" reads 8 kB banks over a 64-bit bus, several numbers per access; "constant" is the same
            everywhere.
        constant: energy in the mode "constant", pJ; 20 is a bank of 32 kB.
        base: energy of an access to the smallest memory in the mode "fit", pJ.
        slope: what every bit of the memory adds there, pJ.

    Raises:
        ConfigError: the mode is unknown, or numbers are wider than the bus.
    """
    if mode == "fit":
        return base + slope * elements * bits
    if mode == "constant":
        return constant
    if mode != "packed":
        raise ConfigError(f"access energy: mode {mode!r} is unknown; choose one of {', '.join(ACCESSES)}.")
    if not 1 <= bits <= BUS_BITS:
        raise ConfigError(f"access energy: {bits} bits do not fit the {BUS_BITS}-bit bus of the mode 'packed'.")
    return 10 / (BUS_BITS // bits)


@dataclass(frozen=True)
class Memory:
    """Prices memory accesses, operations and addressing.

    Args:
        bits: width of weights, potentials and activations.
        access: "fit", "packed" or "constant", see `access_energy`.
        constant: pJ per access in the mode "constant".
        add: how the energy of an addition follows the width, see `operation_energy`.
        multiply: how that of a multiplication does.
        fifo_depth: numbers that the event buffer between two layers holds.
        events: what a spike of value z > 1 costs: "graded" one access and one narrow multiplication per weight, "burst"
            one access and z additions, "unary" all of it z times.
        fan_out: "exact" is that of every event; "nominal" the paper's, without borders and stride, for conventional
            networks as for spiking ones.
        potential_every_step: whether a layer that takes real numbers touches its potentials at every step, as the
            authors' code has it, or once.
        zero_skipping: let a conventional network skip its zeros; reads and products then follow its events.
        name: of the price list.
        source: of the model and its energies; one that is left out does not claim 45 nm for energies of your own.
        add_8: energy of an addition at 8 bits, pJ.
        add_32: energy of an addition at 32 bits, pJ.
        multiply_8: energy of a multiplication at 8 bits, pJ.
        multiply_32: energy of a multiplication at 32 bits, pJ.
        access_base: pJ per access to the smallest memory in the mode "fit".
        access_slope: pJ that every bit of the memory adds there.

    Raises:
        ConfigError: a choice is unknown, a width out of range, or an energy negative or not finite.
    """

    bits: int = 8
    access: str = "fit"
    constant: float = CONSTANT
    add: str = "linear"
    multiply: str = "quadratic"
    fifo_depth: int = 0
    events: str = "graded"
    fan_out: str = "exact"
    potential_every_step: bool = True
    zero_skipping: bool = False
    name: str = "memory"
    source: str = SOURCE
    add_8: float = ADD[0]
    add_32: float = ADD[1]
    multiply_8: float = MULTIPLY[0]
    multiply_32: float = MULTIPLY[1]
    access_base: float = FIT[0]
    access_slope: float = FIT[1]

    def __post_init__(self) -> None:
        prices = ("constant", "add_8", "add_32", "multiply_8", "multiply_32", "access_base", "access_slope")
        energies = {key: getattr(self, key) for key in prices}
        check_energies(self.name, **energies)
        if self.source == SOURCE and tuple(energies.values()) != (CONSTANT, *ADD, *MULTIPLY, *FIT):
            object.__setattr__(self, "source", f"{MODEL}; energies given by the caller")
        if self.events not in EVENTS:
            raise ConfigError(f"{self.name}: events is {self.events!r}; choose one of {', '.join(EVENTS)}.")
        if self.fan_out not in FAN_OUTS:
            raise ConfigError(f"{self.name}: fan_out is {self.fan_out!r}; choose one of {', '.join(FAN_OUTS)}.")
        if self.fifo_depth < 0:
            raise ConfigError(f"{self.name}: fifo_depth is {self.fifo_depth}; give at least 0.")
        _ = self.energy(1), self.add_energy, self.multiply_energy  # name a wrong mode, policy or width at once

    def energy(self, elements: int) -> float:
        """Return the energy of an access to a memory of so many numbers, pJ."""
        return access_energy(elements, self.bits, self.access, self.constant, self.access_base, self.access_slope)

    @property
    def add_energy(self) -> float:
        """Energy of an addition, pJ."""
        return operation_energy(self.add_8, self.add_32, self.bits, self.add)

    @property
    def multiply_energy(self) -> float:
        """Energy of a multiplication, pJ."""
        return operation_energy(self.multiply_8, self.multiply_32, self.bits, self.multiply)

    def __call__(self, trace: Trace) -> Bill:
        """Price a trace."""
        rows = {row.name: row for row in trace.rows}
        machine = Machine(self.events, self.fan_out, self.zero_skipping, self.potential_every_step)
        lines = []
        for row in trace.rows:
            if row.kind not in (("synapse", "neuron") if trace.spiking else ("synapse", "merge")):
                continue
            traffic = machine.traffic(row, rows, trace.spiking)
            compute = self._compute(row, rows, machine, trace.spiking)
            addressing = traffic.address_additions * self.add_energy
            addressing += traffic.address_products * (self.multiply_energy + self.add_energy)
            memory = self._accesses(row, traffic, trace.spiking)
            lines.append(Line(row.name, row.kind, compute, memory, addressing))
        return Bill(self.name, self.source, self._assumptions(trace), tuple(lines))

    def _accesses(self, row: Row, traffic: Traffic, spiking: bool) -> float:
        """Price reads and writes by the sizes of their memories."""
        made = row.synapse
        outputs = math.prod(made.out_shape) if made else row.neurons
        return (
            traffic.inputs * self.energy(self.fifo_depth if spiking else row.neurons)
            + traffic.weights * self.energy(made.weights if made else 0)
            + traffic.biases * self.energy(made.out_channels if made else 0)
            + 2 * traffic.potentials * self.energy(outputs)
            + traffic.outputs * self.energy(self.fifo_depth if spiking else outputs)
        )

    def _compute(self, row: Row, rows: Mapping[str, Row], machine: Machine, spiking: bool) -> float:
        if row.kind == "neuron":
            return self._update(row, rows)
        if row.synapse is None:
            return row.neurons * row.steps * self.add_energy
        outputs = math.prod(row.synapse.out_shape)
        if not spiking:  # eqs. 1.1, 1.2, 2.1, 2.2
            return machine.products(row) * self._mac(row) + row.computed_steps * outputs * self.add_energy
        if row.arithmetic == "real":  # zeros are skipped, products are MACs
            products = row.products * row.density if self.fan_out == "nominal" else row.synops
            return products * self._mac(row) + row.computed_steps * outputs * self.add_energy
        products, sums = self._arithmetic(row, row.synapse)  # eqs. 1.4, 2.4
        return products * self._mac(row) + (sums + row.steps * outputs) * self.add_energy

    def _update(self, row: Row, rows: Mapping[str, Row]) -> float:
        """Price resets, leak (eqs. 1.3, 1.4), and the charge of a neuron that no layer of weights feeds."""
        source = rows.get(row.fed_by)
        fed = source is not None and source.kind == "synapse"
        once = source is not None and fed and source.arithmetic == "real"
        fires = row.spikes if self.events == "unary" else row.events
        leaks = row.neurons * (1 if once else row.steps) if row.leaks else 0
        charged = 0 if fed else row.arriving + row.updates
        adds = (fires if row.resets else 0) + charged
        return adds * self.add_energy + leaks * (self.multiply_energy + self.add_energy)

    def _arithmetic(self, row: Row, made: Synapse) -> tuple[float, float]:
        """Return multiplications and plain additions at the weights."""
        nominal = self.fan_out == "nominal" and (made.linear or made.kernel > 1)
        reach = made.out_channels * made.strided_kernel / made.groups * row.computed_steps / row.steps
        once = row.events * reach if nominal else row.synops
        each = row.spikes * reach if nominal else row.unary_synops
        if row.arithmetic == "accumulate":
            return 0.0, once
        return (once, 0.0) if self.events == "graded" else (0.0, each)

    def _mac(self, row: Row) -> float:
        """Energy of a multiplication and addition at a weight: a multiplier's grows with the product of its widths.

        Whole numbers up to N are ceil(log2(N + 1)) bits wide, in a conventional network as in a spiking one; real
        numbers have the full width.
        """
        width = self.bits if row.arithmetic == "real" else max(1, math.ceil(math.log2(max(1.0, row.top) + 1)))
        return self.multiply_energy * min(width, self.bits) / self.bits + self.add_energy

    def _assumptions(self, trace: Trace) -> tuple[str, ...]:
        access = {
            "fit": f"{self.access_base:g} + {self.access_slope:g} n b pJ for n numbers of b bits",
            "packed": f"{access_energy(1, self.bits, 'packed'):g} pJ, several numbers per 64-bit access",
            "constant": f"{self.constant:g} pJ",
        }[self.access]
        said = [
            f"numbers of {self.bits} bits; an addition costs {self.add_energy:.4g} pJ ({self.add}), a multiplication "
            f"{self.multiply_energy:.4g} pJ ({self.multiply})",
            f"an access costs {access}",
            "batch norms are folded, pooling costs nothing",
            "fan-out is that of every event, without padding"
            if self.fan_out == "exact"
            else "fan-out is nominal: borders and stride are ignored",
        ]
        synapses = trace.of_kind("synapse")
        if any(row.computed_steps < row.steps for row in synapses):
            said.append("a frame that is held over all steps arrives and is multiplied once")
        if any(row.arithmetic == "graded" for row in synapses):
            said.append("whole numbers up to N are multiplied by as many bits as they take")
        if trace.uncounted:
            said.append(f"not counted and so for nothing: {', '.join(trace.uncounted)}")
        if not trace.spiking:
            said.append(
                "zeros are skipped, and cost nothing" if self.zero_skipping else "dense: zeros are multiplied too"
            )
            return tuple(said)
        said += [
            f"event buffers hold {self.fifo_depth} numbers",
            "merging spikes costs nothing; a neuron after a merge pays for its potentials and for what arrives",
        ]
        if any(row.arithmetic == "real" and row.steps > 1 for row in synapses):
            often = "at every step" if self.potential_every_step else "once per computed step"
            said.append(f"a layer that takes real numbers touches its potentials {often}")
        known = {row.name for row in trace.rows}
        lost = [row.name for row in trace.of_kind("neuron") if row.fed_by not in known]
        if lost:
            said.append(f"charged as after a merge, since what feeds them is not known: {', '.join(lost)}")
        if any(row.arithmetic == "graded" for row in synapses):
            said.append(f"events are {self.events}")
        return tuple(said)
