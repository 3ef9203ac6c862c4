"""A plain convolutional network for small images and small machines."""

from functools import partial

from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.blocks import NeuronFactory, synapse
from synfire.layers import GlobalAvgPool2d, Linear
from synfire.neurons import MultiLevelIF


class SpikingCNN(nn.Module):
    """Convolutions of stride 1 and 2 in turn with a neuron each, a mean over the image, a linear read-out.

    Maps currents (T, B, C, H, W) to logits of every step, (T, B, classes).

    Args:
        widths: channels of the convolutions; every second one halves the image.
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        in_channels: channels of the image.
        neuron: makes the neurons, one per place, instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.

    Raises:
        ConfigError: num_classes is below 1.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        num_classes: int = 10,
        levels: int = 4,
        *,
        in_channels: int = 1,
        neuron: NeuronFactory | None = None,
        learn_threshold: bool = True,
    ) -> None:
        super().__init__()
        if num_classes < 1:
            raise ConfigError(f"SpikingCNN: num_classes is {num_classes}; give at least 1.")
        make = neuron or partial(MultiLevelIF, levels, learn_threshold=learn_threshold)
        layers: list[nn.Module] = []
        channels = in_channels
        for index, width in enumerate(widths):
            layers += [synapse(channels, width, stride=1 + index % 2), make()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(GlobalAvgPool2d(), Linear(channels, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map currents (T, B, C, H, W) to logits per step (T, B, classes)."""
        return self.head(self.features(x))


def cnn4(
    num_classes: int = 10,
    levels: int = 4,
    *,
    in_channels: int = 1,
    neuron: NeuronFactory | None = None,
    learn_threshold: bool = True,
) -> SpikingCNN:
    """Four convolutions of 16, 32, 64 and 64 channels for small grey images: 61,000 parameters.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        in_channels: channels of the image.
        neuron: makes the neurons instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.
    """
    return SpikingCNN(
        (16, 32, 64, 64), num_classes, levels, in_channels=in_channels, neuron=neuron, learn_threshold=learn_threshold
    )
