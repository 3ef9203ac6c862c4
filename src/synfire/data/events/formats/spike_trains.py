"""HDF5 files with many labelled spike trains: SHD and SSC (Cramer et al., arXiv:1910.07407)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.formats.columns import LONGEST
from synfire.data.events.formats.hdf5_file import check, check_heaps, opened

CHANNELS = 700  # of the artificial cochlea


def read_spike_trains(path: str | Path, channels: int = CHANNELS) -> Iterator[tuple[Events, int]]:
    """Yield the recordings of a file and their labels, in its order.

    A channel is the x of a sensor of (channels, 1) pixels; seconds become microseconds, rounded; polarities are 1.

    Args:
        path: the file, with spikes/times, spikes/units and labels.
        channels: how many there are.

    Raises:
        DataError: the file is missing, damaged or another one, or a spike is of no channel.
    """
    path = Path(path)
    with opened(path) as file:
        times, units, labels = (_dataset(path, file, name) for name in ("spikes/times", "spikes/units", "labels"))
        count = check(path, labels)
        check_heaps(path)
        if not check(path, times) == check(path, units) == count:
            raise DataError(f"{path}: {len(times)} trains of times, {len(units)} of units and {count} labels. {AGAIN}")
        for row in range(count):
            yield _train(path, row, np.asarray(times[row]), np.asarray(units[row]), channels), int(labels[row])


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the names of the classes in label order, as the file has them in extra/keys.

    Raises:
        DataError: the file is missing, damaged or another one.
    """
    with opened(path) as file:
        names = _dataset(path, file, "extra/keys")
        check(path, names)
        check_heaps(path)
        return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names[()].tolist())


AGAIN = "Download or copy it again."


def _dataset(path: Path, file: Any, name: str) -> Any:
    if not hasattr(file.get(name), "dtype"):
        raise DataError(f"{path}: no data set {name} in it, as files of SHD and SSC have. {AGAIN}")
    return file[name]


def _train(path: Path, row: int, times: np.ndarray, units: np.ndarray, channels: int) -> Events:
    where = f"{path}: recording {row}"
    if times.dtype.kind != "f" or units.dtype.kind not in "iu" or times.shape != units.shape or times.ndim != 1:
        raise DataError(
            f"{where}: times are {times.dtype} of shape {times.shape}, units {units.dtype} of shape {units.shape}; "
            f"seconds and channels, as many of each, were expected. {AGAIN}"
        )
    seconds = times.astype(np.float64)  # of 16 bits in the files
    if not (np.abs(seconds) < LONGEST).all() or (len(units) and not 0 <= units.min() <= units.max() < channels):
        raise DataError(f"{where}: a time is no number, or a spike is of none of {channels} channels. {AGAIN}")
    return Events.of(units, np.zeros(len(units)), np.rint(seconds * 1e6), np.ones(len(units)), (channels, 1))
