"""A plain convolutional network for small images and small machines."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from synfire.blocks import NeuronFactory, synapse
from synfire.layers import Flatten, Linear, check_image_size
from synfire.models.sizes import check_sizes
from synfire.neurons import MultiLevelIF


class SpikingCNN(nn.Module):
    """Convolutions of stride 2 and 1 in turn with a neuron each, and a linear read-out of all spikes.

    Maps currents (T, B, C, H, W) to logits of every step, (T, B, classes).

    Args:
        widths: channels of the convolutions; the first, third, ... halve the image, rounding up.
        image_size: height and width of the images.
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        in_channels: channels of the image.
        neuron: makes the neurons, one per place, instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.

    Raises:
        ConfigError: a size is below 1.
    """

    def __init__(
        self,
        widths: Sequence[int],
        image_size: int = 28,
        num_classes: int = 10,
        levels: int = 4,
        *,
        in_channels: int = 1,
        neuron: NeuronFactory | None = None,
        learn_threshold: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(
            "SpikingCNN", num_classes=num_classes, in_channels=in_channels, image_size=image_size, widths=widths
        )
        make = neuron or partial(MultiLevelIF, levels, learn_threshold=learn_threshold)
        layers: list[nn.Module] = []
        channels, side = in_channels, image_size
        for index, width in enumerate(widths):
            stride = 2 - index % 2
            layers += [synapse(channels, width, stride=stride), make()]
            channels, side = width, -(-side // stride)
        self.image_size = image_size
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(Flatten(), Linear(channels * side**2, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map currents (T, B, C, H, W) to logits per step (T, B, classes)."""
        check_image_size(x, self.image_size, "SpikingCNN")
        return self.head(self.features(x))


def cnn4(
    num_classes: int = 10,
    levels: int = 4,
    *,
    image_size: int = 28,
    in_channels: int = 1,
    neuron: NeuronFactory | None = None,
    learn_threshold: bool = False,
) -> SpikingCNN:
    """Four convolutions of 32, 32, 64 and 64 channels for small grey images: 96,554 parameters at 10 classes.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        image_size: height and width of the images.
        in_channels: channels of the image.
        neuron: makes the neurons instead of MultiLevelIF(levels).
        learn_threshold: whether the default neuron's thresholds are parameters.
    """
    return SpikingCNN(
        (32, 32, 64, 64), image_size, num_classes, levels, in_channels=in_channels, neuron=neuron,
        learn_threshold=learn_threshold,
    )  # fmt: skip
