"""Frames of a recording while it is read, a step at a time, for streams."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.events.events import Events
from synfire.data.events.recording import Recording
from synfire.data.events.representations import OneFrame
from synfire.data.events.split import pack


class Packets:
    """Iterates over the steps of a recording, each a frame (1, 1, C, H, W); see `packets`.

    Attributes:
        late: how many events came behind the end of their step and were left out, so far.
    """

    def __init__(
        self,
        parts: Recording | Iterable[Events],
        sensor_size: tuple[int, int],
        step_us: int,
        steps: int | None,
        frame: OneFrame,
    ) -> None:
        if step_us < 1 or (steps is not None and steps < 1):
            raise ConfigError(f"packets: step_us is {step_us} and steps {steps}; give at least 1.")
        frame.cells(sensor_size)  # refuses a size beyond the sensor now, not in the middle of a stream
        self._parts, self._sensor_size, self._frame = parts, sensor_size, frame
        self._step_us, self._steps = step_us, steps
        self.late = 0

    def __iter__(self) -> Iterator[Tensor]:
        self.late, done = 0, 0
        for events in self._by_step():
            yield self._frame(pack([events], self._sensor_size))
            done += 1
            if done == self._steps:
                return
        for _ in range(done, self._steps or 0):
            yield self._frame(pack([Events.none(self._sensor_size)], self._sensor_size))

    def _by_step(self) -> Iterator[Events]:
        """Yield the events of each step, as soon as a later one has begun."""
        waiting, end = Events.none(self._sensor_size), None
        for chunk in self._parts.chunks() if isinstance(self._parts, Recording) else self._parts:
            if not len(chunk):
                continue
            end = int(chunk.t.min()) + self._step_us if end is None else end
            in_time = chunk.t >= end - self._step_us
            self.late += len(chunk) - int(in_time.sum())
            waiting = Events.join([waiting, chunk[in_time]], self._sensor_size).sorted()
            while len(waiting) and waiting.t[-1] >= end:
                cut = int(np.searchsorted(waiting.t, end))
                yield waiting[:cut]
                waiting, end = waiting[cut:], end + self._step_us
        if end is not None:
            yield waiting


def packets(
    recording: Recording | Events | Iterable[Events],
    step_us: int,
    steps: int | None = None,
    *,
    sensor_size: tuple[int, int] | None = None,
    **options: Any,
) -> Packets:
    """Return the steps of a recording one after the other, in memory that does not grow with it.

    Each is what `FramesByTime(step_us, steps, ...)` makes of it, also of steps without events: the first step begins at
    the earliest event of the first part. They are equal where time never runs backward into a step that has gone out,
    or before the first; what does is left out and counted in `late`.

    Args:
        recording: a recording, its events, or parts of it as they come.
        step_us: microseconds of a step.
        steps: how many there are to be, the last ones empty if there is too little; None for all up to the last event.
        sensor_size: width and height; needed for parts alone.
        options: polarities, size, clip and scale, see `FramesByTime`.

    Raises:
        ConfigError: an option is out of its range, or sensor_size is missing.
        DataError: the recording is damaged; raised in between.
    """
    if isinstance(recording, Recording):
        sensor_size = recording.sensor_size
    elif isinstance(recording, Events):
        recording, sensor_size = [recording], recording.sensor_size
    elif sensor_size is None:
        raise ConfigError("packets: parts do not tell the size of the sensor. Give sensor_size, width and height.")
    return Packets(recording, sensor_size, step_us, steps, OneFrame(**options))
