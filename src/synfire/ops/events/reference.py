"""The meaning of frames, voxels and surfaces, in plain PyTorch; it also serves GPUs.

Each takes events of which every one lies on the sensor, and edges as in `cut`.
"""

import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.events.batch import EventBatch
from synfire.ops.events.cells import Cells

NEVER = torch.iinfo(torch.int64).min  # before any event


def frames(events: EventBatch, edges: Tensor, cells: Cells) -> Tensor:
    """Return how many events of each step fall into each cell, signed where the cells are: (B, T, C, H, W)."""
    (batch, steps), size = (edges.shape[0], edges.shape[1] - 1), cells.shape
    place = torch.arange(len(events.t), device=events.device)
    before = torch.searchsorted(edges.reshape(-1), place, right=True) - 1  # the last edge that is not behind the event
    within = (before >= 0) & (before % (steps + 1) != steps)
    step = before - before.div(steps + 1, rounding_mode="floor")
    to = step * (size[0] * size[1] * size[2]) + cells.of(events)
    made = torch.zeros(batch * steps * size[0] * size[1] * size[2], device=events.device)
    made.index_add_(0, to[within], cells.signs().to(events.device)[events.p.long()][within])
    return made.view(batch, steps, *size)


def voxels(events: EventBatch, first: Tensor, last: Tensor, bins: int, cells: Cells) -> Tensor:
    """Share every event between the two bins nearest in time: s = (bins - 1) (t - first) / (last - first).

    Bin k takes max(0, 1 - |k - s|) of it, negative where the cells are signed; all of it goes to bin 0 where first and
    last are one. (B, bins, C, H, W). Zhu et al., arXiv:1812.08156, equations 1 to 3.
    """
    size, sample = cells.shape, events.sample
    span = (last - first).clamp(min=1)[sample].double()
    s = (bins - 1) * (events.t - first[sample]).double() / span
    low = s.floor().clamp(0, bins - 1)
    share = (s - low).float()
    sign = cells.signs().to(events.device)[events.p.long()]
    made = torch.zeros(len(events) * bins, size[0] * size[1] * size[2], device=events.device)
    of = cells.of(events)
    for k, weight in ((low, 1 - share), (low + 1, share)):
        within = k < bins
        to = (sample * bins + k.long()) * made.shape[1] + of
        made.view(-1).index_add_(0, to[within], (sign * weight)[within])
    return made.view(len(events), bins, *size)


def surface(events: EventBatch, edges: Tensor, ends: Tensor, tau: float, cells: Cells) -> Tensor:
    """Return exp(-(end - t) / tau) with the time t of the last event in each cell by the end of each step, else 0.

    (B, T, C, H, W). Lagorce et al., IEEE TPAMI 39(7), 2017, equation 3, at the ends of the steps.
    """
    (batch, steps), size = ends.shape, cells.shape
    place = torch.arange(len(events.t), device=events.device)
    to = events.sample * (size[0] * size[1] * size[2]) + cells.of(events)
    latest = torch.full((batch * size[0] * size[1] * size[2],), NEVER, device=events.device)
    made = []
    for k in range(steps):
        of_step = (place >= edges[:, k][events.sample]) & (place < edges[:, k + 1][events.sample])
        latest.scatter_reduce_(0, to[of_step], events.t[of_step], "amax")
        age = ends[:, k, None] - latest.view(batch, -1)
        value = torch.exp(-age.double() / tau)
        made.append(torch.where(latest.view(batch, -1) == NEVER, 0, value).float())
    return torch.stack(made, 1).view(batch, steps, *size)


FRAMES, VOXELS, SURFACE = (Kernel("reference", lambda x: None, f) for f in (frames, voxels, surface))
