"""Leaky integrate-and-fire over a sequence: one family for IF, LIF, multi-level and multi-threshold neurons."""

from synfire.ops.lif.op import lif
from synfire.ops.lif.spec import RESETS, NeuronSpec

__all__ = ["RESETS", "NeuronSpec", "lif"]
