"""Where the steps of recordings begin and end: by time, by parts of their duration, or by number of events.

Since time does not fall within a sample, the events of a step lie one behind the other. Edges, int64, (B, T + 1), tell
where: those of step k of sample i are at edges[i, k] to edges[i, k + 1].
"""

import torch
from torch import Tensor

from synfire.ops.events.batch import EventBatch


def ends(events: EventBatch) -> tuple[Tensor, Tensor]:
    """Return the time of the first and the last event of each sample, int64, (B,); 0 for a sample without events."""
    if not len(events.t):
        none = events.offsets.new_zeros(len(events))
        return none, none
    some = events.counts > 0
    first, last = events.offsets[:-1].clamp(max=len(events.t) - 1), (events.offsets[1:] - 1).clamp(min=0)
    return torch.where(some, events.t[first], 0), torch.where(some, events.t[last], 0)


def equal_parts(events: EventBatch, steps: int) -> Tensor:
    """Return where each of T equal parts of a recording begins, and where the last ends, int64, (B, T + 1).

    A recording lasts from its first microsecond through its last, L of them, and part k begins at the first whole
    microsecond that is not before k L / T. Where L < T some parts are empty.
    """
    first, last = ends(events)
    length = (last - first + 1)[:, None]
    return first[:, None] - (-length * torch.arange(steps + 1, device=events.device)).div(steps, rounding_mode="floor")


def cut_at(events: EventBatch, times: Tensor) -> Tensor:
    """Return the edges of steps that begin at these microseconds, int64, (B, T + 1), not falling within a sample."""
    low = events.offsets[:-1, None].expand_as(times)
    high = events.offsets[1:, None].expand_as(times)
    for _ in range(len(events.t).bit_length()):  # halves what lies between, all samples at once
        middle = (low + high) // 2
        searching = low < high
        found = events.t[middle.clamp(max=max(len(events.t) - 1, 0))] if len(events.t) else middle
        before = searching & (found < times)
        low, high = torch.where(before, middle + 1, low), torch.where(searching & ~before, middle, high)
    return low


def cut_by_count(events: EventBatch, count: int, steps: int) -> Tensor:
    """Return the edges of steps of `count` events each, the last of a short sample with fewer or none."""
    within = count * torch.arange(steps + 1, device=events.device)
    return events.offsets[:-1, None] + torch.minimum(within, events.counts[:, None])
