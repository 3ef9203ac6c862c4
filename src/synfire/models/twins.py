"""The conventional twin of a spiking network: the same weights and places, rectifiers instead of neurons."""

import copy

from torch import nn

from synfire.base import ConfigError
from synfire.neurons import GELU, Neuron, QuantisedReLU, ReLU

TWINS = ("relu", "gelu", "quantised")


def twin(net: nn.Module, kind: str = "relu", levels: int | None = None) -> nn.Module:
    """Return a copy of a network in which every neuron is a rectifier; run those of images at T = 1.

    Args:
        net: any network whose neurons derive from `synfire.Neuron`.
        kind: "relu", "gelu", or "quantised" for ReLU rounded to as many levels as the neuron has.
        levels: levels of every quantised ReLU, instead of the neuron's own; a neuron of N levels over T steps has N T.

    Raises:
        ConfigError: the kind is unknown, or the network has no neuron.
    """
    if kind not in TWINS:
        raise ConfigError(f"twin: kind {kind!r} is unknown; choose one of {', '.join(TWINS)}.")
    net = copy.deepcopy(net)
    places = [
        (parent, name, child)
        for parent in net.modules()
        for name, child in parent.named_children()
        if isinstance(child, Neuron)
    ]
    if not places:
        raise ConfigError("twin: the network has no neuron (no module derives from synfire.Neuron), so it has no twin.")
    for parent, name, neuron in places:
        if kind == "relu":
            rectifier: nn.Module = ReLU()
        elif kind == "gelu":
            rectifier = GELU()
        else:
            count = levels if levels is not None else getattr(neuron, "levels", 1)
            rectifier = QuantisedReLU(count, learn_step=any(True for _ in neuron.parameters()))
        setattr(parent, name, rectifier)
    return net
