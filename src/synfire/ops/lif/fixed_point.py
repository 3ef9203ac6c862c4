"""The same neurons, all steps of a sequence at once: guess every potential, and correct until nothing changes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import ConfigError, check_sequence
from synfire.ops.lif.op import lif
from synfire.ops.lif.reference import reset
from synfire.ops.lif.spec import NeuronSpec
from synfire.ops.spike import fire

LOOK_EVERY = 4  # sweeps after which settled neurons are set aside


@dataclass(frozen=True)
class Settled:
    """What sweeps over a sequence have found.

    Attributes:
        carried: decay v_(t-1), what a step finds before its current arrives, (T, B, *n).
        converged: whether a further sweep would change nothing of a neuron, (B, *n); then its spikes are exact.
        sweeps: number of sweeps that were made.
    """

    carried: Tensor
    converged: Tensor
    sweeps: int


def settle(
    x: Tensor,
    decay: float = 1.0,
    threshold: float = 1.0,
    spec: NeuronSpec = NeuronSpec(),
    *,
    sweeps: int | None = None,
    start: Tensor | None = None,
) -> Settled:
    """Sweep m_t = decay reset(m_(t-1) + x_(t-1)) over all steps at once, from m = 0 until it stands still.

    After k sweeps the first k steps are exact, so T of them always suffice; random currents with a strong leak need a
    handful. Source: arXiv:2408.14909 predicts m by a network where this computes it.

    Args:
        x: currents, (T, B, *n).
        decay: share of the potential kept per step, 0 to 1.
        threshold: unit of the firing levels.
        spec: how the neuron fires and resets.
        sweeps: at most so many; None for T.
        start: a first guess of `carried` instead of 0, such as that of a network.

    Raises:
        ConfigError: sweeps is below 1.
    """
    check_sequence(x, "settle")
    limit = len(x) if sweeps is None else sweeps
    if limit < 1:
        raise ConfigError(f"settle: sweeps is {sweeps}; give at least 1, or None for as many as there are steps.")
    with torch.no_grad():
        state = torch.promote_types(x.dtype, torch.float32)
        flat = x.detach().flatten(1).to(state)
        unit = torch.as_tensor(threshold, dtype=state, device=x.device)
        first = decay * (spec.initial * unit)
        found = torch.zeros_like(flat) if start is None else start.detach().flatten(1).to(state).clone()
        found[0] = first
        done = torch.zeros(flat.shape[1], dtype=torch.bool, device=x.device)
        active, now, made = torch.arange(len(done), device=x.device), found, 0
        while True:
            after = torch.empty_like(now)
            after[0] = first
            after[1:] = decay * reset(now[:-1] + flat[:-1], unit, spec)
            still = (after == now).all(0)
            now, made = after, made + 1
            if made % LOOK_EVERY and made < limit and not still.all():
                continue
            done[active[still]] = True
            if len(active) < len(done):
                found[:, active] = now
            else:
                found = now
            if made == limit or still.all():
                break
            if still.any():
                active, now, flat = active[~still], now[:, ~still], flat[:, ~still]
        return Settled(found.unflatten(1, x.shape[1:]), done.view(x.shape[1:]), made)


def fixed_point(
    x: Tensor,
    decay: float = 1.0,
    threshold: float = 1.0,
    spec: NeuronSpec = NeuronSpec(),
    *,
    sweeps: int | None = 64,
) -> tuple[Tensor, Settled]:
    """Return the spikes of a sequence by `settle`, neurons that do not settle by the scan; always exact.

    The gradient is that of `spec.through_time=False`: each step learns from its own spikes.

    Args:
        x: currents, (T, B, *n).
        decay: share of the potential kept per step.
        threshold: unit of the firing levels.
        spec: how the neuron fires, resets and passes gradients.
        sweeps: at most so many before the scan takes over; None for as many as it takes.

    Returns:
        Spikes in the shape and dtype of x; what the sweeps found.

    Raises:
        ConfigError: the gradient is to follow the potential through time, or sweeps is below 1.
    """
    if spec.through_time:
        raise ConfigError(
            "fixed_point: its gradient does not follow the potential through time; give a NeuronSpec with "
            "through_time=False, or use synfire.ops.lif.lif."
        )
    settled = settle(x, decay, threshold, spec, sweeps=sweeps)
    u = settled.carried + x
    spikes = fire(u, threshold, levels=spec.levels, signed=spec.signed, surrogate=spec.surrogate).to(x.dtype)
    if not settled.converged.all():
        rest = ~settled.converged
        spikes = spikes.clone()
        spikes[:, rest] = lif(x[:, rest], decay=decay, threshold=threshold, spec=spec)[0]
    return spikes, settled
