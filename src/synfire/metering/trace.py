"""One pass over a network that counts the events that leave neurons and merges and that arrive at synapses."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from synfire.base import ShapeError
from synfire.layers import Conv2d, Join, Linear
from synfire.neurons import Neuron, QuantisedReLU, ReLU

# Kind of each counted module; synapses are counted at their input, all others at their output.
COUNTED = {
    Neuron: "neuron", QuantisedReLU: "quantised", ReLU: "relu", Join: "merge", Conv2d: "synapse", Linear: "synapse",
}  # fmt: skip
EMITTERS = ("neuron", "quantised", "relu")


@dataclass
class Row:
    """Activity of one layer. Counts are totals over all samples; the properties are per sample or per neuron.

    Attributes:
        name: path of the module in the network, with "#2" and so on where it is used more than once in a pass.
        kind: "neuron", "quantised", "relu" or "merge" for what leaves it, "synapse" for what arrives at it.
        shape: of what is counted, one sample at one step, such as (C, H, W).
        steps: T.
        samples: number of samples counted.
        event_count: non-zero values.
        spike_total: sum of absolute values; equal to the events for binary neurons.
        largest: largest absolute value.
        whole: whether all values are whole numbers, as spikes are and images and their means are not.
        events_by_step: non-zero values at each step.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    steps: int
    samples: int = 0
    event_count: int = 0
    spike_total: float = 0.0
    largest: float = 0.0
    whole: bool = True
    events_by_step: list[int] = field(default_factory=list)

    @property
    def neurons(self) -> int:
        """Number of outputs per step and sample."""
        return int(torch.Size(self.shape).numel())

    @property
    def events(self) -> float:
        """Non-zero outputs per sample, over all steps."""
        return self.event_count / self.samples

    @property
    def spikes(self) -> float:
        """Sum of absolute outputs per sample, over all steps."""
        return self.spike_total / self.samples

    @property
    def density(self) -> float:
        """Non-zero outputs per neuron and step."""
        return self.events / (self.neurons * self.steps)

    def add(self, values: Tensor) -> None:
        """Count one sequence, (T, B, ...)."""
        if not values.numel():
            return
        fired = values != 0
        by_step = fired.flatten(1).sum(1).tolist()
        self.samples += values.shape[1]
        self.event_count += sum(by_step)
        # In float64, sums of whole numbers are exact in any order, so that counts do not depend on the batch size.
        self.spike_total += values.abs().sum(dtype=torch.float64).item()
        self.largest = max(self.largest, values.abs().max().item())
        self.whole = self.whole and bool((values == values.round()).all())
        self.events_by_step = [a + b for a, b in zip(self.events_by_step or [0] * len(by_step), by_step, strict=True)]


