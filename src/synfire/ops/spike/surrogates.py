"""Surrogate gradients: smooth or boxed pulses around a threshold, and windows over a whole staircase.

Distances are in units of the threshold. Every pulse has area 1 over its support, so that a staircase of N pulses rises
by N, as the spikes do. For all but `multi_sigmoid` the peak is 1 / width, which makes widths comparable between shapes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import ConfigError

Pulse = Callable[[Tensor, float], Tensor]


def arctan(d: Tensor, width: float) -> Tensor:
    """(1/w) / (1 + (pi d / w)^2). Source: arXiv:2007.05785; its alpha is 2 / w."""
    return (1 / width) / (1 + (d * (math.pi / width)) ** 2)


def sigmoid(d: Tensor, width: float) -> Tensor:
    """a s (1 - s) with s = sigmoid(a d), a = 4 / w. Source: arXiv:1706.04698 and many later."""
    s = torch.sigmoid(d * (4 / width))
    return (4 / width) * s * (1 - s)


def triangle(d: Tensor, width: float) -> Tensor:
    """max(0, 1 - |d| / w) / w. Source: arXiv:1612.02913, for unit width."""
    return (1 - d.abs() / width).clamp_min(0) / width


def rectangle(d: Tensor, width: float) -> Tensor:
    """1 / w where |d| < w / 2, else 0. Source: arXiv:1706.02609, eq. 27."""
    return (d.abs() < width / 2).to(d.dtype) / width


def fast_sigmoid(d: Tensor, width: float) -> Tensor:
    """(1/w) / (1 + 2 |d| / w)^2. Source: arXiv:1705.11146; its beta is 2 / w, its peak is scaled to 1."""
    return (1 / width) / (1 + d.abs() * (2 / width)) ** 2


def multi_sigmoid(d: Tensor, width: float) -> Tensor:
    """a s (1 - s) with s = sigmoid(a d), a = 1 / w: the wide pulse used for multi-level neurons (arXiv:2510.24637)."""
    return sigmoid(d, 4 * width)


PULSES: dict[str, Pulse] = {
    "arctan": arctan,
    "sigmoid": sigmoid,
    "triangle": triangle,
    "rectangle": rectangle,
    "fast_sigmoid": fast_sigmoid,
    "multi_sigmoid": multi_sigmoid,
}

# Windows do not sum over the levels; they pass the gradient unchanged inside a range of potentials.
WINDOWS = ("straight_through", "identity")

SURROGATES = (*PULSES, *WINDOWS)


@dataclass(frozen=True)
class Surrogate:
    """The slope that stands in for the step when a gradient passes a spike.

    Attributes:
        shape: one of `SURROGATES`. A pulse is added up over all levels. "straight_through" is 1 from zero to half a
            `width` above the highest level, else 0; "identity" is 1 everywhere.
        width: scale of the pulse in units of the threshold; see each function for its meaning.

    Raises:
        ConfigError: the shape is unknown or the width is not positive.
    """

    shape: str = "arctan"
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.shape not in SURROGATES:
            raise ConfigError(f"Surrogate: shape {self.shape!r} is unknown; choose one of {', '.join(SURROGATES)}.")
        if not 0 < self.width < math.inf:
            raise ConfigError(
                f"Surrogate: width is {self.width}; it is a distance from the threshold, so give more than 0."
            )

    def slope(self, w: Tensor, levels: tuple[float, ...], rises: tuple[float, ...], signed: bool) -> Tensor:
        """Slope of a staircase at `w`.

        Args:
            w: potentials in units of the threshold.
            levels: ascending positions of the steps, in units of the threshold.
            rises: height of each step.
            signed: whether the staircase continues, mirrored, below zero.

        Returns:
            The slope, shaped like `w`: the sum over the steps of rise times pulse, or the window.
        """
        if self.shape == "identity":
            return torch.ones_like(w)
        if self.shape == "straight_through":
            top = levels[-1] + self.width / 2
            inside = (w.abs() <= top) if signed else (w >= 0) & (w <= top)
            return inside.to(w.dtype)
        pulse = PULSES[self.shape]
        slope = torch.zeros_like(w)
        for level, rise in zip(levels, rises, strict=True):
            slope = slope + rise * pulse(w - level, self.width)
            if signed:
                slope = slope + rise * pulse(-w - level, self.width)
        return slope
