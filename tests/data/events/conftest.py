"""A small valid recording in every format."""

import struct
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


def evt2(events: Events) -> bytes:
    """Encode as EVT 2.0, which is only read."""
    words: list[int] = []
    for x, y, t, p in zip(events.x, events.y, events.t.tolist(), events.p, strict=True):
        words += [8 << 28 | t >> 6, int(p) << 28 | t % 64 << 22 | int(x) << 11 | int(y)]
    return b"% evt 2.0\n% geometry 34x34\n% end\n" + struct.pack(f"<{len(words)}I", *words)


def aedat2(events: Events) -> bytes:
    """Encode events as of a DVS128."""
    columns = zip(events.x.tolist(), events.y.tolist(), events.t.tolist(), events.p.tolist(), strict=True)
    records = [struct.pack(">II", y << 8 | x << 1 | (1 - p), t) for x, y, t, p in columns]
    return b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n" + b"".join(records)


@pytest.fixture(scope="session")
def small_files(some_events: Callable[..., Events], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write `some_events()` in every format; the files by the names of the formats."""
    folder = tmp_path_factory.mktemp("recordings")
    files = {}
    for kind in FORMATS:
        if kind.WRITES:
            files[kind.NAME] = folder / f"small{kind.WRITES}"
            write_events(files[kind.NAME], some_events())
    files["Prophesee EVT 2.0"] = folder / "small_evt2.raw"
    files["Prophesee EVT 2.0"].write_bytes(evt2(some_events()))
    files["AEDAT 2.0"] = folder / "small2.aedat"
    files["AEDAT 2.0"].write_bytes(aedat2(some_events()))
    return files
