"""Counting what a sequence holds, in one pass over it."""

from synfire.ops.tally.op import Tally, tally

__all__ = ["Tally", "tally"]
