"""What a recording holds, in numbers and in slices of time: one pass each, in memory that does not grow with it."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synfire.base import ConfigError, DataError
from synfire.data.events.events import Events
from synfire.data.events.recording import Recording

BIN = 10_000  # microseconds over which a rate is taken
MOST_BINS = 1 << 20  # 2.9 hours of 10 ms; of longer times the bins are twice as wide, and so on
MOST_PIXELS = 1 << 23  # of a sensor; the largest event cameras have 1 << 20
LONGEST = 1 << 62  # microseconds that slices may span, so that no difference of times overflows
HOT = 10  # times the median of the active pixels


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the events of a recording, or of a stretch of it, are like.

    Attributes:
        format: name of the format.
        sensor_size: width and height in pixels; of a file that does not tell, the smallest that holds the events.
        origin: time of the first event in the file, in microseconds as recorded; 0 if there is none.
        first: earliest time of an event that was counted, likewise; the origin if there is none.
        last: latest time.
        counts: events of every pixel, OFF before ON, uint32, (2, height, width).
        bins: events in every `bin_us` from `bins_start` on, OFF before ON, int64, (n, 2).
        bin_us: 10,000, or of very long recordings that times a power of two.
        bins_start: where the first bin begins, in microseconds as recorded, a multiple of `bin_us` from where counting
            began (the first event of the file, or `start` after it).
        backward_steps: how often time runs back from an event to the next.
        discarded: events that were left out, by reason, of the whole file.
        skipped: what the file holds beside events, of the whole file.
    """

    format: str
    sensor_size: tuple[int, int]
    origin: int
    first: int
    last: int
    counts: np.ndarray
    bins: np.ndarray
    bin_us: int
    bins_start: int
    backward_steps: int
    discarded: Counter[str]
    skipped: Counter[str]

    @classmethod
    def of(cls, recording: Recording, start: int | None = None, stop: int | None = None) -> "Statistics":
        """Read a recording through once.

        Args:
            recording: any; nothing of it is kept.
            start, stop: count the events of this time alone, in microseconds after the first event of the file; start
                belongs to it, stop does not.

        Raises:
            ConfigError: stop is not behind start.
            DataError: the file is damaged, or spans more pixels than any sensor has.
        """
        if start is not None and stop is not None and stop <= start:
            raise ConfigError(f"start is {start} and stop is {stop} microseconds; stop must be the later one.")
        found = _Count(start, stop)
        for part in recording.chunks():
            found.add(part)
        return found.statistics(recording)

    @cached_property
    def pixels(self) -> np.ndarray:
        """Events of every pixel, of both polarities, int64, (height, width)."""
        return self.counts.sum(0, dtype=np.int64)

    @property
    def events(self) -> int:
        """How many events there are."""
        return int(self.bins.sum())

    @property
    def on(self) -> int:
        """How many of them are ON."""
        return int(self.bins[:, 1].sum())

    @property
    def duration(self) -> int:
        """Microseconds from the earliest event to the latest."""
        return self.last - self.first

    @property
    def mean_rate(self) -> float:
        """Events per second of the duration; 0 where that is 0."""
        return 1e6 * self.events / self.duration if self.duration else 0.0

    @property
    def peak_rate(self) -> float:
        """Events per second in the bin that has most, over `peak_us`."""
        return 1e6 * int(self.bins.sum(1).max(initial=0)) / self.peak_us

    @property
    def peak_us(self) -> int:
        """Microseconds of a bin, or of the duration where that is shorter."""
        return min(self.bin_us, self.duration or self.bin_us)

    @property
    def peak_time(self) -> int:
        """Where the bin that has most begins, in microseconds after the origin, at least 0."""
        place = int(self.bins.sum(1).argmax()) if len(self.bins) else 0
        return max(0, self.bins_start + place * self.bin_us - self.origin)

    @property
    def active_share(self) -> float:
        """Share of the pixels that have an event."""
        return float((self.pixels > 0).mean())

    @cached_property
    def hot_limit(self) -> float:
        """Events above which a pixel is hot: Q3 * (Q3 / Q1)**3, and at least 10 times the median, of the active pixels.

        That is Tukey's outer fence, three interquartile ranges above the third quartile, for the logarithm of the
        counts, which are skewed. Quartiles and median do not move with what few hot pixels do.
        """
        active = self.pixels[self.pixels > 0]
        if not len(active):
            return 0.0
        low, middle, high = np.quantile(active, [0.25, 0.5, 0.75])
        return float(max(HOT * middle, high * (high / low) ** 3))

    @cached_property
    def hot_pixels(self) -> list[tuple[int, int, int]]:
        """Pixels with more events than `hot_limit`, the hottest first: column, row and events of each."""
        rows, columns = np.nonzero(self.pixels > self.hot_limit)
        events = self.pixels[rows, columns]
        order = np.lexsort((columns, rows, -events))
        return [(int(columns[i]), int(rows[i]), int(events[i])) for i in order]


