"""Events, many recordings at once, and what frames are made of them."""

from synfire.ops.events.batch import EventBatch
from synfire.ops.events.cells import Cells, Polarities, Size
from synfire.ops.events.cut import cut_at, cut_by_count, ends, equal_parts
from synfire.ops.events.op import frames, surface, voxels

__all__ = [
    "Cells",
    "EventBatch",
    "Polarities",
    "Size",
    "cut_at",
    "cut_by_count",
    "ends",
    "equal_parts",
    "frames",
    "surface",
    "voxels",
]
