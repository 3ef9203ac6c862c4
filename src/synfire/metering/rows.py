"""The rows of a trace: what a layer is made of, and what it did."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from math import inf, isfinite, prod
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from synfire.layers import Linear


def count_fan_out(module: nn.Module, shape: torch.Size, dense: bool = False) -> Tensor:
    """Return how many weights each number of a sample meets, also of a plain linear layer, which does not say so."""
    if isinstance(module, nn.Linear) and not hasattr(module, "fan_out"):
        return Linear.fan_out(cast(Linear, module), shape, dense)
    return cast(Any, module).fan_out(shape, dense=dense)


@dataclass(frozen=True)
class Synapse:
    """What a layer of weights is made of.

    Attributes:
        out_shape: of one sample at one step, such as (C, H, W).
        dense_fan_out: weights that the numbers of a sample meet, summed; padding is left out.
        products: multiplications of the layer's formula, padding included: outputs times inputs of each.
        linear: whether every input meets every output, as in a linear layer.
        kernel: positions of the kernel, height times width; 1 for a linear layer.
        strided_kernel: positions of the output that an event reaches, ceil(height / stride) ceil(width / stride).
        out_channels: C_out or N_out.
        weights: number of weights.
        live_weights: of these, non-zero.
        biases: biases, those of a batch norm that will be folded included.
        bytes: of weights and biases, as they are stored.
        groups: parts into which inputs and outputs are divided, each meeting its own alone.
        fan_out: live (non-zero) weights that each number of a sample meets, int64; borders and strides are exact. None
            in a trace that was read from a file.
    """

    out_shape: tuple[int, ...]
    dense_fan_out: int
    products: int
    linear: bool
    kernel: int
    strided_kernel: int
    out_channels: int
    weights: int
    live_weights: int
    biases: int
    bytes: int = 0
    groups: int = 1
    fan_out: Tensor | None = None

    @classmethod
    def of(cls, module: nn.Module, shape: tuple[int, ...], out_shape: tuple[int, ...]) -> "Synapse":
        """Describe a module that has `fan_out(shape, dense)`, such as synfire.layers.Conv2d, for one input shape.

        Of a module that is no linear layer or convolution, its declared fan-out is all that is known: every parameter
        counts as a weight, and there is no kernel.
        """
        weight = module.weight if isinstance(module, nn.Linear | _ConvNd) else None
        own = list(module.parameters(recurse=False)) if weight is None else [weight]
        kernel = () if weight is None else tuple(weight.shape[2:])
        strides = getattr(module, "stride", 1)
        strides = strides if isinstance(strides, tuple) else (strides,) * len(kernel)
        fan_out = count_fan_out(module, torch.Size(shape))
        dense = int(count_fan_out(module, torch.Size(shape), dense=True).sum())
        return cls(
            out_shape=out_shape,
            dense_fan_out=dense,
            products=dense if weight is None else prod(out_shape) * weight[0].numel(),
            linear=isinstance(module, nn.Linear),
            kernel=prod(kernel),
            strided_kernel=prod(-(-k // s) for k, s in zip(kernel, strides, strict=True)),
            out_channels=out_shape[0],
            weights=sum(p.numel() for p in own),
            live_weights=sum(int(p.count_nonzero()) for p in own),
            biases=0 if weight is None or module.bias is None else out_shape[0],
            bytes=sum(p.numel() * p.element_size() for p in module.parameters(recurse=False)),
            groups=module.groups if isinstance(module, _ConvNd) else 1,
            fan_out=fan_out,
        )

    def record(self) -> dict[str, Any]:
        """Return all but the fan-out of single inputs as plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fan_out"}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Synapse":
        """Return what `record` gave."""
        return cls(**_read(cls, record, ("fan_out",)))