class _Count:
    """Counts the events of a recording, part by part."""

    def __init__(self, start: int | None, stop: int | None) -> None:
        self.start, self.stop = start, stop
        self.origin: int | None = None
        self.first, self.last, self.latest = 0, 0, 0
        self.any = False
        self.sensor, self.backward = (1, 1), 0
        self.counts = np.zeros((2, 1, 1), np.uint32)
        self.rate = _Rate()

    def add(self, part: Events) -> None:
        """Count the events of a part."""
        self.sensor = part.sensor_size
        if self.origin is None:
            self.origin = int(part.t[0])
        part = self._within(part)
        if not len(part):
            return
        self.backward += part.backward_steps + (self.any and int(part.t[0]) < self.latest)
        low, high, self.latest = int(part.t.min()), int(part.t.max()), int(part.t[-1])
        self.first = min(self.first, low) if self.any else low
        self.last = max(self.last, high) if self.any else high
        self.any = True
        self._grow(part.sensor_size)
        height, width = self.counts.shape[1:]
        places = (part.p.astype(np.int64) * height + part.y) * width + part.x
        np.add.at(self.counts.reshape(-1), places, np.uint32(1))
        self.rate.add(part.t, part.p, low, self.origin + (self.start or 0))

    def statistics(self, recording: Recording) -> Statistics:
        """Return what was counted."""
        if self.origin is None:
            self.sensor = recording.sensor_size
        self._grow(self.sensor)
        origin = self.origin or 0
        first, last = (self.first, self.last) if self.any else (origin, origin)
        return Statistics(
            recording.format,
            self.sensor,
            origin,
            first,
            last,
            self.counts,
            self.rate.bins,
            self.rate.width,
            origin + (self.start or 0) + self.rate.low * self.rate.width,
            self.backward,
            Counter(recording.discarded),
            Counter(recording.skipped),
        )

    def _within(self, part: Events) -> Events:
        if self.start is None and self.stop is None:
            return part
        origin = self.origin or 0
        start = -LONGEST if self.start is None else origin + self.start
        stop = LONGEST if self.stop is None else origin + self.stop
        return part.between(start, stop)

    def _grow(self, size: tuple[int, int]) -> None:
        """Make room for the pixels of a larger sensor."""
        width, height = size
        if self.counts.shape[1:] == (height, width):
            return
        if width * height > MOST_PIXELS:
            raise DataError(
                f"the events are of a sensor of {width} x {height} pixels, but at most {MOST_PIXELS:,} pixels were "
                "expected. Give the true sensor_size, which leaves out what is outside."
            )
        wider = np.zeros((2, height, width), np.uint32)
        wider[:, : self.counts.shape[1], : self.counts.shape[2]] = self.counts
        self.counts = wider


class _Rate:
    """Counts events by time, in bins that get wider where there would be too many of them."""

    def __init__(self) -> None:
        self.width, self.low = BIN, 0
        self.bins = np.zeros((0, 2), np.int64)

    def add(self, t: np.ndarray, p: np.ndarray, low: int, origin: int) -> None:
        """Count events at times from `low` on; the bins begin at multiples of their width from `origin` on."""
        behind = (t - low).view(np.uint64)  # no difference is too large for it
        first, last = low - origin, low - origin + int(behind.max())
        while self._span(first, last) > MOST_BINS:
            self._widen()
        self._reach(first // self.width, last // self.width)
        places = ((behind + np.uint64(first % self.width)) // np.uint64(self.width)).astype(np.int64)
        np.add.at(self.bins.reshape(-1), 2 * (places + (first // self.width - self.low)) + p, 1)

    def _span(self, low: int, high: int) -> int:
        """Return how many bins there would be with these times."""
        first, last = low // self.width, high // self.width
        if len(self.bins):
            first, last = min(first, self.low), max(last, self.low + len(self.bins) - 1)
        return last - first + 1

    def _reach(self, first: int, last: int) -> None:
        if not len(self.bins):
            self.low = first
        before = max(0, self.low - first)
        behind = max(0, last - (self.low + len(self.bins) - 1))
        if before or behind:
            self.bins = np.pad(self.bins, ((before, behind), (0, 0)))
            self.low -= before

    def _widen(self) -> None:
        """Join the bins by twos; those of one width begin at its multiples."""
        odd = self.low % 2
        padded = np.pad(self.bins, ((odd, (odd + len(self.bins)) % 2), (0, 0)))
        self.bins = padded.reshape(-1, 2, 2).sum(1)
        self.low, self.width = self.low // 2, 2 * self.width


@dataclass(frozen=True, eq=False)
class Slices:
    """Events counted in equal slices of time, as small pictures.

    Attributes:
        counts: events of every slice, polarity (OFF before ON) and picture element, uint32, (N, 2, h, w).
        edges: where the slices begin, and the last one ends, in microseconds as recorded, N + 1.
        block: a picture element is the sum of block x block pixels of the sensor.
    """

    counts: np.ndarray
    edges: list[int]
    block: int

    @classmethod
    def of(cls, recording: Recording, statistics: Statistics, count: int, largest: int = 320) -> "Slices":
        """Read a recording through once more.

        Args:
            recording: any.
            statistics: what was found in it; the slices part the time from its first event to its last.
            count: how many slices; fewer where there are not that many microseconds.
            largest: picture elements on the longer side, at most.

        Raises:
            ConfigError: count or largest is below 1.
            DataError: there is no event, or the times span more than 100,000 years.
        """
        if min(count, largest) < 1:
            raise ConfigError(f"{count} slices of {largest} picture elements; give at least 1 of both.")
        if not statistics.events:
            raise DataError(f"{recording.path}: there is no event in this time, so there is nothing to draw.")
        if statistics.duration >= LONGEST:
            raise DataError(
                f"{recording.path}: the times run from {statistics.first} to {statistics.last} microseconds, which "
                "cannot be. Draw a part that is right, with start and stop."
            )
        spanned = statistics.duration + 1
        count = min(count, spanned)
        length = -(-spanned // count)
        width, height = statistics.sensor_size
        block = -(-max(width, height) // largest)
        shape = (count, 2, -(-height // block), -(-width // block))
        counts = np.zeros(shape, np.uint32)
        for part in recording.chunks():
            part = part.between(statistics.first, statistics.last + 1)
            places = np.ravel_multi_index(
                ((part.t - statistics.first) // length, part.p, part.y // block, part.x // block), shape
            )
            np.add.at(counts.reshape(-1), places, np.uint32(1))
        return cls(counts, [statistics.first + length * i for i in range(count + 1)], block)
