"""DVS128 Gesture: hand and arm gestures, cut from long recordings by tables of times (Amir et al. 2017)."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from synfire.base import DataError
from synfire.data.events.events import Events
from synfire.data.events.recording import read_events
from synfire.data.events.sources.recorded import RecordedSource
from synfire.data.reading import find_file, reading

GESTURES = (  # 1 to 11 in the tables
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
COLUMNS = ("class", "startTime_usec", "endTime_usec")


class Trial(NamedTuple):
    """A gesture: its label from 0, and the events with start <= t < stop, in microseconds."""

    label: int
    start: int
    stop: int


class DVSGesture(RecordedSource):
    """DVS128 Gesture: 1,176 + 288 recordings of 11 gestures, 128 x 128 pixels, split by people as published.

    The folder is DvsGesture as published: trials_to_train.txt and trials_to_test.txt list the .aedat files, and beside
    each of these lies a table user.._labels.csv of class, startTime_usec and endTime_usec.

    Args:
        root: the folder.
        partial: accept another number of recordings than was published.
        damaged: "error" raises on a damaged file; "stop" ends its recording before the damage and counts it.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    SENSOR, PUBLISHED = (128, 128), {"train": 1176, "test": 288}

    def class_names(self) -> tuple[str, ...]:
        """Return the names of the gestures, in the order of their numbers."""
        return GESTURES

    def files(self, part: str) -> Sequence[Path]:
        """Return the recordings of a part, each with its table."""
        return [path for pair in self._listed(part) for path in pair]

    def recordings(self, part: str) -> Iterator[tuple[int, Events]]:
        """Yield label and events of each gesture."""
        for path, table in self._listed(part):
            yield from self._cut(path, read_trials(table))

    def _listed(self, part: str) -> list[tuple[Path, Path]]:
        listing = find_file(Path(self.root), [f"trials_to_{part}.txt"], "DVSGesture")
        with reading(listing, "a list of recordings"):
            names = listing.read_text(encoding="utf-8").split()
        found = []
        for name in names:
            path = listing.parent / Path(name).name
            found.append((path, path.with_name(f"{path.stem}_labels.csv")))
        return found

    def _cut(self, path: Path, trials: Sequence[Trial]) -> Iterator[tuple[int, Events]]:
        """Yield the gestures of a recording, which is read once and never held whole."""
        recording = read_events(path, self.sensor, self.damaged)
        parts: list[list[Events]] = [[] for _ in trials]
        for chunk in recording.chunks():
            for trial, kept in zip(trials, parts, strict=True):
                if len(found := chunk.between(trial.start, trial.stop)):
                    kept.append(found)
        self.count(recording)
        for trial, kept in zip(trials, parts, strict=True):
            yield trial.label, Events.join(kept, self.sensor or (1, 1))


def read_trials(path: Path) -> list[Trial]:
    """Read a table of gestures.

    Raises:
        DataError: the file is missing or damaged, a column is missing, or a row is no gesture.
    """
    with reading(path, "a table of gestures"), path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, strict=True)
        if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
            raise DataError(f"{path}: no column {', '.join(missing)} in its first line. Download it again.")
        found = []
        for row in table:
            number, start, stop = (int(row[name]) for name in COLUMNS)
            if not 1 <= number <= len(GESTURES) or start > stop:
                raise DataError(
                    f"{path}: line {table.line_num}: gesture {number} from {start} to {stop}, but 1 to {len(GESTURES)} "
                    "and rising times were expected. Download it again."
                )
            found.append(Trial(number - 1, start, stop))
    return found
