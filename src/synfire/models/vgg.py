"""VGG-16 with spiking neurons, as in the multi-level work (arXiv:2510.24637)."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.blocks import NeuronFactory, synapse
from synfire.layers import Flatten, Linear, MaxPool2d, check_image_size
from synfire.models.sizes import check_sizes
from synfire.neurons import MultiLevelIF


class VGG(nn.Module):
    """Stages of 3x3 convolutions with max pooling after each, then dense layers and a linear read-out without neuron.

    Maps currents (T, B, C, H, W) to logits of every step, (T, B, classes). Pooling sees spikes and keeps them whole.

    Args:
        stages: channels of the convolutions of each stage.
        image_size: height and width of the images, a multiple of 2 to the number of stages.
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        hidden: sizes of the dense layers.
        in_channels: channels of the image.
        neuron: makes the neurons, one per place, instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.
        dropout: share of values dropped before each dense layer in training.

    Raises:
        ConfigError: a size is below 1 or the image is too small for the stages.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[int]],
        image_size: int = 32,
        num_classes: int = 10,
        levels: int = 4,
        *,
        hidden: Sequence[int] = (512, 512),
        in_channels: int = 3,
        neuron: NeuronFactory | None = None,
        learn_threshold: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes("VGG", num_classes=num_classes, in_channels=in_channels, hidden=hidden)
        for widths in stages:
            check_sizes("VGG", stages=widths)
        side = image_size >> len(stages)
        if side < 1 or side << len(stages) != image_size:
            raise ConfigError(
                f"VGG: image_size is {image_size}; {len(stages)} stages halve it each, so give a multiple of "
                f"{2 ** len(stages)}, for example by padding the images."
            )
        make = neuron or partial(MultiLevelIF, levels, learn_threshold=learn_threshold)
        features: list[nn.Module] = []
        channels = in_channels
        for stage in stages:
            for width in stage:
                features += [synapse(channels, width), make()]
                channels = width
            features.append(MaxPool2d(2))
        self.features = nn.Sequential(*features)
        size = channels * side**2
        dense: list[nn.Module] = [Flatten()]
        for width in hidden:
            dense += [nn.Dropout(dropout), Linear(size, width), make()]
            size = width
        self.classifier = nn.Sequential(*dense, nn.Dropout(dropout), Linear(size, num_classes))
        self.image_size = image_size

    def forward(self, x: Tensor) -> Tensor:
        """Map currents (T, B, C, H, W) to logits per step (T, B, classes)."""
        check_image_size(x, self.image_size, "VGG")
        return self.classifier(self.features(x))


def vgg16(
    num_classes: int = 10,
    levels: int = 4,
    *,
    image_size: int = 32,
    in_channels: int = 3,
    neuron: NeuronFactory | None = None,
    learn_threshold: bool = False,
    dropout: float = 0.0,
) -> VGG:
    """VGG-16 (13 convolutions, dense 512, 512): 15,245,130 parameters at 10 classes with norms folded.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        image_size: height and width of the images, a multiple of 32.
        in_channels: channels of the image.
        neuron: makes the neurons instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.
        dropout: share of values dropped before each dense layer in training.
    """
    stages = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
    return VGG(
        stages, image_size, num_classes, levels, in_channels=in_channels, neuron=neuron,
        learn_threshold=learn_threshold, dropout=dropout,
    )  # fmt: skip
