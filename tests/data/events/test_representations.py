"""What frames are made of recordings, by hand; that back ends agree is tested with the operations."""

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, DataError
from synfire.data.events import (
    Events,
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    OneFrame,
    Representation,
    StepsAsChannels,
    TimeSurface,
    Voxels,
    packets,
    read_events,
    representations,
    write_events,
)
from synfire.data.events.split import pack

SENSOR = (3, 2)


def recording(*events):
    """Make a recording of (x, y, t, p)."""
    return Events.of(*zip(*events, strict=True), SENSOR) if events else Events.none(SENSOR)


# Time from 100 to 109 microseconds; the order of the file is not that of time.
SOME = recording((0, 0, 100, 1), (2, 1, 107, 0), (2, 1, 103, 1), (2, 1, 109, 1))

ALL = {
    "by time": FramesByTime(4, 3),
    "by count": FramesByCount(2, 3),
    "by number": FramesByNumber(2),
    "one": OneFrame(),
    "voxels": Voxels(3),
    "surface": TimeSurface(2, 10.0),
    "as channels": StepsAsChannels(FramesByTime(4, 3)),
}


def test_every_representation_is_tested_here():
    kinds = {
        kind for _, kind in inspect.getmembers(representations, inspect.isclass)
        if issubclass(kind, Representation) and kind not in (Representation, representations.Counts)
    }  # fmt: skip
    assert {type(one) for one in ALL.values()} == kinds


@pytest.mark.parametrize(
    ("name", "steps", "time", "left_out"),
    [
        pytest.param("by time", [[1, 1], [0, 1], [0, 1]], 4, 0, id="by time"),
        pytest.param("by count", [[1, 1], [0, 2], [0, 0]], 5, 0, id="by count; the last step has none"),
        pytest.param("by number", [[1, 1], [0, 2]], 5, 0, id="by number"),
        pytest.param("one", [[1, 3]], 10, 0, id="one"),
    ],
)
def test_counts_by_hand(name, steps, time, left_out):
    made = ALL[name](SOME)
    assert made.shape == (1, ALL[name].steps, 2, 2, 3)
    assert made[0].sum((1,))[:, [0, 1], [0, 2]].tolist() == steps  # at the two pixels that see something
    assert made.sum() == sum(map(sum, steps))
    assert ALL[name].step_time(SOME).tolist() == [time]
    assert ALL[name].left_out(SOME).tolist() == [left_out]


def test_polarities_have_channels():
    assert OneFrame()(SOME)[0, 0, :, 1, 2].tolist() == [1, 2]
    assert OneFrame(polarities="signed")(SOME)[0, 0, 0, 1, 2] == 1
    assert OneFrame(polarities="merge")(SOME)[0, 0, 0, 1, 2] == 3
    ages = [math.exp(-(110 - t) / 10) for t in (107, 109)]
    assert TimeSurface(1, 10.0)(SOME)[0, 0, :, 1, 2].tolist() == pytest.approx(ages)
    signed = TimeSurface(1, 10.0, polarities="signed")(SOME)
    assert signed.shape == (1, 1, 1, 2, 3)
    assert signed[0, 0, 0, 1, 2].item() == pytest.approx(ages[1] - ages[0])


def test_what_is_behind_the_last_step_is_left_out_and_counted():
    assert FramesByTime(4, 2).left_out(SOME).tolist() == [1]
    assert FramesByTime(4, 2)(SOME).sum() == 3
    assert FramesByCount(1, 3).left_out(SOME).tolist() == [1]
    assert FramesByCount(1, 3).step_time(SOME).tolist() == [8 / 3]  # 100 through 107


@pytest.mark.parametrize("name", [name for name in ALL if name != "as channels"])
def test_steps_become_channels_of_one_frame(name):
    steps, frame = ALL[name](SOME), StepsAsChannels(ALL[name])
    made = frame(SOME)
    assert frame.steps == 1
    assert made.shape == (1, 1, *frame.shape(SENSOR))
    for step in range(ALL[name].steps):
        assert torch.equal(made[:, 0, 2 * step : 2 * step + 2], steps[:, step])
    assert torch.equal(frame.left_out(SOME), ALL[name].left_out(SOME))
    assert frame.step_time(SOME).tolist() == [{"by time": 12}.get(name, 10)]


def test_counts_are_clipped_and_scaled():
    assert OneFrame(clip=2, scale=4.0)(SOME)[0, 0, :, 1, 2].tolist() == [0.25, 0.5]
    darker = recording((0, 0, 0, 0), (0, 0, 1, 0), (0, 0, 2, 0))
    assert OneFrame(polarities="signed", clip=2)(darker)[0, 0, 0, 0, 0] == -2


@pytest.mark.parametrize("name", ALL)
def test_short_and_empty_recordings(name):
    one, none = recording((1, 1, 55, 1)), recording()
    made = ALL[name](one)
    assert made.shape[:2] == (1, ALL[name].steps)
    assert made[0, 0, 1, 1, 1] > 0
    assert made[0, 0].count_nonzero() == 1
    assert not ALL[name](none).any()
    assert ALL[name].step_time(none).item() == {"by time": 4, "as channels": 12}.get(name, 0)
    batch = pack([one, none, SOME], SENSOR)
    torch.testing.assert_close(ALL[name](batch), torch.cat([ALL[name](each) for each in (one, none, SOME)]))


