"""Random changes to recordings: what each may do and may not."""

import numpy as np
import pytest
import torch

from synfire.base import ConfigError
from synfire.data.events import Events
from synfire.data.events.augment import (
    DropEvents,
    EventAugment,
    EventCrop,
    EventFlip,
    EventMixUp,
    EventShift,
    TimeJitter,
)
from synfire.data.events.split import pack
from synfire.ops.events import ends

CLASSES = 3


@pytest.fixture
def batch(some_events):
    return lambda count=6, events=400: pack([some_events(events, (20, 12), seed) for seed in range(count)], (20, 12))


def rows(events):
    """Return the events as a set of (sample, x, y, t, p)."""
    columns = (events.sample, events.x, events.y, events.t, events.p)
    return {tuple(row) for row in torch.stack([column.long() for column in columns], 1).tolist()}


STEPS = {
    "shift": EventShift(3), "crop": EventCrop(8, 9), "flip": EventFlip(True, True, True), "jitter": TimeJitter(50.0),
    "drop": DropEvents(), "mixup": EventMixUp(),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_the_same_seed_gives_the_same_and_leaves_no_trace(batch, name):
    events, labels = batch(), torch.arange(6) % CLASSES
    augment, before = EventAugment([STEPS[name]]), torch.get_rng_state()
    one, same, other = (augment(events, labels, CLASSES, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert rows(one[0]) == rows(same[0])
    assert rows(one[0]) != rows(other[0])
    assert torch.equal(one[1], same[1])
    assert rows(events) == rows(batch())  # what it was given stays
    width, height = one[0].sensor_size
    assert 0 <= one[0].x.min() <= one[0].x.max() < width
    assert 0 <= one[0].y.min() <= one[0].y.max() < height
    assert one[0].x.dtype == torch.int16
    first, last = one[0].offsets[:-1], one[0].offsets[1:]
    for start, stop in zip(first.tolist(), last.tolist(), strict=True):
        assert (one[0].t[start:stop].diff() >= 0).all()
    empty = pack([], (20, 12)).take(torch.zeros(0, dtype=torch.int64))
    assert len(augment(empty, labels[:0], CLASSES, 1)[0]) == 0


def test_shift_moves_each_recording_as_a_whole(batch):
    events = batch()
    moved, _ = EventAugment([EventShift(3)])(events, torch.zeros(6), CLASSES, 0)
    found = set()
    for sample in range(6):
        old = {row[1:] for row in rows(events) if row[0] == sample}
        new = {row[1:] for row in rows(moved) if row[0] == sample}
        moves = [
            (dx, dy) for dx in range(-3, 4) for dy in range(-3, 4)
            if new == {(x + dx, y + dy, t, p) for x, y, t, p in old if 0 <= x + dx < 20 and 0 <= y + dy < 12}
        ]  # fmt: skip
        assert len(moves) == 1
        found.add(moves[0])
    assert len(found) > 1


def test_flips_by_hand(batch):
    events = batch(40, 5)
    width, height = events.sensor_size
    _, last = ends(events)
    for step, mirror in (
        (EventFlip(), lambda i, x, y, t, p: (width - 1 - x, y, t, p)),
        (EventFlip(False, True), lambda i, x, y, t, p: (x, height - 1 - y, t, p)),
        (EventFlip(False, False, True), lambda i, x, y, t, p: (x, y, int(last[i]) - t, 1 - p)),
    ):
        made, _ = EventAugment([step])(events, torch.zeros(40), CLASSES, 0)
        mirrored = 0
        for sample in range(40):
            old = {row for row in rows(events) if row[0] == sample}
            new = {row for row in rows(made) if row[0] == sample}
            assert new in (old, {(row[0], *mirror(*row)) for row in old})
            mirrored += new != old
        assert 8 <= mirrored <= 32


def test_jitter_has_its_deviation():
    pixels = np.arange(20 * 100)  # each has one event, by which it is found again
    events = pack([Events.of(pixels % 100, pixels // 100, 10 * pixels, pixels % 2, (100, 20))], (100, 20))
    moved, _ = EventAugment([TimeJitter(20.0)])(events, torch.zeros(1), CLASSES, 0)
    old, new = ({row[1:3] + row[4:]: row[3] for row in rows(e)} for e in (events, moved))
    assert old.keys() == new.keys()
    assert len(new) == len(pixels)
    moves = np.array([new[key] - old[key] for key in old if old[key] > 100])
    assert abs(moves.mean()) < 2
    assert abs(moves.std() - 20) < 1.5
    assert min(new.values()) >= 0


@pytest.mark.parametrize("way", ["chance", "time", "area"])
def test_drops_take_their_share_in_their_way(batch, way):
    events = batch(60, 500)
    made, _ = EventAugment([DropEvents(0.8, [way])])(events, torch.zeros(60), CLASSES, 0)
    left = made.counts / events.counts
    assert rows(made) < rows(events)
    assert ((left == 1).float().mean() - 0.5).abs() < 0.25  # half of them lose nothing
    assert left.min() > 0.1
    assert left.min() < 0.6
    assert 0.7 < left.mean() < 0.9  # half of them lose 0.4 on average
    worst = int(left.argmin())
    gone = [row for row in rows(events) - rows(made) if row[0] == worst]
    kept = [row for row in rows(made) if row[0] == worst]
    if way == "time":
        low, high = min(row[3] for row in gone), max(row[3] for row in gone)
        assert not [row for row in kept if low < row[3] < high]
    if way == "area":
        box = [(min(row[k] for row in gone), max(row[k] for row in gone)) for k in (1, 2)]
        assert not [row for row in kept if all(low <= row[k + 1] <= high for k, (low, high) in enumerate(box))]


def test_mixed_recordings_have_events_of_both_and_shares_as_labels(batch):
    events, labels = batch(), torch.arange(6) % CLASSES
    made, shares = EventAugment(["mixup"])(events, labels, CLASSES, 0)
    assert shares.shape == (6, CLASSES)
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    for sample, share in enumerate(shares):
        new = {row[1:] for row in rows(made) if row[0] == sample}
        own = {row[1:] for row in rows(events) if row[0] == sample}
        if (kept := share[labels[sample]].item()) < 1:
            assert abs(len(new & own) / len(own) - kept) < 0.15
        assert new <= {row[1:] for row in rows(events)}


def test_what_is_cropped_in_training_has_its_middle_tested(batch):
    events = batch()
    augment = EventAugment(["flip", EventCrop(8, 10)])
    middle = augment.evaluate(events)
    assert middle.sensor_size == (10, 8) == augment.sensor_size((20, 12))
    wanted = {(i, x - 5, y - 2, t, p) for i, x, y, t, p in rows(events) if 5 <= x < 15 and 2 <= y < 10}
    assert rows(middle) == wanted
    assert rows(EventAugment(["flip"]).evaluate(events)) == rows(events)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EventAugment(["flop"]), "augment: 'flop' is unknown; give flip, shift<pixels>"),
        (lambda: EventAugment(["shift0"]), "shift0: moves by 0 pixels"),
        (lambda: EventAugment(["jitter0"]), "jitter0: the deviation is 0"),
        (lambda: DropEvents(1.5), "share is 1.5"),
        (lambda: DropEvents(by=["luck"]), r"by is \['luck'\]; give some of chance, time, area"),
        (lambda: EventMixUp(0), "alpha is 0"),
        (lambda: EventCrop(0, 3), "height is 0 and width 3"),
        (lambda: EventCrop(9, 3).middle(pack([], (3, 3))), "a window of 3 x 9 pixels does not fit a sensor of 3 x 3"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_names_stand_for_modules():
    steps = EventAugment(["flip", "shift2", "jitter1000", "drop", "mixup"]).steps
    kinds = [EventFlip, EventShift, TimeJitter, DropEvents, EventMixUp]
    assert [type(step) for step in steps] == kinds
    assert (steps[1].pixels, steps[2].std_us) == (2, 1000)
    assert np.isclose(steps[3].share, 0.5)
