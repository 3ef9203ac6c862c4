"""Data sets of recordings: decoded once, kept on the disk, and read from there."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from synfire.base import DataError
from synfire.data.cache import cache_folder
from synfire.data.events.events import Events
from synfire.data.events.recording import Recording, read_events
from synfire.data.events.split import EventSource, EventSplit, digest, pack
from synfire.data.reading import reading
from synfire.data.store import Columns, stored
from synfire.ops.events import EventBatch

DECODING = 1  # changes when the same files give other events

Damaged = Literal["error", "stop"]


class RecordedSource(EventSource):
    """Base of the sources of recordings. A subclass says which files there are, and yields what is in them.

    The first `load` decodes the files and writes the events to the cache; later ones, also of other processes, map them
    from there, so that they need not fit in memory. Files that changed are decoded anew. Each recording is put in the
    order of time and begins at 0 microseconds. Recordings without an event are left out.

    Args:
        root: the folder of the data set.
        partial: accept another number of recordings than was published.
        damaged: "error" raises on a damaged file; "stop" ends its recording before the damage and counts it.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.

    Raises:
        DataError: a file is missing or damaged, or the number of recordings is another than published.
    """

    SENSOR: ClassVar[tuple[int, int] | None] = None  # width and height; None takes the largest of the recordings
    PUBLISHED: ClassVar[dict[str, int]] = {}  # how many recordings a part has

    def __init__(self, root: str, partial: bool = False, damaged: Damaged = "error", cache: str | None = None) -> None:
        self.root, self.partial, self.cache = root, partial, cache
        self.damaged: Damaged = damaged
        self.sensor: tuple[int, int] | None = self.SENSOR
        self._left_out: dict[str, Counter[str]] = {}  # of each part that was read
        self._discarded: Counter[str] = Counter()

    @property
    def left_out(self) -> Counter[str]:
        """How many recordings without an event, and how many events, of the parts read were left out, by reason."""
        return sum(self._left_out.values(), Counter())

    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """Return the names of the classes, in label order."""

    @abstractmethod
    def files(self, part: str) -> Sequence[Path]:
        """Return all files that the events of a part, such as "train", depend on."""

    @abstractmethod
    def recordings(self, part: str) -> Iterator[tuple[int, Events]]:
        """Yield label and events of each recording of a part."""

    def options(self) -> dict[str, Any]:
        """Return what else the events depend on, as plain data; a subclass adds options of its own that change them."""
        return {"damaged": self.damaged, "sensor": self.sensor}

    def published(self, part: str) -> int | None:
        """Return how many recordings a part must have; None if that is not known."""
        return self.PUBLISHED.get(part)

    def read(self) -> tuple[EventSplit, EventSplit]:
        """Return (train, test)."""
        train, test = self.part("train"), self.part("test")
        sizes = train.events.sensor_size, test.events.sensor_size
        largest = max(sizes[0][0], sizes[1][0]), max(sizes[0][1], sizes[1][1])
        return train.on_sensor(largest), test.on_sensor(largest)

    def part(self, part: str) -> EventSplit:
        """Return all recordings of a part, from the cache if they are there."""
        classes, files = self.class_names(), self.files(part)
        about = {
            "events of": f"{type(self).__module__}.{type(self).__qualname__}",
            "decoding": DECODING,
            "part": part,
            "classes": classes,
            **self.options(),
            "root": str(Path(self.root).resolve()),
            "files": [self._fingerprint(path) for path in files],
        }
        folder = Path(self.cache) if self.cache is not None else cache_folder()
        arrays, facts = stored(folder, about, lambda columns: self._decode(part, columns))
        published = self.published(part)
        if published is not None and facts["recordings"] != published and not self.partial:
            raise DataError(
                f"{self.root}: {facts['recordings']} recordings of {part}, but {published} were published. Copy the "
                "rest, or set partial to true."
            )
        self._left_out[part] = Counter(facts["left out"])
        return _split(arrays, tuple(facts["sensor"]), classes, f"{self.root} ({part})")

    def read_file(self, path: Path) -> Events:
        """Return the events of a file, and count those that are left out."""
        recording = read_events(path, self.sensor, self.damaged)
        events = recording.events
        self.count(recording)
        return events

    def count(self, recording: Recording) -> None:
        """Count the events of a recording, read through, that are left out."""
        self._discarded.update(recording.discarded)

    def _decode(self, part: str, columns: Columns) -> dict[str, Any]:
        """Write the events of a part to the cache; return what else is to be kept."""
        self._discarded.clear()
        sensor = self.sensor or (1, 1)
        found = empty = 0
        for label, events in self.recordings(part):
            found += 1
            if not len(events):
                empty += 1
                continue
            sensor = max(sensor[0], events.sensor_size[0]), max(sensor[1], events.sensor_size[1])
            packed = pack([events], events.sensor_size)
            columns.append(
                **{name: getattr(packed, name).numpy() for name in "xytp"},
                counts=packed.counts.numpy(),
                labels=np.array([label]),
                digests=digest(packed).numpy(),
            )
        if found == empty:
            raise DataError(f"{self.root}: no recording of {part} with an event in it. Check that it is the right one.")
        left_out = Counter({"recordings without an event": empty}) + self._discarded
        return {"sensor": sensor, "recordings": found, "left out": left_out}

    def _fingerprint(self, path: Path) -> list[Any]:
        with reading(path, "a recording of events"):
            told = path.stat()
        return [str(path).removeprefix(str(Path(self.root))), told.st_size, told.st_mtime_ns]


def _split(arrays: dict[str, np.ndarray], sensor: tuple[int, int], classes: tuple[str, ...], origin: str) -> EventSplit:
    columns = {name: torch.from_numpy(array) for name, array in arrays.items()}
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), columns["counts"].cumsum(0)])
    events = EventBatch(columns["x"], columns["y"], columns["t"], columns["p"], offsets, sensor)
    return EventSplit(torch.arange(len(events)), columns["labels"], classes, events, columns["digests"], origin)
