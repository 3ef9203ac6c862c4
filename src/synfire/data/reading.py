"""Reading files that may be missing, cut short or damaged: every failure is one DataError that names the file."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from synfire.base import DataError, SynfireError

PIECE = 1 << 20  # bytes; reading in pieces lets memory follow what a file holds, not what its header claims


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


@contextmanager
def reading(name: Path | str, kind: str) -> Iterator[None]:
    """Turn whatever a parser raises inside the block into a DataError.

    Args:
        name: the file, for the message.
        kind: what it should have been, such as "an IDX file".
    """
    try:
        yield
    except SynfireError:
        raise
    except Exception as err:  # on damaged bytes parsers raise a dozen types, from zlib.error to SyntaxError
        if isinstance(err, OSError) and err.errno is not None:
            raise DataError(f"{name}: cannot be opened: {err.strerror}. Check its name and permissions.") from err
        raise DataError(
            f"{name}: cannot be read as {kind} ({type(err).__name__}: {err}). "
            "It is damaged, cut short or something else; download or copy it again."
        ) from err


def read_up_to(stream: Readable, count: int) -> bytearray:
    """Read at most `count` bytes, piece by piece, so that a false count allocates nothing."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(PIECE, count - len(data)))
        if not piece:
            break
        data += piece
    return data


@contextmanager
def open_maybe_gzip(path: Path) -> Iterator[Readable]:
    """Open a file for reading, unpacking it if its first bytes are those of gzip, whatever its name is."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream


def find_file(root: Path, names: Sequence[str], what: str) -> Path:
    """Return the first of the names that is a file in the folder.

    Raises:
        DataError: the folder is missing, or holds none of the names; both are listed.
    """
    if not root.is_dir():
        raise DataError(f"{what}: the folder {root} does not exist. Create it and put {names[0]} there.")
    for name in names:
        if (root / name).is_file():
            return root / name
    raise DataError(f"{what}: none of {', '.join(names)} is in the folder {root}. Put one of them there.")
