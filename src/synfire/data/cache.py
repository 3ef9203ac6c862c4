"""Where what takes long to make is kept, and arrays that fit in memory as files of their own."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synfire.base import DataError, RunError, write_atomic
from synfire.data.archive import read_arrays


def cache_folder() -> Path:
    """Return where what is made of data is kept: $SYNFIRE_CACHE, or synfire in the user's own cache."""
    own = os.environ.get("SYNFIRE_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synfire"


def make_folder(cache: Path) -> None:
    """Make the folder of a cache if it is missing."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise RunError(
            f"the cache {cache} cannot be made: {err.strerror}. Set data.cache, or SYNFIRE_CACHE, to another folder."
        ) from err


def cached(path: Path, keys: Sequence[str], make: Callable[[], Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Return arrays from an .npz file, or make them and write it, whole or not at all.

    Args:
        path: the file, whose name tells all that the arrays depend on.
        keys: names of the arrays.
        make: called if there is no file; returns the arrays in this order.

    Raises:
        DataError: the file is damaged or another one, or its folder cannot be made.
        RunError: the file cannot be written.
    """
    if path.is_file():
        found = read_arrays(path)
        if set(found) != set(keys):
            raise DataError(
                f"{path}: it holds {', '.join(found)}, but {', '.join(keys)} were expected. Delete the file."
            )
        return [found[key] for key in keys]
    made = dict(zip(keys, make(), strict=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise DataError(f"{path.parent}: cannot be made ({err.strerror}). Give another folder as cache.") from err
    save: Any = np.savez_compressed
    write_atomic(path, lambda file: save(file, **made))
    return list(made.values())
