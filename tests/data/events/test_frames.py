"""Frames of animations and of folders of images."""

from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from synfire.base import ConfigError, DataError
from synfire.data.events import read_frames, simulate_events


@pytest.fixture
def moving() -> np.ndarray:
    """A bright square that moves to the right, uint8 (6, 8, 12)."""
    frames = np.full((6, 8, 12), 32, np.uint8)
    for number, frame in enumerate(frames):
        frame[2:5, number : number + 4] = 200
    return frames


def save(frames: np.ndarray, path: Path, durations: list[int] | int) -> Path:
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=durations)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_an_animation_says_its_times(suffix, moving, tmp_path):
    path = save(moving, tmp_path / f"square{suffix}", [20, 40, 20, 60, 20, 20])
    frames, times = zip(*read_frames(path), strict=True)
    np.testing.assert_array_equal(np.stack(frames), moving)
    assert times == (0, 20_000, 60_000, 80_000, 140_000, 160_000)
    assert [time for _, time in read_frames(path, 500)] == [0, 500, 1000, 1500, 2000, 2500]


def test_a_folder_is_read_in_the_order_of_numbers(moving, tmp_path, png):
    for number, frame in zip((1, 2, 9, 10, 11, 100), moving, strict=True):
        (tmp_path / f"frame{number}.png").write_bytes(png(frame))
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / ".hidden.png").write_bytes(b"")
    frames, times = zip(*read_frames(tmp_path, 1000), strict=True)
    np.testing.assert_array_equal(np.stack(frames), moving)
    assert times == (0, 1000, 2000, 3000, 4000, 5000)


def test_signs_that_look_like_numbers_are_none(moving, tmp_path, png):
    for name, frame in zip(("a1²3.png", "a2.png", "a10.png"), moving, strict=False):
        (tmp_path / name).write_bytes(png(frame))
    frames, _ = zip(*read_frames(tmp_path, 1000), strict=True)
    np.testing.assert_array_equal(np.stack(frames), moving[:3])


def test_colour_is_made_grey(tmp_path, png):
    (tmp_path / "1.png").write_bytes(png(np.full((2, 2, 3), [200, 100, 50], np.uint8)))
    ((frame, _),) = read_frames(tmp_path, 1000)
    assert set(frame.flat) == {round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)}


def test_events_of_a_file_show_the_edges_that_move(moving, tmp_path):
    frames, times = zip(*read_frames(save(moving, tmp_path / "square.gif", 20)), strict=True)
    events = simulate_events(frames, times)
    assert set(events.y.tolist()) == {2, 3, 4}
    assert events.x[events.p == 1].min() == 4  # where the right edge comes
    assert events.x[events.p == 0].max() == 4  # where the left edge has gone


def test_what_has_no_times(moving, tmp_path, png):
    (tmp_path / "1.png").write_bytes(png(moving[0]))
    with pytest.raises(ConfigError, match=r"no times\. Give frame_time"):
        list(read_frames(tmp_path))
    with pytest.raises(ConfigError, match=r"how long frame 0 lasts\. Give frame_time"):
        list(read_frames(save(moving, tmp_path / "still.gif", 0)))
    with pytest.raises(ConfigError, match="frame_time is 0; give at least 1"):
        read_frames(tmp_path, 0)


def test_folders_and_files_that_are_none(moving, tmp_path, png):
    with pytest.raises(DataError, match="no image in it"):
        list(read_frames(tmp_path, 1000))
    with pytest.raises(DataError, match=r"nothing\.gif: cannot be opened"):
        list(read_frames(tmp_path / "nothing.gif"))
    (tmp_path / "1.png").write_bytes(png(moving[0]))
    (tmp_path / "2.png").write_bytes(png(moving[0, :4]))
    with pytest.raises(DataError, match=r"2\.png: 4 x 12 pixels, but 8 x 12 were expected"):
        list(read_frames(tmp_path, 1000))
    (tmp_path / "2.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"2\.png: cannot be read"):
        list(read_frames(tmp_path, 1000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_animations(data, moving, tmp_path, damage: Callable, only_data_errors: Callable):
    valid = save(moving, tmp_path / "valid.gif", 20).read_bytes()
    path = tmp_path / "damaged.gif"
    path.write_bytes(damage(valid, data))
    with only_data_errors("damaged.gif"):
        for number, (frame, _) in enumerate(read_frames(path, 1000)):
            assert frame.ndim == 2
            if number > 20:
                break
