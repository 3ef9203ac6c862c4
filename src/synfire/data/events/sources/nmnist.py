"""N-MNIST: MNIST before a moving camera (Orchard et al. 2015, CC BY-SA 4.0)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from synfire.base import DataError
from synfire.data.archive import read_arrays
from synfire.data.events.events import Events
from synfire.data.events.formats.atis import AtisPart
from synfire.data.events.recording import Recording
from synfire.data.events.sources.folders import FolderSource, first_folder


class NMNIST(FolderSource):
    """N-MNIST: 60,000 + 10,000 recordings of three saccades, 300 ms, 34 x 34 pixels.

    The folder holds Train and Test with folders 0 to 9 of .bin files, as published; or instead one .npz file with a
    selection of them, which may have any size. It has the bytes of all .bin files one behind the other, train_bytes
    (uint8), where each begins and the last ends, train_off (N + 1 whole numbers), and train_label (N digits), and the
    same for test.

    Args:
        root: the folder, or the .npz file.
        partial: accept another number of recordings than was published.
        damaged: "error" raises on a damaged file; "stop" ends its recording before the damage and counts it.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    SENSOR, PUBLISHED = (34, 34), {"train": 60_000, "test": 10_000}

    def class_names(self) -> tuple[str, ...]:
        """Return the digits."""
        return tuple("0123456789")

    def folder(self, part: str) -> Path:
        """Return Train or Test."""
        return first_folder(Path(self.root), (part.capitalize(), part))

    def files(self, part: str) -> Sequence[Path]:
        """Return the files of a part, or the selection."""
        selection = self._selection()
        return [selection] if selection is not None else super().files(part)

    def published(self, part: str) -> int | None:
        """Return how many recordings a part must have; a selection may have any number."""
        return None if self._selection() is not None else super().published(part)

    def recordings(self, part: str) -> Iterator[tuple[int, Events]]:
        """Yield label and events of each recording."""
        selection = self._selection()
        yield from super().recordings(part) if selection is None else self._selected(selection, part)

    def _selection(self) -> Path | None:
        """Return the .npz file, if that is the form of the data set."""
        root = Path(self.root)
        if root.is_file():
            return root
        found = sorted(root.glob("*.npz"))
        return found[0] if len(found) == 1 and not (root / "Train").is_dir() else None

    def _selected(self, path: Path, part: str) -> Iterator[tuple[int, Events]]:
        data, offsets, labels = _arrays(path, part)
        for start, stop, label in zip(offsets[:-1], offsets[1:], labels, strict=True):
            recording = Recording(AtisPart(path, data[start:stop].tobytes()), self.sensor, self.damaged)
            events = recording.events
            self.count(recording)
            yield int(label), events


def _arrays(path: Path, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bytes, uint8, offsets, int64, (N + 1,), and labels, (N,), of a part of a selection."""
    arrays, names = read_arrays(path), [f"{part}_{name}" for name in ("bytes", "off", "label")]
    if missing := [name for name in names if name not in arrays]:
        raise DataError(f"{path}: no array {', '.join(missing)} in it, but {', '.join(names)} were expected.")
    data, offsets, labels = (arrays[name] for name in names)
    if (
        data.dtype != np.uint8
        or any(array.ndim != 1 for array in (data, offsets, labels))
        or any(array.dtype.kind not in "iu" for array in (offsets, labels))
        or len(offsets) != len(labels) + 1
        or (np.diff(offsets.astype(np.int64)) < 0).any()
        or offsets[0] != 0
        or offsets[-1] != len(data)
    ):
        raise DataError(
            f"{path}: {names[1]} must be {len(labels) + 1} offsets that rise from 0 to the {len(data)} bytes of "
            f"{names[0]}, one more than labels. Download or copy it again."
        )
    return data, offsets.astype(np.int64), labels
