"""Recordings of different lengths, packed one behind the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synfire.base import DtypeError, ShapeError

COLUMNS = {"x": torch.int16, "y": torch.int16, "t": torch.int64, "p": torch.uint8}


@dataclass(frozen=True, eq=False)
class EventBatch:
    """B recordings of one sensor: the events of sample i are those at offsets[i] to offsets[i + 1].

    Attributes:
        x: column, int16, (N,), 0 .. width - 1.
        y: row, int16, (N,), 0 .. height - 1.
        t: microseconds, int64, (N,), not falling within a sample.
        p: polarity, uint8, (N,), 0 or 1.
        offsets: int64, (B + 1,), from 0 to N.
        sensor_size: width and height in pixels.

    Raises:
        DtypeError: a column has another dtype.
        ShapeError: the columns differ in length.
    """

    x: Tensor
    y: Tensor
    t: Tensor
    p: Tensor
    offsets: Tensor
    sensor_size: tuple[int, int]

    def __post_init__(self) -> None:
        for name, dtype in {**COLUMNS, "offsets": torch.int64}.items():
            if (column := getattr(self, name)).dtype != dtype:
                raise DtypeError(f"EventBatch: {name} is {column.dtype}, but {dtype} was expected. Convert it.")
        if any(getattr(self, name).shape != self.t.shape for name in COLUMNS) or self.t.dim() != 1:
            shapes = ", ".join(f"{name} {tuple(getattr(self, name).shape)}" for name in COLUMNS)
            raise ShapeError(f"EventBatch: columns of one length, (N,), were expected, but they are {shapes}.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def device(self) -> torch.device:
        """Where the events are."""
        return self.t.device

    @property
    def counts(self) -> Tensor:
        """Events of each sample, int64, (B,)."""
        return self.offsets.diff()

    @property
    def sample(self) -> Tensor:
        """The sample that each event belongs to, int64, (N,)."""
        of = torch.arange(len(self), device=self.device)
        return of.repeat_interleave(self.counts, output_size=len(self.t))

    def to(self, device: torch.device | str) -> "EventBatch":
        """Return the events on a device; themselves if they are there already."""
        if self.device == torch.device(device):
            return self
        x, y, t, p, offsets = (getattr(self, name).to(device) for name in (*COLUMNS, "offsets"))
        return EventBatch(x, y, t, p, offsets, self.sensor_size)

    def take(self, rows: Tensor) -> "EventBatch":
        """Return a copy of some samples, int64, (n,), in that order."""
        rows = rows.to(self.device)
        counts = self.counts[rows]
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        total = int(offsets[-1])
        shift = (self.offsets[rows] - offsets[:-1]).repeat_interleave(counts, output_size=total)
        places = torch.arange(total, device=self.device) + shift
        x, y, t, p = (getattr(self, name)[places] for name in COLUMNS)
        return EventBatch(x, y, t, p, offsets, self.sensor_size)

    def where(self, kept: Tensor) -> "EventBatch":
        """Return the events at which a mask, bool, (N,), is true; a sample may be left without any."""
        before = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
        x, y, t, p = (getattr(self, name)[kept] for name in COLUMNS)
        return EventBatch(x, y, t, p, before[self.offsets], self.sensor_size)

    def in_order(self) -> "EventBatch":
        """Return the events of each sample in the order of time; those of one microsecond keep theirs."""
        if not len(self.t):
            return self
        low, high = self.t.aminmax()
        order = (self.sample * (high - low + 1) + (self.t - low)).argsort(stable=True)
        x, y, t, p = (getattr(self, name)[order] for name in COLUMNS)
        return EventBatch(x, y, t, p, self.offsets, self.sensor_size)

    @classmethod
    def join(cls, batches: Sequence["EventBatch"]) -> "EventBatch":
        """Return the samples of several batches of one sensor, one batch behind the other; at least one batch."""
        x, y, t, p = (torch.cat([getattr(batch, name) for batch in batches]) for name in COLUMNS)
        counts = torch.cat([batch.counts for batch in batches])
        return cls(x, y, t, p, torch.cat([counts.new_zeros(1), counts.cumsum(0)]), batches[0].sensor_size)
