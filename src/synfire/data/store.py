"""Arrays on the disk that are made once and read where they lie, so that they may be larger than memory."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock

from synfire.base import DataError, RunError, read_json, write_json
from synfire.data.cache import make_folder

FORMAT = 1  # changes when what was written before must not be read any more


class Columns:
    """Takes arrays part by part: each name is one array, whose parts have one dtype and differ in the first axis."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        self._folder, self._files = folder, files
        self._open: dict[str, IO[bytes]] = {}
        self._kinds: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        self._rows: dict[str, int] = {}

    def append(self, **parts: np.ndarray) -> None:
        """Add rows to the arrays of these names.

        Raises:
            DataError: a part differs from the first in dtype or in an axis behind the first.
        """
        for name, part in parts.items():
            kind = part.dtype, part.shape[1:]
            if (first := self._kinds.setdefault(name, kind)) != kind:
                raise DataError(
                    f"{name}: {kind[0]} of shape (N, *{kind[1]}) behind {first[0]} of shape (N, *{first[1]}). Give "
                    "parts of one kind."
                )
            if name not in self._open:
                self._open[name] = self._files.enter_context((self._folder / name).open("wb"))
            self._open[name].write(np.ascontiguousarray(part).data)
            self._rows[name] = self._rows.get(name, 0) + len(part)

    def describe(self) -> dict[str, Any]:
        """Return what tells how to read the files."""
        return {name: [kind.str, [self._rows[name], *shape]] for name, (kind, shape) in self._kinds.items()}


def stored(
    folder: Path, about: Any, make: Callable[[Columns], dict[str, Any] | None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return arrays from a folder of the cache, or make them and put them there, whole or not at all.

    A process that is killed leaves nothing that would be read; of two that want the same, one makes it and the other
    waits.

    Args:
        folder: the cache; made if it is missing.
        about: whatever the arrays depend on, as plain data: other data, other arrays. The order of keys is no matter.
        make: called with the columns to fill if they are not there; it may return facts, plain data, to keep with them.

    Returns:
        The arrays by name, mapped from the disk (writing to them changes nothing there), and the facts.

    Raises:
        RunError: the cache cannot be written, or what is there is damaged.
    """
    key = hashlib.sha256(json.dumps([FORMAT, about], sort_keys=True).encode()).hexdigest()[:24]
    place = folder / key
    if not place.is_dir():
        make_folder(folder)
        try:
            with FileLock(folder / f"{key}.lock"):  # goes with the process, however that ends
                if not place.is_dir():
                    _make(place, make)
        except OSError as err:
            raise RunError(
                f"the cache {folder} cannot be written: {err}. Free some space, or set data.cache or SYNFIRE_CACHE to "
                "another folder."
            ) from err
    try:
        told = read_json(place / "about.json")
        return {name: _map(place / name, *kind) for name, kind in told["columns"].items()}, told["facts"]
    except (RunError, AttributeError, KeyError, TypeError, ValueError, OSError) as err:
        raise RunError(f"the cached arrays in {place} are damaged ({err}). Delete that folder and run again.") from err


def _make(place: Path, make: Callable[[Columns], dict[str, Any] | None]) -> None:
    for left in place.parent.glob(f".{place.name}.*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    new = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        with ExitStack() as files:
            columns = Columns(new, files)
            facts = make(columns) or {}
        write_json(new / "about.json", {"columns": columns.describe(), "facts": facts})
        new.chmod(0o755)
        new.rename(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _map(path: Path, dtype: str, shape: list[int]) -> np.ndarray:
    kind = np.dtype(dtype)
    wanted = int(np.prod(shape)) * kind.itemsize
    if path.stat().st_size != wanted:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, but {wanted} were expected")
    return np.memmap(path, kind, "c", shape=tuple(shape)) if wanted else np.empty(shape, kind)
