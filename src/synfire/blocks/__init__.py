"""Blocks that models are made of."""

from synfire.blocks.residual import NeuronFactory, ResidualBlock, barrier, synapse

__all__ = ["NeuronFactory", "ResidualBlock", "barrier", "synapse"]
