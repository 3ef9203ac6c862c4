"""A thread that receives events, and the frames of fixed steps of time that it hands over."""

import time
from collections.abc import Iterator
from threading import Event, Thread
from types import TracebackType
from typing import IO, Self

import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.format import Block
from synfire.data.events.live.decoders import microseconds
from synfire.data.events.live.sources import Pipe, Replay, Source, Udp
from synfire.data.events.live.steps import Cutter, Step
from synfire.data.events.live.waiting import Tally, Waiting
from synfire.data.events.recording import Recording
from synfire.data.events.representations import OneFrame
from synfire.ops.events import EventBatch, Polarities, Size

MOST = 1 << 22  # events that wait, and events of one step: 54 megabytes each


class Live:
    """Frames of events as they come, (1, C, H, W) for each step of time, for `synfire.stream(net)`.

        with Live(port=3333, sensor_size=(128, 128), step_us=10_000) as steps:
            for frame in steps:
                y = stream(frame)
        print(steps.tally)

    Events come from one of three: UDP packets in AEStream's form, a pipe, or a recording. Frame k has the events at
    k step_us <= t < (k + 1) step_us, counted from the first event, as `FramesByTime` has; times are the sender's, so
    a step ends when an event of a later one comes, or when events come without times, by our clock. The frames are
    those of `FramesByTime(step_us, ...)` for events in order; later events of a step that has ended are left out.

    A thread receives, and up to `waiting` steps wait. Is the network slower than that, a pipe is not read any more, so
    that its writer waits, and of UDP the oldest steps are left out. `tally` counts what became of every event.

    Args:
        sensor_size: width and height in pixels; events outside are left out.
        step_us: microseconds of a step.
        port: listen for UDP packets here; 0 takes any that is free, see `address`.
        host: who may send: "127.0.0.1" for this machine, "0.0.0.0" for all.
        file: open for reading, in binary: AEDAT 3.1 (told by its first line) or AEStream's words. It is not closed.
        recording: of any format, as fast as it is asked for.
        polarities, size, clip, scale: of the frames, as in `FramesByTime`.
        waiting: steps that may wait.
        timeout_s: end when nothing came for so many seconds; None waits for ever. A pipe and a recording also end when
            they end.
        longest_gap_us: where the times of two events differ by more, the second begins the next step at once.

    Attributes:
        tally: counts; they add up once the block is left.
        number: of the step that was handed over last, from 0; steps left out count, too. -1 before the first.

    Raises:
        ConfigError: an option is out of range, or not one source is given.
        RunError: on entering, the port cannot be had.
        DataError: in the loop, what came from a pipe or recording is damaged.
    """

    def __init__(
        self,
        sensor_size: tuple[int, int],
        step_us: int,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        file: IO[bytes] | None = None,
        recording: Recording | None = None,
        polarities: Polarities = "both",
        size: Size = None,
        clip: float | None = None,
        scale: float = 1.0,
        waiting: int = 64,
        timeout_s: float | None = None,
        longest_gap_us: int = 10_000_000,
    ) -> None:
        if [port, file, recording].count(None) != 2:
            raise ConfigError("Live: give one of port, file and recording, where the events come from.")
        if not all(0 < side <= LARGEST for side in sensor_size):
            raise ConfigError(f"Live: sensor_size is {sensor_size}; give width and height, each 1 to {LARGEST}.")
        if step_us < 1 or waiting < 1 or longest_gap_us < step_us or not (timeout_s is None or timeout_s > 0):
            raise ConfigError(
                f"Live: waiting is {waiting}, longest_gap_us {longest_gap_us} and timeout_s {timeout_s}; give at least "
                f"1 step, a gap of at least step_us, which is {step_us} and must be 1 or more, and a time above 0."
            )
        self._frame_of = OneFrame(polarities=polarities, size=size, clip=clip, scale=scale)
        self._frame_of.cells(sensor_size)  # refuses a size beyond the sensor
        self._sensor_size, self._timeout = sensor_size, timeout_s
        self._from = port, host, file, recording
        self.tally, self.number = Tally(), -1
        self._cutter = Cutter(step_us, longest_gap_us, sensor_size, MOST)
        self._most_steps = waiting
        self._source: Source | None = None
        self._thread: Thread | None = None
        self._stop = Event()
        self._next: Step | None = None
        self._empty = 0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to send to, while the block is entered.

        Raises:
            ConfigError: events come from elsewhere, or the block is not entered.
        """
        if not isinstance(self._source, Udp):
            raise ConfigError("Live: there is an address inside of `with Live(port=...)` alone.")
        return self._source.address

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise ConfigError("Live: it was entered before. Make a new one.")
        self._frame(Events.none(self._sensor_size))  # the first frame may take long, since kernels are compiled
        self._source = self._open()
        self._waiting = Waiting(self._most_steps, MOST, self._source.drops, self.tally)
        self._thread = Thread(target=self._receive, name="synfire-live", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop receiving; what still waits counts as dropped. Nothing happens the second time."""
        if self._thread is None or self._source is None:
            return
        self._stop.set()
        self._waiting.close()
        self._thread.join()
        if self._next is not None:
            self.tally.dropped += len(self._next.events)
            self.tally.dropped_steps += self._empty + 1
            self._next, self._empty = None, 0

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        """Return the frame of the next step, float32, (1, C, H, W), waiting for it."""
        if self._thread is None:
            raise ConfigError("Live: enter it first: `with Live(...) as steps: for frame in steps: ...`.")
        if self._next is None:
            self._next = self._waiting.take()
            if self._next is None:
                raise StopIteration
            self._empty = self._next.before
        step = self._next
        self.tally.steps += 1
        self.number = step.number - self._empty
        if self._empty:
            self._empty -= 1
            return self._frame(Events.none(self._sensor_size))
        self._next = None
        self.tally.delivered += len(step.events)
        return self._frame(step.events)

    def _frame(self, events: Events) -> Tensor:
        offsets = torch.tensor([0, len(events)])
        x, y, t, p = (torch.from_numpy(getattr(events, name)) for name in "xytp")
        batch = EventBatch(x, y, t, p, offsets, self._sensor_size)
        return self._frame_of(batch)[:, 0]

    def _open(self) -> Source:
        port, host, file, recording = self._from
        if port is not None:
            return Udp(host, port)
        if file is not None:
            return Pipe(file)
        assert recording is not None, "one of the three was given"
        return Replay(recording)

    def _receive(self) -> None:
        """Run the thread."""
        assert self._source is not None
        error: BaseException | None = None
        try:
            try:
                self._run(self._source)
            finally:
                self._source.close()
                self._put(self._cutter.end())
                self._count(self._source)
        except BaseException as err:  # the thread that uses the steps is the one to know
            error = err
        finally:
            self._waiting.finish(error)

    def _run(self, source: Source) -> None:
        heard = time.monotonic()
        for block in source.blocks():
            if block is not None:
                self._put(self._cutter.add(self._inside(block)))
                self._count(source)
                heard = time.monotonic()  # now, since a slow network is no silence
            elif self._timeout is not None and time.monotonic() - heard > self._timeout:
                return
            elif not source.decoder.timed:
                self._put(self._cutter.reach(microseconds()))
            if self._stop.is_set():
                return

    def _put(self, steps: Iterator[Step]) -> None:
        for step in steps:
            self._waiting.put(step)

    def _inside(self, block: Block) -> Events:
        width, height = self._sensor_size
        self.tally.received += len(block.t)
        inside = (block.x >= 0) & (block.x < width) & (block.y >= 0) & (block.y < height)
        if not inside.all():
            self.tally.discarded["outside the sensor"] += int((~inside).sum())
        x, y, t, p = (column[inside] for column in block)
        return Events(x.astype(np.int16), y.astype(np.int16), t.astype(np.int64), p.astype(np.uint8), self._sensor_size)

    def _count(self, source: Source) -> None:
        """Take over what others counted."""
        tally, decoder = self.tally, source.decoder
        for reason, count in {
            "too late": self._cutter.late,
            "of a step that had too many": self._cutter.crowded,
        }.items():
            if count:
                tally.discarded[reason] = count
        for reason, count in decoder.lost.items():
            tally.received += count - tally.discarded[reason]
            tally.discarded[reason] = count
        tally.skipped = decoder.skipped.copy()
        tally.jumps, tally.lost_packets = self._cutter.jumps, source.lost_packets
