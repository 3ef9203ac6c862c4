"""Sparse-ResNet (arXiv:2510.24637) and, without its barriers, the spike-element-wise ResNet (arXiv:2102.04159)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.blocks import NeuronFactory, ResidualBlock, barrier, synapse
from synfire.layers import GlobalAvgPool2d, Linear
from synfire.models.sizes import check_sizes
from synfire.neurons import MultiLevelIF


class SparseResNet(nn.Module):
    """A residual network of spiking neurons: a stem, stages of blocks, a mean over the image, a linear read-out.

    The read-out has no neuron: the network maps currents (T, B, C, H, W) to logits of every step, (T, B, classes).
    Their mean over T is the prediction.

    Args:
        depths: blocks per stage; every stage but the first halves the image.
        widths: channels per stage.
        num_classes: size of the read-out.
        levels: highest spike of the default neuron and of the barriers; 1 is binary.
        in_channels: channels of the image.
        neuron: makes the neurons, one per place, instead of MultiLevelIF(levels).
        barriers: whether a barrier neuron bounds the sum of every block; False is the spike-element-wise ResNet.
        barrier_step: levels of a sum that make one level behind its barrier; 1 saturates, 2 halves. Sums of spikes are
            rounded down, sums with a current (without inner_neuron) to the nearest level.
        barrier_initial: potential of the barriers before the first step, in steps, instead: the lower, the more a
            current has to bring to raise a sum, and the less to lower it.
        barrier_gradient: "identity" passes every gradient, "clipped" none above the highest level; by default identity
            for sums of spikes, and clipped for sums with a current, which do not learn with the other.
        inner_neuron: whether a neuron stands before each addition.
        learn_threshold: whether thresholds and barrier steps are parameters.
        stem_stride: stride of the first convolution; 2 quarters the cost of images that are large or simple.

    Raises:
        ConfigError: a size is below 1, depths and widths differ in number, or a choice is unknown.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int = 10,
        levels: int = 4,
        *,
        in_channels: int = 3,
        neuron: NeuronFactory | None = None,
        barriers: bool = True,
        barrier_step: float = 1.0,
        barrier_initial: float | None = None,
        barrier_gradient: str | None = None,
        inner_neuron: bool = True,
        learn_threshold: bool = False,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        check_sizes("SparseResNet", num_classes=num_classes, in_channels=in_channels, stem_stride=stem_stride)
        check_sizes("SparseResNet", depths=depths, widths=widths)
        if len(depths) != len(widths) or not depths:
            raise ConfigError(
                f"SparseResNet: {len(depths)} depths and {len(widths)} widths; give one of each per stage."
            )
        make = neuron or partial(MultiLevelIF, levels, learn_threshold=learn_threshold)
        make_bound = partial(
            barrier,
            levels,
            step=barrier_step,
            initial=barrier_initial if barrier_initial is not None else 0.0 if inner_neuron else 0.5,
            gradient=barrier_gradient or ("identity" if inner_neuron else "clipped"),
            learn_step=learn_threshold,
        )
        self.stem = nn.Sequential(synapse(in_channels, widths[0], stride=stem_stride), make())
        stages, channels = [], widths[0]
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for block in range(depth):
                bound = make_bound() if barriers else None
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(ResidualBlock(channels, width, stride, make, bound, inner_neuron=inner_neuron))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(GlobalAvgPool2d(), Linear(channels, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map currents (T, B, C, H, W) to logits per step (T, B, classes)."""
        return self.head(self.stages(self.stem(x)))


def sparse_resnet18(num_classes: int = 10, levels: int = 4, **options: Any) -> SparseResNet:
    """Sparse-ResNet-18 for small images: 11,173,962 parameters at 10 classes, and 28 thresholds if they are learned.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron and of the barriers; 1 is binary.
        **options: see `SparseResNet`.
    """
    return SparseResNet((2, 2, 2, 2), (64, 128, 256, 512), num_classes, levels, **options)


def sparse_resnet34(num_classes: int = 10, levels: int = 4, **options: Any) -> SparseResNet:
    """Sparse-ResNet-34 for small images: stages of 3, 4, 6, 3 blocks.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron and of the barriers; 1 is binary.
        **options: see `SparseResNet`.
    """
    return SparseResNet((3, 4, 6, 3), (64, 128, 256, 512), num_classes, levels, **options)


def sparse_resnet_narrow(
    num_classes: int = 10,
    levels: int = 4,
    *,
    depths: Sequence[int] = (4, 4),
    widths: Sequence[int] = (16, 32),
    **options: Any,
) -> SparseResNet:
    """Sparse-ResNet for small images and small machines: by default 8 blocks of 16 and 32 channels.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron and of the barriers; 1 is binary.
        depths: blocks per stage.
        widths: channels per stage.
        **options: see `SparseResNet`.
    """
    return SparseResNet(depths, widths, num_classes, levels, **options)


def sew_resnet18(num_classes: int = 10, levels: int = 1, **options: Any) -> SparseResNet:
    """Spike-element-wise ResNet-18: Sparse-ResNet-18 without barriers.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        **options: see `SparseResNet`.
    """
    return sparse_resnet18(num_classes, levels, barriers=False, **options)


def sew_resnet34(num_classes: int = 10, levels: int = 1, **options: Any) -> SparseResNet:
    """Spike-element-wise ResNet-34: Sparse-ResNet-34 without barriers.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        **options: see `SparseResNet`.
    """
    return sparse_resnet34(num_classes, levels, barriers=False, **options)
