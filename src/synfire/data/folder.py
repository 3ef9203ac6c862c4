"""A folder per class, an image file per example."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch

from synfire.base import DataError
from synfire.data.class_folders import class_folders, files_below
from synfire.data.decode import ImageDecoder, Size
from synfire.data.reading import reading
from synfire.data.split import ImageSource, ImageSplit, stratified_split

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
TEST_NAMES = ("test", "val")  # the first that exists is the test split


class ImageFolder(ImageSource):
    """Image files in one folder per class.

    Either root/train/<class>/... and root/test/<class>/... (or root/val/... if there is no root/test), or one tree
    root/<class>/..., of which a share of each class is set aside for testing. Classes are numbered by sorted folder
    name, images ordered by sorted path; files that are not images and names that start with a dot are passed over.

    Args:
        root: the folder.
        size: None if all images have one size; else the side, or (height, width), to scale and centre-crop to.
        channels: 1 for grey, 3 for colour; by default grey if the images are grey, else colour.
        test_fraction: share of each class in the test split of a single tree, above 0 and below 1.
        seed: which images of a single tree are set aside, a whole number >= 0.
    """

    def __init__(
        self,
        root: str,
        size: Size = None,
        channels: Literal[1, 3] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.root = root
        self.decoder = ImageDecoder(size, channels)
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        root = Path(self.root)
        if not root.is_dir():
            raise DataError(
                f"ImageFolder: the folder {root} does not exist. Give the folder that holds train and test."
            )
        train = root / "train"
        if not train.is_dir():
            whole = self._read_tree(root, _subfolders(root))
            return stratified_split(whole, self.test_fraction, self.seed)
        tests = [root / name for name in TEST_NAMES if (root / name).is_dir()]
        if not tests:
            raise DataError(
                f"{root}: train is there, but none of {', '.join(TEST_NAMES)}. Add a folder with test images."
            )
        classes = _subfolders(train)
        unknown = sorted(set(_subfolders(tests[0])) - set(classes))
        if unknown:
            raise DataError(f"{tests[0]}: the class {unknown[0]} is not in {train}. Remove it or add training images.")
        return self._read_tree(train, classes), self._read_tree(tests[0], classes, complete=False)

    def _read_tree(self, root: Path, classes: tuple[str, ...], complete: bool = True) -> ImageSplit:
        """Read root/<class>/...; if `complete`, each class must have an image."""
        labels: list[int] = []

        def encoded() -> Iterator[tuple[str, bytes]]:
            for label, name in enumerate(classes):
                paths = files_below(root / name, SUFFIXES)
                if complete and not paths:
                    raise DataError(
                        f"{root / name}: no image in it ({', '.join(sorted(SUFFIXES))}). Add some or remove it."
                    )
                for path in paths:
                    labels.append(label)
                    with reading(path, "an image"):
                        data = path.read_bytes()
                    yield str(path), data

        images = self.decoder.stack(encoded())
        return ImageSplit(images, torch.tensor(labels, dtype=torch.int64), classes, str(root))


def _subfolders(root: Path) -> tuple[str, ...]:
    """Return the class names in a folder, sorted."""
    if not (names := class_folders(root)):
        raise DataError(f"{root}: no class folder in it. Expected one folder of images per class.")
    return names
