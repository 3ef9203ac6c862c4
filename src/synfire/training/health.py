"""Which neuron layers are silent, saturated or pass no gradient, told by one batch, and what to change."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn

from synfire.base import write_json
from synfire.neurons import ACTIVATIONS, QuantisedReLU, ReLU
from synfire.report import text_table

SILENT_BELOW = 0.005  # share of non-zero spikes
SATURATED_ABOVE = 0.9  # share of spikes at the highest level
VANISHED_BELOW = 1e-7  # of the largest gradient norm in the network
QUANTILE_SAMPLE = 100_000  # values that a quantile is taken of


@dataclass(frozen=True, kw_only=True)
class LayerHealth:
    """What one neuron layer did on one batch.

    Attributes:
        name: path of the neuron in the network.
        density: share of its spikes that are not zero.
        saturation: share of its spikes at the highest level.
        gradient: norm of the loss's gradient at its input.
        verdict: "healthy", "silent", "saturated" or "no gradient".
        advice: what to change; empty for a healthy layer.
    """

    name: str
    density: float
    saturation: float
    gradient: float
    verdict: str
    advice: str


@dataclass
class _Observation:
    """Sums over the calls of one neuron in one forward pass."""

    neuron: nn.Module
    inputs: list[Tensor] = field(default_factory=list)
    count: int = 0
    non_zeros: int = 0
    at_top: int = 0

    @property
    def levels(self) -> float:
        """Highest spike; a ReLU has none, and a user's own neuron that does not tell is taken as binary."""
        return math.inf if isinstance(self.neuron, ReLU) else getattr(self.neuron, "levels", 1)

    def take_input(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        x, *rest = args
        if not x.requires_grad:  # behind frozen layers; the gradient is wanted all the same
            x = x.detach().requires_grad_()
        self.inputs.append(x)
        return (x, *rest)

    def take_output(self, module: nn.Module, args: Any, spikes: Tensor) -> None:
        self.count += spikes.numel()
        self.non_zeros += int(spikes.count_nonzero())
        self.at_top += int((spikes.abs() >= self.levels).sum())


def check_health(net: nn.Module, x: Tensor, loss_fn: Callable[[Tensor], Tensor]) -> list[LayerHealth]:
    """Run one batch forward and backward in training mode and judge every neuron layer.

    Leaves no trace: weights, their gradients, the statistics of norms, the training mode and the random state stay.

    Args:
        net: maps x to logits.
        x: the input of the network, (T, B, ...).
        loss_fn: maps the network's output to a scalar, such as
            `lambda logits: cross_entropy(logits.mean(0), labels)`.

    Returns:
        One entry per neuron that was used, in the order of the network's modules.
    """
    seen = {name: _Observation(m) for name, m in net.named_modules() if isinstance(m, ACTIVATIONS)}
    with _no_trace(net, x), torch.enable_grad():
        hooks = [o.neuron.register_forward_pre_hook(o.take_input) for o in seen.values()]
        hooks += [o.neuron.register_forward_hook(o.take_output) for o in seen.values()]
        try:
            loss = loss_fn(net.forward(x))  # not net(x), since compiled code may ignore hooks
        finally:
            for hook in hooks:
                hook.remove()
        used = {name: o for name, o in seen.items() if o.inputs}
        inputs = [x for o in used.values() for x in o.inputs]
        grads = iter(torch.autograd.grad(loss, inputs, allow_unused=True) if inputs else ())
    norms = {name: _norm([next(grads) for _ in o.inputs]) for name, o in used.items()}
    largest = max((n for n in norms.values() if math.isfinite(n)), default=0.0)
    return [_judge(name, o, norms[name], largest) for name, o in used.items()]


class HealthCheck(L.Callback):
    """Runs `check_health` on the first training batch, prints what is wrong and keeps all in health.json.

    The task, see `synfire.tasks.Task`, is asked first whether the batch is fit.

    Args:
        folder: returns the folder for health.json, or None to keep nothing.
        show: prints a text; by default `print`.
    """

    def __init__(self, folder: Callable[[], Path | None] = lambda: None, show: Callable[[str], object] = print) -> None:
        self.folder, self.show = folder, show

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Check once, before the first step; every process takes part, one prints."""
        if trainer.global_step > 0 or batch_idx > 0:
            return

        def loss(output: Tensor) -> Tensor:
            pl_module.check(output, batch)  # a layer that is fed NaN is silent, but it is not to blame
            return pl_module.objective(output, batch)

        with trainer.precision_plugin.forward_context():
            report = check_health(pl_module.model, pl_module.encode(batch[0]), loss)
        if trainer.is_global_zero:
            self.show(describe(report))
            if (folder := self.folder()) is not None:
                write_json(folder / "health.json", {"layers": [asdict(layer) for layer in report]})


def describe(report: list[LayerHealth]) -> str:
    """Return one line, and below it a table of the layers that are not healthy."""
    if not report:
        return "health: no neuron layers to look at"
    ill = [layer for layer in report if layer.verdict != "healthy"]
    densities = [layer.density for layer in report] or [0.0]
    line = (
        f"health: {len(report) - len(ill)} of {len(report)} neuron layers healthy on the first batch, "
        f"{min(densities):.1%} to {max(densities):.1%} of their values not zero"
    )
    if not ill:
        return line
    rows = [
        [la.name, la.verdict, f"{la.density:.2%}", f"{la.saturation:.2%}", f"{la.gradient:.1e}", la.advice]
        for la in ill
    ]
    return line + "\n" + text_table(["layer", "verdict", "not zero", "at top", "gradient", "what to change"], rows)


def _norm(grads: list[Tensor | None]) -> float:
    return math.hypot(*(0.0 if g is None else float(g.float().norm()) for g in grads))


def _judge(name: str, seen: _Observation, gradient: float, largest: float) -> LayerHealth:
    density, saturation = seen.non_zeros / seen.count, seen.at_top / seen.count
    if density < SILENT_BELOW:
        verdict, advice = "silent", _wake(seen)
    elif saturation > SATURATED_ABOVE:
        verdict, advice = "saturated", _calm(seen)
    elif not gradient > VANISHED_BELOW * largest or not math.isfinite(gradient):
        verdict, advice = "no gradient", _open(seen, gradient)
    else:
        verdict, advice = "healthy", ""
    return LayerHealth(
        name=name, density=density, saturation=saturation, gradient=gradient, verdict=verdict, advice=advice
    )


def _wake(seen: _Observation) -> str:
    """Advice that lets a tenth of the neurons reach the first level within T steps."""
    drive = _quantile(seen, 0.9, over_time=True)
    if drive <= 0:
        return "its currents are negative: raise the bias of the norm before it, or scale the weights"
    return f"divide its threshold by {max(2.0, _threshold(seen) / drive):.2g}"


def _calm(seen: _Observation) -> str:
    """Advice that leaves a tenth of the currents above the highest level."""
    factor = _quantile(seen, 0.9, over_time=False) / (seen.levels * _threshold(seen))
    return f"multiply its threshold by {max(2.0, factor):.2g}, or scale the weights before it down"


def _open(seen: _Observation, gradient: float) -> str:
    if not math.isfinite(gradient):
        return "its gradient is not finite: scale the weights down or train in 32-true precision"
    shape = getattr(getattr(seen.neuron, "spec", seen.neuron), "surrogate", None)
    named = f"{shape.shape}({shape.width:g})" if shape is not None and hasattr(shape, "shape") else "its surrogate"
    return f"widen {named}, for example four times, or bring its currents nearer to the threshold"


def _threshold(seen: _Observation) -> float:
    name = "step" if isinstance(seen.neuron, QuantisedReLU) else "threshold"
    threshold = getattr(seen.neuron, name, 1.0)
    return float(threshold.detach().float().mean()) if isinstance(threshold, Tensor) else float(threshold)


def _quantile(seen: _Observation, share: float, *, over_time: bool) -> float:
    drives = [x.detach().float().sum(0) if over_time else x.detach().float() for x in seen.inputs]
    values = torch.cat([drive.flatten() for drive in drives])
    return float(values[:: max(1, values.numel() // QUANTILE_SAMPLE)].quantile(share))


@contextmanager
def _no_trace(net: nn.Module, x: Tensor) -> Iterator[None]:
    buffers = {buffer: buffer.clone() for buffer in net.buffers()}
    modes = {module: module.training for module in net.modules()}
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
        try:
            net.train()
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers.items():
                    buffer.copy_(before)
            for module, mode in modes.items():
                module.training = mode
