"""Folders with a folder for each class: what is in them, whatever the order in which the system lists it."""

from collections.abc import Collection
from pathlib import Path


def class_folders(folder: Path) -> tuple[str, ...]:
    """Return the names of the folders in a folder, sorted, without those that start with a dot."""
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files below a folder with one of these endings, sorted by path; none if there is no such folder.

    Names that start with a dot are passed over, of folders with all that is in them.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and path.is_file()
        if not any(name.startswith(".") for name in path.relative_to(folder).parts)
    )
