"""Data sets with a file for each recording, in a folder for each class."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from synfire.base import ConfigError, DataError
from synfire.data.class_folders import class_folders, files_below
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.sources.recorded import Damaged, RecordedSource
from synfire.data.events.split import EventSplit
from synfire.data.split import stratified_split

SUFFIXES = frozenset(
    {".aedat", ".aedat4", ".bin", ".bs1", ".csv", ".dat", ".es", ".h5", ".hdf5", ".mat", ".npz", ".raw", ".txt"}
)
TEST_NAMES = ("test", "val")  # the first that exists is the test split


class FolderSource(RecordedSource):
    """Base of the sources with a folder for each class; a subclass says where those are."""

    @abstractmethod
    def folder(self, part: str) -> Path:
        """Return the folder that holds the folders of the classes."""

    def class_names(self) -> tuple[str, ...]:
        """Return the names of the folders, sorted."""
        return _classes(self.folder("train"))

    def files(self, part: str) -> Sequence[Path]:
        """Return the recordings of a part."""
        return [path for _, path in self._listed(part)]

    def recordings(self, part: str) -> Iterator[tuple[int, Events]]:
        """Yield label and events of each file."""
        for label, path in self._listed(part):
            yield label, self.read_file(path)

    def _listed(self, part: str) -> list[tuple[int, Path]]:
        folder, classes = self.folder(part), self.class_names()
        unknown = sorted(set(_classes(folder)) - set(classes))
        if unknown:
            raise DataError(f"{folder}: {unknown[0]} is none of the classes {', '.join(classes)}. Remove it.")
        listed = [(label, path) for label, name in enumerate(classes) for path in files_below(folder / name, SUFFIXES)]
        lacking = set(range(len(classes))) - {label for label, _ in listed}
        if lacking and part != "test" and not self.partial:
            raise DataError(
                f"{folder / classes[min(lacking)]}: no recording in it ({', '.join(sorted(SUFFIXES))}). Add some, or "
                "remove it."
            )
        return listed


class SplitHere(FolderSource):
    """Base of the sources that were published without a test split: a share of every class is set aside for it.

    Which recordings are, depends on their events and the seed, not on the names or the order of files.

    Args:
        root: the folder of the data set.
        test_fraction: share of each class in the test split, above 0 and below 1.
        seed: which are set aside, a whole number >= 0.
        partial: accept another number of recordings than was published.
        damaged: "error" raises on a damaged file; "stop" ends its recording before the damage and counts it.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    def __init__(
        self,
        root: str,
        test_fraction: float = 0.1,
        seed: int = 0,
        partial: bool = False,
        damaged: Damaged = "error",
        cache: str | None = None,
    ) -> None:
        super().__init__(root, partial, damaged, cache)
        self.test_fraction, self.seed = test_fraction, seed

    def read(self) -> tuple[EventSplit, EventSplit]:
        """Return (train, test)."""
        return stratified_split(self.part("all"), self.test_fraction, self.seed)


class NCaltech101(SplitHere):
    """N-Caltech101: 8,709 recordings of 100 kinds of objects and of backgrounds (Orchard et al. 2015).

    There is no official test split. The folder is Caltech101, or the one that holds it, with a folder of .bin files for
    each class. Recordings are of different sizes, within 240 x 180 pixels.
    """

    SENSOR, PUBLISHED = (240, 180), {"all": 8709}

    def folder(self, part: str) -> Path:
        """Return Caltech101, if it is there, or the folder itself."""
        return first_folder(Path(self.root), ("Caltech101", "."))


class CIFAR10DVS(SplitHere):
    """CIFAR10-DVS: 10,000 recordings of moving images, 1,000 for each of 10 classes, 128 x 128 (Li et al. 2017).

    There is no official test split. The folder holds airplane, automobile, ... with .aedat files in them.
    """

    SENSOR, PUBLISHED = (128, 128), {"all": 10_000}

    def class_names(self) -> tuple[str, ...]:
        """Return those of CIFAR-10, in its order."""
        return ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def folder(self, part: str) -> Path:
        """Return the folder itself."""
        return first_folder(Path(self.root), (".",))


class NCARS(FolderSource):
    """N-CARS: 15,422 + 8,607 recordings of 100 ms, of cars and of none, within 120 x 100 pixels (Sironi et al. 2018).

    The folder holds n-cars_train and n-cars_test (or train and test), each with cars and background, as published.
    """

    SENSOR, PUBLISHED = (120, 100), {"train": 15_422, "test": 8607}

    def class_names(self) -> tuple[str, ...]:
        """Return background and cars."""
        return "background", "cars"

    def folder(self, part: str) -> Path:
        """Return the folder of a part."""
        return first_folder(Path(self.root), (f"n-cars_{part}", part))


class EventFolder(FolderSource):
    """Recordings of your own, of any format that is read, in one folder for each class.

    Either root/train/<class>/... and root/test/<class>/... (or root/val/... if there is no root/test), or one tree
    root/<class>/..., of which a share of each class is set aside for testing, by the events and the seed alone. Classes
    are numbered by sorted folder name. Files with other endings than those of recordings are passed over, and so are
    names that start with a dot.

    Args:
        root: the folder.
        sensor_size: width and height, events outside are left out; by default the largest of the recordings.
        test_fraction: share of each class in the test split of a single tree, above 0 and below 1.
        seed: which recordings of a single tree are set aside, a whole number >= 0.
        damaged: "error" raises on a damaged file; "stop" ends its recording before the damage and counts it.
        cache: where events are kept; by default $SYNFIRE_CACHE, or synfire in the user's own cache.
    """

    def __init__(
        self,
        root: str,
        sensor_size: tuple[int, int] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
        damaged: Damaged = "error",
        cache: str | None = None,
    ) -> None:
        super().__init__(root, False, damaged, cache)
        if sensor_size is not None and not all(0 < size <= LARGEST for size in sensor_size):
            raise ConfigError(f"EventFolder: sensor_size is {sensor_size}; give width and height, each 1 to {LARGEST}.")
        self.sensor = sensor_size and (sensor_size[0], sensor_size[1])
        self.test_fraction, self.seed = test_fraction, seed

    def read(self) -> tuple[EventSplit, EventSplit]:
        """Return (train, test)."""
        if (Path(self.root) / "train").is_dir():
            return super().read()
        return stratified_split(self.part("all"), self.test_fraction, self.seed)

    def folder(self, part: str) -> Path:
        """Return the folder of a part, or of all of them."""
        root = Path(self.root)
        if not (root / "train").is_dir():
            return first_folder(root, (".",))
        return first_folder(root, TEST_NAMES if part == "test" else (part,))


def first_folder(root: Path, names: Sequence[str]) -> Path:
    """Return the first of the names that is a folder in the root.

    Raises:
        DataError: none is.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    inside = "" if names == (".",) else f", or it holds none of the folders {', '.join(names)}"
    raise DataError(f"{root}: the folder does not exist{inside}. Give the folder of the data set.")


def _classes(folder: Path) -> tuple[str, ...]:
    """Return the names of the folders in a folder, sorted."""
    if not (names := class_folders(folder)):
        raise DataError(f"{folder}: no folder in it. Expected one folder of recordings for each class.")
    return names
