"""Plain records on disk: JSON with a schema version, written whole or not at all."""

import errno
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from synfire.base.errors import RunError

SCHEMA_VERSION = 1


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Args:
        path: where the file shall stand; its folder must exist.
        write: called with an open binary file in the same folder.

    Raises:
        RunError: the disk is full or the folder cannot be written; the old file, if any, is untouched.
    """
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # temporary files are private; a result is not
        os.replace(temporary, path)
        temporary = None
    except OSError as err:
        raise RunError(
            f"cannot write {path}: {err.strerror or err}. "
            "Free some space or choose another folder; nothing was changed there."
        ) from err
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_json(path: Path, record: Mapping[str, Any], indent: int | None = 2) -> None:
    """Write a record with its schema version, whole or not at all. Numbers that are not finite become strings.

    Args:
        path: where to.
        record: plain data.
        indent: blanks per level, or None for a single line, which suits long lists of numbers.
    """
    text = json.dumps({"schema": SCHEMA_VERSION, **_plain(record)}, indent=indent, allow_nan=False) + "\n"
    write_atomic(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict[str, Any]:
    """Read a record that `write_json` wrote.

    Raises:
        RunError: the file is missing, is not JSON, or its schema is no number or that of a newer synfire.
    """
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError as err:
        raise RunError(f"{path} does not exist; check the name of the run folder.") from err
    except (ValueError, OSError, RecursionError) as err:
        raise RunError(f"{path} cannot be read as JSON ({err}); restore it from a copy or run again.") from err
    if not isinstance(record, dict):
        raise RunError(f"{path} holds a {type(record).__name__}, but a record (an object) was expected.")
    record = cast(dict[str, Any], record)
    schema = record.get("schema", 0)
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise RunError(
            f"{path} has a schema that is a {type(schema).__name__}, but a whole number was expected; restore it from "
            "a copy or run again."
        )
    if schema > SCHEMA_VERSION:
        raise RunError(f"{path} has schema {schema}, but this synfire reads up to {SCHEMA_VERSION}; upgrade synfire.")
    return record


def append_json_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record as a line in a single write, so that a kill leaves whole lines.

    Raises:
        RunError: the line cannot be written; what was written of it is taken back.
    """
    line = (json.dumps(_plain(record), allow_nan=False) + "\n").encode()
    try:
        with path.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            written = file.write(line)
            if written == len(line):
                return
            file.truncate(size)  # a disk that fills up takes the front of a line without an error
        cause = OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes were taken, so the disk may be full")
    except OSError as err:
        cause = err
    raise RunError(
        f"cannot append to {path}: {cause.strerror or cause}. Free some space and resume the run."
    ) from cause


def _plain(value: Any) -> Any:
    """Turn numbers that JSON lacks (NaN, infinities) into strings, so that every reader can parse the file."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in cast(list[Any], value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
