"""A small valid recording in every format."""

import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

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
    for name, (ending, build) in BUILT.items():
        files[name] = folder / f"small{ending}"
        build(files[name], some_events())
    return files


def build_hdf5(path: Path, events: Events) -> None:
    """Write events as DSEC does, packed."""
    with h5py.File(path, "w") as file:
        for name in "xytp":
            file.create_dataset(f"events/{name}", data=getattr(events, name), compression="gzip", chunks=(200,))
        file["t_offset"] = np.int64(0)


def build_bs1(path: Path, events: Events) -> None:
    """Write the channels of events, without their rows."""
    data = b""
    for x, t, p in zip(events.x.tolist(), events.t.tolist(), events.p.tolist(), strict=True):
        data += (x << 24 | p << 23 | t).to_bytes(5, "big")
    path.write_bytes(data)


def build_mat(path: Path, events: Events) -> None:
    """Write a moment for each event, of taxels of 10 x 10."""
    train = np.zeros((101, len(events)))
    train[events.x % 10 + 10 * (events.y % 10), range(len(events))] = 2 * events.p.astype(int) - 1
    train[100] = events.t / 1e6
    savemat(path, {"spiketrain": train}, do_compression=True)


def build_evt2(path: Path, events: Events) -> None:
    """Encode as EVT 2.0, which is only read."""
    words: list[int] = []
    for x, y, t, p in zip(events.x, events.y, events.t.tolist(), events.p, strict=True):
        words += [8 << 28 | t >> 6, int(p) << 28 | t % 64 << 22 | int(x) << 11 | int(y)]
    path.write_bytes(b"% evt 2.0\n% geometry 34x34\n% end\n" + struct.pack(f"<{len(words)}I", *words))


def build_aedat2(path: Path, events: Events) -> None:
    """Encode events as of a DVS128."""
    columns = zip(events.x.tolist(), events.y.tolist(), events.t.tolist(), events.p.tolist(), strict=True)
    records = [struct.pack(">II", y << 8 | x << 1 | (1 - p), t) for x, y, t, p in columns]
    path.write_bytes(b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n" + b"".join(records))


@pytest.fixture
def spike_trains(tmp_path: Path) -> Callable[..., Path]:
    """Write trains of (seconds, channels, label) as SHD has them."""

    def write(name: str, trains: list, keys: int = 20) -> Path:
        with h5py.File(tmp_path / name, "w") as file:
            for field, place, kind in (("times", 0, np.float16), ("units", 1, np.uint16)):
                rows = file.create_dataset(f"spikes/{field}", (len(trains),), h5py.vlen_dtype(kind))
                for row, train in enumerate(trains):
                    rows[row] = np.array(train[place], kind)
            file["labels"] = np.array([label for *_, label in trains], np.uint16)
            file["extra/keys"] = np.array([f"word {label}".encode() for label in range(keys)])
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def mutate() -> Callable[[bytes, int], bytes]:
    """Return what damages bytes, each seed in another way."""
    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).with_name("fuzz.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.mutate


BUILT = {
    "AEDAT 2.0": ("2.aedat", build_aedat2),
    "Prophesee EVT 2.0": ("_evt2.raw", build_evt2),
    "HDF5": (".h5", build_hdf5),
    "one-dimensional spikes .bs1": (".bs1", build_bs1),
    "ST-MNIST .mat": (".mat", build_mat),
}
