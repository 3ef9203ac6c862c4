"""Arrays in .npz files, read without trusting them. Nothing in them is ever unpickled."""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from synfire.base import DataError
from synfire.data.reading import read_up_to, reading


def names_in(path: Path) -> list[str]:
    """Return the names of the arrays in an .npz file.

    Raises:
        DataError: the file is missing or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file. Give the path of an .npz file.")
    with reading(path, "an .npz file"), zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file by name; errors as of single ones.

    Raises:
        DataError: the file is missing or damaged, or an array holds objects.
    """
    return {key: read_array(path, key) for key in names_in(path)}


def read_array(path: Path, key: str) -> np.ndarray:
    """Read one array without trusting its header: nothing is unpickled, nothing allocated that the file lacks.

    Raises:
        DataError: the file is damaged, or the array holds objects.
    """
    where = f"{path}[{key}]"
    with (
        reading(where, "a NumPy array"),
        zipfile.ZipFile(path) as archive,
        open_array(archive, key, where) as (stream, shape, fortran, dtype),
    ):
        count = math.prod(shape) * dtype.itemsize
        payload = read_up_to(stream, count + 1)
        if len(payload) != count:
            raise DataError(
                f"{where}: the header announces shape {shape} of {dtype}, that is {count} bytes, "
                f"but {len(payload) if len(payload) < count else 'more'} follow. The file is damaged; save it again."
            )
        array = np.frombuffer(payload, dtype=dtype) if count else np.empty(0, dtype)
        return array.reshape(shape, order="F" if fortran else "C")


class Array(NamedTuple):
    """An array of an archive, of which the header is read."""

    stream: IO[bytes]  # of its numbers
    shape: tuple[int, ...]
    fortran: bool  # whether the first axis is the fastest
    dtype: np.dtype


@contextmanager
def open_array(archive: zipfile.ZipFile, key: str, where: str) -> Iterator[Array]:
    """Open an array of an .npz file; `where` names it in messages.

    Raises:
        DataError: it holds objects.
    """
    with archive.open(f"{key}.npy") as stream:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(stream)
        if dtype.hasobject:
            raise DataError(
                f"{where}: an array of Python objects, which only a pickle can hold; none is ever loaded here. "
                "Save plain numbers, for example with array.astype('uint8')."
            )
        yield Array(stream, shape, fortran, dtype)
