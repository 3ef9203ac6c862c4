"""HDF5 files from anywhere: opened, and checked before the library may follow what a damaged or malicious one says."""

import importlib
import math
import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from synfire.base import DataError, need
from synfire.data.reading import reading

HEAP = b"GCOL\x01\0\0\0"  # how a global heap begins, see the HDF5 File Format Specification, III.E
PIECE = 1 << 26  # bytes that the file may compress in one piece
UNPACKED = 1 << 28  # bytes of a piece that HDF5 may unpack unseen
INFLATES = 1032  # times that deflate can grow, at most
DEFLATE, CHECKSUM = 1, 3  # numbers of filters


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading."""
    h5py = need("h5py", extra="events", purpose="reading an HDF5 file")
    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        yield file


def check(path: Path, dataset: Any) -> int:
    """Return how many rows a data set really has.

    Raises:
        DataError: it is stored elsewhere, announces more than the file holds, unpacks to more than it announces, or
            needs a filter that is not installed.
    """
    where = f"{path}: {dataset.name}"
    if dataset.external or dataset.is_virtual:
        raise DataError(f"{where} is kept in another file, which is not followed. Copy it into one with h5repack.")
    _check_filters(where, dataset)
    rows = dataset.shape[0] if dataset.shape else 0
    size = math.prod(dataset.shape) * dataset.dtype.itemsize if rows else 0
    if dataset.chunks is None:
        held = dataset.id.get_storage_size()
        place = dataset.id.get_offset()
        held = min(held, path.stat().st_size - place) if place is not None else held
    else:
        piece = math.prod(dataset.chunks) * dataset.dtype.itemsize
        if piece > PIECE:
            raise DataError(f"{where}: pieces of {piece} bytes; at most {PIECE} are read. Use h5repack.")
        held = dataset.id.get_num_chunks() * piece
        _check_pieces(where, dataset, piece)
    if size > held:
        raise DataError(f"{where}: {rows} rows announced, but there is less in the file. Download or copy it again.")
    return rows


def check_heaps(path: Path) -> None:
    """Look through the heaps of a file, which hold what has a length of its own in each row.

    HDF5 never ends reading a heap with a gap of no bytes, as there is where a file was filled up with zeros.

    Raises:
        DataError: there is such a gap.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        at = held.find(HEAP)
        while at >= 0:
            end = min(at + int.from_bytes(held[at + 8 : at + 16], "little"), len(held))
            at += 16
            while at + 16 <= end:  # an object: its number, 0 for a gap, and its size, of a gap with these 16 bytes
                number, size = held[at : at + 2], int.from_bytes(held[at + 8 : at + 16], "little")
                step = size if number == b"\0\0" else 16 + -(-size // 8) * 8
                if not step:
                    raise DataError(f"{path}: a heap of HDF5 is damaged at byte {at}. Download or copy it again.")
                if at + step > end:
                    break
                at += step
            at = held.find(HEAP, at)


def _check_filters(where: str, dataset: Any) -> None:
    h5py = need("h5py", extra="events", purpose="reading an HDF5 file")
    for code, name in _filters(dataset):
        if not h5py.h5z.filter_avail(code):
            with suppress(ImportError):
                importlib.import_module("hdf5plugin")  # registers more filters
        if not h5py.h5z.filter_avail(code):
            raise DataError(
                f"{where} is compressed by {name.decode(errors='replace')} (filter {code} of HDF5), which is not "
                "installed. Blosc, Zstd and others come with: pip install hdf5plugin"
            )


def _check_pieces(where: str, dataset: Any, piece: int) -> None:
    """Raise if gzip unpacks a piece to more than its bytes, since HDF5 itself unpacks whatever there is."""
    codes = [code for code, _ in _filters(dataset)]
    if DEFLATE not in codes:
        return
    filter_number = codes.index(DEFLATE)
    if set(codes[filter_number + 1 :]) - {CHECKSUM}:
        raise DataError(f"{where}: compressed by gzip and then by something else, which is not read. Use h5repack.")
    large: list[Any] = []
    dataset.id.chunk_iter(lambda one: large.append(one) if one.size * INFLATES > UNPACKED else None)
    for one in large:
        if one.filter_mask >> filter_number & 1:  # stored as it is
            continue
        packed = dataset.id.read_direct_chunk(one.chunk_offset)[1] if one.size <= 2 * piece else None
        if packed is None or len(zlib.decompressobj().decompress(packed, piece + 1)) > piece:
            raise DataError(f"{where}: a piece unpacks to more than its {piece} bytes. Download or copy it again.")


def _filters(dataset: Any) -> list[tuple[int, bytes]]:
    """Return number and name of the filters, in the order in which they were applied."""
    plist = dataset.id.get_create_plist()
    return [(found[0], found[-1]) for found in map(plist.get_filter, range(plist.get_nfilters()))]
