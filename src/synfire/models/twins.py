"""The conventional twin of a spiking network: the same weights and places, rectifiers instead of neurons."""

import copy

from torch import nn

from synfire.base import ConfigError
from synfire.neurons import GELU, Neuron, QuantisedReLU, ReLU

TWINS = ("relu", "gelu", "quantised")


def twin(net: nn.Module, kind: str = "relu", levels: int | None = None) -> nn.Module:
    """Return a copy of a network in which every neuron is a rectifier; run those of images at T = 1.

    The quantised twin gives what the network gives at T = 1, bit for bit; see `QuantisedReLU.of`.

    Args:
        net: any network whose neurons derive from `synfire.Neuron`, or a single neuron.
        kind: "relu", "gelu", or "quantised" for ReLU rounded as the neuron rounds: to its levels, with its threshold,
            initial potential, sign and channels.
        levels: levels of every quantised ReLU, instead of the neuron's own; a neuron of N levels over T steps has N T.

    Raises:
        ConfigError: the kind is unknown, the network has no neuron, or one that no quantised ReLU is known to equal.
    """
    if kind not in TWINS:
        raise ConfigError(f"twin: kind {kind!r} is unknown; choose one of {', '.join(TWINS)}.")
    neurons = [module for module in net.modules() if isinstance(module, Neuron)]
    if not neurons:
        raise ConfigError("twin: the network has no neuron (no module derives from synfire.Neuron), so it has no twin.")
    # deepcopy takes these for copies made before, so a neuron in several places becomes one rectifier in all of them
    return copy.deepcopy(net, {id(neuron): _rectifier(neuron, kind, levels) for neuron in neurons})


def _rectifier(neuron: Neuron, kind: str, levels: int | None) -> nn.Module:
    if kind == "quantised":
        return QuantisedReLU.of(neuron, levels)
    return (ReLU() if kind == "relu" else GELU()).train(neuron.training)
