"""What thresholds, decays and levels must be, and the messages where they are not; no forward-mode derivatives."""

import math
from itertools import pairwise
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from synfire.base import BackendError, ConfigError


def check_threshold(value: Any, who: str) -> None:
    """Raise ConfigError unless a threshold is a positive number, or a tensor of such."""
    lowest, highest = _bounds(value, who, "threshold")
    if not 0 < lowest <= highest < math.inf:
        raise ConfigError(f"{who}: threshold is {_shown(value, lowest, highest)}; give a positive number.")


def check_decay(value: Any, who: str) -> None:
    """Raise ConfigError unless a decay is a finite number, or a tensor of such."""
    lowest, highest = _bounds(value, who, "decay")
    if not -math.inf < lowest <= highest < math.inf:
        shown = _shown(value, lowest, highest)
        raise ConfigError(f"{who}: decay is {shown}; it is the share of the potential that stays, so give 0 to 1.")


def check_levels(levels: Any, who: str) -> tuple[float, ...]:
    """Return the positions of firing levels, or raise ConfigError unless they ascend from above zero."""
    try:
        positions = () if isinstance(levels, str) else tuple([float(level) for level in levels])
    except (TypeError, ValueError):
        positions = ()
    edges = (0.0, *positions, math.inf)
    if not positions or not all([a < b for a, b in pairwise(edges)]):
        raise ConfigError(
            f"{who}: levels are {levels}; give one or more positive positions in ascending order, "
            "such as (1.0,) for a binary neuron or (1.0, 2.0, 3.0, 4.0) for four levels."
        )
    return positions


def refuse_tangents(who: str, *values: Any) -> None:
    """Raise BackendError if one of the values carries a forward-mode derivative, which would be lost in silence.

    A `jvp` of the autograd functions could say so too, but Dynamo traces no function that has one.
    """
    if torch.compiler.is_compiling():
        return
    for value in values:
        if isinstance(value, Tensor) and forward_ad.unpack_dual(value).tangent is not None:
            raise BackendError(
                f"{who}: spikes have no forward-mode derivative (torch.func.jvp, jacfwd, hessian); use reverse mode, "
                "such as torch.func.vjp or jacrev."
            )


def _bounds(value: Any, who: str, what: str) -> tuple[float, float]:
    """Return the lowest and the highest number; NaN where one is, (1, 1) where to look would cost more than a check."""
    if not isinstance(value, Tensor):
        if not isinstance(value, Real):
            raise ConfigError(f"{who}: {what} is {value!r}; give a number or a tensor of numbers.")
        return float(value), float(value)
    # A device would have to be waited for, and the numbers of a trace are not there yet.
    if torch.compiler.is_compiling() or value.device.type != "cpu" or not value.numel():
        return 1.0, 1.0
    try:
        if value.dim() == 0:
            number = value.item()
            return number, number
        lowest, highest = torch.aminmax(value.detach())
        return lowest.item(), highest.item()
    except RuntimeError:  # torch.func and fake tensors have no numbers to show
        return 1.0, 1.0


def _shown(value: Any, lowest: float, highest: float) -> str:
    if not isinstance(value, Tensor) or value.dim() == 0:
        return f"{lowest}"
    return f"a tensor of {lowest:g} to {highest:g}"
