"""The meaning of the family, in plain PyTorch: any floating dtype, differentiated by autograd."""

import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.lif.spec import NeuronSpec
from synfire.ops.spike.fire import staircase as fire


def lif(x: Tensor, v: Tensor | None, decay: Tensor, threshold: Tensor, spec: NeuronSpec) -> tuple[Tensor, Tensor]:
    """Run the neuron over a sequence: u = decay v + x;  s = fire(u);  v = reset(u).

    Args:
        x: currents, (T, B, *n).
        v: potential to start from, (B, *n), or None for `spec.initial * threshold`.
        decay: share of the potential kept per step; broadcasts with one step.
        threshold: unit of the firing levels; broadcasts with one step.
        spec: how the neuron fires and resets.

    Returns:
        Spikes, (T, B, *n), in the dtype of x; last potential, (B, *n), in float32 or the dtype of x if that is wider.
    """
    state = torch.promote_types(x.dtype, torch.float32)
    decay, threshold = decay.to(state), threshold.to(state)
    if v is None:
        v = (spec.initial * threshold).expand(x.shape[1:])
    spikes = []
    for current in x:
        u = decay * (v if spec.through_time else v.detach()) + current.to(state)
        s = fire(u, threshold, levels=spec.levels, signed=spec.signed, surrogate=spec.surrogate)
        v = reset(u, threshold, spec)
        spikes.append(s.to(x.dtype))
    return torch.stack(spikes), v


def reset(u: Tensor, threshold: Tensor, spec: NeuronSpec) -> Tensor:
    """Return the potential after firing, in the way of `spec.reset`.

    Args:
        u: potential before firing, (B, *n).
        threshold: unit of the firing levels; broadcasts with u.
        spec: how the neuron fires and resets.
    """
    v = u
    if spec.reset == "subtract":
        height = fire(
            u, threshold, levels=spec.levels, values=spec.levels, signed=spec.signed, surrogate=spec.surrogate
        )
        v = u - (height.detach() if spec.detach_reset else height) * threshold
    elif spec.reset == "zero":
        # One threshold decides whether anything fired, at whatever level and of whatever sign.
        fired = fire(u.abs() if spec.signed else u, threshold, levels=spec.levels[:1], surrogate=spec.surrogate)
        kept = torch.where(u.isinf() & (fired != 0), 0.0, u)  # infinity times zero would be NaN
        v = kept * (1 - (fired.detach() if spec.detach_reset else fired))
    return v.clamp_min(0) if spec.floor_at_zero else v


KERNEL = Kernel("reference", why_not=lambda x: None, forward=lif)
