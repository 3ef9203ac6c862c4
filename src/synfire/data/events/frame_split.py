"""Frames of recordings, made once and kept on the disk."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.events.representations import Counts, Representation, StepsAsChannels
from synfire.data.events.split import EventSplit
from synfire.data.split import Split
from synfire.data.store import Columns, stored

TOGETHER = 64  # recordings whose frames are in memory at once while they are made
VERSION = 1  # changes when the same representation of the same events becomes another


@dataclass(frozen=True, eq=False)
class FrameSplit(Split):
    """Labelled frames, mapped from the disk, where they stay.

    Attributes:
        frames: (N, T, C, H, W), of a small type where they are small counts.
        labels: int64, (N,), each an index into `classes`.
        classes: the names of the classes, in label order.
        scale: what the numbers are divided by to make a batch.
        origin: the file or folder they came from; the subject of error messages.
    """

    FIELD, NOUN = "frames", "recording"

    frames: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    scale: float = 1.0
    origin: str = "FrameSplit"

    def __post_init__(self) -> None:
        self._check_labels()

    def to(self, device: torch.device | str) -> "FrameSplit":
        """Return itself: a batch is copied when it is made, since all frames may be larger than memory."""
        return self

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return frames, float32, (B, T, C, H, W), and labels, int64, (B,)."""
        frames = self.frames[rows].float()
        return (frames if self.scale == 1 else frames.div_(self.scale)), self.labels[rows]

    def describe(self) -> str:
        """Return shape and classes in words."""
        return f"{self.shape} and {self.num_classes} classes"


def frames_of(split: EventSplit, representation: Representation, folder: Path) -> FrameSplit:
    """Return the frames of a split from a folder of the cache, made if they are not there.

    They are found again by the events and by class and attributes of the representation, so a class of your own needs
    another name when it changes.

    Raises:
        ConfigError: the representation is no dataclass, so that what it does cannot be told.
        RunError: the cache cannot be written, or is damaged.
    """
    kind, values, scale = _values(representation)
    about = {
        "frames": VERSION,
        "representation": _described(representation),
        "sensor": list(split.events.sensor_size),
        "events": hashlib.sha256(split.digests[split.rows.cpu()].numpy().astype("<i8").tobytes()).hexdigest(),
    }

    def make(columns: Columns) -> None:
        for rows in torch.arange(len(split)).split(TOGETHER):
            events, _ = split.batch(rows)
            columns.append(frames=values(events).cpu().numpy().astype(kind))

    arrays, _ = stored(folder, about, make)
    frames = torch.from_numpy(arrays["frames"])
    return FrameSplit(frames, split.labels.cpu(), split.classes, scale, split.origin)


def _described(representation: Representation) -> dict[str, Any]:
    """Return class and attributes of a representation, and of those that it is made of, as plain data."""
    kind = type(representation)
    if not is_dataclass(representation):
        raise ConfigError(
            f"{kind.__name__}: frames are found again by the fields of a dataclass, and it is none. Make it one, or "
            "set cache to null."
        )
    values = {one.name: getattr(representation, one.name) for one in fields(representation)}
    return {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        **{name: _described(value) if isinstance(value, Representation) else value for name, value in values.items()},
    }


def _values(representation: Representation) -> tuple[np.dtype, Callable[[Any], Tensor], float]:
    """Return in which type frames are kept, what makes them, and what they are divided by when they are used."""
    if isinstance(representation, StepsAsChannels):
        kind, steps, scale = _values(representation.of)
        return kind, lambda events: representation.join(steps(events)), scale
    if not isinstance(representation, Counts) or type(representation).make is not Counts.make:
        return np.dtype(np.float32), representation, 1.0
    signed, clip = representation.polarities == "signed", representation.clip
    whole = type(representation).count is Counts.count
    small = whole and clip is not None and clip <= (127 if signed else 255) and clip == int(clip)
    kind = (np.int8 if signed else np.uint8) if small else np.float32

    def count(events: Any) -> Tensor:
        return representation.clipped(representation.count(events, representation.cells(events.sensor_size)))

    return np.dtype(kind), count, representation.scale
