"""Random changes to training images, a batch at a time on the device, repeatable from one seed."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError, ShapeError, need

POLICIES = ("cifar10", "imagenet", "svhn")
NAMES = ("flip", "crop<pixels>", *(f"autoaugment_{policy}" for policy in POLICIES))


class Flip(nn.Module):
    """Mirror each image left to right with probability 1/2; float (B, C, H, W) to the same."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the batch with some images mirrored; draws from the global generator of the CPU."""
        mirrored = torch.rand(len(images)) < 0.5
        return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


class Crop(nn.Module):
    """Shift each image by up to `pixels` in both directions: pad with zeros (black), cut the old size at random.

    Written here because kornia 0.9 reads every offset back from the device, which costs a wait per image on a GPU.

    Args:
        pixels: padding on every side, at least 1.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        if pixels < 1:
            raise ConfigError(f"crop{pixels}: pads by {pixels} pixels; give at least 1, such as crop4.")
        self.pixels = pixels

    def forward(self, images: Tensor) -> Tensor:
        """Return the batch with each image shifted; draws from the global generator of the CPU."""
        count, channels, height, width = images.shape
        padded = functional.pad(images, [self.pixels] * 4)
        down, right = torch.randint(0, 2 * self.pixels + 1, (2, count)).to(images.device)
        rows = down[:, None, None, None] + torch.arange(height, device=images.device)[:, None]
        columns = right[:, None, None, None] + torch.arange(width, device=images.device)
        image = torch.arange(count, device=images.device)[:, None, None, None]
        channel = torch.arange(channels, device=images.device)[:, None, None]
        return padded[image, channel, rows, columns]


class AutoAugment(nn.Module):
    """AutoAugment, arXiv:1805.09501, with one of its 25 sub-policies drawn for each image.

    kornia's own module draws one for the whole batch; the paper (section 3) draws one per image, so the batch is
    grouped here, which takes up to 25 times as many kernels. Images are float32 in [0, 1], (B, 3, H, W).

    Args:
        policy: "cifar10", "imagenet" or "svhn", the set on which the policy was found.
    """

    def __init__(self, policy: str = "cifar10") -> None:
        super().__init__()
        if policy not in POLICIES:
            raise ConfigError(f"AutoAugment: policy is {policy!r}; choose one of {', '.join(POLICIES)}.")
        auto: Any = need("kornia.augmentation.auto", extra="train", purpose="AutoAugment")
        self.policies = nn.ModuleList(auto.AutoAugment(policy).children())

    def forward(self, images: Tensor) -> Tensor:
        """Return the augmented batch; draws from the global generators."""
        if images.dim() != 4 or images.shape[1] != 3:
            raise ShapeError(
                f"AutoAugment: images have shape {tuple(images.shape)}, but colour (B, 3, H, W) was expected. "
                "Leave autoaugment out for grey images, or repeat the channel."
            )
        drawn = torch.randint(len(self.policies), (len(images),))
        result = images.clone()
        for number in drawn.unique().tolist():
            rows = (drawn == number).nonzero()[:, 0].to(images.device)
            result[rows] = self.policies[number](images[rows])
        return result


class Augment(nn.Module):
    """A chain of augmentations whose draws all come from one seed, and which leaves the global generators untouched.

    Args:
        steps: names ("flip", "crop4" or any other number of pixels, "autoaugment_cifar10") or modules that map images
            (B, C, H, W) in [0, 1] to the same, such as those of kornia.augmentation; applied in this order.

    Raises:
        ConfigError: a name is unknown.
    """

    def __init__(self, steps: Sequence[str | nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(_named(step) if isinstance(step, str) else step for step in steps)

    def forward(self, images: Tensor, seed: int) -> Tensor:
        """Return augmented images, (B, C, H, W); the same seed gives the same result."""
        with torch.no_grad(), seeded(seed, images.device):
            for step in self.steps:
                images = step(images)
        return images


def _named(name: str) -> nn.Module:
    if name == "flip":
        return Flip()
    if crop := re.fullmatch(r"crop(\d+)", name):
        return Crop(int(crop[1]))
    if (policy := name.removeprefix("autoaugment_")) in POLICIES and policy != name:
        return AutoAugment(policy)
    raise ConfigError(f"augment: {name!r} is unknown; give {', '.join(NAMES)}, or a module such as kornia's.")


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators that modules on this device draw from, and put their states back afterwards."""
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also reseed every other GPU
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield
