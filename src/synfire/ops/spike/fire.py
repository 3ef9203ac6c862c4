"""The one place that says when a neuron fires: at `u >= level * threshold`."""

from typing import Any

import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.ops.spike.checks import check_levels, check_threshold, refuse_tangents
from synfire.ops.spike.surrogates import Surrogate


def fire(
    u: Tensor,
    threshold: float | Tensor = 1.0,
    *,
    levels: tuple[float, ...] = (1.0,),
    values: tuple[float, ...] | None = None,
    signed: bool = False,
    surrogate: Surrogate = Surrogate(),
) -> Tensor:
    """Fire a staircase of levels: z = the highest k with u >= levels[k-1] * threshold, or 0; mirrored if signed.

    The backward pass replaces the derivative of the staircase by the surrogate's slope g at w = u / threshold:
    dz/du = g / threshold and dz/dthreshold = -g u / threshold^2.

    Args:
        u: potentials, any shape, any floating dtype.
        threshold: the unit of the levels, a number or a tensor that broadcasts with u. Must be positive.
        levels: ascending positions of the steps in units of the threshold; (1.0, 2.0, ...) for equal levels.
        values: output on each step, by default 1, 2, ...; `levels` itself gives the potential of the spike.
        signed: also fire negative spikes at -levels.
        surrogate: slope for the backward pass.

    Returns:
        Spikes in the shape and dtype of u (broadcast with threshold).

    Raises:
        ConfigError: the threshold is not positive (a tensor on another device than the CPU is not looked at), the
            levels do not ascend from above zero, or there are more or fewer values than levels.
        BackendError: a forward-mode derivative is asked for.
    """
    refuse_tangents("fire", u, threshold)
    check_threshold(threshold, "fire")
    levels = check_levels(levels, "fire")
    if values is not None and len(values) != len(levels):
        raise ConfigError(f"fire: values are {values}, but there are {len(levels)} levels; give one value per level.")
    return staircase(u, threshold, levels=levels, values=values, signed=signed, surrogate=surrogate)


def staircase(
    u: Tensor,
    threshold: float | Tensor = 1.0,
    *,
    levels: tuple[float, ...] = (1.0,),
    values: tuple[float, ...] | None = None,
    signed: bool = False,
    surrogate: Surrogate = Surrogate(),
) -> Tensor:
    """Fire as `fire` does, for callers that have checked the threshold and the levels."""
    threshold = torch.as_tensor(threshold, dtype=u.dtype, device=u.device)
    outputs = values if values is not None else tuple(float(k) for k in range(1, len(levels) + 1))
    return _Fire.apply(u, threshold, levels, outputs, signed, surrogate)


class _Fire(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, threshold: Tensor, levels: Any, values: Any, signed: bool, surrogate: Surrogate) -> Tensor:
        z = torch.zeros_like(u * threshold)
        for level, value in zip(levels, values, strict=True):
            z = torch.where(u >= level * threshold, value, z)
            if signed:
                z = torch.where(u <= -(level * threshold), -value, z)
        return z

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        u, threshold, ctx.levels, ctx.values, ctx.signed, ctx.surrogate = inputs
        ctx.save_for_backward(u, threshold)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        u, threshold = ctx.saved_tensors
        rises = tuple(b - a for a, b in zip((0.0, *ctx.values[:-1]), ctx.values, strict=True))
        slope = grad * ctx.surrogate.slope(u / threshold, ctx.levels, rises, ctx.signed) / threshold
        grad_threshold = (-slope * u / threshold).sum_to_size(threshold.shape) if ctx.needs_input_grad[1] else None
        return slope.sum_to_size(u.shape), grad_threshold, None, None, None, None
