"""MNIST and its kin in the original IDX files."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from synfire.base import DataError
from synfire.data.reading import find_file, open_maybe_gzip, read_up_to, reading
from synfire.data.split import ImageSource, ImageSplit, name_classes

UBYTE = 0x08  # the element type in the third byte of an IDX magic number; the fourth is the number of axes


def read_idx(path: Path, axes: int) -> Tensor:
    """Read an IDX file of unsigned bytes, plain or gzip.

    Args:
        path: the file.
        axes: how many axes are expected: 3 for images (N, H, W), 1 for labels (N,).

    Returns:
        uint8 with that many axes.

    Raises:
        DataError: the file is missing, empty, cut short, too long, or its header is not the one expected.
    """
    with reading(path, "an IDX file"), open_maybe_gzip(path) as stream:
        head = read_up_to(stream, 4)
        expected = UBYTE << 8 | axes
        if not head:
            raise DataError(f"{path}: the file is empty, but an IDX file was expected. Download or copy it again.")
        magic = int.from_bytes(head, "big")
        if len(head) < 4 or magic != expected:
            raise DataError(
                f"{path}: magic number 0x{magic:08x}, but 0x{expected:08x} (unsigned bytes, {axes} axes) was expected. "
                "Check that image and label files are not swapped, or download the file again."
            )
        head = read_up_to(stream, 4 * axes)
        if len(head) < 4 * axes:
            raise DataError(f"{path}: cut short inside its header of {4 + 4 * axes} bytes. Download or copy it again.")
        sizes = struct.unpack(f">{axes}I", head)
        count = math.prod(sizes)
        payload = read_up_to(stream, count + 1)  # the one byte more shows a file that is too long
    if len(payload) != count:
        held = f"{len(payload)}" if len(payload) < count else "more"
        raise DataError(
            f"{path}: the header announces {' x '.join(map(str, sizes))} = {count} bytes, but {held} follow. "
            "The file is damaged or cut short; download or copy it again."
        )
    if count == 0:
        raise DataError(f"{path}: no element in it (sizes {' x '.join(map(str, sizes))}). Download or copy it again.")
    return torch.frombuffer(payload, dtype=torch.uint8).view(sizes)


class IdxImages(ImageSource):
    """Grey images in four IDX files, the format of MNIST, Fashion-MNIST, KMNIST and EMNIST.

    The files are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
    also with a dot for the second hyphen (train-images.idx3-ubyte), each plain or with .gz.

    Args:
        root: folder that holds the four files.
        classes: names of the classes in label order; by default "0", "1", ... up to the highest label.
    """

    def __init__(self, root: str, classes: Sequence[str] | None = None) -> None:
        self.root = root
        self.class_names = classes

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test), images (1, H, W)."""
        train_path, train_images, train_labels = self._pair("train")
        test_path, test_images, test_labels = self._pair("t10k")
        origin = str(train_path.parent)
        classes = name_classes(self.class_names, train_labels, test_labels, origin=origin)
        return (
            ImageSplit(train_images, train_labels, classes, str(train_path)),
            ImageSplit(test_images, test_labels, classes, str(test_path)),
        )

    def _pair(self, part: str) -> tuple[Path, Tensor, Tensor]:
        """Read images (N, 1, H, W) and labels (N,) of one part, "train" or "t10k"."""
        paths = [
            find_file(
                Path(self.root),
                [f"{part}-{kind}{mark}idx{axes}-ubyte{packed}" for packed in ("", ".gz") for mark in "-."],
                type(self).__name__,
            )
            for kind, axes in (("images", 3), ("labels", 1))
        ]
        images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1).to(torch.int64)
        if len(images) != len(labels):
            raise DataError(
                f"{paths[0]} holds {len(images)} images, but {paths[1].name} holds {len(labels)} labels. "
                "Each image needs exactly one label; download both files again."
            )
        if self.class_names is not None:
            name_classes(self.class_names, labels, origin=str(paths[1]))
        return paths[0], images.unsqueeze(1), labels


class MNIST(IdxImages):
    """MNIST: 60 000 + 10 000 handwritten digits, (1, 28, 28).

    Args:
        root: folder that holds the four original files, .gz or unpacked.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root, tuple(str(digit) for digit in range(10)))


class FashionMNIST(IdxImages):
    """Fashion-MNIST: 60 000 + 10 000 pieces of clothing, (1, 28, 28), arXiv:1708.07747.

    Args:
        root: folder that holds the four original files, .gz or unpacked.
    """

    def __init__(self, root: str) -> None:
        names = "T-shirt/top|Trouser|Pullover|Dress|Coat|Sandal|Shirt|Sneaker|Bag|Ankle boot"
        super().__init__(root, tuple(names.split("|")))
