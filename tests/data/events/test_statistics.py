"""Statistics and slices: against plain NumPy, and by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, DataError
from synfire.data.events import Events, Recording, read_events, write_events
from synfire.data.events.format import Block, Format
from synfire.data.events.statistics import BIN, MOST_BINS, Slices, Statistics


class Blocks(Format):
    """What a test gives, block by block."""

    NAME = "blocks"

    def __init__(self, parts: list[Events], size: tuple[int, int] | None) -> None:
        super().__init__(Path("blocks"))
        self.parts, self.sensor_size = parts, size

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        return False

    def blocks(self) -> Iterator[Block]:
        for part in self.parts:
            yield Block(part.x, part.y, part.t, part.p)


def recorded(*parts: Events, size: tuple[int, int] | None = None) -> Recording:
    return Recording(Blocks(list(parts), size))


def at(times: list[int], size: tuple[int, int] = (4, 3)) -> Events:
    count = len(times)
    return Events.of(np.arange(count) % 4, np.arange(count) % 3, times, np.arange(count) % 2, size)


@settings(deadline=None)
@given(
    times=st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=60), cut=st.integers(0, 60), size=st.booleans()
)
def test_what_is_counted_is_what_all_events_at_once_have(times: list[int], cut: int, size: bool) -> None:
    events = at(times)
    recording = recorded(events[:cut], events[cut:], size=(4, 3) if size else None)
    found = Statistics.of(recording)
    assert (found.events, found.on, found.origin) == (len(events), int(events.p.sum()), times[0])
    assert (found.first, found.last, found.duration) == (min(times), max(times), events.duration)
    assert found.backward_steps == events.backward_steps
    assert found.sensor_size == recording.sensor_size
    width, height = found.sensor_size
    expected = np.zeros((2, height, width))
    np.add.at(expected, (events.p, events.y, events.x), 1)
    assert (found.counts == expected).all()
    assert (found.bin_us, (found.bins_start - times[0]) % BIN) == (BIN, 0)
    starts = found.bins_start + found.bin_us * np.arange(len(found.bins))
    for row, start in zip(found.bins, starts, strict=True):
        inside = events.between(start, start + BIN)
        assert row.tolist() == [len(inside) - inside.p.sum(), inside.p.sum()]
    slices = Slices.of(recording, found, 7, largest=2)
    assert slices.counts.sum() == len(events)
    for counts, start, stop in zip(slices.counts, slices.edges[:-1], slices.edges[1:], strict=True):
        assert counts.sum() == len(events.between(start, stop))


def test_a_stretch_is_counted_from_the_first_event_on() -> None:
    recording = recorded(at([5000, 6000, 4000]), at([7000, 9000]))
    found = Statistics.of(recording, 0, 2000)
    assert (found.events, found.origin, found.first, found.last) == (2, 5000, 5000, 6000)
    assert Statistics.of(recording, start=-1000).events == 5
    assert Statistics.of(recording, stop=0).events == 1
    nothing = Statistics.of(recording, 10_000)
    assert (nothing.events, nothing.duration, nothing.mean_rate, nothing.peak_rate) == (0, 0, 0.0, 0.0)
    assert nothing.hot_pixels == []
    with pytest.raises(ConfigError, match="start is 5 and stop is 5"):
        Statistics.of(recording, 5, 5)
    with pytest.raises(DataError, match="nothing to draw"):
        Slices.of(recording, nothing, 4)


def test_rates_by_hand() -> None:
    found = Statistics.of(recorded(at([10_000, 10_001, 19_999, 20_000, 1_010_000])))
    assert found.mean_rate == 5.0
    assert (found.peak_rate, found.peak_time) == (300.0, 0)
    assert found.active_share == 5 / 12


def test_bins_begin_where_counting_does() -> None:
    short = Statistics.of(recorded(at([5000, 6000, 12_000, 13_000])))
    assert (len(short.bins), short.bins_start, short.peak_time) == (1, 5000, 0)
    assert short.peak_rate == short.mean_rate == 500.0
    assert short.peak_us == short.duration < short.bin_us
    part = Statistics.of(recorded(at([5000, 6000, 12_000, 13_000])), start=1000)
    assert (part.bins.tolist(), part.bins_start, part.peak_time) == ([[1, 2]], 6000, 1000)


def test_an_empty_recording_has_statistics() -> None:
    assert Statistics.of(recorded(size=(7, 5))).sensor_size == (7, 5)
    found = Statistics.of(recorded())
    assert (found.events, found.sensor_size, found.active_share) == (0, (1, 1), 0.0)
    assert (found.hot_pixels, found.hot_limit, found.peak_time) == ([], 0.0, 0)


def test_long_times_make_wide_bins_and_not_many() -> None:
    times = [0, 5, 3 * BIN * MOST_BINS + 7, -BIN, 2**63 - 1, -(2**63)]
    for cut in range(len(times)):
        recording = recorded(at(times[:cut]), at(times[cut:]))
        found = Statistics.of(recording)
        assert len(found.bins) <= MOST_BINS
        assert found.bins.sum() == len(times)
        assert found.bins_start <= -(2**63) < found.bins_start + found.bin_us
        assert found.bin_us % BIN == 0
        with pytest.raises(DataError, match="which cannot be"):
            Slices.of(recording, found, 4)
    hour = Statistics.of(recorded(at(times[:2]), at(times[2:3])))
    assert (hour.bin_us, hour.bins[0].sum(), hour.bins[-1].sum()) == (4 * BIN, 2, 1)


def test_a_hot_pixel_is_found_and_busy_ones_are_not() -> None:
    draw = np.random.default_rng(0)
    counts = draw.geometric(0.02, 300)
    counts[[17, 40]] = 20_000, 30_000
    pixels = np.repeat(np.arange(300), counts)
    found = Statistics.of(recorded(Events.of(pixels % 20, pixels // 20, pixels * 0, pixels % 2, (20, 15))))
    assert [pixel[:2] for pixel in found.hot_pixels] == [(0, 2), (17, 0)]
    assert found.hot_pixels[0][2] == 30_000
    assert Statistics.of(recorded(at([1, 2, 3]))).hot_pixels == []


def test_a_sensor_that_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"20001 x 20001 pixels.*sensor_size"):
        Statistics.of(recorded(Events.of([20_000], [20_000], [0], [1])))


def test_slices_are_never_more_than_there_are_microseconds(some_events: Callable[..., Events], tmp_path: Path) -> None:
    recording = recorded(at([7, 8, 9]))
    slices = Slices.of(recording, Statistics.of(recording), 16)
    assert slices.counts.shape == (3, 2, 3, 3)
    assert slices.edges == [7, 8, 9, 10]
    write_events(tmp_path / "a.bin", some_events())
    recording = read_events(tmp_path / "a.bin", (34, 34))
    slices = Slices.of(recording, Statistics.of(recording), 3, largest=10)
    assert (slices.counts.shape, slices.block, slices.counts.sum()) == ((3, 2, 9, 9), 4, 500)
    for wrong in ({"count": 0}, {"count": 1, "largest": 0}):
        with pytest.raises(ConfigError, match="at least 1"):
            Slices.of(recording, Statistics.of(recording), **wrong)


def test_real_hot_pixels_are_those_beside_which_nothing_happens(real_data: Callable[[str], Path]) -> None:
    found = Statistics.of(read_events(real_data("event_samples") / "ncaltech101_faces_easy_0001.bin"))
    assert found.hot_pixels == [(131, 2, 667), (95, 87, 215)]
    x, y, events = found.hot_pixels[0]
    around = found.pixels[max(0, y - 1) : y + 2, x - 1 : x + 2].sum() - events
    assert around < events / 4
