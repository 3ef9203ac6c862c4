"""Spikes times weights, reading only the weights of the spikes."""

from synfire.ops.accumulate.numba import pays
from synfire.ops.accumulate.op import accumulate

__all__ = ["accumulate", "pays"]
