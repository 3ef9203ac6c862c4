"""The residual block of spiking networks, with its join and its barrier stated."""

from collections.abc import Callable

from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.layers import BatchNorm2d, Conv2d, Join
from synfire.neurons import MultiLevelIF, Surrogate

NeuronFactory = Callable[[], nn.Module]
BARRIER_GRADIENTS = {"identity": "identity", "clipped": "straight_through"}


def synapse(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias and its batch norm; the size is kept for odd kernels and stride 1."""
    conv = Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    return nn.Sequential(conv, BatchNorm2d(out_channels))


def barrier(
    levels: int, *, step: float = 1.0, initial: float = 0.5, gradient: str = "identity", learn_step: bool = False
) -> MultiLevelIF:
    """Return a multi-level neuron for the place after an addition of spikes: it bounds them to 0..levels again.

    With a step of one level it is a saturating whole-number addition, with two it halves the sum. Its reset is not
    detached: then no gradient crosses time, where a chain of barriers would multiply it, and at a step of one the
    gradient is 1. Source: arXiv:2510.24637.

    Args:
        levels: highest value that passes.
        step: levels of the sum that make one level of the output.
        initial: potential before the first step, in steps; 0.5 rounds, 0 rounds down.
        gradient: "identity" passes every gradient, "clipped" none above the highest level.
        learn_step: whether the step is a parameter.
    """
    if gradient not in BARRIER_GRADIENTS:
        raise ConfigError(f"barrier: gradient {gradient!r} is unknown; choose one of {', '.join(BARRIER_GRADIENTS)}.")
    return MultiLevelIF(
        levels,
        step,
        initial,
        surrogate=Surrogate(BARRIER_GRADIENTS[gradient]),
        detach_reset=False,
        learn_threshold=learn_step,
    )


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut: out = join(neuron(norm(conv(neuron(norm(conv(x)))))), shortcut(x)).

    With a barrier after the merge it is the block of Sparse-ResNet (arXiv:2510.24637); without, the spike-element-wise
    block (arXiv:2102.04159), whose output reaches the sum of both branches' levels.

    Args:
        in_channels, out_channels: C before and after.
        stride: of the first convolution and the shortcut.
        neuron: makes a neuron; called once per place.
        after_merge: neuron after the merge, or None.
        inner_neuron: whether the branch ends with a neuron; without it, a current is merged.
        merge: see `synfire.layers.Join`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        neuron: NeuronFactory,
        after_merge: nn.Module | None = None,
        *,
        inner_neuron: bool = True,
        merge: str = "add",
    ) -> None:
        super().__init__()
        if after_merge is None and not inner_neuron:
            raise ConfigError(
                "ResidualBlock: without inner_neuron the merge sees a current, so its sum needs a neuron: "
                "give after_merge, or keep inner_neuron."
            )
        self.branch = nn.Sequential(
            synapse(in_channels, out_channels, stride=stride),
            neuron(),
            synapse(out_channels, out_channels),
            *([neuron()] if inner_neuron else []),
        )
        same = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(synapse(in_channels, out_channels, 1, stride), neuron())
        )
        self.join = Join(merge, after_merge)

    def forward(self, x: Tensor) -> Tensor:
        """Map spikes (T, B, C, H, W) to spikes (T, B, C', H', W')."""
        return self.join(self.branch(x), self.shortcut(x))
