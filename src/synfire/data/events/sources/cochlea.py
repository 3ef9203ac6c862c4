"""SHD and SSC: spoken words as spikes of 700 channels of an artificial cochlea (Cramer et al., arXiv:1910.07407)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from synfire.data.events.events import Events
from synfire.data.events.formats.spike_trains import CHANNELS, read_class_names, read_spike_trains
from synfire.data.events.sources.recorded import RecordedSource
from synfire.data.events.split import EventSplit
from synfire.data.reading import find_file


class SHD(RecordedSource):
    """Spiking Heidelberg Digits: 8,156 + 2,264 spoken digits, English and German, 20 classes, 700 x 1 channels.

    The folder holds shd_train.h5 and shd_test.h5, unpacked. Two speakers are in the test split alone.

    Args:
        root: the folder.
        partial: accept another number of recordings than was published.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    SENSOR = (CHANNELS, 1)
    PUBLISHED: ClassVar[dict[str, int]] = {"train": 8156, "test": 2264}
    FILES: ClassVar[str] = "shd"

    def __init__(self, root: str, partial: bool = False, cache: str | None = None) -> None:
        super().__init__(root, partial, "error", cache)

    def class_names(self) -> tuple[str, ...]:
        """Return the words, as the training file has them."""
        return read_class_names(self._file("train"))

    def files(self, part: str) -> Sequence[Path]:
        """Return the one file of a part."""
        return [self._file(part)]

    def recordings(self, part: str) -> Iterator[tuple[int, Events]]:
        """Yield label and events of each word."""
        for events, label in read_spike_trains(self._file(part)):
            yield label, events

    def _file(self, part: str) -> Path:
        return find_file(Path(self.root), [f"{self.FILES}_{part}.h5"], type(self).__name__)


class SSC(SHD):
    """Spiking Speech Commands: 75,466 + 9,981 + 20,382 spoken words, 35 classes, 700 x 1 channels.

    The folder holds ssc_train.h5, ssc_valid.h5 and ssc_test.h5, unpacked.

    Args:
        root: the folder.
        partial: accept another number of recordings than was published.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    PUBLISHED: ClassVar[dict[str, int]] = {"train": 75_466, "valid": 9981, "test": 20_382}
    FILES = "ssc"

    def read_validation(self) -> EventSplit:
        """Return the validation split that was published."""
        return self.part("valid")
