"""What a network sees of events: frames, voxels and time surfaces, each with the sensor time that a step spans."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.events.events import Events
from synfire.data.events.recording import Recording
from synfire.data.events.split import pack
from synfire.ops.events import (
    Cells,
    EventBatch,
    Polarities,
    Size,
    cut_at,
    cut_by_count,
    ends,
    equal_parts,
    frames,
    surface,
    voxels,
)

AnyEvents = EventBatch | Events | Recording


class Representation(ABC):
    """Turns events into frames, (B, T, C, H, W). A subclass is a frozen dataclass, so that it can be compared.

    To write your own, give `steps`, `cells` and `make`; also `edges` where not all events are used, and `span` where
    the steps take another time than the recording.

    Attributes:
        steps: T.
    """

    steps: int

    @abstractmethod
    def cells(self, sensor_size: tuple[int, int]) -> Cells:
        """Return the cells of a step for a sensor.

        Raises:
            ConfigError: they are beyond the sensor, or of polarities that are unknown.
        """

    @abstractmethod
    def make(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return the frames, float32, (B, T, C, H, W)."""

    def span(self, events: AnyEvents) -> Tensor:
        """Return the microseconds of the sensor that all steps of each recording take, float64, (B,).

        By default those from its first event through its last.
        """
        packed = as_batch(events)
        return _duration(packed, *ends(packed))

    def step_time(self, events: AnyEvents) -> Tensor:
        """Return the microseconds of the sensor that a step spans in each recording, on average: float64, (B,)."""
        return self.span(events) / self.steps

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step, int64, (B, T + 1), see `synfire.ops.events.cut`."""
        return torch.stack([events.offsets[:-1], events.offsets[1:]], 1)

    def shape(self, sensor_size: tuple[int, int]) -> tuple[int, int, int]:
        """Return the shape of a frame, (C, H, W)."""
        return self.cells(sensor_size).shape

    def steps_of(self, frames: Tensor) -> Tensor:
        """Return what `make` returned with every step apart, (B, T, C, H, W)."""
        return frames

    def left_out(self, events: AnyEvents) -> Tensor:
        """Return how many events of each recording belong to no step, int64, (B,)."""
        packed = as_batch(events)
        edges = self.edges(packed)
        return packed.counts - (edges[:, -1] - edges[:, 0])

    def __call__(self, events: AnyEvents) -> Tensor:
        """Return frames of recordings, float32, (B, T, C, H, W), where the events are; of a single one, B is 1.

        A step without events is a frame of zeros, and so are all steps of a recording without events.
        """
        packed = as_batch(events)
        return self.make(packed, self.cells(packed.sensor_size))

    def _check(self, *names: str) -> None:
        """Raise unless the attributes are at least 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise ConfigError(f"{type(self).__name__}: {name} is {getattr(self, name)}; give at least 1.")


def as_batch(events: AnyEvents) -> EventBatch:
    """Return a recording as a batch of one, in the order of time and from 0 microseconds on; a batch as it is."""
    if isinstance(events, EventBatch):
        return events
    whole = events.events if isinstance(events, Recording) else events
    return pack([whole], whole.sensor_size)


