"""CIFAR-10 and CIFAR-100 in the original binary files, unpacked or inside the archive."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import torch

from synfire.base import ConfigError, DataError
from synfire.data.reading import PIECE, read_up_to, reading
from synfire.data.split import ImageSource, ImageSplit, check_labels

PIXELS = 3 * 32 * 32  # bytes of one image: the red plane, then green, then blue, each row by row

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_FINE = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
CIFAR100_CLASSES = tuple(_FINE.split())

_COARSE = """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
    household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees
    vehicles_1 vehicles_2
"""
CIFAR100_SUPERCLASSES = tuple(_COARSE.split())


@dataclass(frozen=True, kw_only=True)
class _Edition:
    """Where one of the two sets keeps its records, and what a record looks like."""

    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    records: tuple[int, int]  # per file of train and of test, in the original
    pickled: tuple[str, ...]  # what shows that only the Python version is there

    def records_of(self, name: str) -> int:
        """Return how many records a file has in the original."""
        return self.records[name in self.test]

    def bytes_of(self, name: str) -> int:
        """Return how long a file is in the original."""
        return self.records_of(name) * (self.label_bytes + PIXELS)


_CIFAR10 = _Edition(
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    train=tuple(f"data_batch_{part}.bin" for part in range(1, 6)),
    test=("test_batch.bin",),
    label_bytes=1,
    records=(10_000, 10_000),
    pickled=("cifar-10-batches-py", "cifar-10-python.tar.gz", "data_batch_1"),
)

_CIFAR100 = _Edition(
    folder="cifar-100-binary",
    archive="cifar-100-binary.tar.gz",
    train=("train.bin",),
    test=("test.bin",),
    label_bytes=2,
    records=(50_000, 10_000),
    pickled=("cifar-100-python", "cifar-100-python.tar.gz", "meta"),
)


class CIFAR10(ImageSource):
    """CIFAR-10: 50 000 + 10 000 colour photographs, (3, 32, 32), from the binary version.

    Args:
        root: the folder with data_batch_1.bin .. data_batch_5.bin and test_batch.bin, the folder above it, the
            folder with cifar-10-binary.tar.gz, or that archive itself, which is read without unpacking it to disk.
        partial: whether files may hold fewer records than the original ones, such as a few made for a test.
    """

    def __init__(self, root: str, partial: bool = False) -> None:
        self.root = root
        self.partial = partial

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        return _read(Path(self.root), _CIFAR10, 0, CIFAR10_CLASSES, self.partial)


class CIFAR100(ImageSource):
    """CIFAR-100: 50 000 + 10 000 colour photographs, (3, 32, 32), from the binary version.

    Args:
        root: the folder with train.bin and test.bin, the folder above it, the folder with cifar-100-binary.tar.gz,
            or that archive itself, which is read without unpacking it to disk.
        labels: "fine" for the 100 classes, "coarse" for the 20 groups of five.
        partial: whether files may hold fewer records than the original ones, such as a few made for a test.
    """

    def __init__(self, root: str, labels: Literal["fine", "coarse"] = "fine", partial: bool = False) -> None:
        if labels not in ("fine", "coarse"):
            raise ConfigError(f"CIFAR100: labels is {labels!r}; choose 'fine' (100 classes) or 'coarse' (20).")
        self.root = root
        self.labels = labels
        self.partial = partial

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        if self.labels == "coarse":
            return _read(Path(self.root), _CIFAR100, 0, CIFAR100_SUPERCLASSES, self.partial)
        return _read(Path(self.root), _CIFAR100, 1, CIFAR100_CLASSES, self.partial)


def _read(
    root: Path, edition: _Edition, label: int, classes: tuple[str, ...], partial: bool
) -> tuple[ImageSplit, ImageSplit]:
    """Read (train, test), taking the label from byte `label` of each record."""
    place, contents = _find(root, edition)

    def split(names: Sequence[str]) -> ImageSplit:
        parts = [_decode(contents[name], place, name, edition, label, len(classes), partial) for name in names]
        images = torch.cat([images for images, _ in parts])
        return ImageSplit(images, torch.cat([labels for _, labels in parts]), classes, f"{place}/{names[0]}")

    return split(edition.train), split(edition.test)


def _find(root: Path, edition: _Edition) -> tuple[Path, dict[str, bytearray]]:
    """Return where the files are, and their bytes by name."""
    names = edition.train + edition.test
    if root.is_file():
        return root, _from_archive(root, edition)
    for folder in (root, root / edition.folder):
        there = [name for name in names if (folder / name).is_file()]
        if there:
            _complain_if_missing(folder, names, there)
            return folder, {name: _from_file(folder / name, edition) for name in names}
    if (root / edition.archive).is_file():
        return root / edition.archive, _from_archive(root / edition.archive, edition)
    if not root.exists():
        raise DataError(f"{root} does not exist. Put {edition.archive} there, or the folder {edition.folder}.")
    pickled = [name for name in edition.pickled if (root / name).exists()]
    if pickled:
        raise _pickle_error(root / pickled[0], edition)
    raise DataError(
        f"{root}: none of {', '.join(names)} is in it, nor the folder {edition.folder}, nor {edition.archive}. "
        "Download the binary version and give the folder that holds it."
    )


def _from_file(path: Path, edition: _Edition) -> bytearray:
    with reading(path, "a CIFAR binary file"), path.open("rb") as stream:
        return read_up_to(stream, edition.bytes_of(path.name) + 1)


def _from_archive(path: Path, edition: _Edition) -> dict[str, bytearray]:
    """Read the files of both splits from a tar archive, packed or not, without writing anything.

    A packed archive is read to its end, where its checksum stands.
    """
    names, contents, others = edition.train + edition.test, {}, []
    with reading(path, "a CIFAR archive (.tar.gz)"), tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            stream = archive.extractfile(member) if name in names and member.isfile() else None
            if stream is None:
                others.append(name)
                continue
            contents[name] = read_up_to(stream, edition.bytes_of(name) + 1)
            if len(contents[name]) < member.size and len(contents[name]) <= edition.bytes_of(name):
                raise DataError(f"{path}: {name} is cut short. Download or copy the archive again.")
        while archive.fileobj is not None and archive.fileobj.read(PIECE):
            pass
    if not contents and any(name in edition.pickled for name in others):
        raise _pickle_error(path, edition)
    _complain_if_missing(path, names, contents)
    return contents


def _complain_if_missing(place: Path, names: Sequence[str], there: Sequence[str] | dict[str, bytearray]) -> None:
    missing = [name for name in names if name not in there]
    if missing:
        raise DataError(
            f"{place}: {', '.join(missing)} missing; {', '.join(names)} were expected. "
            "Download the binary version again."
        )


def _pickle_error(found: Path, edition: _Edition) -> DataError:
    return DataError(
        f"{found} is the Python version, which is a pickle; a pickle can run any program, so none is ever loaded here. "
        f"Download the binary version, {edition.archive}, and put it beside it."
    )


def _decode(
    data: bytearray, place: Path, name: str, edition: _Edition, label: int, num_classes: int, partial: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Split records into images, uint8 (N, 3, 32, 32), and labels, int64 (N,)."""
    record, expected, where = edition.label_bytes + PIXELS, edition.records_of(name), f"{place}/{name}"
    if not data:
        raise DataError(f"{where}: the file is empty, but records of {record} bytes were expected. Download it again.")
    if len(data) > edition.bytes_of(name):
        raise DataError(f"{where}: more than the {expected} records of the original. Download it again.")
    if len(data) % record:
        raise DataError(
            f"{where}: {len(data)} bytes, which is not a whole number of records of {record} bytes. "
            "The file is cut short or is another version; download it again."
        )
    if len(data) < edition.bytes_of(name) and not partial:
        raise DataError(
            f"{where}: {len(data) // record} records, but the original has {expected}. The file is cut short; download "
            "it again, or set partial to true if it holds only a part on purpose."
        )
    rows = torch.frombuffer(data, dtype=torch.uint8).view(-1, record)
    labels = rows[:, label].to(torch.int64)
    check_labels(labels, num_classes, where)
    return rows[:, edition.label_bytes :].reshape(-1, 3, 32, 32), labels
