"""Mean and standard deviation per channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import ConfigError, DataError, ShapeError


@dataclass(frozen=True)
class Normalisation:
    """Maps images in [0, 1] to (images - mean) / std, channel by channel.

    Attributes:
        mean: mean per channel, in units of full scale (0..1).
        std: standard deviation per channel, above 0, in the same units.
    """

    mean: Sequence[float]
    std: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ConfigError(
                f"Normalisation: {len(self.mean)} means and {len(self.std)} deviations; give one of each per channel."
            )
        if any(not value > 0 for value in self.std):
            raise ConfigError(f"Normalisation: std is {tuple(self.std)}, but every value must be above 0.")

    def __call__(self, images: Tensor) -> Tensor:
        """Return normalised images, (..., C, H, W), in their own dtype.

        Raises:
            ShapeError: the number of channels is not that of mean and std.
        """
        if images.dim() < 3 or images.shape[-3] != len(self.mean):
            raise ShapeError(
                f"Normalisation: images have shape {tuple(images.shape)}, but {len(self.mean)} channels (..., C, H, W) "
                "were expected. Give one mean and one std per channel."
            )
        mean, std = (
            torch.tensor(values, dtype=images.dtype).to(images.device)[:, None, None]
            for values in (self.mean, self.std)
        )
        return (images - mean) / std


def measure(images: Tensor) -> Normalisation:
    """Return mean and standard deviation per channel of images uint8 (N, C, H, W), in units of full scale.

    The grey values are counted first, so the sums are of whole numbers and the same on every machine; the division by
    N (not N - 1) is in float64.

    Raises:
        DataError: a channel has the same value everywhere, so that its deviation is 0.
    """
    means, deviations = [], []
    grey = torch.arange(256, dtype=torch.float64)
    for number, channel in enumerate(images.unbind(1)):
        counts = torch.bincount(channel.reshape(-1), minlength=256).cpu().to(torch.float64)
        mean = (counts @ grey) / counts.sum()
        deviation = ((counts @ (grey - mean).square()) / counts.sum()).sqrt()
        if deviation == 0:
            raise DataError(
                f"channel {number} is {int(mean)} in every training image, so it cannot be divided by its deviation. "
                "Give normalize=None, or a mean and std of your own."
            )
        means.append(mean.item() / 255)
        deviations.append(deviation.item() / 255)
    return Normalisation(tuple(means), tuple(deviations))
