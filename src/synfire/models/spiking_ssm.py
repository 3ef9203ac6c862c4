"""Spiking state space models for long sequences. Source: arXiv:2408.14909."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from synfire.base import ConfigError, ShapeError
from synfire.blocks import NeuronFactory, StateSpaceBlock
from synfire.layers import Embedding, Linear
from synfire.neurons import SequenceLIF


@dataclass(frozen=True)
class Published:
    """A published configuration.

    Attributes:
        steps: length of its sequences.
        depth: number of blocks.
        channels: H.
        modes, bidirectional, learn_input, step, norm, place, dropout: see `synfire.blocks.StateSpaceBlock`.
    """

    steps: int
    depth: int
    channels: int
    modes: int
    bidirectional: bool
    learn_input: bool
    norm: Literal["batch", "layer", "none"]
    place: Literal["pre", "post"]
    dropout: float = 0.0
    step: tuple[float, float] = (1e-3, 0.1)


PUBLISHED = {
    "listops": Published(2048, 6, 256, 4, True, True, "batch", "post"),
    "text": Published(4096, 6, 256, 4, True, True, "batch", "pre"),
    "retrieval": Published(4000, 6, 256, 64, True, False, "batch", "pre"),
    "image": Published(1024, 6, 512, 64, True, False, "layer", "post", 0.1),
    "pathfinder": Published(1024, 6, 256, 64, True, False, "batch", "pre"),
    "path_x": Published(16384, 6, 256, 64, True, True, "batch", "pre", step=(1e-4, 0.1)),
    "smnist": Published(784, 2, 400, 64, False, False, "layer", "post", 0.1),
    "psmnist": Published(784, 4, 256, 64, False, False, "layer", "post", 0.1),
    "wikitext103": Published(8192, 16, 1024, 64, False, False, "layer", "pre", 0.1),
    "speech_commands": Published(16000, 6, 128, 16, True, True, "batch", "pre"),
    "dvs_gesture": Published(4352, 6, 512, 16, True, True, "layer", "post", 0.1),
}


class SpikingSSM(nn.Module):
    """A linear encoder, or a table of tokens, blocks of S4D and neurons, and a linear read-out at every step.

    Maps a sequence of numbers (T, B, C), or of tokens (T, B), to logits of every step, (T, B, classes). Their mean over
    T is the read-out of the mean, which is how sequences are classified. A causal one streams, with H N real numbers of
    state per block and one potential per neuron.

    Args:
        in_channels: C.
        num_classes: size of the read-out.
        channels: H, width of the blocks.
        depth: number of blocks.
        levels: highest spike of the default neuron; 1 is binary.
        neuron: makes the neurons, one per block, instead of SequenceLIF(levels=levels, channels=H).
        learn_threshold: whether the default neuron's thresholds are parameters ("VT"), or 1 ("VF").
        engine: how the default neuron computes a sequence, see `synfire.SequenceLIF`.
        dynamics: weights of a fitted network for engine "sdn".
        vocabulary: number of tokens that the encoder has a row for; 0 for sequences of numbers.
        padding: token whose row is zero and is not learned; None for none.
        options: of every block, see `synfire.blocks.StateSpaceBlock`.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        channels: int = 64,
        depth: int = 2,
        levels: int = 1,
        *,
        neuron: NeuronFactory | None = None,
        learn_threshold: bool = True,
        engine: Literal["scan", "fixed_point", "sdn", "loop"] = "scan",
        dynamics: str | Path | None = None,
        vocabulary: int = 0,
        padding: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        for name, value in {"in_channels": in_channels, "num_classes": num_classes, "depth": depth}.items():
            if value < 1:
                raise ConfigError(f"SpikingSSM: {name} is {value}; give at least 1.")
        if vocabulary < 0 or (padding is not None and not vocabulary):
            raise ConfigError(
                f"SpikingSSM: vocabulary is {vocabulary} and padding {padding}; give the number of tokens, or 0 and no "
                "padding for sequences of numbers."
            )
        make = neuron or partial(
            SequenceLIF, levels=levels, channels=channels, learn_threshold=learn_threshold, engine=engine,
            dynamics=dynamics,
        )  # fmt: skip
        self.encoder = Embedding(vocabulary, channels, padding) if vocabulary else Linear(in_channels, channels)
        self.blocks = nn.Sequential(*(StateSpaceBlock(channels, make, **options) for _ in range(depth)))
        self.head = Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map a sequence (T, B, C), or tokens (T, B), to logits per step (T, B, classes)."""
        if isinstance(self.encoder, Linear) and (x.dim() != 3 or x.shape[2] != self.encoder.in_features):
            raise ShapeError(
                f"SpikingSSM: x has shape {tuple(x.shape)}, but a sequence (T, B, {self.encoder.in_features}) was "
                "expected. Images become sequences by synfire.layers.PixelSequence; for tokens give a vocabulary."
            )
        return self.head(self.blocks(self.encoder(x)))


def spiking_ssm(
    num_classes: int = 10,
    levels: int = 1,
    *,
    config: str = "smnist",
    in_channels: int = 1,
    channels: int | None = None,
    depth: int | None = None,
    modes: int | None = None,
    bidirectional: bool | None = None,
    norm: Literal["batch", "layer", "none"] | None = None,
    place: Literal["pre", "post"] | None = None,
    dropout: float | None = None,
    gate: Literal["glu", "none"] = "glu",
    shift: bool = False,
    neuron: NeuronFactory | None = None,
    learn_threshold: bool = True,
    engine: Literal["scan", "fixed_point", "sdn", "loop"] = "scan",
    dynamics: str | Path | None = None,
    vocabulary: int = 0,
    padding: int | None = None,
) -> SpikingSSM:
    """State space model with spikes, in a published size or one of your own.

    Args:
        num_classes: size of the read-out.
        levels: highest spike of the default neuron; 1 is binary.
        config: a key of `PUBLISHED`: listops, text, retrieval, image, pathfinder, path_x, smnist, psmnist, wikitext103,
            speech_commands, dvs_gesture. What follows replaces single choices of it.
        in_channels: numbers per step.
        channels: width of the blocks, H.
        depth: number of blocks.
        modes: states per channel, N; 0 leaves S4D out, see `synfire.blocks.StateSpaceBlock`.
        bidirectional: whether a step also sees later ones.
        norm: "batch", "layer", or "none".
        place: of the norm, "pre" or "post".
        dropout: share of the channels that is zeroed in training.
        gate: "glu", or "none" for a mixing without a gate.
        shift: whether half of the channels that a block sees are those of the step before.
        neuron: makes the neurons instead of SequenceLIF.
        learn_threshold: whether the default neuron's thresholds are parameters.
        engine: how the default neuron computes a sequence.
        dynamics: weights of a fitted network for engine "sdn".
        vocabulary: number of tokens, for sequences of tokens instead of numbers.
        padding: token whose row is zero and is not learned.

    Raises:
        ConfigError: the configuration is unknown or an option is out of its range.
    """
    if config not in PUBLISHED:
        raise ConfigError(f"spiking_ssm: config {config!r} is unknown; choose one of {', '.join(PUBLISHED)}.")
    given = {
        "channels": channels, "depth": depth, "modes": modes, "bidirectional": bidirectional, "norm": norm,
        "place": place, "dropout": dropout,
    }  # fmt: skip
    made = replace(PUBLISHED[config], **{name: value for name, value in given.items() if value is not None})
    return SpikingSSM(
        in_channels,
        num_classes,
        made.channels,
        made.depth,
        levels,
        neuron=neuron,
        learn_threshold=learn_threshold,
        engine=engine,
        dynamics=dynamics,
        vocabulary=vocabulary,
        padding=padding,
        modes=made.modes,
        bidirectional=made.bidirectional,
        learn_input=made.learn_input,
        step=made.step,
        norm=made.norm,
        place=made.place,
        dropout=made.dropout,
        gate=gate,
        shift=shift,
    )
