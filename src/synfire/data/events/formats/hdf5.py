"""Events in HDF5 files, in the layouts in use: DSEC, MVSEC, E2VID, v2e and others with a data set for each column."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synfire.base import DataError, need
from synfire.data.events.events import LARGEST
from synfire.data.events.format import CHUNK, Block, Format
from synfire.data.events.formats.columns import Converter, find_columns, find_order
from synfire.data.events.formats.hdf5_file import check, opened

DEPTH, MOST = 4, 1000  # groups within groups, and objects, that are looked at
AT_ONCE = 1 << 23  # bytes of all columns


class Hdf5Events(Format):
    """The first data sets x, y, t and p, under any of the usual names, or the first one `events` that has them all.

    Times are microseconds if they are whole, else seconds; `t_offset` beside the group of the columns is added to them.
    The order of columns without names is told by their content. Nothing outside the file is followed.
    """

    NAME = "HDF5"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with opened(path) as file:
            self._names, others = self._find(file)
            self._others = {name: len(file[name]) for name in others}
            self.sensor_size = _size(file)

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether it is an HDF5 file, also one behind a header of its user's."""
        return any(head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (0, 512, 1024, 2048))

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        self.skipped.update({f"events of {name}": count for name, count in self._others.items()})
        with opened(self.path) as file:
            columns = {column: file[name] for column, name in self._names.items()}
            rows = [check(self.path, dataset) for dataset in columns.values()]
            if any(dataset.dtype.hasobject for dataset in columns.values()):
                raise DataError(f"{self.path}: columns hold texts or lists, but numbers were expected. Convert them.")
            if len(set(rows)) > 1:
                raise self.damaged(f"the lengths of the columns differ: {rows}")
            converter, order = Converter(str(self.path), _offset(self.path, next(iter(columns.values())))), ""
            together = rows_together([*columns.values()])
            for start in range(0, rows[0], together):
                read = {column: dataset[start : start + together] for column, dataset in columns.items()}
                if "" in read and read[""].dtype.names is None:
                    order = order or find_order([*read[""].T], str(self.path))
                    read = dict(zip(order, read[""].T, strict=True))
                elif "" in read:
                    names = find_columns(read[""].dtype.names) or {}
                    read = {column: read[""][name] for column, name in names.items()}
                yield converter.block(**{column: values.ravel() for column, values in read.items()})

    def _find(self, file: Any) -> tuple[dict[str, str], list[str]]:
        """Return the data sets of the columns by column ("" if one has them all), and others that hold events, too."""
        found: list[dict[str, str]] = []
        for group in _groups(file):
            names = {name: member for name, member in group.items() if getattr(member, "shape", None)}
            if columns := find_columns(name for name, member in names.items() if member.shape[1:] in ((), (1,))):
                found.append({column: names[name].name for column, name in columns.items()})
            found += [{"": dataset.name} for dataset in names.values() if _holds_all(dataset)]
        if not found and "spikes" in file and "labels" in file:
            raise DataError(
                f"{self.path}: it holds many recordings, as those of SHD and SSC do. Read it with "
                "synfire.data.events.read_spike_trains, or the data set with synfire.data.events.SHD or SSC."
            )
        if not found:
            raise DataError(
                f"{self.path}: no data sets x, y, t and p side by side, and no array of events with four columns. "
                "Check that it is the right file."
            )
        return found[0], [next(iter(names.values())) for names in found[1:]]


def rows_together(datasets: Sequence[Any]) -> int:
    """Return how many rows to read at once: some megabytes, and whole pieces, since HDF5 unpacks them whole."""
    size = max(1, sum(dataset.dtype.itemsize * math.prod(dataset.shape[1:]) for dataset in datasets))
    piece = max(dataset.chunks[0] if dataset.chunks else 1 for dataset in datasets)
    return min(CHUNK, -(-max(1, AT_ONCE // size) // piece) * piece)


def _groups(file: Any) -> Iterator[dict[str, Any]]:
    """Yield the members of each group of a file, the outer groups first."""
    waiting, left = [(file, 0)], MOST  # a group may hold itself, so it is objects that are counted
    while waiting and left > 0:
        group, depth = waiting.pop(0)
        members = {name: group[name] for name in sorted(group)[:left] if _is_inside(group, name)}
        left -= len(members)
        yield members
        if depth < DEPTH:
            waiting += [(member, depth + 1) for member in members.values() if hasattr(member, "keys")]


def _is_inside(group: Any, name: str) -> bool:
    """Whether a group has this member, and not a link, which may lead out of the file."""
    h5py = need("h5py", extra="events", purpose="reading an HDF5 file")
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _holds_all(dataset: Any) -> bool:
    """Whether a data set has fields for all columns, or four columns and the name of events."""
    if dataset.dtype.names is not None:
        return dataset.ndim == 1 and find_columns(dataset.dtype.names) is not None
    return dataset.ndim == 2 and dataset.shape[1] == 4 and dataset.name.rsplit("/")[-1] == "events"


def _offset(path: Path, columns: Any) -> int:
    """Return the microseconds that DSEC wants added to all times, told beside a data set or its group."""
    for group in (columns.parent, columns.parent.parent):
        offset = group["t_offset"] if _is_inside(group, "t_offset") else None
        if offset is not None and offset.size == 1 and offset.dtype.kind in "iu":
            check(path, offset)
            return int(offset[()].item())
    return 0


def _size(file: Any) -> tuple[int, int] | None:
    """Return width and height, if they are told as E2VID does: height and width."""
    name = "sensor_resolution"
    if name not in file.attrs or file.attrs.get_id(name).dtype.kind not in "iuf":
        return None
    size = np.ravel(file.attrs[name])
    return (int(size[1]), int(size[0])) if size.shape == (2,) and all(0 < side <= LARGEST for side in size) else None
