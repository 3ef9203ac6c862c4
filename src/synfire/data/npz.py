"""Images as NumPy arrays in .npz files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError, DataError
from synfire.data.archive import names_in, read_array
from synfire.data.split import ImageSource, ImageSplit, name_classes, stratified_split

Layout = Literal["auto", "NHW", "NHWC", "NCHW"]

TRAIN = ("x_train", "y_train")
TEST = ("x_test", "y_test")
ALONE = ("images", "labels")


class NpzImages(ImageSource):
    """Images and labels in one or two .npz files.

    One file holds x_train, y_train, x_test and y_test, or images and labels, of which a share of each class is then
    set aside for testing. Two files hold images and labels each (or x_train, y_train and x_test, y_test).

    Images are whole numbers 0..255, or floating-point numbers in [0, 1], which become round(255 * x). Labels are whole
    numbers from 0, of shape (N,) or (N, 1).

    Args:
        path: the file, or the training file if `test_path` is given.
        test_path: the test file, if it is a second one.
        layout: order of the axes: "NHW" (grey), "NHWC" or "NCHW"; "auto" finds it from the axis of 1, 3 or 4 channels.
        classes: names of the classes in label order; by default "0", "1", ... up to the highest label.
        test_fraction: share of each class in the test split if the file has none, above 0 and below 1.
        seed: which images are then set aside, a whole number >= 0.
    """

    def __init__(
        self,
        path: str,
        test_path: str | None = None,
        layout: Layout = "auto",
        classes: Sequence[str] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        if layout not in ("auto", "NHW", "NHWC", "NCHW"):
            raise ConfigError(f"NpzImages: layout is {layout!r}; choose 'auto', 'NHW', 'NHWC' or 'NCHW'.")
        self.path, self.test_path = path, test_path
        self.layout: Layout = layout
        self.class_names = classes
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        if self.test_path is not None:
            train, test = self._pair(self.path, (ALONE, TRAIN)), self._pair(self.test_path, (ALONE, TEST))
        elif TRAIN[0] in names_in(Path(self.path)):
            train, test = self._pair(self.path, (TRAIN,)), self._pair(self.path, (TEST,))
        else:
            images, labels = self._pair(self.path, (ALONE, TRAIN))
            classes = name_classes(self.class_names, labels, origin=self.path)
            return stratified_split(ImageSplit(images, labels, classes, self.path), self.test_fraction, self.seed)
        classes = name_classes(self.class_names, train[1], test[1], origin=self.path)
        return (
            ImageSplit(*train, classes, f"{self.path} (train)"),
            ImageSplit(*test, classes, f"{self.test_path or self.path} (test)"),
        )

    def _pair(self, path: str, alternatives: Sequence[tuple[str, str]]) -> tuple[Tensor, Tensor]:
        """Read images, uint8 (N, C, H, W), and labels, int64 (N,), under the first pair of keys that is there."""
        keys = names_in(Path(path))
        for images, labels in alternatives:
            if images in keys and labels in keys:
                return (
                    to_images(read_array(Path(path), images), self.layout, f"{path}[{images}]"),
                    to_labels(read_array(Path(path), labels), f"{path}[{labels}]"),
                )
        wanted = " or ".join(" and ".join(pair) for pair in alternatives)
        raise DataError(
            f"{path}: it holds {', '.join(keys) or 'nothing'}, but {wanted} were expected. Rename the arrays."
        )


def to_images(array: np.ndarray, layout: Layout, where: str) -> Tensor:
    """Convert an array to uint8 images (N, C, H, W).

    Args:
        array: (N, H, W), (N, H, W, C) or (N, C, H, W); whole numbers 0..255 or floating-point numbers in [0, 1].
        layout: the order of its axes, or "auto".
        where: the subject of error messages.

    Raises:
        DataError: a value is out of range or not a number, or the layout does not fit or is ambiguous.
    """
    layout = _find_layout(array.shape, where) if layout == "auto" else layout
    if array.ndim != len(layout):
        raise DataError(f"{where}: shape {array.shape} does not fit the layout {layout}. Give another layout.")
    if array.dtype.kind not in "uif":
        raise DataError(
            f"{where}: dtype {array.dtype}, but whole numbers 0..255 or floating point in [0, 1] was expected. "
            "Convert it, for example with array.astype('uint8') * 255 for truth values."
        )
    if array.dtype != np.uint8 and array.size:
        low, high = array.min(), array.max()  # NaN if any is
        whole = array.dtype.kind != "f"
        if not (low >= 0 and high <= (255 if whole else 1)):
            mend = (
                "Clip the values" if whole else "Replace NaN, and divide by 255 or convert 0..255 with astype('uint8')"
            )
            raise DataError(
                f"{where}: values from {low} to {high} in {array.dtype}, but {'0 to 255' if whole else '0 to 1'} was "
                f"expected. {mend}, then save again."
            )
        array = array.astype(np.uint8) if whole else np.rint(array.astype(np.float64) * 255).astype(np.uint8)
    if layout == "NHW":
        array = array[:, None]
    elif layout == "NHWC":
        array = array.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.array(array, order="C"))


def _find_layout(shape: tuple[int, ...], where: str) -> Literal["NHW", "NHWC", "NCHW"]:
    if len(shape) == 3:
        return "NHW"
    last, first = len(shape) == 4 and shape[3] in (1, 3, 4), len(shape) == 4 and shape[1] in (1, 3, 4)
    if last != first:
        return "NHWC" if last else "NCHW"
    problem = "either axis 1 or 3 could be the channels" if last else "no axis of 1, 3 or 4 channels was found"
    raise DataError(
        f"{where}: shape {shape}: {problem}; NHW, NHWC or NCHW was expected. Give layout='NHWC' or layout='NCHW'."
    )


def to_labels(array: np.ndarray, where: str) -> Tensor:
    """Convert labels of shape (N,) or (N, 1), whole numbers from 0, to int64 (N,).

    Raises:
        DataError: they are not whole numbers, have another shape, or one is negative or beyond int64.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind not in "ui" or array.ndim != 1:
        raise DataError(
            f"{where}: {array.dtype} of shape {array.shape}, but whole numbers of shape (N,) were expected. "
            "For one-hot rows save array.argmax(1)."
        )
    if array.size and (array.min() < 0 or array.max() > np.iinfo(np.int64).max):
        row = int(((array < 0) | (array > np.iinfo(np.int64).max)).argmax())
        raise DataError(f"{where}: label {array[row]} at row {row}, but 0 or more was expected. Number classes from 0.")
    return torch.from_numpy(array.astype(np.int64))
