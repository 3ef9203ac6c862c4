"""Steps that wait for the network, and the count of what became of every event."""

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Condition

from synfire.data.events.live.steps import Step


@dataclass
class Tally:
    """What became of the events: once all is closed, received = delivered + dropped + discarded.

    Attributes:
        received: events that came, damaged ones included where it is known that they were events.
        delivered: events in frames that were handed over.
        dropped: events of steps that were left out because the network was too slow, or not asked for in the end.
        discarded: events that no step has, by reason.
        skipped: what came beside events.
        steps: steps that were handed over.
        dropped_steps: steps that were left out, those without events included.
        jumps: how often time jumped, see `Cutter`.
        lost_packets: packets that the system could not keep until they were read, None where it does not tell.
    """

    received: int = 0
    delivered: int = 0
    dropped: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    dropped_steps: int = 0
    jumps: int = 0
    lost_packets: int | None = None

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.discarded.items()))
        said = [
            f"{self.received:,} events received: {self.delivered:,} delivered in {self.steps:,} steps, "
            f"{self.dropped:,} dropped with {self.dropped_steps:,} steps, {self.discarded.total():,} discarded"
            + (f" ({reasons})" if reasons else "")
        ]
        said += [f"{count:,} {what}" for what, count in sorted(self.skipped.items())]
        said += [f"time jumped {self.jumps:,} times"] if self.jumps else []
        said += [f"{self.lost_packets:,} packets lost before they were read"] if self.lost_packets else []
        return "; ".join(said)


class Waiting:
    """Steps between the thread that receives them and the one that uses them.

    Args:
        most_steps: how many may wait, those without events included.
        most_events: how many events these may have in all.
        drops: leave out the oldest where more come; otherwise `put` waits for room.
        tally: counts what is left out.
    """

    def __init__(self, most_steps: int, most_events: int, drops: bool, tally: Tally) -> None:
        self._most_steps, self._most_events, self._drops, self._tally = most_steps, most_events, drops, tally
        self._steps: deque[Step] = deque()
        self._count = self._events = 0
        self._finished = self._closed = False
        self._error: BaseException | None = None
        self._changed = Condition()

    def put(self, step: Step) -> None:
        """Add a step; wait for room, or make it."""
        with self._changed:
            if not self._drops:
                self._changed.wait_for(lambda: self._closed or not self._steps or self._has_room())
            if self._closed:
                self._leave_out(step)
                return
            self._steps.append(step)
            self._count += step.before + 1
            self._events += len(step.events)
            if self._drops:
                self._make_room()
            self._changed.notify_all()

    def take(self) -> Step | None:
        """Return the next step, waiting for it, or None at the end; raises what ended the receiver."""
        with self._changed:
            self._changed.wait_for(lambda: self._steps or self._finished or self._closed)
            if self._steps:
                self._changed.notify_all()
                return self._remove()
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None

    def finish(self, error: BaseException | None = None) -> None:
        """Say that no more steps come, and why if that is an error."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Say that no more steps are wanted; what waits counts as dropped."""
        with self._changed:
            self._closed = True
            while self._steps:
                self._leave_out(self._remove())
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._count < self._most_steps and self._events < self._most_events

    def _make_room(self) -> None:
        while self._count > self._most_steps or self._events > self._most_events:
            oldest = self._steps[0]
            if oldest.before:
                cut = min(oldest.before, max(1, self._count - self._most_steps))
                oldest.before -= cut
                self._count -= cut
                self._tally.dropped_steps += cut
            else:
                self._leave_out(self._remove())

    def _remove(self) -> Step:
        step = self._steps.popleft()
        self._count -= step.before + 1
        self._events -= len(step.events)
        return step

    def _leave_out(self, step: Step) -> None:
        self._tally.dropped += len(step.events)
        self._tally.dropped_steps += step.before + 1