@dataclass(frozen=True)
class Trace:
    """The rows of one network, in the order of execution."""

    rows: tuple[Row, ...]

    @property
    def events(self) -> float:
        """Non-zero outputs of all neurons and rectifiers per sample."""
        return sum(row.events for row in self.rows if row.kind in EMITTERS)

    @property
    def spikes(self) -> float:
        """Sum of absolute outputs of all neurons and rectifiers per sample."""
        return sum(row.spikes for row in self.rows if row.kind in EMITTERS)

    @property
    def emits_whole_numbers(self) -> bool:
        """Whether sums of outputs count spikes: a ReLU of a conventional twin emits real numbers."""
        return not any(row.kind == "relu" for row in self.rows)

    @property
    def arriving_events(self) -> float:
        """Non-zero whole numbers that arrive at synapses per sample: what makes an event-driven machine work.

        It differs from `events` where a merge stands between: the sum of two spikes arrives once, and spikes that a
        barrier absorbs arrive nowhere. Images, and means over an image, are not whole numbers and are left out.
        """
        return sum(row.events for row in self.rows if row.kind == "synapse" and row.whole)

    @property
    def arriving_spikes(self) -> float:
        """Sum of the absolute values that `arriving_events` counts."""
        return sum(row.spikes for row in self.rows if row.kind == "synapse" and row.whole)

    def merges(self) -> tuple[Row, ...]:
        """Return the rows of the merges: the avalanche profile of a residual network (arXiv:2510.24637)."""
        return tuple(row for row in self.rows if row.kind == "merge")

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain records for a file."""
        return [
            {
                "name": row.name,
                "kind": row.kind,
                "shape": list(row.shape),
                "steps": row.steps,
                "samples": row.samples,
                "events": row.events,
                "spikes": row.spikes,
                "density": row.density,
                "largest": row.largest,
                "whole": row.whole,
                "events_by_step": [count / row.samples for count in row.events_by_step],
            }
            for row in self.rows
        ]

    def __str__(self) -> str:
        """Return a table, a line per row."""
        lines = [
            f"{'layer':<36} {'kind':<10} {'size':>9} {'T':>3} {'events':>12} {'spikes':>12} {'density':>8} {'max':>5}"
        ]
        for row in self.rows:
            lines.append(
                f"{row.name:<36} {row.kind:<10} {row.neurons:>9} {row.steps:>3} {row.events:>12.1f} "
                f"{row.spikes:>12.1f} {row.density:>8.4f} {row.largest:>5.3g}"
            )
        for label, events, spikes in (
            ("leaving neurons, per sample", self.events, self.spikes),
            ("arriving at synapses, per sample", self.arriving_events, self.arriving_spikes),
        ):
            lines.append(f"{label:<61} {events:>12.1f} {spikes:>12.1f}")
        return "\n".join(lines)


def trace(net: nn.Module, batches: Tensor | Iterable[Tensor]) -> Trace:
    """Run a network and count what leaves every neuron layer, rectifier and merge, and what arrives at every synapse.

    The network's mode (training or evaluation) is left as it is; nothing is learned.

    Args:
        net: maps (T, B, ...) to (T, B, ...).
        batches: one sequence (T, B, ...), or several.

    Returns:
        A row per layer in the order of execution.

    Raises:
        ShapeError: there is no batch, or batches differ in T or in the shape of a sample.
    """
    with torch.no_grad(), counting(net) as meter:
        for batch in [batches] if isinstance(batches, Tensor) else batches:
            net(batch)
    found = meter.trace()
    if not found.rows or not all(row.samples for row in found.rows):
        raise ShapeError(
            "trace: nothing was counted; give at least one batch of at least one sample, and a network that has "
            "neurons (synfire.Neuron), rectifiers (synfire.ReLU, synfire.QuantisedReLU) or joins."
        )
    return found


@contextmanager
def counting(net: nn.Module) -> Iterator["Meter"]:
    """Count whatever the network runs inside the block; the counts stay with the meter.

    Args:
        net: maps (T, B, ...) to (T, B, ...). Code from torch.compile may pass the counters by: run the plain network.
    """
    meter = Meter()
    handles = [net.register_forward_pre_hook(lambda *_: meter.begin())]
    for name, module in net.named_modules():
        kind = next((kind for base, kind in COUNTED.items() if isinstance(module, base)), None)
        if kind is not None:
            handles.append(module.register_forward_hook(partial(meter.count, name or type(module).__name__, kind)))
    try:
        yield meter
    finally:
        for handle in handles:
            handle.remove()


class Meter:
    """Adds up rows, one per use of a module within a pass; see `counting`."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.uses: dict[str, int] = {}

    def trace(self) -> Trace:
        """Return what was counted so far."""
        return Trace(tuple(self.rows.values()))

    def begin(self) -> None:
        """Begin a pass, so that a module's first use is its first again."""
        self.uses.clear()

    def count(self, name: str, kind: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        """Add one use of a module; a forward hook, once name and kind are bound."""
        use = self.uses[name] = self.uses.get(name, 0) + 1
        key = name if use == 1 else f"{name}#{use}"
        values = inputs[0] if kind == "synapse" else output
        shape, steps = tuple(values.shape[2:]), values.shape[0]
        row = self.rows.setdefault(key, Row(key, kind, shape, steps))
        if (row.shape, row.steps) != (shape, steps):
            raise ShapeError(
                f"trace: {key} saw {steps} steps of shape {shape}, but {row.steps} of {row.shape} in a batch before; "
                "give batches of equal T and sample shape."
            )
        row.add(values)
