"""Blocks that models are made of."""

from synfire.blocks.residual import NeuronFactory, ResidualBlock, barrier, synapse
from synfire.blocks.state_space import StateSpaceBlock

__all__ = ["NeuronFactory", "ResidualBlock", "StateSpaceBlock", "barrier", "synapse"]
