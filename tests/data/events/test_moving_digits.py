"""Digits that move before a simulated camera: deterministic, split like Digits, and where they should be."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from synfire.base import ConfigError
from synfire.data import Digits
from synfire.data.events import EventCamera, EventSimulator, MovingDigits
from synfire.data.events.sources.moving_digits import CAMERA, REACH, SIDE, camera_film, frame_times, path, spread
from synfire.data.split import ImageSplit


@pytest.fixture(scope="module")
def few() -> Iterator[ImageSplit]:
    """Let scikit-learn have a twentieth of its digits only, as making all of them takes seconds."""
    whole = Digits().read_all()
    some = whole.take(torch.arange(0, len(whole), 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Digits, "read_all", lambda self: some)
        yield some


@pytest.fixture(scope="module")
def cache(few: ImageSplit, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder in which they are made already."""
    folder = str(tmp_path_factory.mktemp("cache"))
    MovingDigits(cache=folder).load()
    return folder


def test_recordings_are_of_digits_and_split_like_them(cache: str):
    train, test = MovingDigits(seed=3, cache=cache).load()
    images, others = Digits(seed=3).load()
    assert (len(train), len(test)) == (len(images), len(others))
    assert torch.equal(train.labels, images.labels)
    assert torch.equal(test.labels, others.labels)
    assert train.classes == images.classes
    assert MovingDigits(seed=3, cache=cache).sensor_size == (34, 34)
    film = camera_film()
    for row in range(4):  # events are where the light of this digit changes, and not of another
        events, _ = test.batch(torch.tensor([row]))
        seen = torch.bincount(events.y.long() * SIDE + events.x, minlength=SIDE**2).numpy()
        changes = [
            np.abs(np.diff(np.log(0.02 + film(digit[0].numpy())), axis=0)).sum(0).ravel() for digit in others.images
        ]
        alike = [np.corrcoef(seen, change)[0, 1] for change in changes]
        assert np.argmax(alike) == row
        assert alike[row] > 0.8


def test_recordings_have_a_few_thousand_events_in_three_tenths_of_a_second(few: ImageSplit, tmp_path: Path):
    train, test = MovingDigits(cache=str(tmp_path)).load()
    events = train.events
    assert len(events) == len(train) + len(test) == len(few)
    assert events.counts.min() > 1000
    assert events.counts.max() < 4000
    assert 0.4 < events.p.double().mean() < 0.65
    assert 290_000 < events.t.max() <= 300_000
    for start, stop in zip(events.offsets[:-1], events.offsets[1:], strict=True):
        assert (events.t[start:stop].diff() >= 0).all()


def test_they_are_made_once_and_always_the_same(
    few: ImageSplit, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = MovingDigits(cache=cache).load()[0]
    assert len(first.digests.unique()) == len(few)
    monkeypatch.setenv("SYNFIRE_CACHE", str(tmp_path))
    assert torch.equal(MovingDigits().load()[0].digests, first.digests)
    other = MovingDigits(camera=EventCamera(on=0.4, off=0.4)).load()[0]
    assert not set(first.digests.tolist()) & set(other.digests.tolist())
    monkeypatch.setattr(MovingDigits, "_make", None)
    assert torch.equal(MovingDigits(seed=1).load()[1].digests, first.digests)


def test_both_back_ends_see_the_same_in_a_digit():
    film = camera_film()(Digits().read_all().images[0, 0].numpy())
    assert film.shape == (61, SIDE, SIDE)
    middle = film[:, 11:23, 11:23]
    fast, plain = (EventSimulator((12, 12), CAMERA, backend=kind) for kind in ("numba", "reference"))
    got, want = (simulator.advance(middle, frame_times()) for simulator in (fast, plain))
    assert len(got) > 300
    for name in "xytp":
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_the_path_is_an_isosceles_triangle():
    places = path()
    corners = places[[0, 20, 40, 60]]
    assert corners.tolist() == [[-REACH, -REACH], [0, REACH], [REACH, -REACH], [-REACH, -REACH]]
    left, right, top = np.hypot(*np.diff(corners, axis=0).T)
    assert (left, top) == (right, 2 * REACH)
    steps = np.hypot(*np.diff(places, axis=0).T)
    assert steps.max() < 0.6
    assert max(steps[[0, 19, 20, 39, 40, 59]]) < 0.05  # gently, at the corners


def test_a_digit_moves_as_a_whole():
    """Of one pixel of ink the centre of mass follows the path; nothing is lost."""
    digit = np.zeros((8, 8), np.uint8)
    digit[2, 5] = 255
    ink = camera_film()(digit) - 0.1
    total = ink.sum((1, 2))
    np.testing.assert_allclose(total, 0.9 * 9, rtol=0.01)  # 3 x 3 pixels of the sensor
    pixel = np.arange(SIDE) + 0.5 - SIDE / 2
    centre = np.stack([ink.sum(1) @ pixel / total, ink.sum(2) @ pixel / total], 1)
    np.testing.assert_allclose(centre, path() + 3 * np.array([5.5 - 4, 2.5 - 4]), atol=0.02)


def test_shares_of_ink_add_up():
    shares = spread(np.array([-2.75, 0.0, 1.3]))
    assert shares.shape == (3, SIDE, 8)
    assert (shares * 1024 == np.round(shares * 1024)).all()
    np.testing.assert_allclose(shares[:, 13:21].sum(2), 1, atol=4 / 2048)  # well inside the digit


def test_a_share_that_is_none(cache: str):
    with pytest.raises(ConfigError, match=r"test_fraction is 1\.5"):
        MovingDigits(test_fraction=1.5, cache=cache).load()
