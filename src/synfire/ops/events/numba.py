"""Frames, voxels and surfaces on a CPU: every event is read once."""

import importlib
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.events.batch import EventBatch
from synfire.ops.events.cells import Cells
from synfire.ops.events.reference import NEVER
from synfire.ops.lif.numba import INSTALLED, follow_torch_threads

ALONE = 2**16  # events, or cells to fill, that one thread is done with before others would have woken up


def why_not(x: Tensor) -> str | None:
    """Return why this back end cannot take events whose times are x, or None."""
    if x.device.type != "cpu":
        return f"it runs on a CPU and the events are on {x.device}"
    return None if INSTALLED else "the package numba is not installed"


@cache
def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.events._numba_kernels")


def frames(events: EventBatch, edges: Tensor, cells: Cells) -> Tensor:
    """Return the counts of each step, (B, T, C, H, W)."""
    made = _none(edges.shape[0], edges.shape[1] - 1, cells)
    x, y, _, p = _columns(events)
    _run("frames", events, made, x, y, p, _array(edges), *_tables(cells), cells.signs().numpy())
    return _shaped(made, cells)


def voxels(events: EventBatch, first: Tensor, last: Tensor, bins: int, cells: Cells) -> Tensor:
    """Return events shared between bins, (B, bins, C, H, W)."""
    made = _none(len(events), bins, cells)
    windows = (_array(events.offsets), _array(first), _array(last))
    _run("voxels", events, made, *_columns(events), *windows, *_tables(cells), cells.signs().numpy())
    return _shaped(made, cells)


def surface(events: EventBatch, edges: Tensor, ends: Tensor, tau: float, cells: Cells) -> Tensor:
    """Return how recent the last events are, (B, T, C, H, W)."""
    made = _none(edges.shape[0], ends.shape[1], cells)
    steps = (_array(edges), _array(ends), float(tau), np.int64(NEVER))
    _run("surface", events, made, *_columns(events), *steps, *_tables(cells))
    return _shaped(made, cells)


def _run(name: str, events: EventBatch, made: Any, *rest: Any) -> None:
    """Call a kernel, on several threads where there is work for them."""
    many = len(events.t) + made.size > ALONE and follow_torch_threads() > 1
    getattr(_kernels(), f"{name}_in_parallel" if many else name)(*rest, made)


def _array(tensor: Tensor) -> Any:
    return tensor.contiguous().numpy()


def _columns(events: EventBatch) -> tuple[Any, Any, Any, Any]:
    x, y, t, p = (_array(column) for column in (events.x, events.y, events.t, events.p))
    return x.view(np.uint16), y.view(np.uint16), t, p


def _tables(cells: Cells) -> list[Any]:
    return [table.numpy().astype(np.uint32) for table in cells.tables()]


def _none(batch: int, steps: int, cells: Cells) -> Any:
    channels, rows, columns = cells.shape
    return np.zeros((batch, steps, channels * rows * columns), np.float32)


def _shaped(made: Any, cells: Cells) -> Tensor:
    return torch.from_numpy(made).view(*made.shape[:2], *cells.shape)


FRAMES, VOXELS, SURFACE = (Kernel("numba", why_not, f) for f in (frames, voxels, surface))
