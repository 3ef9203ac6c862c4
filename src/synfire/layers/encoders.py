"""From images (B, ...), tokens (B, T) and frames (B, T, ...) to sequences (T, B, ...)."""

from typing import Literal

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, DtypeError, ShapeError


class Encoder(nn.Module):
    """Base of the encoders: keeps the number of steps.

    Args:
        steps: T, at least 1.

    Raises:
        ConfigError: steps is below 1.
    """

    def __init__(self, steps: int = 1) -> None:
        super().__init__()
        if steps < 1:
            raise ConfigError(f"{type(self).__name__}: steps is {steps}; give at least one step, T >= 1.")
        self.steps = steps

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (B, ...) into (T, B, ...).

        Raises:
            DtypeError: the images are not floating point.
        """
        if not images.is_floating_point():
            raise DtypeError(
                f"{type(self).__name__}: the images have dtype {images.dtype}, but floating-point numbers were "
                "expected. Scale them with images.float() / 255."
            )
        return self.encode(images)

    def encode(self, images: Tensor) -> Tensor:
        """Do the work of `forward` on checked images."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Describe the encoder in one line for `print(net)`."""
        return f"steps={self.steps}"


class Direct(Encoder):
    """Direct coding: the image itself is the current of every step. The steps share memory, so T costs nothing here."""

    def encode(self, images: Tensor) -> Tensor:
        """Hold the images over the steps."""
        return images.unsqueeze(0).expand(self.steps, *images.shape)


# Interpolation in augmentations may leave 0..1 by a rounding error.
SLACK = 1e-3


class UnitEncoder(Encoder):
    """Base of the encoders whose images must lie in 0..1, as they do before they are normalised.

    On a GPU, where looking at values waits for the device, only the first batch is looked at.
    """

    _looked = False

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (B, ...) in 0..1 into (T, B, ...).

        Raises:
            DtypeError: the images are not floating point.
            ConfigError: a value is outside 0..1.
        """
        if images.is_floating_point() and self._looks(images):
            low, high = (float(bound) for bound in images.detach().aminmax())
            if low < -SLACK or high > 1 + SLACK:  # not for NaN, which the task tells with its image
                raise ConfigError(
                    f"{type(self).__name__}: the images go from {low:.3g} to {high:.3g}, but values in 0..1 were "
                    "expected, as they are before they are normalised. Set --data.normalize null, or take another "
                    "encoder, such as Direct."
                )
            self._looked = True
        return super().forward(images)

    def _looks(self, images: Tensor) -> bool:
        if torch.compiler.is_compiling() or images.is_meta or not images.numel():
            return False
        return images.device.type == "cpu" or not self._looked


class Poisson(UnitEncoder):
    """Rate coding: a spike at every step with the pixel's value, in 0..1, as its probability.

    Args:
        steps: T, at least 1.
        generator: source of randomness on the images' device; None takes PyTorch's global one.
    """

    def __init__(self, steps: int = 8, generator: torch.Generator | None = None) -> None:
        super().__init__(steps)
        self.generator = generator

    def encode(self, images: Tensor) -> Tensor:
        """Draw spikes."""
        draw = torch.rand(self.steps, *images.shape, generator=self.generator, device=images.device)
        return (draw < images).to(images.dtype)


class Latency(UnitEncoder):
    """Latency coding: one spike per pixel, the brighter the earlier: at step round((1 - x) (T - 1)), none at 0.

    Images must lie in 0..1.
    """

    def encode(self, images: Tensor) -> Tensor:
        """Place the spikes."""
        when = ((1 - images.clamp(0, 1)) * (self.steps - 1)).round()
        steps = torch.arange(self.steps, device=images.device).view(-1, *[1] * images.dim())
        return ((steps == when) & (images > 0)).to(images.dtype)


ORDERS = ("rows", "bit_reversal", "random")


class PixelSequence(Encoder):
    """Images as long sequences: a pixel per step, (B, C, H, W) to (H W, B, C).

    Args:
        steps: T, the number of pixels; 64 for images of 8x8, 784 for 28x28.
        order: "rows" reads like a text; "bit_reversal" and "random" permute, the first as the S4 repository does for
            permuted MNIST, the second by a seed.
        seed: of the random order.

    Raises:
        ConfigError: the order is unknown, or steps is below 1.
    """

    places: Tensor

    def __init__(self, steps: int, order: Literal["rows", "bit_reversal", "random"] = "rows", seed: int = 0) -> None:
        super().__init__(steps)
        if order not in ORDERS:
            raise ConfigError(f"PixelSequence: order is {order!r}; choose one of {', '.join(ORDERS)}.")
        self.order = order
        places = torch.arange(steps)
        if order == "bit_reversal":
            places = bit_reversal(steps)
        elif order == "random":
            places = torch.randperm(steps, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("places", places, persistent=False)

    def encode(self, images: Tensor) -> Tensor:
        """Read pixel after pixel."""
        pixels = images.flatten(2).permute(2, 0, 1)
        if len(pixels) != self.steps:
            raise ShapeError(
                f"PixelSequence: the images are of shape {tuple(images.shape)}, {len(pixels)} pixels, but steps is "
                f"{self.steps}. Set steps: {len(pixels)}."
            )
        return pixels if self.order == "rows" else pixels[self.places]

    def extra_repr(self) -> str:
        """Describe the encoder in one line for `print(net)`."""
        return f"steps={self.steps}, order={self.order}"


class TokenSequence(Encoder):
    """Tokens as a sequence: one per step, (B, T) to (T, B), int64.

    Args:
        steps: T, the length of the sequences with their padding.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Put time first.

        Raises:
            DtypeError: the tokens are no whole numbers.
            ShapeError: there are not two axes, or the length is not T.
        """
        tokens = images
        if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
            raise DtypeError(
                f"TokenSequence: the tokens have dtype {tokens.dtype}, but whole numbers were expected. Images become "
                "sequences by synfire.layers.PixelSequence."
            )
        if tokens.dim() != 2 or tokens.shape[1] != self.steps:
            raise ShapeError(
                f"TokenSequence: the tokens have shape {tuple(tokens.shape)}, but (B, {self.steps}) was expected, "
                f"since steps is {self.steps}. Set steps to the length of the data, or the length to {self.steps}."
            )
        return tokens.t().long()


class Frames(Encoder):
    """Frames as a sequence: one per step, (B, T, C, H, W) to (T, B, C, H, W).

    Args:
        steps: T, the number of frames, as the representation of the events makes them.
    """

    def encode(self, images: Tensor) -> Tensor:
        """Put time first.

        Raises:
            ShapeError: there are not five axes, or the number of frames is not T.
        """
        if images.dim() != 5 or images.shape[1] != self.steps:
            raise ShapeError(
                f"Frames: the frames have shape {tuple(images.shape)}, but (B, {self.steps}, C, H, W) was expected, "
                f"since steps is {self.steps}. Set steps to that of the representation, or take synfire.layers.Direct "
                "for images."
            )
        return images.transpose(0, 1).contiguous()


def bit_reversal(size: int) -> Tensor:
    """Return 0..size-1 in the order of their reversed bits, of as many bits as size - 1 has."""
    bits = max(1, (size - 1).bit_length())
    reversed_bits = [int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits)]
    return torch.tensor([number for number in reversed_bits if number < size])
