"""Neurons: modules that map a sequence of currents (T, B, ...) to a sequence of whole-numbered spikes."""

from synfire.neurons.dynamics import SurrogateDynamics
from synfire.neurons.integrate_and_fire import IF, LIF, MultiLevelIF, MultiLevelLIF, ParametricLIF, ScanNeuron
from synfire.neurons.neuron import Neuron
from synfire.neurons.parallel import PSN, MaskedPSN, ParallelNeuron, SlidingPSN
from synfire.neurons.rectifiers import GELU, QuantisedReLU, ReLU
from synfire.neurons.sequence import SequenceLIF
from synfire.neurons.streaming import Stream, current_stream, stream
from synfire.ops.lif import NeuronSpec
from synfire.ops.spike import Surrogate

# What stands in the place of a neuron, in spiking networks and in their conventional twins.
ACTIVATIONS = (Neuron, QuantisedReLU, ReLU, GELU)

__all__ = [
    "ACTIVATIONS",
    "GELU",
    "IF",
    "LIF",
    "PSN",
    "MaskedPSN",
    "MultiLevelIF",
    "MultiLevelLIF",
    "Neuron",
    "NeuronSpec",
    "ParallelNeuron",
    "ParametricLIF",
    "QuantisedReLU",
    "ReLU",
    "ScanNeuron",
    "SequenceLIF",
    "SlidingPSN",
    "Stream",
    "Surrogate",
    "SurrogateDynamics",
    "current_stream",
    "stream",
]
