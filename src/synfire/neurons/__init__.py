"""Neurons: modules that map a sequence of currents (T, B, ...) to a sequence of whole-numbered spikes."""

from synfire.neurons.integrate_and_fire import IF, LIF, MultiLevelIF, MultiLevelLIF, ParametricLIF, ScanNeuron
from synfire.neurons.neuron import Neuron
from synfire.neurons.rectifiers import QuantisedReLU, ReLU
from synfire.neurons.streaming import Stream, current_stream, stream
from synfire.ops.lif import NeuronSpec
from synfire.ops.spike import Surrogate

# What stands in the place of a neuron, in spiking networks and in their conventional twins.
ACTIVATIONS = (Neuron, QuantisedReLU, ReLU)

__all__ = [
    "ACTIVATIONS",
    "IF",
    "LIF",
    "MultiLevelIF",
    "MultiLevelLIF",
    "Neuron",
    "NeuronSpec",
    "ParametricLIF",
    "QuantisedReLU",
    "ReLU",
    "ScanNeuron",
    "Stream",
    "Surrogate",
    "current_stream",
    "stream",
]