@dataclass(frozen=True, kw_only=True)
class Counts(Representation):
    """Base of what counts events.

    Attributes:
        polarities: "both" has two channels, darker and brighter; "merge" one for both; "signed" one, brighter minus
            darker.
        size: None for frames as large as the sensor, n for cells of n x n pixels, or height and width; what falls into
            one cell is added up.
        clip: the largest count that is kept, of either sign; with 1 a cell tells only whether there were events. None
            keeps all.
        scale: what counts are divided by. Counts are whole numbers and grow with the time that a frame spans, while
            networks for images are made for values around 1; give about the count of a busy cell.

    Raises:
        ConfigError: an attribute is out of its range.
    """

    polarities: Polarities = "both"
    size: Size = None
    clip: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._check("steps")
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip is {self.clip}; it is the largest count that is kept, so give more than 0.")
        if not self.scale > 0:
            raise ConfigError(f"scale is {self.scale}; counts are divided by it, so give more than 0.")

    def cells(self, sensor_size: tuple[int, int]) -> Cells:
        """Return the cells of a step for a sensor."""
        return Cells(sensor_size, self.polarities, self.size)

    def make(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return counts, clipped and scaled."""
        counts = self.clipped(self.count(events, cells))
        return counts if self.scale == 1 else counts.div_(self.scale)

    def count(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return counts, float32, (B, T, C, H, W)."""
        return frames(events, self.edges(events), cells)

    def clipped(self, counts: Tensor) -> Tensor:
        """Clip counts, in their own memory."""
        return counts if self.clip is None else counts.clamp_(-self.clip, self.clip)


@dataclass(frozen=True)
class FramesByTime(Counts):
    """Counts of steps of equal time: step k counts what comes at k step_us <= t < (k + 1) step_us.

    What comes behind the last step is left out, see `left_out`; behind the end of a recording frames are zero.

    Args:
        step_us: microseconds of a step.
        steps: T.
    """

    step_us: int
    steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("step_us")

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step."""
        times = self.step_us * torch.arange(self.steps + 1, device=events.device)
        return cut_at(events, times.expand(len(events), -1))

    def span(self, events: AnyEvents) -> Tensor:
        """Return the time of all steps, for each recording."""
        packed = as_batch(events)
        time = float(self.step_us * self.steps)
        return torch.full((len(packed),), time, dtype=torch.float64, device=packed.device)


@dataclass(frozen=True)
class FramesByCount(Counts):
    """Counts of steps of equally many events, so that a step is the shorter the more happens.

    What comes behind the last step is left out, see `left_out`; a recording of fewer events fills fewer steps, the last
    of them in part, and the others are zero.

    Args:
        events: of a step.
        steps: T.
    """

    events: int
    steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("events")

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step."""
        return cut_by_count(events, self.events, self.steps)

    def span(self, events: AnyEvents) -> Tensor:
        """Return the time from the first event through the last one counted."""
        packed = as_batch(events)
        edges = self.edges(packed)
        counted = EventBatch(packed.x, packed.y, packed.t, packed.p, edges[:, [0, -1]].reshape(-1), packed.sensor_size)
        return _duration(packed, *(time[::2] for time in ends(counted)))

    def step_time(self, events: AnyEvents) -> Tensor:
        """Return that time over the steps that have events."""
        packed = as_batch(events)
        filled = (self.edges(packed).diff() > 0).sum(1)
        return self.span(packed) / filled.clamp(min=1)


@dataclass(frozen=True)
class FramesByNumber(Counts):
    """Counts of T equal parts of the time from the first event of a recording through its last.

    Args:
        steps: T. In a recording of fewer microseconds some steps have no events.
    """

    steps: int

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step."""
        return cut_at(events, equal_parts(events, self.steps))


@dataclass(frozen=True)
class OneFrame(Counts):
    """Counts of the whole recording, T = 1."""

    steps: int = field(default=1, init=False)


@dataclass(frozen=True)
class Voxels(Counts):
    """Each event shared between the two of T bins that are nearest in time, see `synfire.ops.events.voxels`.

    The first bin is at the first event of a recording and the last bin at its last.

    Args:
        steps: T, the bins.
    """

    steps: int

    def count(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return sums of shares, float32, (B, T, C, H, W)."""
        return voxels(events, self.steps, cells)


@dataclass(frozen=True)
class TimeSurface(Representation):
    """How recent the last event of each cell is at the end of each of T equal parts: exp(-(end - t) / tau_us), or 0.

    Args:
        steps: T.
        tau_us: microseconds after which 1 has become 1 / e.
        polarities, size: see `Counts`; a cell of several pixels has the latest event of all.

    Raises:
        ConfigError: an attribute is out of its range.
    """

    steps: int
    tau_us: float
    polarities: Polarities = "both"
    size: Size = None

    def __post_init__(self) -> None:
        self._check("steps")
        if not self.tau_us > 0:
            raise ConfigError(f"TimeSurface: tau_us is {self.tau_us}; give a time above 0, in microseconds.")

    def cells(self, sensor_size: tuple[int, int]) -> Cells:
        """Return the cells of a step for a sensor."""
        return Cells(sensor_size, self.polarities, self.size)

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step."""
        return cut_at(events, equal_parts(events, self.steps))

    def make(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return values in 0..1, or -1..1 where polarities are signed."""
        ends_at = equal_parts(events, self.steps)[:, 1:]
        if cells.polarities != "signed":
            return surface(events, self.edges(events), ends_at, self.tau_us, cells)
        apart = Cells(cells.sensor_size, "both", cells.size)
        darker, brighter = surface(events, self.edges(events), ends_at, self.tau_us, apart).split(1, 2)
        return brighter - darker


@dataclass(frozen=True)
class StepsAsChannels(Representation):
    """All steps of another representation side by side, as the channels of one frame, T = 1.

    So a network of one step sees when things happened: channel c of step k becomes channel k C + c.

    Args:
        of: makes the steps.

    Raises:
        ConfigError: it is no representation.
    """

    of: Representation
    steps: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.of, Representation):
            raise ConfigError(f"StepsAsChannels: of is {self.of!r}; give what makes the steps, as FramesByNumber(10).")

    def cells(self, sensor_size: tuple[int, int]) -> Cells:
        """Return those of the steps."""
        return self.of.cells(sensor_size)

    def shape(self, sensor_size: tuple[int, int]) -> tuple[int, int, int]:
        """Return the shape of the frame, (T C, H, W)."""
        channels, height, width = self.of.shape(sensor_size)
        return self.of.steps * channels, height, width

    def edges(self, events: EventBatch) -> Tensor:
        """Return which events belong to which step, before they become channels."""
        return self.of.edges(events)

    def make(self, events: EventBatch, cells: Cells) -> Tensor:
        """Return the frame, (B, 1, T C, H, W)."""
        return self.join(self.of.make(events, cells))

    def join(self, frames: Tensor) -> Tensor:
        """Return frames (B, T, C, H, W) as one, (B, 1, T C, H, W)."""
        return frames.flatten(1, 2)[:, None]

    def steps_of(self, frames: Tensor) -> Tensor:
        """Return frames (B, 1, T C, H, W) as steps, (B, T, C, H, W)."""
        return frames[:, 0].unflatten(1, (self.of.steps, -1))

    def span(self, events: AnyEvents) -> Tensor:
        """Return the time of all steps."""
        return self.of.span(events)


def _duration(events: EventBatch, first: Tensor, last: Tensor) -> Tensor:
    """Return the microseconds from a first event through a last one, float64, (B,); 0 where there are none."""
    return torch.where(events.counts > 0, last - first + 1, 0).double()
