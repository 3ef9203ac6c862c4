"""Simulated events against cases worked by hand, and both back ends against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, DataError, ShapeError
from synfire.data.events import EventCamera, Events, EventSimulator, simulate_events, stream_events

EVEN = EventCamera(on=0.25, off=0.25, sigma=0.0)  # no noise at all


def video(signal, shape=(1, 1), eps=EVEN.eps) -> np.ndarray:
    """Return frames (T, H, W), all pixels alike, whose log(eps + intensity) is this."""
    return np.broadcast_to((np.exp(np.array(signal)) - eps)[:, None, None], (len(signal), *shape))


def rows(events: Events) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in (events.t, events.x, events.y, events.p)), strict=True))


def changes(events: Events) -> list[tuple[int, int]]:
    return list(zip(events.t.tolist(), events.p.tolist(), strict=True))


@pytest.mark.parametrize(
    ("signal", "times", "expected"),
    [
        pytest.param([-2.0, -0.9], [0, 1100], [(250, 1), (500, 1), (750, 1), (1000, 1)], id="four steps of 1/4 in 1.1"),
        pytest.param([-1.0, -2.1], [0, 1100], [(250, 0), (500, 0), (750, 0), (1000, 0)], id="as many down"),
        pytest.param([-2.0, -1.8], [0, 1000], [], id="below the threshold"),
        pytest.param([-2.0, -1.8, -1.6], [5, 25, 45], [(30, 1)], id="the level is that of the first frame"),
        pytest.param([-2.0, -1.7, -2.1], [0, 300, 700], [(250, 1), (600, 0)], id="back by one threshold"),
        pytest.param([-2.0, -1.7, -1.9], [0, 300, 500], [(250, 1)], id="back by less"),
        pytest.param([-2.0, -1.2], [0, 1], [(1, 1), (1, 1), (1, 1)], id="never at the earlier frame"),
        pytest.param([-2.0, -2.0, -1.7], [-100, 0, 300], [(250, 1)], id="before time 0, at rest"),
    ],
)
def test_crossings_by_hand(signal, times, expected):
    for backend in ("numba", "reference"):
        assert changes(simulate_events(video(signal), times, EVEN, backend=backend)) == expected


@settings(max_examples=40, deadline=None)
@given(a=st.floats(-3.5, -0.1), b=st.floats(-3.5, -0.1), threshold=st.floats(0.02, 0.5))
def test_a_straight_line_gives_an_event_per_threshold(a, b, threshold):
    events = simulate_events(video([a, b]), [0, 10**6], EventCamera(on=threshold, off=threshold, sigma=0.0))
    count = len(events)
    assert abs(abs(b - a) / threshold - count - 0.5) < 0.5 + 1e-6
    crossed = 10**6 * threshold * np.arange(1, count + 1) / max(abs(b - a), 1e-9)
    np.testing.assert_allclose(events.t, crossed, atol=1)
    assert set(events.p.tolist()) <= {int(b > a)}


def test_a_still_video_gives_nothing():
    frames = np.repeat(np.random.default_rng(0).random((1, 9, 8)), 5, 0)
    assert len(simulate_events(frames, np.arange(5) * 10**6)) == 0


def test_refractory_time_drops_events_but_the_level_goes_on():
    tired = EventCamera(on=0.25, off=0.25, sigma=0.0, refractory=400)
    frames, times = video([-3.0, -1.9, -2.4]), [0, 1100, 1600]
    assert changes(simulate_events(frames, times, tired)) == [(250, 1), (750, 1), (1450, 0)]
    assert [t for t, _ in changes(simulate_events(frames, times, EVEN))] == [250, 500, 750, 1000, 1450]


def test_ties_come_by_row_then_column():
    events = simulate_events(video([-2.0, -1.4], (2, 3)), [0, 600], EVEN)
    want = [(t, x, y, 1) for t in (250, 500) for y in range(2) for x in range(3)]
    assert rows(events) == want
    assert events.sensor_size == (3, 2)


def test_bytes_are_shares_of_255():
    frames = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)
    times = [0, 7, 100, 101]
    assert rows(simulate_events(frames, times)) == rows(simulate_events(frames / 255, times))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_kernel_equals_the_reference(data):
    draw = np.random.default_rng(data.draw(st.integers(0, 999)))
    frames, height, width = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    camera = EventCamera(
        on=data.draw(st.floats(0.05, 0.5)),
        off=data.draw(st.floats(0.05, 0.5)),
        sigma=data.draw(st.sampled_from([0.0, 0.03, 0.3])),
        refractory=data.draw(st.sampled_from([0, 1, 300])),
        leak=data.draw(st.sampled_from([0.0, 1000.0])),
        shot_noise=data.draw(st.sampled_from([0.0, 3000.0])),
    )
    video = draw.choice([0.0, 0.1, 0.5, 1.0], (frames, height, width))  # so that some pixels stay as they are
    times = np.cumsum(draw.integers(1, data.draw(st.sampled_from([2, 3000])), frames)) - 1000
    seed = data.draw(st.integers(0, 9))
    fast, plain = (simulate_events(video, times, camera, seed, backend) for backend in ("numba", "reference"))
    assert rows(fast) == rows(plain)
    order = np.lexsort((fast.x, fast.y, fast.t))
    assert order.tolist() == list(range(len(fast)))


def test_frames_one_by_one_give_the_same_events():
    camera = EventCamera(leak=50, shot_noise=300, refractory=100)
    frames, times = np.random.default_rng(1).random((7, 6, 5)), np.arange(1, 8) ** 2 * 1000
    whole = simulate_events(frames, times, camera, 3)
    simulator = EventSimulator((5, 6), camera, 3)
    parts = [simulator.advance(frames[i : i + n], times[i : i + n]) for i, n in ((0, 1), (1, 3), (4, 0), (4, 3))]
    assert len(parts[0]) == len(parts[2]) == 0
    assert rows(whole) == rows(Events.join(parts, (5, 6)))
    assert rows(whole) != rows(simulate_events(frames, times, camera, 4))


def test_a_long_video_comes_in_parts(monkeypatch):
    monkeypatch.setattr("synfire.data.events.simulate.BLOCK", 100)
    frames, times = np.random.default_rng(1).random((11, 6, 5)), np.arange(11) * 1000
    parts = list(stream_events(zip(frames, times, strict=True)))
    assert len(parts) == 3
    assert rows(Events.join(parts, (5, 6))) == rows(simulate_events(frames, times))


def test_a_restarted_simulator_keeps_its_thresholds():
    frames, simulator = np.random.default_rng(1).random((4, 6, 5)), EventSimulator((5, 6))
    first = simulator.advance(frames, range(100, 104))
    simulator.restart()
    assert rows(simulator.advance(frames, range(100, 104))) == rows(first)


def test_thresholds_are_drawn_around_their_means():
    simulator = EventSimulator((100, 100), EventCamera(on=0.3, off=0.2, sigma=0.05))
    for drawn, mean in ((simulator.on, 0.3), (simulator.off, 0.2)):
        assert abs(drawn.mean() - mean) < 4 * 0.05 / 100
        assert abs(drawn.std() - 0.05) < 0.002
    assert EventSimulator((50, 50), EventCamera(on=0.3, sigma=1.0)).on.min() == pytest.approx(0.03)


def still(level, camera, seconds=2, side=40) -> Events:
    return simulate_events(np.full((3, side, side), level), np.arange(3) * seconds * 500_000, camera, seed=5)


def test_leak_gives_on_events_at_its_rate():
    events = still(0.3, EventCamera(leak=5.0), seconds=2)
    counts = np.bincount(events.x + 40 * events.y.astype(int), minlength=1600)
    assert set(events.p.tolist()) == {1}
    assert set(counts.tolist()) == {10}  # exactly, since 2 seconds are 10 of its periods
    assert len(np.unique(events.t)) > 10_000  # not all pixels at once


@pytest.mark.parametrize(("level", "rate"), [(0.0, 20.0), (0.5, 12.5), (1.0, 5.0)])
def test_shot_noise_comes_at_its_rate(level, rate):
    events = still(level, EventCamera(shot_noise=20.0))
    expected = rate * 2 * 1600
    assert abs(len(events) - expected) < 5 * expected**0.5  # of a Poisson distribution
    assert abs(int(events.p.sum()) - len(events) / 2) < 5 * (len(events) / 4) ** 0.5
    counts = np.bincount(events.x + 40 * events.y.astype(int), minlength=1600)
    assert abs(counts.var() / counts.mean() - 1) < 5 * (2 / 1600) ** 0.5
    assert abs(np.median(events.t) - 10**6) < 5 * 10**6 / len(events) ** 0.5


def test_noise_too_waits_for_the_refractory_time():
    events = still(0.0, EventCamera(shot_noise=2000.0, refractory=10_000), side=10)
    place = events.x + 10 * events.y.astype(int)
    assert min(np.diff(events.t[place == pixel]).min() for pixel in range(100)) >= 10_000
    assert len(events) > 100 * 2e6 / 11_500  # noise takes 500 us on average to come after it


def test_a_shot_of_noise_memorises_what_the_pixel_sees():
    simulator = EventSimulator((1, 1), EventCamera(on=0.25, off=0.25, sigma=0.0), backend="reference")
    simulator._noise = lambda light, times: (np.array([0]), np.array([200]), np.array([0], np.uint8))
    events = simulator.advance(video([-2.0, -1.4]), [0, 600])
    assert changes(events) == [(200, 0), (450, 1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": 0}, r"on is 0; give a finite number of at least 0\.001"),
        ({"off": -0.2}, r"off is -0\.2; give a finite"),
        ({"on": float("nan")}, "on is nan"),
        ({"eps": 0.0}, r"eps is 0\.0"),
        ({"sigma": -1}, "sigma is -1; give a finite number of at least 0"),
        ({"leak": float("inf")}, "leak is inf"),
        ({"refractory": 1.5}, r"refractory is 1\.5; give whole microseconds"),
    ],
)
def test_cameras_that_are_none(options, message):
    with pytest.raises(ConfigError, match=message):
        EventCamera(**options)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        ((0, 4), {}, r"sensor_size is \(0, 4\); give sides of 1 to 32767"),
        ((4, 40000), {}, r"sensor_size is \(4, 40000\)"),
        ((4, 4), {"seed": -1}, "seed is -1"),
        ((4, 4), {"backend": "cuda"}, "backend is 'cuda'; choose 'numba' or 'reference'"),
    ],
)
def test_simulators_that_are_none(size, options, message):
    with pytest.raises(ConfigError, match=message):
        EventSimulator(size, **options)


GREY = np.zeros((3, 4, 5))


@pytest.mark.parametrize(
    ("frames", "times", "kind", "message"),
    [
        pytest.param(GREY[:1], [0], DataError, "1 frames, but events need at least two", id="one frame"),
        pytest.param(GREY[:0], [], DataError, "0 frames", id="none"),
        pytest.param(GREY, [0, 1], DataError, "not as many frames as times: one of them ends after 2", id="few times"),
        pytest.param(GREY, [0, 1, 2, 3], DataError, "ends after 3", id="few frames"),
        pytest.param(GREY, [0, 2, 2], DataError, "a frame at 2 us follows one at 2 us", id="times stand still"),
        pytest.param(GREY, [0, 2, 1], DataError, "a frame at 1 us follows one at 2 us", id="times run back"),
        pytest.param(GREY, [0, 0.5, 1], DataError, "times are not whole", id="parts of a microsecond"),
        pytest.param(GREY, [0, np.nan, 1], DataError, "times are not whole", id="times of NaN"),
        pytest.param(GREY, ["0", "1", "2"], DataError, "times are not whole", id="times of text"),
        pytest.param(GREY * np.nan, [0, 1, 2], DataError, "60 pixels of the frames are NaN", id="NaN"),
        pytest.param(GREY + 1.5, [0, 1, 2], DataError, r"frames hold 1\.5 to 1\.5, but 0 to 1", id="too bright"),
        pytest.param(GREY - np.inf, [0, 1, 2], DataError, "frames hold -inf", id="infinite"),
        pytest.param(GREY.astype(int), [0, 1, 2], DataError, "frames are int64; give uint8", id="whole numbers"),
        pytest.param(GREY[..., None], [0, 1, 2], ShapeError, r"frame 0 has shape \(4, 5, 1\)", id="colour"),
        pytest.param(GREY[:, :0], [0, 1, 2], ShapeError, r"frame 0 has shape \(0, 5\)", id="no pixel"),
        pytest.param([GREY[0], GREY[0, :2]], [0, 1], ShapeError, r"frame 1 is float64 of shape \(2, 5\)", id="sizes"),
    ],
)
def test_videos_that_are_none(frames, times, kind, message):
    with pytest.raises(kind, match=message):
        simulate_events(frames, times)


def test_what_a_simulator_refuses():
    simulator = EventSimulator((5, 4))
    with pytest.raises(ShapeError, match=r"shape \(3, 5, 4\), but \(F, 4, 5\) was expected"):
        simulator.advance(np.zeros((3, 5, 4)), [0, 1, 2])
    with pytest.raises(ShapeError, match=r"times have shape \(2,\), but \(3,\) was expected"):
        simulator.advance(GREY, [0, 1])
    simulator.advance(GREY, [0, 1, 2])
    with pytest.raises(DataError, match="a frame at 2 us follows one at 2 us"):
        simulator.advance(GREY, [2, 3, 4])
