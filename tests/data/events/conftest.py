"""A small valid recording in every format."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synfire.data.events import FORMATS, Events, write_events


@pytest.fixture(scope="session")
def some_events() -> Callable[..., Events]:
    """Make events at random places of a sensor, in the order of time."""

    def make(count: int = 500, sensor_size: tuple[int, int] = (34, 34), seed: int = 0, duration: int = 9000) -> Events:
        draw = np.random.default_rng(seed)
        x, y = (draw.integers(0, size, count) for size in sensor_size)
        return Events.of(x, y, np.sort(draw.integers(0, duration, count)), draw.integers(0, 2, count), sensor_size)

    return make


@pytest.fixture(scope="session")
def small_files(some_events: Callable[..., Events], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write `some_events()` in every format; the files by the names of the formats."""
    folder = tmp_path_factory.mktemp("recordings")
    files = {}
    for kind in FORMATS:
        if kind.WRITES:
            files[kind.NAME] = folder / f"small{kind.WRITES}"
            write_events(files[kind.NAME], some_events())
    return files
