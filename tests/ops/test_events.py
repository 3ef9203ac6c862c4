"""Frames, voxels and surfaces of events: by hand, and against the plain PyTorch that says what is meant."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire
from synfire.base import BackendError, ConfigError, ShapeError
from synfire.ops.events import (
    Cells,
    EventBatch,
    cut_at,
    cut_by_count,
    ends,
    equal_parts,
    frames,
    surface,
    voxels,
)

SENSOR = (5, 3)  # width and height


def batch_of(*recordings, sensor_size=SENSOR):
    """Pack recordings, each a list of (x, y, t, p)."""
    columns = list(zip(*(event for recording in recordings for event in recording), strict=True)) or [[], [], [], []]
    counts = torch.tensor([0, *(len(recording) for recording in recordings)])
    kinds = (torch.int16, torch.int16, torch.int64, torch.uint8)
    x, y, t, p = (torch.tensor(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True))
    return EventBatch(x, y, t, p, counts.cumsum(0), sensor_size)


def drawn(seed, counts, sensor_size=SENSOR, duration=50):
    draw = torch.Generator().manual_seed(seed)

    def one(count):
        t = torch.randint(0, duration, (count,), generator=draw).sort().values.tolist()
        x, y, p = (torch.randint(0, n, (count,), generator=draw).tolist() for n in (*sensor_size, 2))
        return list(zip(x, y, t, p, strict=True))

    return batch_of(*(one(count) for count in counts), sensor_size=sensor_size)


def both(make):
    with synfire.backend("reference"):
        expected = make()
    with synfire.backend("numba"):
        return make(), expected


COUNTS = st.lists(st.sampled_from([0, 1, 2, 7, 40]), min_size=1, max_size=4)
CELLS = st.builds(
    Cells, st.just(SENSOR), st.sampled_from(["both", "merge", "signed"]),
    st.sampled_from([None, 1, 2, 3, (2, 4), (1, 1)]),
)  # fmt: skip


@settings(deadline=None)  # the first call compiles
@given(
    seed=st.integers(0, 999), counts=COUNTS, cells=CELLS, steps=st.integers(1, 4), size=st.integers(1, 30),
    how=st.sampled_from(["time", "count", "parts"]),
)  # fmt: skip
def test_numba_counts_as_the_reference_does(seed, counts, cells, steps, size, how):
    events = drawn(seed, counts)
    edges = {
        "time": lambda: cut_at(events, (size * torch.arange(steps + 1)).expand(len(counts), -1)),
        "count": lambda: cut_by_count(events, size, steps),
        "parts": lambda: cut_at(events, equal_parts(events, steps)),
    }[how]()
    got, expected = both(lambda: frames(events, edges, cells))
    assert got.shape == (len(counts), steps, *cells.shape)
    assert got.dtype == torch.float32
    assert torch.equal(got, expected)
    if cells.polarities != "signed":  # each event that belongs to a step is in one cell of it
        assert torch.equal(got.sum((2, 3, 4)), edges.diff().float())
    if how == "parts":
        assert edges[:, -1].tolist() == events.offsets[1:].tolist()


@settings(deadline=None)
@given(seed=st.integers(0, 999), counts=COUNTS, cells=CELLS, bins=st.integers(1, 5))
def test_numba_shares_as_the_reference_does(seed, counts, cells, bins):
    events = drawn(seed, counts)
    got, expected = both(lambda: voxels(events, bins, cells))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    if cells.polarities != "signed":
        torch.testing.assert_close(got.sum((1, 2, 3, 4)), events.counts.float(), rtol=1e-5, atol=0)


@settings(deadline=None)
@given(seed=st.integers(0, 999), counts=COUNTS, cells=CELLS, steps=st.integers(1, 4), tau=st.sampled_from([0.5, 20.0]))
def test_numba_ages_as_the_reference_does(seed, counts, cells, steps, tau):
    cells = Cells(SENSOR, "merge", cells.size) if cells.polarities == "signed" else cells
    events = drawn(seed, counts)
    times = equal_parts(events, steps)
    got, expected = both(lambda: surface(events, cut_at(events, times), times[:, 1:], tau, cells))
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-12)
    assert ((got >= 0) & (got <= 1)).all()


def test_many_events_run_on_several_threads_with_the_same_result():
    events = drawn(0, [30_000, 1, 0, 50_000], (70, 60), 100_000)
    cells, times = Cells((70, 60)), equal_parts(events, 7)
    edges = cut_at(events, times)
    assert torch.equal(*both(lambda: frames(events, edges, cells)))
    torch.testing.assert_close(*both(lambda: voxels(events, 7, cells)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(*both(lambda: surface(events, edges, times[:, 1:], 1e4, cells)), rtol=1e-6, atol=1e-12)


@settings(deadline=None)
@given(seed=st.integers(0, 999), counts=COUNTS, times=st.lists(st.integers(-3, 60), min_size=2, max_size=6))
def test_edges_are_at_the_first_event_that_is_not_before(seed, counts, times):
    events = drawn(seed, counts)
    times = torch.tensor(sorted(times)).expand(len(counts), -1)
    for i, row in enumerate(cut_at(events, times)):
        start, stop = events.offsets[i : i + 2].tolist()
        own = events.t[start:stop]
        assert row.tolist() == [start + int((own < time).sum()) for time in times[i]]


@pytest.mark.parametrize(
    ("last", "steps", "begins"),
    [
        pytest.param(9, 2, [0, 5, 10], id="ten microseconds in two"),
        pytest.param(9, 3, [0, 4, 7, 10], id="parts that do not divide begin at the next whole one"),
        pytest.param(0, 3, [0, 1, 1, 1], id="one microsecond is in the first part"),
    ],
)
def test_equal_parts_by_hand(last, steps, begins):
    events = batch_of([(0, 0, 100, 1), (0, 0, 100 + last, 1)])
    assert (equal_parts(events, steps)[0] - 100).tolist() == begins
    assert [int(time[0]) for time in ends(events)] == [100, 100 + last]


def test_a_sample_without_events_is_no_trouble():
    events = batch_of([], [(1, 1, 5, 1)], [])
    assert torch.stack(ends(events)).tolist() == [[0, 5, 0], [0, 5, 0]]
    none = batch_of([], [])
    for made in (frames(none, cut_by_count(none, 3, 2), Cells(SENSOR)), voxels(none, 2, Cells(SENSOR))):
        assert made.shape == (2, 2, 2, 3, 5)
        assert not made.any()
    assert equal_parts(none, 2).tolist() == [[0, 1, 1]] * 2


# Two events of one pixel and one elsewhere.
BY_HAND = batch_of([(4, 2, 0, 1), (4, 2, 6, 0), (0, 1, 8, 1)])


@pytest.mark.parametrize(
    ("polarities", "size", "cells"),
    [
        pytest.param("both", None, {(0, 2, 4): 1, (1, 2, 4): 1, (1, 1, 0): 1}, id="a channel for each polarity"),
        pytest.param("merge", None, {(0, 2, 4): 2, (0, 1, 0): 1}, id="one for both"),
        pytest.param("signed", None, {(0, 1, 0): 1}, id="darker takes away what brighter added"),
        pytest.param("merge", 2, {(0, 1, 2): 2, (0, 0, 0): 1}, id="cells of 2 x 2, smaller at the border"),
        pytest.param("merge", (2, 2), {(0, 1, 1): 2, (0, 0, 0): 1}, id="two rows of two"),
        pytest.param("merge", (1, 1), {(0, 0, 0): 3}, id="all in one"),
    ],
)
def test_cells_by_hand(polarities, size, cells):
    made = frames(BY_HAND, BY_HAND.offsets[None], Cells(SENSOR, polarities, size))[0, 0]
    assert {tuple(place.tolist()): made[tuple(place)].item() for place in made.nonzero()} == cells


def test_voxels_by_hand():
    made = voxels(BY_HAND, 3, Cells(SENSOR, "signed"))[0, :, 0]  # at 0, 4 and 8 microseconds
    assert made[:, 2, 4].tolist() == [1, -0.5, -0.5]
    assert made[:, 1, 0].tolist() == [0, 0, 1]
    assert voxels(batch_of([(0, 0, 7, 1)]), 3, Cells(SENSOR))[0, :, 1, 0, 0].tolist() == [1, 0, 0]


def test_surface_by_hand():
    times = torch.tensor([[0, 5, 10]])
    made = surface(BY_HAND, cut_at(BY_HAND, times), times[:, 1:], 2.0, Cells(SENSOR))[0]
    expected = torch.zeros(2, 2, 3, 5)
    expected[0, 1, 2, 4], expected[1, 1, 2, 4] = math.exp(-5 / 2), math.exp(-10 / 2)
    expected[1, 0, 2, 4], expected[1, 1, 1, 0] = math.exp(-4 / 2), math.exp(-2 / 2)
    torch.testing.assert_close(made, expected, rtol=1e-6, atol=0)


def test_events_outside_are_refused_before_any_back_end_sees_them():
    cells = Cells(SENSOR)
    for wrong, name in (((5, 0, 0, 1), "x goes from 5 to 5, but 0 to 4"), ((0, -1, 0, 1), "y goes from -1"),
                        ((0, 0, 0, 2), "p goes from 2 to 2, but 0 to 1")):  # fmt: skip
        events = batch_of([wrong])
        with pytest.raises(ShapeError, match=name):
            voxels(events, 2, cells)
    events = drawn(0, [4])
    for edges in ([[0, 5]], [[3, 1]], [[-1, 4]]):
        with pytest.raises(ShapeError, match="edges must ascend, within 0 to 4"):
            frames(events, torch.tensor(edges), cells)
    for offsets in ([0, 9], [0, 3], [1, 4], [0, 3, 2, 4]):
        broken = EventBatch(events.x, events.y, events.t, events.p, torch.tensor(offsets), SENSOR)
        with pytest.raises(ShapeError, match="offsets must ascend from 0 to 4"):
            voxels(broken, 2, cells)


def test_other_back_ends_are_refused():
    with synfire.backend("triton"), pytest.raises(BackendError, match="voxels: no back end"):
        voxels(BY_HAND, 2, Cells(SENSOR))
    with pytest.raises(ConfigError, match="a time has no sign"):
        surface(BY_HAND, BY_HAND.offsets[None], torch.tensor([[9]]), 1.0, Cells(SENSOR, "signed"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same():
    events = drawn(1, [900, 0, 4000], (34, 34), 9000)
    cells, times = Cells((34, 34), "signed", 2), equal_parts(events, 5)
    edges = cut_at(events, times)
    there = events.to("cuda")
    assert torch.equal(cut_at(there, equal_parts(there, 5)).cpu(), edges)
    assert torch.equal(frames(there, edges.cuda(), cells).cpu(), frames(events, edges, cells))
    torch.testing.assert_close(voxels(there, 5, cells).cpu(), voxels(events, 5, cells), rtol=1e-4, atol=1e-4)
    merged = Cells((34, 34), "merge")
    torch.testing.assert_close(
        surface(there, edges.cuda(), times[:, 1:].cuda(), 50.0, merged).cpu(),
        surface(events, edges, times[:, 1:], 50.0, merged),
        rtol=1e-5,
        atol=1e-9,
    )
