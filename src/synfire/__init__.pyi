from . import base, blocks, data, layers, metering, models, neurons, ops, tasks, training
from .base import backend
from .metering import trace
from .neurons import (
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
from .ops.saving import compact
from .ops.spike import fire
from .recipes.loading import load

__version__: str

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
    "base",
    "blocks",
    "compact",
    "data",
    "fire",
    "layers",
    "load",
    "metering",
    "models",
    "neurons",
    "ops",
    "stream",
    "tasks",
    "trace",
    "training",
]
