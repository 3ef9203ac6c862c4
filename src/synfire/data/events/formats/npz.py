"""Events as NumPy arrays in .npz files. Nothing in them is ever unpickled."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from synfire.base import DataError
from synfire.data.archive import Array, open_array
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.format import CHUNK, Block, Format
from synfire.data.events.formats.columns import Converter, find_columns, find_order
from synfire.data.reading import read_up_to

SIZE = "sensor_size"  # an array of width and height, if it is there
WIDEST = 256  # bytes of a row, with fields that are no events


class NpzEvents(Format):
    """Four arrays, or one with four fields or columns, under any of the usual names (`columns.NAMES`).

    Times are microseconds if they are whole, else seconds. The order of columns without names is told by their content.
    """

    NAME, WRITES = "NumPy .npz", ".npz"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with zipfile.ZipFile(path) as archive, ExitStack() as stack:
            held = [name.removesuffix(".npy") for name in archive.namelist()]
            self._keys = find_columns(held) or {}
            if not self._keys and len(rest := [name for name in held if name != SIZE]) == 1:
                self._keys = {"": rest[0]}
            if not self._keys:
                names = ", ".join(held)[:200] or "nothing"
                raise DataError(f"{path}: it holds {names}, but x, y, t and p were expected. Rename the arrays.")
            arrays = [self._open(archive, key, stack) for key in self._keys.values()]
            self._rows, *others = (array.shape[0] if array.shape else 0 for array in arrays)
            if any(rows != self._rows for rows in others):
                raise self.damaged(f"the lengths of the columns differ: {[self._rows, *others]}")
            if SIZE in held:
                self.sensor_size = self._read_size(self._open(archive, SIZE, stack))

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether it is a zip archive whose first file is an array."""
        length = int.from_bytes(head[26:28], "little")
        return head[:4] == b"PK\x03\x04" and head[30 : 30 + length].endswith(b".npy")

    def blocks(self) -> Iterator[Block]:
        """Yield the events."""
        converter = Converter(str(self.path))
        with zipfile.ZipFile(self.path) as archive, ExitStack() as stack:
            arrays = {column: self._open(archive, key, stack) for column, key in self._keys.items()}
            for start in range(0, self._rows, CHUNK):
                count = min(CHUNK, self._rows - start)
                read = {column: self._read(array, count) for column, array in arrays.items()}
                yield converter.block(**(read if len(read) == 4 else self._apart(read[""], start == 0)))
            for array in arrays.values():
                if array.stream.read(1):  # and finding the end compares the checksum
                    raise self.damaged("an array is longer than it says")

    @classmethod
    def write(cls, events: Events, file: IO[bytes]) -> None:
        """Write the columns as they are, not compressed, with the size of the sensor."""
        save: Any = np.savez
        save(file, **{name: getattr(events, name) for name in "xytp"}, **{SIZE: np.array(events.sensor_size)})

    def _open(self, archive: zipfile.ZipFile, key: str, stack: ExitStack) -> Array:
        array = stack.enter_context(open_array(archive, key, f"{self.path}[{key}]"))
        fields = [array.dtype] if array.dtype.names is None else [array.dtype[name] for name in array.dtype.names]
        if any(field.kind not in "biuf" for field in fields) or array.dtype.itemsize > WIDEST:
            raise DataError(
                f"{self.path}: {key} is of {str(array.dtype)[:200]}, but numbers were expected, of at most {WIDEST} "
                "bytes in a row. Convert them."
            )
        columns = array.shape[1:]
        if columns and not (columns == (1,) or (columns == (4,) and len(self._keys) == 1)):
            raise DataError(f"{self.path}: {key} has shape {array.shape}, but (N,) or (N, 4) was expected. Reshape it.")
        if columns == (4,) and array.fortran:
            raise DataError(f"{self.path}: {key} is stored column by column. Save numpy.ascontiguousarray of it.")
        return array

    def _read(self, array: Array, count: int) -> np.ndarray:
        """Read the next rows."""
        width = 4 if array.shape[1:] == (4,) else 1
        data = read_up_to(array.stream, count * width * array.dtype.itemsize)
        if len(data) < count * width * array.dtype.itemsize:
            raise self.damaged(f"an array ends before the {self._rows} rows that it announces")
        read = np.frombuffer(data, array.dtype)
        return read.reshape(-1, 4) if width == 4 else read

    def _apart(self, array: np.ndarray, first: bool) -> dict[str, np.ndarray]:
        """Return the columns of an array that holds them all."""
        if array.dtype.names is not None:
            names = find_columns(array.dtype.names)
            if names is None:
                held = ", ".join(array.dtype.names)[:200]
                raise DataError(f"{self.path}: its array has the fields {held}, but not x, y, t and p. Rename them.")
            return {column: array[name] for column, name in names.items()}
        if array.ndim != 2:
            raise DataError(f"{self.path}: its one array has neither fields nor four columns. Save x, y, t and p.")
        if first:
            self._order = find_order([*array.T], str(self.path))
        return dict(zip(self._order, array.T, strict=True))

    def _read_size(self, array: Array) -> tuple[int, int] | None:
        """Return width and height, if they are such."""
        if array.shape != (2,) or array.dtype.kind not in "iu":
            return None
        width, height = np.frombuffer(read_up_to(array.stream, 2 * array.dtype.itemsize), array.dtype).tolist()
        return (width, height) if 0 < width <= LARGEST and 0 < height <= LARGEST else None
