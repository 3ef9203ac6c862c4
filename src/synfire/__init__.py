"""Spiking neural networks that are accurate and cheap to run.

A spiking network is an ordinary `torch.nn.Module` that maps a sequence (T, B, ...) to a sequence (T, B, ...), keeps no
state, and whose spikes are small whole numbers.
"""

import importlib
from typing import TYPE_CHECKING, Any

from synfire.base import VERSION, backend
from synfire.neurons import (
    IF,
    LIF,
    PSN,
    MaskedPSN,
    MultiLevelIF,
    MultiLevelLIF,
    Neuron,
    NeuronSpec,
    ParametricLIF,
    QuantisedReLU,
    ReLU,
    SequenceLIF,
    SlidingPSN,
    Stream,
    Surrogate,
    SurrogateDynamics,
    stream,
)
from synfire.ops.saving import compact
from synfire.ops.spike import fire

if TYPE_CHECKING:
    from synfire import data, layers, metering, models, tasks, training
    from synfire.metering import trace
    from synfire.recipes.loading import load

__version__ = VERSION

__all__ = [
    "IF",
    "LIF",
    "PSN",
    "MaskedPSN",
    "MultiLevelIF",
    "MultiLevelLIF",
    "Neuron",
    "NeuronSpec",
    "ParametricLIF",
    "QuantisedReLU",
    "ReLU",
    "SequenceLIF",
    "SlidingPSN",
    "Stream",
    "Surrogate",
    "SurrogateDynamics",
    "backend",
    "compact",
    "data",
    "fire",
    "layers",
    "load",
    "metering",
    "models",
    "stream",
    "tasks",
    "trace",
    "training",
]

_ROOMS = ("data", "layers", "metering", "models", "tasks", "training")
_FUNCTIONS = {"load": "synfire.recipes.loading", "trace": "synfire.metering"}


def __getattr__(name: str) -> Any:
    """Import a room, or a function that needs many, on first use, so that `import synfire` stays fast."""
    if name in _ROOMS:
        return importlib.import_module(f"synfire.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'synfire' has no attribute {name!r}")
