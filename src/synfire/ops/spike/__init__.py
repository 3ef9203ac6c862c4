"""When a neuron fires, and the slope that stands in for that step in the backward pass."""

from synfire.ops.spike.fire import fire
from synfire.ops.spike.surrogates import SURROGATES, Surrogate

__all__ = ["SURROGATES", "Surrogate", "fire"]
