"""Labelled recordings, and what every source of them is."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.order import content_order
from synfire.data.split import Source, Split
from synfire.ops.events import EventBatch

EVENT_BYTES = 13
ROOM = 4 << 30  # bytes of a split that are moved to a device
LONGEST = 1 << 53  # microseconds of a recording, 285 years; float64 has all whole numbers below


def pack(recordings: Iterable[Events], sensor_size: tuple[int, int]) -> EventBatch:
    """Put recordings one behind the other, each in the order of time and from 0 microseconds on.

    Raises:
        DataError: a recording takes `LONGEST` microseconds or more.
    """
    parts = [recording.sorted() for recording in recordings]
    for first, last in ((int(part.t[0]), int(part.t[-1])) for part in parts if len(part)):
        if last - first >= LONGEST:
            raise DataError(
                f"a recording goes from {first} to {last} us, but less than {LONGEST} us were expected. Its times are "
                "damaged, or not in microseconds."
            )
    joined = Events.join(parts, sensor_size)
    t = np.concatenate([part.t - part.t[0] for part in parts if len(part)] or [joined.t])
    offsets = torch.tensor([0, *np.cumsum([len(part) for part in parts])])
    x, y, p = (torch.from_numpy(column) for column in (joined.x, joined.y, joined.p))
    return EventBatch(x, y, torch.from_numpy(t), p, offsets, sensor_size)


def digest(events: EventBatch) -> Tensor:
    """Return a hash of the events of each sample, int64, (B,), the same on every machine."""
    columns = [(events.x, "<i2"), (events.y, "<i2"), (events.t, "<i8"), (events.p, "u1")]
    arrays = [column.cpu().numpy().astype(kind, copy=False) for column, kind in columns]
    found = []
    for start, stop in zip(events.offsets[:-1].tolist(), events.offsets[1:].tolist(), strict=True):
        hashed = hashlib.blake2b(digest_size=8)
        for array in arrays:
            hashed.update(np.ascontiguousarray(array[start:stop]).data)
        found.append(int.from_bytes(hashed.digest(), "little", signed=True))
    return torch.tensor(found, dtype=torch.int64)


@dataclass(frozen=True, eq=False)
class EventSplit(Split):
    """Labelled recordings. What is taken of them are rows: the events themselves stay where they are, also on a disk.

    Attributes:
        rows: which samples of `events` belong to the split, int64, (N,), in the split's order.
        labels: of these, int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        events: all recordings that are kept together.
        digests: of all of them, see `digest`, int64.
        origin: the file or folder they came from; the subject of error messages.

    Raises:
        DataError: there is no recording, or a label is out of range.
    """

    FIELD, NOUN = "rows", "recording"

    rows: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    events: EventBatch
    digests: Tensor
    origin: str = "EventSplit"

    def __post_init__(self) -> None:
        self._check_labels()

    @classmethod
    def of(
        cls,
        recordings: Sequence[Events],
        labels: Sequence[int],
        classes: tuple[str, ...],
        sensor_size: tuple[int, int],
        origin: str = "EventSplit",
    ) -> Self:
        """Keep recordings in memory.

        Raises:
            DataError: a recording holds no event or is of a larger sensor, or a label is out of range.
        """
        for row, recording in enumerate(recordings):
            if not len(recording):
                raise DataError(f"{origin}: the recording at row {row} holds no event. Leave it out.")
            if any(own > size for own, size in zip(recording.sensor_size, sensor_size, strict=True)):
                raise DataError(
                    f"{origin}: the recording at row {row} is of a sensor of {recording.sensor_size}, but "
                    f"{sensor_size} was expected. Crop it, or give the larger size."
                )
        events = pack(recordings, sensor_size)
        kept = torch.tensor(labels, dtype=torch.int64)
        return cls(torch.arange(len(events)), kept, classes, events, digest(events), origin)

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of the sensor."""
        return self.events.sensor_size[::-1]

    def batch(self, rows: Tensor) -> tuple[EventBatch, Tensor]:
        """Return the recordings of some rows, int64, (B,), and their labels, int64, (B,)."""
        return self.events.take(self.rows[rows.to(self.device)]), self.labels[rows.to(self.device)]

    def alone(self) -> Self:
        """Return the split with its own recordings alone, copied into memory."""
        rows = self.rows.cpu()
        return self._with(rows=torch.arange(len(rows)), events=self.events.take(rows), digests=self.digests[rows])

    def to(self, device: torch.device | str) -> Self:
        """Return the split with its own events on a device; itself if it is there already, or if they take too much.

        More than `ROOM` bytes stay where they are, be it on a disk, so that batches are copied one by one.
        """
        size = EVENT_BYTES * int(self.events.counts[self.rows].sum())
        if self.device == torch.device(device) or size > ROOM:
            return self
        own = self.alone()
        return own._with(rows=own.rows.to(device), labels=own.labels.to(device), events=own.events.to(device))

    def order(self, seed: int) -> Tensor:
        """Return the permutation `content_order` of the recordings."""
        return content_order(self.digests[self.rows.cpu()], self.labels, seed)

    def on_sensor(self, size: tuple[int, int]) -> Self:
        """Return the same events as of a sensor of this width and height, which must hold them."""
        columns = (getattr(self.events, name) for name in ("x", "y", "t", "p", "offsets"))
        return self._with(events=EventBatch(*columns, sensor_size=size))

    def describe(self) -> str:
        """Return sensor and classes in words."""
        width, height = self.events.sensor_size
        return f"of {width} x {height} pixels and {self.num_classes} classes"


class EventSource(Source[EventSplit]):
    """Something that yields a training and a test split of recordings; write `read` to make your own."""

    @property
    def sensor_size(self) -> tuple[int, int]:
        """Width and height in pixels; reads the files."""
        return self.load()[0].events.sensor_size
