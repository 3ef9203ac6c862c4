"""The lines that Prophesee's files begin with."""

import re
from pathlib import Path

from synfire.data.events.events import LARGEST

LONGEST = 1 << 16  # bytes of a header; real ones have a few hundred
LINE = re.compile(rb"%[^\n\x00-\x08\x0b\x0c\x0e-\x1f]*\n")


def header(data: bytes) -> tuple[dict[str, str], int]:
    """Read the lines of the form "% key value" at the beginning; they end before what is no text, or with "% end".

    Returns:
        The values by their keys in small letters, and the place of the first byte behind.
    """
    fields, at = {}, 0
    while "end" not in fields and (line := LINE.match(data, at)):
        key, _, value = line[0][1:].decode("latin-1").strip().partition(" ")
        fields[key.lower()] = value.strip()
        at = line.end()
    return fields, at


def read_header(path: Path) -> tuple[dict[str, str], int]:
    """Read the header of a file, see `header`."""
    with path.open("rb") as file:
        return header(file.read(LONGEST))


def sensor_size(fields: dict[str, str]) -> tuple[int, int] | None:
    """Return width and height as a header tells them in one of three ways, or None."""
    told = dict(re.findall(r"(width|height)=(\d+)", fields.get("format", "")))
    if "geometry" in fields:
        told["width"], _, told["height"] = fields["geometry"].partition("x")
    sizes = [told.get(key, fields.get(key, "")) for key in ("width", "height")]
    if not all(size.isascii() and size.isdigit() and len(size) < 6 and 0 < int(size) <= LARGEST for size in sizes):
        return None
    return int(sizes[0]), int(sizes[1])
