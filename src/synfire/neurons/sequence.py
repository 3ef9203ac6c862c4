"""Neurons for long sequences: learned thresholds, gradients without time, and a choice of engines."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, check_sequence
from synfire.neurons.dynamics import SurrogateDynamics
from synfire.neurons.integrate_and_fire import ScanNeuron
from synfire.ops.lif import NeuronSpec, lif, reference
from synfire.ops.lif.fixed_point import fixed_point
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.saving import tell_spikes
from synfire.ops.spike import Surrogate, fire

ENGINES = ("scan", "fixed_point", "sdn", "loop")


class SequenceLIF(ScanNeuron):
    """Leaky integrate-and-fire over currents (T, B, H) of a long sequence, as in SpikingSSM (arXiv:2408.14909).

    i = x / threshold;  u = decay v + i;  s = [u >= 1];  v = u (1 - s). No gradient crosses time in here, and the
    threshold learns through i alone, so every engine has the same gradient wherever it has the same spikes:

    - "scan": one fused pass over time; exact, for every leak. The default.
    - "fixed_point": all steps at once, corrected until they stand still, what does not settle by the scan; exact.
    - "sdn": a small network predicts the potential (`SurrogateDynamics`); nearly exact for random currents.
    - "loop": the equation step by step in plain PyTorch; exact.

    In a stream all of them continue by the scan, since it is exact and needs one number per neuron.

    Args:
        decay: share of the potential kept per step, 0 to 1.
        threshold: potential at which it fires, at the start.
        reset: "zero", "subtract" or "none".
        levels: highest spike; 1 is binary.
        channels: H, for a threshold each; None for one in all.
        learn_threshold: whether the logarithm of the threshold is a parameter.
        channel_axis: axis of the channels in (T, B, ...).
        surrogate: slope for the backward pass.
        engine: how a sequence is computed.
        sweeps: of the fixed point, at most so many before the scan takes over.
        dynamics: file of the weights of a fitted `SurrogateDynamics`, or a folder that holds weights.safetensors; for
            engine "sdn" alone.

    Raises:
        ConfigError: an option is out of its range, or the fitted network is for another neuron.
        RunError: its file cannot be read.
    """

    def __init__(
        self,
        decay: float = 0.125,
        threshold: float = 1.0,
        reset: str = "zero",
        *,
        levels: int = 1,
        channels: int | None = None,
        learn_threshold: bool = True,
        channel_axis: int = 2,
        surrogate: Surrogate = Surrogate("triangle"),
        engine: Literal["scan", "fixed_point", "sdn", "loop"] = "scan",
        sweeps: int = 64,
        dynamics: str | Path | None = None,
    ) -> None:
        spec = NeuronSpec(levels=uniform_levels(levels), reset=reset, surrogate=surrogate, through_time=False)
        super().__init__(spec, decay=decay, threshold=threshold, channel_axis=channel_axis)
        if engine not in ENGINES:
            raise ConfigError(f"SequenceLIF: engine is {engine!r}; choose one of {', '.join(ENGINES)}.")
        if sweeps < 1:
            raise ConfigError(f"SequenceLIF: sweeps is {sweeps}; give at least 1.")
        start = self._threshold.log()
        start = start if channels is None else start.expand(channels).clone()
        self.log_threshold = nn.Parameter(start) if learn_threshold else None
        self.engine, self.sweeps = engine, sweeps
        self.dynamics = self._load(dynamics) if engine == "sdn" else None

    def _load(self, path: str | Path | None) -> nn.Module:
        if path is None:
            raise ConfigError(
                "SequenceLIF: engine='sdn' needs the weights of a fitted SurrogateDynamics; give their file as "
                "dynamics, or take engine='scan', which is exact."
            )
        made = SurrogateDynamics.load(path)
        if abs(float(made.decay) - float(self.decay)) > 1e-6 or self.levels > 1 or self.spec.reset != "zero":
            raise ConfigError(
                f"SequenceLIF: {path} predicts binary neurons with reset='zero' and decay={float(made.decay):g}, but "
                f"this one has levels={self.levels}, reset={self.spec.reset!r} and decay={float(self.decay):g}. Fit "
                "another, or take engine='scan', which serves every neuron."
            )
        return made.fold()

    @property
    def threshold(self) -> Tensor:
        """Unit of the firing levels, () or (channels,)."""
        return self._threshold if self.log_threshold is None else self.log_threshold.exp()

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Continue from a potential in units of the threshold, (B, ...), or from rest; see `Neuron.run`."""
        check_sequence(x, type(self).__name__)
        i = self._in_thresholds(x)
        last = None
        if keep or state is not None or self.engine == "scan":
            spikes, last = lif(i, state, decay=self.decay, spec=self.spec, return_state=keep)
        elif self.engine == "loop":
            spikes, _ = reference.lif(i, None, self.decay, torch.ones_like(self.decay), self.spec)
        elif self.engine == "fixed_point":
            spikes, _ = fixed_point(i, float(self.decay), 1.0, self.spec, sweeps=self.sweeps)
        else:
            assert self.dynamics is not None
            with torch.no_grad():
                carried = self.dynamics(i)
            spikes = fire(carried + i, surrogate=self.spec.surrogate)
        tell_spikes(spikes, 0, self.levels)
        return spikes.to(x.dtype), last

    def _in_thresholds(self, x: Tensor) -> Tensor:
        """Return the currents in units of the threshold, in at least float32."""
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        threshold = self.threshold
        if self.log_threshold is None and threshold.dim() == 0 and threshold == 1:
            return x
        behind = x.dim() - 1 - self.channel_axis % x.dim()
        return x / (threshold.view(-1, *[1] * behind) if threshold.dim() else threshold)

    def extra_repr(self) -> str:
        """Describe the neuron in one line for `print(net)`."""
        learned = " learned" if self.log_threshold is not None else ""
        return f"{super().extra_repr()}, engine={self.engine}, threshold{learned}"
