"""Diagonal linear state space systems over long sequences."""

from synfire.ops.ssm.op import Diagonal, continue_from, convolve, kernel

__all__ = ["Diagonal", "continue_from", "convolve", "kernel"]