def test_times_that_are_too_far_apart_are_refused():
    far = recording((0, 0, -(2**63), 1), (1, 1, 2**63 - 1, 1))
    with pytest.raises(DataError, match=f"goes from {-(2**63)} to {2**63 - 1} us"):
        OneFrame()(far)
    years = recording((0, 0, -(2**52), 1), (1, 1, 2**52 - 1, 1))
    assert FramesByNumber(1000)(years).sum() == 2
    assert Voxels(3)(years)[0, :, 1].sum((1, 2)).tolist() == [1, 0, 1]


def test_smaller_frames_hold_as_many_events(some_events):
    events = some_events(300)
    for size, shape in ((3, (12, 12)), ((20, 7), (20, 7)), (34, (1, 1))):
        made = OneFrame(size=size)(events)
        assert made.shape[3:] == shape == OneFrame(size=size).shape((34, 34))[1:]
        assert made.sum() == 300


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FramesByTime(0, 3), "FramesByTime: step_us is 0; give at least 1"),
        (lambda: FramesByTime(3, 0), "FramesByTime: steps is 0; give at least 1"),
        (lambda: FramesByCount(0, 3), "FramesByCount: events is 0"),
        (lambda: Voxels(0), "Voxels: steps is 0"),
        (lambda: TimeSurface(3, 0.0), "TimeSurface: tau_us is 0.0; give a time above 0"),
        (lambda: StepsAsChannels(5), "StepsAsChannels: of is 5; give what makes the steps"),
        (lambda: OneFrame(clip=0), "clip is 0; it is the largest count that is kept"),
        (lambda: OneFrame(scale=0.0), "scale is 0.0; counts are divided by it"),
        (lambda: OneFrame(polarities="on")(SOME), "polarities is 'on'; choose one of both, merge, signed"),
        (lambda: OneFrame(size=3)(SOME), "size is 3, but the sensor has 3 x 2 pixels"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


# --- a step at a time ---


@settings(deadline=None)
@given(
    seed=st.integers(0, 99), count=st.sampled_from([0, 1, 5, 300]), step=st.integers(1, 90), chunk=st.integers(1, 400),
    steps=st.sampled_from([None, 1, 4, 40]), size=st.sampled_from([None, 2]),
    polarities=st.sampled_from(["both", "signed"]),
)  # fmt: skip
def test_packets_are_the_steps_of_frames_by_time(some_events, seed, count, step, chunk, steps, size, polarities):
    events = some_events(count, (6, 5), seed, duration=1000)
    options = {"size": size, "polarities": polarities, "clip": 2, "scale": 2.0}
    parts = (events[at : at + chunk] for at in range(0, len(events), chunk))
    made = packets(parts, step, steps, sensor_size=(6, 5), **options)
    got = [*made]
    wanted = steps or (events.duration // step + 1 if count else 0)
    assert len(got) == wanted
    assert made.late == 0
    if wanted:
        assert got[0].shape[:2] == (1, 1)
        assert torch.equal(torch.cat(got, 1), FramesByTime(step, wanted, **options)(events))


def test_packets_of_a_file_and_what_comes_too_late(some_events, tmp_path):
    events = some_events(500, duration=9000)
    write_events(tmp_path / "some.bin", events)
    file = read_events(tmp_path / "some.bin")
    for whole in (events, file):
        steps = packets(whole, 1000)
        for _ in range(2):  # a file is read anew each time
            assert torch.equal(torch.cat([*steps], 1), FramesByTime(1000, 9)(events))
    late = recording((0, 0, 0, 1), (0, 0, 12, 1), (1, 0, 9, 1), (1, 0, 10, 1))
    made = packets([late[:2], late[2:]], 10, sensor_size=SENSOR)
    assert [frame.sum().item() for frame in made] == [1, 2]
    assert made.late == 1
    with pytest.raises(ConfigError, match="Give sensor_size"):
        packets([late], 10)
    with pytest.raises(ConfigError, match="step_us is 0"):
        packets(late, 0)


def test_packets_begin_at_the_earliest_event():
    events = recording((0, 0, 5, 1), (1, 0, 3, 1), (2, 0, 14, 1))
    made = packets(events, 10)
    assert torch.equal(torch.cat([*made], 1), FramesByTime(10, 2)(events))
    assert made.late == 0


def test_packets_end_with_the_last_step_that_is_asked_for():
    def parts():
        yield recording((0, 0, 0, 1), (0, 0, 12, 1))
        raise AssertionError("nobody needs more")

    assert [frame.sum().item() for frame in packets(parts(), 10, 1, sensor_size=SENSOR)] == [1]


def test_backward_steps_of_a_file_are_put_in_order():
    order = np.array([2, 0, 1])
    events = recording((0, 0, 5, 1), (1, 0, 7, 1), (2, 0, 30, 1))
    assert torch.equal(FramesByTime(10, 3)(events[order]), FramesByTime(10, 3)(events))
