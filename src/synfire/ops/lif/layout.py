"""How a sequence lies in memory: what the fast back ends need to walk it without copying it."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Steps between the potentials that forward keeps for backward, which recomputes the others from them.
CHECKPOINT_EVERY = 32


@dataclass(frozen=True)
class Layout:
    """A sequence as T rows of n numbers, each row without gaps.

    Attributes:
        steps: T.
        size: numbers in one step, n.
        stride: distance in memory between two steps; 0 where one frame is held over all steps.
        channels: number of channels, and
        inner: numbers that lie in memory between two channels: number i of a row has channel (i // inner) % channels.
    """

    steps: int
    size: int
    stride: int
    channels: int
    inner: int

    @classmethod
    def of(cls, x: Tensor, channel_axis: int) -> "Layout":
        """Read the layout of a sequence whose steps are dense, see `dense`."""
        size = x[0].numel()
        return cls(
            steps=x.shape[0],
            size=size,
            stride=x.stride(0),
            channels=x.shape[channel_axis],
            inner=max(1, x.stride(channel_axis)),
        )


def dense(x: Tensor) -> Tensor:
    """Return x if each of its steps is free of gaps (in whatever order of axes), else a contiguous copy."""
    one = x[0]
    if one.is_contiguous() or (one.dim() == 4 and one.is_contiguous(memory_format=torch.channels_last)):
        return x
    if torch.compiler.is_compiling():  # Dynamo cannot sort strides that it does not know
        return x.contiguous()
    expected = 1
    for size, stride in sorted(zip(x.shape[1:], x.stride()[1:], strict=True), key=lambda pair: (pair[1], pair[0])):
        if size == 1:
            continue
        if stride != expected:
            return x.contiguous()
        expected *= size
    return x


def rows(x: Tensor) -> Tensor:
    """View a sequence with dense steps as one flat row of memory, for a back end that adds the offsets itself."""
    extent = (x.shape[0] - 1) * x.stride(0) + x[0].numel() if x.numel() else 0
    return x.as_strided((extent,), (1,))


def empty_like_steps(x: Tensor, steps: int | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Allocate a sequence whose steps lie in memory like those of x, or one step of it if `steps` is None."""
    one = x[0]
    if steps is None:
        return torch.empty_strided(one.shape, one.stride(), dtype=dtype or x.dtype, device=x.device)
    return torch.empty_strided(
        (steps, *one.shape), (one.numel(), *one.stride()), dtype=dtype or x.dtype, device=x.device
    )


def like_steps(y: Tensor, x: Tensor) -> Tensor:
    """Return y with the memory layout of x's steps: y itself if it has it already, else a copy."""
    if all(a == b or n == 1 for a, b, n in zip(y.stride()[1:], x.stride()[1:], x.shape[1:], strict=True)):
        return y
    return empty_like_steps(x, y.shape[0], y.dtype).copy_(y)
