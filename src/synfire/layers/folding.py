"""Layers without memory, applied to all steps at once: time is folded into the batch as a view.

A sequence that holds one frame over all steps (its time axis has stride 0, as `expand` and `Direct` make it) is
computed once and held again, so that direct coding convolves each image once and not T times.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ShapeError, check_sequence
from synfire.neurons import Stream, current_stream
from synfire.ops.accumulate import accumulate, pays
from synfire.ops.saving import tell_again, tell_sum


class _Folded(nn.Module):
    """Mix-in before a PyTorch layer: takes (T, B, ...) where the layer takes (B, ...)."""

    _axes = "C, H, W"
    _counted: str | None = None  # attribute that holds how many channels or features are expected on axis 2

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        return _fold(super().forward, input)

    def _check(self, x: Tensor) -> None:
        """Raise unless the layer can take x."""
        name = type(self).__name__
        check_sequence(x, name, self._axes)
        if self._counted is not None and x.shape[2] != getattr(self, self._counted):
            raise ShapeError(
                f"{name}: x has shape {tuple(x.shape)}, that is {x.shape[2]} "
                f"{'features' if self._axes == 'F' else 'channels'}, but {getattr(self, self._counted)} were expected. "
                f"Build the layer with {self._counted}={x.shape[2]}, or the network for the channels and the size of "
                "the data."
            )


def _fold(layer: Callable[[Tensor], Tensor], input: Tensor) -> Tensor:
    """Apply what takes (B, ...) to all steps of (T, B, ...)."""
    steps, batch = input.shape[:2]
    if steps > 1 and input.stride(0) == 0:
        held = layer(input[0])
        return held.expand(steps, *held.shape)
    return layer(input.flatten(0, 1)).unflatten(0, (steps, batch))


def check_image_size(x: Tensor, side: int, who: str) -> None:
    """Raise unless the images of x, (T, B, C, H, W), have the height and width that dense layers were built for."""
    if x.dim() == 5 and x.shape[-2:] != (side, side):
        raise ShapeError(
            f"{who}: x has shape {tuple(x.shape)}, but the dense layers were built for images of {side}x{side}. "
            f"Build the network with image_size={x.shape[-1]}, or resize the images."
        )


class Conv2d(_Folded, nn.Conv2d):
    """`torch.nn.Conv2d` over (T, B, C, H, W)."""

    _counted = "in_channels"

    def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
        """Return how many weights each number of an image meets, those beyond the border left out.

        Args:
            shape: of one image, (C, H, W).
            dense: count all weights, not only those that are not zero.

        Returns:
            Counts, int64, (C, H, W).
        """
        # The transposed convolution, whatever padding and dilation are; also where the caller wants no gradients.
        with torch.inference_mode(False), torch.enable_grad():
            live = torch.ones_like(self.weight) if dense else self.weight != 0
            x = torch.zeros(1, *shape, dtype=torch.float64, device=live.device, requires_grad=True)
            total = self._conv_forward(x, live.double(), None).sum()
            return torch.autograd.grad(total, x)[0][0].round().long()


class _FoldedNorm(_Folded, nn.modules.batchnorm._BatchNorm):
    _counted = "num_features"

    def forward(self, input: Tensor) -> Tensor:
        output = super().forward(input)
        if self._of_batch:
            weight, bias, eps = self.weight, self.bias, self.eps
            # Once more from its own input, without moving the running statistics.
            tell_again(
                output,
                lambda: _fold(
                    lambda x: functional.batch_norm(x, None, None, weight, bias, True, 0.0, eps), input.detach()
                ),
            )
        return output

    @property
    def _of_batch(self) -> bool:
        """Whether the statistics are those of the batch."""
        return self.training or not self.track_running_stats

    def _check(self, x: Tensor) -> None:
        super()._check(x)
        if self._of_batch and x.numel() == x.shape[2] * (len(x) if x.stride(0) == 0 else 1):
            raise ShapeError(
                f"{type(self).__name__}: x has shape {tuple(x.shape)}, that is one number per channel"
                f"{', held over all steps' if len(x) > 1 else ''}, which has no variance. Give a larger batch or "
                "larger images, or call net.eval()."
            )


class BatchNorm2d(_FoldedNorm, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` over (T, B, C, H, W); statistics run over T, B, H and W together."""


class MaxPool2d(_Folded, nn.MaxPool2d):
    """`torch.nn.MaxPool2d` over (T, B, C, H, W); spikes stay whole numbers."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest values; they are spikes if the input's are."""
        output = super().forward(input)
        tell_sum(output, input)
        return output


class AvgPool2d(_Folded, nn.AvgPool2d):
    """`torch.nn.AvgPool2d` over (T, B, C, H, W); use it on currents, since it makes fractions of spikes."""


class Linear(_Folded, nn.Linear):
    """`torch.nn.Linear` over (T, B, F).

    In an event-driven stream it reads only the weights of inputs that are not zero, where that takes less time; see
    `synfire.stream`. Results are equal up to the rounding of sums, whatever the inputs are.
    """

    _axes, _counted = "F", "in_features"

    def forward(self, input: Tensor) -> Tensor:
        """Map (T, B, in_features) to (T, B, out_features)."""
        stream = current_stream()
        if stream is None or not stream.event_driven:
            return super().forward(input)
        self._check(input)
        return _fold(partial(self._by_events, stream), input)

    def _by_events(self, stream: Stream, x: Tensor) -> Tensor:
        if not self._takes_events(x):
            return nn.Linear.forward(self, x)
        rows = stream.made(self, [self.weight], lambda: self.weight.t().contiguous())
        return accumulate(x, rows, self.bias)

    def _takes_events(self, x: Tensor) -> bool:
        """Return whether the rows of the spikes are all that is needed, and worth it."""
        given = [x, self.weight] if self.bias is None else [x, self.weight, self.bias]
        return not (
            (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given))
            or torch.is_autocast_enabled(x.device.type)
            or not isinstance(self.weight, nn.Parameter)  # what is made anew at every use would be transposed each time
            or self.weight.is_inference()  # it does not tell when it changes
        ) and pays(x, self.weight)

    def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
        """Return how many weights each input meets, of all (dense) or of those that are not zero: int64, (F)."""
        live = torch.ones_like(self.weight) if dense else self.weight != 0
        return live.sum(0).long()


class BatchNorm1d(_FoldedNorm, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over (T, B, F); statistics run over T and B together."""

    _axes = "F"


class Flatten(nn.Module):
    """(T, B, ...) to (T, B, F)."""

    def forward(self, x: Tensor) -> Tensor:
        """Flatten all axes behind the batch."""
        if x.dim() < 3:
            raise ShapeError(f"Flatten: x has shape {tuple(x.shape)}, but a sequence (T, B, ...) was expected.")
        return x.flatten(2)


class GlobalAvgPool2d(nn.Module):
    """Mean over H and W: (T, B, C, H, W) to (T, B, C); the division is a constant factor of the next layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Average over the last two axes."""
        check_sequence(x, "GlobalAvgPool2d", "C, H, W")
        return x.mean((-2, -1))


class GlobalSumPool2d(nn.Module):
    """Sum over H and W: (T, B, C, H, W) to (T, B, C); spikes stay whole numbers."""

    def forward(self, x: Tensor) -> Tensor:
        """Add up over the last two axes."""
        check_sequence(x, "GlobalSumPool2d", "C, H, W")
        return x.sum((-2, -1))
