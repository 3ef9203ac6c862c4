"""One pass over a network that counts what leaves neurons and merges and what arrives at weights."""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from synfire.base import RunError, ShapeError
from synfire.layers import Flatten, Join, MaxPool2d
from synfire.metering.counts import Activity, Counts, count
from synfire.metering.rows import Row, Synapse
from synfire.metering.traffic import Machine, Traffic
from synfire.neurons import GELU, Neuron, QuantisedReLU, ReLU, current_stream
from synfire.neurons.streaming import eagerly

PASSES_SPIKES = (Flatten, MaxPool2d, nn.Flatten, nn.Identity, nn.Dropout)
EMITTERS = {Neuron: "neuron", QuantisedReLU: "quantised", ReLU: "relu", GELU: "relu"}


@dataclass(frozen=True)
class Trace:
    """The account of one network, per sample; see `trace`.

    Attributes:
        rows: in the order of execution.
        parameters: number of parameters.
        bytes: of parameters and buffers.
        uncounted: layers with weights, and neurons, that no row tells of; what they cost is missing.
    """

    rows: tuple[Row, ...]
    parameters: int = 0
    bytes: int = 0
    uncounted: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> tuple[Row, ...]:
        """Return the rows of some kinds, see `Row.kind`."""
        return tuple(row for row in self.rows if row.kind in kinds)

    @property
    def spiking(self) -> bool:
        """Whether any layer keeps a potential; a conventional network has none."""
        return bool(self.of_kind("neuron"))

    @property
    def steps(self) -> int:
        """T."""
        return max((row.steps for row in self.rows), default=0)

    @property
    def events(self) -> float:
        """Non-zero outputs of all neurons and rectifiers."""
        return sum(row.events for row in self.of_kind(*EMITTERS.values()))

    @property
    def spikes(self) -> float:
        """Sum of absolute outputs of all neurons and rectifiers."""
        return sum(row.spikes for row in self.of_kind(*EMITTERS.values()))

    @property
    def emits_whole_numbers(self) -> bool:
        """Whether sums of outputs count spikes: a ReLU of a conventional twin emits real numbers."""
        return not self.of_kind("relu")

    @property
    def activation_sparsity(self) -> float:
        """Share of zeros among the outputs of neurons and rectifiers, over all layers and steps (NeuroBench)."""
        emitters = self.of_kind(*EMITTERS.values())
        return 1 - self.events / max(1, sum(row.neurons * row.steps for row in emitters))

    @property
    def connection_sparsity(self) -> float:
        """Share of weights that are zero (NeuroBench); biases are no connections."""
        made = {row.name.partition("#")[0]: row.synapse for row in self.rows if row.synapse}.values()
        return 1 - sum(s.live_weights for s in made) / max(1, sum(s.weights for s in made))

    @property
    def arriving_events(self) -> float:
        """Non-zero whole numbers that arrive at weights: what makes an event-driven machine work.

        It differs from `events` where a merge stands between: the sum of two spikes arrives once, and spikes that a
        barrier absorbs arrive nowhere. Images, and means over an image, are not whole numbers and are left out.
        """
        return sum(row.events for row in self.of_kind("synapse") if row.whole)

    @property
    def arriving_spikes(self) -> float:
        """Sum of the absolute values that `arriving_events` counts."""
        return sum(row.spikes for row in self.of_kind("synapse") if row.whole)

    @property
    def dense_macs(self) -> int:
        """Multiplications if every input and weight were used; padding is none."""
        return sum(row.dense_macs for row in self.rows)

    @property
    def effective_macs(self) -> float:
        """Synaptic operations that multiply: inputs other than -1, 0 and 1."""
        return sum(row.synops for row in self.of_kind("synapse") if row.arithmetic != "accumulate")

    @property
    def effective_acs(self) -> float:
        """Synaptic operations that only add: inputs of -1, 0 and 1."""
        return sum(row.synops for row in self.of_kind("synapse") if row.arithmetic == "accumulate")

    def neurobench(self) -> dict[str, float]:
        """Return the counts of NeuroBench under its names, per sample, as its package counts a network run in steps.

        It knows no held frames: what is multiplied once here counts at every step there, and a step's operations are
        added over the sequence. Its membrane updates are not given: it compares the potentials that are kept from
        step to step, which input, leak and reset change alike.
        """

        def every_step(rows: Iterable[Row], count: Callable[[Row], float]) -> float:
            return sum(count(row) * row.steps / row.computed_steps for row in rows)

        synapses = self.of_kind("synapse")
        adds = [row for row in synapses if row.whole and row.largest <= 1]
        return {
            "footprint": float(self.bytes),
            "connection_sparsity": self.connection_sparsity,
            "activation_sparsity": self.activation_sparsity,
            "Effective_MACs": every_step((r for r in synapses if r not in adds), lambda row: row.synops),
            "Effective_ACs": every_step(adds, lambda row: row.synops),
            "Dense": every_step(synapses, lambda row: row.dense_macs),
        }

    def table(self) -> list[dict[str, Any]]:
        """Return a line per row with everything that is counted of it, per sample; fit for a data frame.

        Beside the counts of `Row`: weights and those that are not zero, bytes, resets, and under "reads_..." and
        "writes_..." the accesses of `traffic`.
        """
        lines = []
        for row, traffic in zip(self.rows, self.traffic().values(), strict=True):
            made = row.synapse
            lines.append(
                {
                    "layer": row.name,
                    "kind": row.kind,
                    "shape": row.shape,
                    "out_shape": made.out_shape if made else row.shape,
                    "steps": row.steps,
                    "computed_steps": row.computed_steps,
                    "weights": made.weights if made else 0,
                    "live_weights": made.live_weights if made else 0,
                    "bytes": made.bytes if made else 0,
                    **row.record()["per_sample"],
                    "density_by_step": [n / row.samples / row.neurons for n in row.events_by_step],
                    "reads_inputs": traffic.inputs,
                    "reads_weights": traffic.weights,
                    "reads_biases": traffic.biases,
                    "reads_potentials": traffic.potentials,
                    "writes_potentials": traffic.potentials,
                    "writes_outputs": traffic.outputs,
                    "address_additions": traffic.address_additions,
                    "address_products": traffic.address_products,
                }
            )
        return lines

    def merges(self) -> tuple[Row, ...]:
        """Return the rows of the merges: the avalanche profile of a residual network (arXiv:2510.24637)."""
        return self.of_kind("merge")

    def traffic(self, machine: Machine | None = None) -> dict[str, Traffic]:
        """Return reads and writes of memory by kind for every row, by name.

        Args:
            machine: what it does for zeros, events and held frames; by default graded events with their exact fan-out.
        """
        machine, rows = machine or Machine(), {row.name: row for row in self.rows}
        return {name: machine.traffic(row, rows, self.spiking) for name, row in rows.items()}

    def record(self) -> dict[str, Any]:
        """Return the trace as plain data for a file; `Trace.read` makes a trace of it again."""
        traffic = self.traffic()
        rows = [{**row.record(), "traffic": asdict(traffic[row.name])} for row in self.rows]
        return {
            "parameters": self.parameters,
            "bytes": self.bytes,
            "uncounted": list(self.uncounted),
            "rows": rows,
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Trace":
        """Return the trace that `record` was made of.

        Raises:
            RunError: it is no record of a trace.
        """
        try:
            rows = tuple(Row.read(row) for row in record["rows"])
            uncounted = tuple(str(name) for name in record.get("uncounted", ()))
            return cls(rows, int(record["parameters"]), int(record["bytes"]), uncounted)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as err:
            raise RunError(
                f"this is no record of a trace ({type(err).__name__}: {err}); test the network again to write one."
            ) from err

    def joined(self, others: Iterable["Trace"]) -> "Trace":
        """Return the account over the samples of several traces of one network."""
        rows = [replace(row) for row in self.rows]
        for other in others:
            for row, theirs in zip(rows, other.rows, strict=True):
                row.join(theirs)
        return replace(self, rows=tuple(rows))

    def __str__(self) -> str:
        """Return a table, a line per row."""
        lines = [
            f"{'layer':<36} {'kind':<10} {'size':>9} {'T':>3} {'events':>12} {'spikes':>12} {'density':>8} {'max':>5} "
            f"{'MACs':>13} {'synops':>13} {'by rate':>8}"
        ]
        for row in self.rows:
            line = (
                f"{row.name:<36} {row.kind:<10} {row.neurons:>9} {row.steps:>3} {row.events:>12.1f} "
                f"{row.spikes:>12.1f} {row.density:>8.4f} {row.largest:>5.3g}"
            )
            if row.synapse:
                gap = f"{row.synops_by_rate / row.synops - 1:+.1%}" if row.synops else "-"
                line += f" {row.dense_macs:>13,} {row.synops:>13,.0f} {gap:>8}"
            lines.append(line)
        for label, events, spikes in (
            ("leaving neurons, per sample", self.events, self.spikes),
            ("arriving at synapses, per sample", self.arriving_events, self.arriving_spikes),
        ):
            lines.append(f"{label:<61} {events:>12.1f} {spikes:>12.1f}")
        lines.append(
            f"per sample: {self.dense_macs:,} dense MACs; effective {self.effective_macs:,.0f} MACs and "
            f"{self.effective_acs:,.0f} ACs; {self.parameters:,} parameters in {self.bytes:,} bytes"
        )
        if self.uncounted:
            lines.append(f"NOT counted, since no hook saw them as layers: {', '.join(self.uncounted)}")
        return "\n".join(lines)


def trace(net: nn.Module, batches: Tensor | Iterable[Tensor]) -> Trace:
    """Run a network and count what leaves every neuron layer, rectifier and merge, and what arrives at every weight.

    The network's mode (training or evaluation) is left as it is, and so are the statistics of its norms; in training
    mode these make counts depend on the batch. Linear layers count, and any module that has a method
    `fan_out(shape, dense=False)`: how many (live, or all) weights each number of a sample of that shape meets, int64,
    of that shape. What else has weights is named in `uncounted`.

    Args:
        net: maps (T, B, ...) to (T, B, ...).
        batches: one sequence (T, B, ...), or several.

    Returns:
        A row per layer in the order of execution.

    Raises:
        ShapeError: there is no batch, or batches differ in T or in the shape of a sample.
    """
    net = getattr(net, "_orig_mod", net)  # of torch.compile
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    try:
        with torch.no_grad(), counting(net) as meter:
            for batch in [batches] if isinstance(batches, Tensor) else batches:
                eagerly(net, batch)
    finally:
        with torch.no_grad():
            for name, buffer in net.named_buffers():
                if name in kept and not torch.equal(buffer, kept[name]):
                    buffer.copy_(kept[name])
    found = meter.trace()
    if not found.rows or not all(row.samples for row in found.rows):
        raise ShapeError(
            "trace: nothing was counted; give at least one batch of at least one sample, and a network that has "
            "neurons (synfire.Neuron), rectifiers (synfire.ReLU, synfire.QuantisedReLU) or joins."
        )
    return found


@contextmanager
def counting(net: nn.Module, meter: "Meter | None" = None) -> Iterator["Meter"]:
    """Count whatever the network runs inside the block, also step by step through `synfire.stream`.

    Args:
        net: maps (T, B, ...) to (T, B, ...). Code from torch.compile may pass the counters by: run the plain network.
        meter: what an earlier block over the same network counted, to go on with.
    """
    meter = meter if meter is not None else Meter(net)
    handles = [net.register_forward_pre_hook(lambda *_: meter.begin())]
    handles += [module.register_forward_hook(hook) for module, hook in meter.hooks]
    with ExitStack() as stack:
        for handle in handles:
            stack.callback(handle.remove)
        for name, neuron in meter.neurons.items():
            stack.enter_context(_run_observed(neuron, partial(meter.count_run, name, neuron)))
        yield meter


@contextmanager
def _run_observed(neuron: Neuron, see: Callable[[Tensor, Any, Tensor], None]) -> Iterator[None]:
    """Show input, first state and spikes of every `neuron.run` that is not part of a call of the neuron."""
    run, before = neuron.run, neuron.__dict__.get("run")

    def observed(x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        spikes, after = run(x, state, keep)
        see(x, state, spikes)
        return spikes, after

    neuron.__dict__["run"] = observed
    try:
        yield
    finally:
        del neuron.__dict__["run"]
        if before is not None:
            neuron.__dict__["run"] = before


def _merged_levels(merge: str, levels: Sequence[int]) -> int:
    """Return the highest value of merged spikes, 0 if it is not known."""
    highest = {"add": sum, "or": max, "and": prod}.get(merge)
    return highest(levels) if highest is not None and all(levels) else 0


def _kind(module: nn.Module) -> str | None:
    if hasattr(module, "fan_out") or isinstance(module, nn.Linear):
        return "synapse"
    if isinstance(module, Join):
        return "merge"
    return next((kind for base, kind in EMITTERS.items() if isinstance(module, base)), None)


@dataclass(slots=True)
class _Sight:
    """What is known of one tensor of a pass; the tensor itself is not kept alive.

    Attributes:
        tensor: to tell it from a later one in the same place of memory.
        version: how often it had been changed in place when it was seen.
        source: row of the synapse or merge that it comes from, through norms and poolings.
        levels: highest value that it may hold, if it is made of spikes; 0 if that is not known.
        counts: what it holds, once counted.
    """

    tensor: "weakref.ref[Tensor]"
    version: int
    source: str = ""
    levels: int = 0
    counts: Counts | None = None

    def is_of(self, tensor: Tensor) -> bool:
        """Whether it tells of this tensor as it is now."""
        return self.tensor() is tensor and self.version == _version(tensor)


def _key(name: str, use: int) -> str:
    return name if use == 1 else f"{name}#{use}"


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version  # inference tensors keep no count


@dataclass(slots=True)
class _Layer:
    """One row that is being counted.

    Attributes:
        row: what is known of it beforehand.
        activity: what it did so far.
        arriving: inputs of a neuron that no weights feed.
    """

    row: Row
    activity: Activity
    arriving: Activity

    def read(self) -> Row:
        """Return the row as it stands."""
        arriving = self.arriving.read().get("event_count", 0)
        return replace(self.row, arriving_count=arriving, **self.activity.read())


class Meter:
    """Adds up rows, one per use of a module within a pass; see `counting`."""

    def __init__(self, net: nn.Module) -> None:
        self._layers: dict[str, _Layer] = {}
        self.neurons: dict[str, Neuron] = {}
        self.hooks: list[tuple[nn.Module, Callable[..., None]]] = []
        for name, module in net.named_modules():
            name = name or type(module).__name__
            if (kind := _kind(module)) is not None:
                self.hooks.append((module, partial(self.count, name, kind)))
                if isinstance(module, Neuron):
                    self.neurons[name] = module
            elif next(module.children(), None) is None:
                self.hooks.append((module, self.follow))
        # A join calls the neuron behind its merge before its own row is known.
        self._behind = {
            module.after_merge: name
            for name, module in net.named_modules()
            if isinstance(module, Join) and module.after_merge is not None
        }
        self._net = net
        self._uses: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._sights: dict[int, _Sight] = {}
        self._done: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()
        self._before: weakref.WeakKeyDictionary[Any, dict[str, Tensor]] = weakref.WeakKeyDictionary()
        self._seen: set[str] = set()

    def trace(self) -> Trace:
        """Return what was counted so far."""
        parameters = list(self._net.parameters())
        size = sum(tensor.numel() * tensor.element_size() for tensor in (*parameters, *self._net.buffers()))
        rows = tuple(layer.read() for layer in self._layers.values())
        return Trace(rows, sum(p.numel() for p in parameters), size, self._uncounted())

    def _uncounted(self) -> tuple[str, ...]:
        """Return the names of what has weights in two or more dimensions, or is a neuron, and was not counted."""
        return tuple(
            name or type(module).__name__
            for name, module in self._net.named_modules()
            if (name or type(module).__name__) not in self._seen
            and not isinstance(module, nn.Embedding)
            and (_kind(module) is not None or any(p.dim() > 1 for p in module.parameters(recurse=False)))
        )

    def begin(self) -> None:
        """Begin a pass, so that a module's first use is its first again."""
        self._uses.clear()
        self._reached.clear()
        self._sights.clear()
        running = current_stream()
        if running is not None and running.at_rest:
            self._done.pop(running, None)
            self._before.pop(running, None)

    def count(self, name: str, kind: str, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Add one use of a module; a forward hook, once name and kind are bound."""
        key = self._next_use(name)
        values = inputs[0] if kind == "synapse" else output
        if not values.numel() or values.dim() < 2 + (kind == "synapse"):
            return
        running = current_stream()
        first = 0 if running is None else self._first_step(running, key, values.shape[0])
        layer, sight = self._layer(key, kind, module, inputs[0], output), self._sight(values)
        self._check(layer, values, running is not None)
        if kind == "synapse":
            layer.row.levels = max(layer.row.levels, sight.levels)
            repeated = running is not None and self._repeats(running, key, values, first)
            layer.activity.add(self._counts(values, sight), first, repeated)
        else:
            self._add_emitted(layer, inputs[0], values, first)
        if kind in ("synapse", "merge"):
            self._see(output, key)
        if isinstance(module, Join) and module.after_merge is None:
            sight.levels = _merged_levels(module.merge, [self._sight(x).levels for x in inputs])

    def count_run(self, name: str, neuron: Neuron, given: Tensor, state: Any, spikes: Tensor) -> None:
        """Add what a neuron did that was run from a state by the network's own code, and not called.

        No state begins a use of the neuron; a state goes on with its last one in this pass.
        """
        if not spikes.numel():
            return
        uses = self._uses.get(name, 0)
        key = self._next_use(name) if state is None or not uses else _key(name, uses)
        first = self._reached.get(key, 0)
        self._reached[key] = first + len(spikes)
        layer = self._layer(key, "neuron", neuron, given, spikes)
        self._check(layer, spikes, streamed=True)
        self._add_emitted(layer, given, spikes, first)

    def _next_use(self, name: str) -> str:
        """Return the name of a module's row in this pass."""
        use = self._uses[name] = self._uses.get(name, 0) + 1
        return _key(name, use)

    def _layer(self, key: str, kind: str, module: nn.Module, given: Tensor, output: Tensor) -> _Layer:
        if key not in self._layers:
            self._seen.add(key.partition("#")[0])
            self._layers[key] = self._describe(key, kind, module, given, output)
        return self._layers[key]

    def _add_emitted(self, layer: _Layer, given: Tensor, output: Tensor, first: int) -> None:
        """Add what leaves a neuron, rectifier or merge, and what arrives at a neuron that no weights feed."""
        sight = self._sight(output)
        layer.activity.add(self._counts(output, sight), first)
        if layer.row.kind == "neuron" and not self._takes_currents(layer.row):
            layer.arriving.add(self._counts(given, self._sight(given)), first)
        if layer.row.kind in ("neuron", "quantised"):
            sight.levels = layer.row.levels

    def follow(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Remember through a norm or pooling where a tensor comes from; a forward hook."""
        if not (inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor)):
            return
        source = self._source(inputs[0])
        if isinstance(module, PASSES_SPIKES):
            self._sight(output).levels = self._sight(inputs[0]).levels
        self._see(output, source)
        if isinstance(module, _BatchNorm) and source in self._layers:
            row = self._layers[source].row
            if row.synapse is not None and not row.synapse.biases:
                row.synapse = replace(row.synapse, biases=row.synapse.out_channels)

    def _describe(self, key: str, kind: str, module: nn.Module, given: Tensor, output: Tensor) -> _Layer:
        if kind == "synapse":
            shape = tuple(given.shape[2:])
            made = Synapse.of(module, shape, tuple(output.shape[2:]))
            return _Layer(Row(key, kind, shape, synapse=made), Activity(made.fan_out), Activity())
        row = Row(
            key,
            kind,
            tuple(output.shape[2:]),
            levels=getattr(module, "levels", 1) if kind in ("neuron", "quantised") else 0,
            leaks=kind == "neuron" and bool((getattr(module, "decay", torch.zeros(())) != 1).any()),
            resets=kind == "neuron" and getattr(getattr(module, "spec", None), "reset", "") != "none",
            fed_by=self._source(given) or self._behind.get(module, ""),
        )
        return _Layer(row, Activity(), Activity())

    def _takes_currents(self, row: Row) -> bool:
        return row.fed_by in self._layers and self._layers[row.fed_by].row.kind == "synapse"

    def _first_step(self, running: Any, key: str, steps: int) -> int:
        """Return at which step of a streamed sequence this use begins."""
        done = self._done.setdefault(running, {})
        first = done.get(key, 0)
        done[key] = first + steps
        return first

    def _repeats(self, running: Any, key: str, values: Tensor, first: int) -> bool:
        """Return whether a stream's step brings the very frame of the step before, as a held one does.

        The same place in memory, as along an axis of stride 0 in a whole sequence; to be equal by chance is not enough.
        """
        if len(values) != 1:
            return False
        before = self._before.setdefault(running, {})
        old = before.get(key) if first > 0 else None
        before[key] = values.detach()  # kept, so that no later tensor takes its place in memory
        return old is not None and old.data_ptr() == values.data_ptr() and _version(old) == _version(values)

    def _check(self, layer: _Layer, values: Tensor, streamed: bool) -> None:
        shape, steps, before = tuple(values.shape[2:]), values.shape[0], layer.activity.steps
        if layer.row.shape != shape or (before and before != steps and not streamed):
            raise ShapeError(
                f"trace: {layer.row.name} saw {steps} steps of shape {shape}, but {before} of {layer.row.shape} in a "
                "batch before; give batches of equal T and sample shape."
            )

    def _see(self, tensor: Tensor, source: str) -> None:
        self._sight(tensor).source = source

    def _sight(self, tensor: Tensor) -> _Sight:
        """Return what is known of a tensor; a new, empty note for one not seen before."""
        sight = self._sights.get(id(tensor))
        if sight is None or not sight.is_of(tensor):
            sight = self._sights[id(tensor)] = _Sight(weakref.ref(tensor), _version(tensor))
        return sight

    def _source(self, tensor: Tensor) -> str:
        return self._sight(tensor).source

    def _counts(self, tensor: Tensor, sight: _Sight) -> Counts:
        """Count a tensor, once: what leaves one layer arrives at the next."""
        if sight.counts is None:
            sight.counts = count(tensor)
        return sight.counts