@dataclass
class Row:
    """Activity of one layer. Counts are totals over all samples; the properties are per sample, over all steps.

    Attributes:
        name: path of the module in the network, with "#2" and so on where it is used more than once in a pass.
        kind: "neuron", "quantised", "relu" or "merge" for what leaves it, "synapse" for what arrives at it.
        shape: of what is counted, one sample at one step, such as (C, H, W).
        levels: highest value that a neuron or quantised rectifier may emit or that can arrive at weights, 0 where that
            is not known.
        leaks: whether a neuron's potential decays.
        resets: whether a neuron's potential changes when it fires.
        synapse: what a layer of weights is made of.
        fed_by: name of the synapse or merge whose output it takes, through norms and poolings; "" if unknown.
        samples: number of samples counted.
        computed_steps: steps that differ from each other, 1 for a held frame.
        event_count: non-zero values.
        spike_total: sum of absolute values; equal to the events for binary neurons.
        arriving_count: non-zero inputs of a neuron that takes no synapse's output, such as a barrier.
        synop_count: (event, live weight) pairs, each computed step once.
        synop_sum: the same, each pair times the event's absolute value.
        largest: largest absolute value.
        whole: whether all values are whole numbers, as spikes are and images and their means are not.
        events_by_step: non-zero values at each step.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    levels: int = 0
    leaks: bool = False
    resets: bool = False
    synapse: Synapse | None = None
    fed_by: str = ""
    samples: int = 0
    computed_steps: int = 0
    event_count: int = 0
    spike_total: float = 0.0
    arriving_count: int = 0
    synop_count: int = 0
    synop_sum: float = 0.0
    largest: float = 0.0
    whole: bool = True
    events_by_step: list[int] = field(default_factory=list)

    def join(self, other: "Row") -> None:
        """Add what the same layer did on other samples, for example on another device."""
        self.samples += other.samples
        self.computed_steps = max(self.computed_steps, other.computed_steps)
        self.largest, self.whole = max(self.largest, other.largest), self.whole and other.whole
        self.events_by_step = [a + b for a, b in zip(self.events_by_step, other.events_by_step, strict=True)]
        for key in ("event_count", "spike_total", "arriving_count", "synop_count", "synop_sum"):
            setattr(self, key, getattr(self, key) + getattr(other, key))

    @property
    def steps(self) -> int:
        """T."""
        return len(self.events_by_step)

    @property
    def neurons(self) -> int:
        """Number of values per step and sample."""
        return prod(self.shape)

    @property
    def events(self) -> float:
        """Non-zero values."""
        return self.event_count / self.samples

    @property
    def spikes(self) -> float:
        """Sum of absolute values."""
        return self.spike_total / self.samples

    @property
    def arriving(self) -> float:
        """Non-zero inputs, see `arriving_count`."""
        return self.arriving_count / self.samples

    @property
    def density(self) -> float:
        """Non-zero values per neuron and step."""
        return self.events / (self.neurons * self.steps)

    @property
    def arithmetic(self) -> str:
        """What an event does at a weight: "accumulate" one of -1, 0, 1, or "graded" another whole number, or "real"."""
        if not self.whole:
            return "real"
        return "accumulate" if self.top <= 1 else "graded"

    @property
    def top(self) -> float:
        """Highest value that may occur: the levels of what emits it, or the highest that was seen if they are unknown.

        An adder or multiplier is built for what may come, not for what a batch happened to hold.
        """
        return max(self.levels, self.largest)

    @property
    def dense_macs(self) -> int:
        """Multiplications if every input and weight were used; padding is none (NeuroBench's dense count)."""
        return self.synapse.dense_fan_out * self.computed_steps if self.synapse else 0

    @property
    def products(self) -> int:
        """Multiplications of the layer's formula, padding included: the usual MAC count of a layer."""
        return self.synapse.products * self.computed_steps if self.synapse else 0

    @property
    def synops(self) -> float:
        """Synaptic operations: pairs of an event and a live weight, with exact fan-out at borders and strides."""
        return self.synop_count / self.samples

    @property
    def unary_synops(self) -> float:
        """Synaptic operations if an event of value z were z events of one."""
        return self.synop_sum / self.samples

    @property
    def synops_by_rate(self) -> float:
        """The usual shortcut, density times MACs: exact for even activity without padding and dead weights."""
        return self.density * self.products

    @property
    def updates(self) -> int:
        """Potentials that are charged and compared: neurons times steps."""
        return self.neurons * self.steps if self.kind == "neuron" else 0

    def record(self) -> dict[str, Any]:
        """Return the row as plain data: its totals, and under "per_sample" what follows from them."""
        totals = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "synapse"}
        return {
            **totals,
            "synapse": self.synapse.record() if self.synapse else None,
            "per_sample": {
                "events": self.events,
                "spikes": self.spikes,
                "density": self.density,
                "updates": self.updates,
                "resets": self.events if self.resets else 0.0,
                "arithmetic": self.arithmetic if self.synapse else None,
                "dense_macs": self.dense_macs,
                "products": self.products,
                "synops": self.synops,
                "unary_synops": self.unary_synops,
                "synops_by_rate": self.synops_by_rate,
            },
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Row":
        """Return what `record` gave; an error of keys, types, values or overflow if it is none."""
        made = record["synapse"]
        row = cls(**_read(cls, record, ("synapse",)), synapse=None if made is None else Synapse.read(made))
        if row.samples < 1 or not row.events_by_step or row.neurons < 1:
            raise ValueError(f"row {row.name!r} counts no sample")
        return row


def _read(kind: type, record: Mapping[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a dataclass from plain data; one that is newer than the record keeps its default."""
    read = (f for f in fields(kind) if f.name not in without and (f.name in record or f.default is MISSING))
    return {f.name: _READ[f.type](record[f.name]) for f in read}


def _count(value: Any) -> int:
    if int(value) < 0 or not isfinite(value):
        raise ValueError(f"{value} is no count")
    return int(value)


def _size(value: Any) -> float:
    if not 0 <= float(value) < inf:
        raise ValueError(f"{value} is no size")
    return float(value)


def _whole_numbers(values: Any) -> list[int]:
    return [_count(value) for value in values]


_READ: dict[Any, Any] = {
    str: str,
    bool: bool,
    int: _count,
    float: _size,
    list[int]: _whole_numbers,
    tuple[int, ...]: lambda values: tuple(_whole_numbers(values)),
}
