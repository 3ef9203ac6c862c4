"""Events that come one after the other, cut into steps of equal time."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synfire.data.events.events import Events


@dataclass
class Step:
    """A step with its events, and how many steps without any came right before it.

    Attributes:
        number: of the step, from 0.
        before: steps without events since the last step that had some.
        events: of the step.
    """

    number: int
    before: int
    events: Events


class Cutter:
    """Step k has what comes at k step_us <= t < (k + 1) step_us, from the first event on, as in `FramesByTime`.

    A step ends when an event of a later one comes; what comes for a step that has ended is too late. Where time jumps
    by more than `longest_gap_us`, on or back, as when the sender starts anew, the next step begins with that event.

    Attributes:
        late: events that came too late.
        crowded: events left out because a step had `most` already.
        jumps: how often time jumped.
    """

    def __init__(self, step_us: int, longest_gap_us: int, sensor_size: tuple[int, int], most: int) -> None:
        self.step_us, self.longest_gap_us, self.most = step_us, longest_gap_us, most
        self.sensor_size = sensor_size
        self.late = self.crowded = self.jumps = 0
        self._begins = self._latest = self._number = self._before = self._count = 0
        self._open: list[Events] = []
        self._started = False

    def add(self, events: Events) -> Iterator[Step]:
        """Take events in; yield the steps that end by that."""
        if not len(events):
            return
        if not self._started:
            self._begins, self._latest, self._started = int(events.t[0]), int(events.t[0]), True
        gaps = np.diff(events.t.astype(np.float64), prepend=float(self._latest))  # whole numbers might overflow
        jumps = np.flatnonzero(np.abs(gaps) > self.longest_gap_us).tolist()
        self._latest = int(events.t[-1])
        yield from self._flow(events[: jumps[0] if jumps else None])
        for start, stop in pairwise([*jumps, len(events)]):
            yield from self._jump(int(events.t[start]))
            yield from self._flow(events[start:stop])

    def reach(self, time: int) -> Iterator[Step]:
        """End the steps before a time, in microseconds, when it is certain that no event of them will come."""
        if self._started and self._count and time >= self._begins + self.step_us:
            yield self._end()
            self._start((time - self._begins) // self.step_us)

    def end(self) -> Iterator[Step]:
        """End the step that is open, if it has events."""
        if self._count:
            yield self._end()
            self._start(1)

    def _jump(self, time: int) -> Iterator[Step]:
        self.jumps += 1
        if self._count:
            yield self._end()
            self._number += 1
        else:
            self._number -= self._before
        self._before = 0
        self._begins = time

    def _flow(self, events: Events) -> Iterator[Step]:
        step = (events.t - self._begins) // self.step_us
        latest = np.maximum.accumulate(np.maximum(step, 0))
        kept = step == latest
        if not kept.all():
            self.late += int((~kept).sum())
            events, step = events[kept], step[kept]
        if not len(events):
            return
        edges = [0, *(np.flatnonzero(np.diff(step)) + 1).tolist(), len(step)]
        passed = 0
        for start, stop in pairwise(edges):
            steps = int(step[start]) - passed
            if steps:
                if self._count:
                    yield self._end()
                    self._start(steps)
                else:  # an open step without events, as after `reach`
                    self._before += steps
                    self._number += steps
                    self._begins += steps * self.step_us
                passed += steps
            self._keep(events[start:stop])

    def _keep(self, events: Events) -> None:
        room = self.most - self._count
        if len(events) > room:
            self.crowded += len(events) - room
            events = events[:room]
        if not len(events):
            return  # an empty part would keep what it was cut from in memory
        self._open.append(events)
        self._count += len(events)
        # As the carries of a binary number: of packets that hold an event each, few parts are kept, and seldom copied.
        while len(self._open) > 1 and len(self._open[-2]) <= len(self._open[-1]):
            self._open[-2:] = [Events.join(self._open[-2:], self.sensor_size)]

    def _end(self) -> Step:
        step = Step(self._number, self._before, Events.join(self._open, self.sensor_size))
        self._open, self._count = [], 0
        return step

    def _start(self, steps: int) -> None:
        """Begin the step that many behind the one that ended."""
        self._number += steps
        self._before = steps - 1
        self._begins += steps * self.step_us
