"""The handwritten digits that come with scikit-learn: data that is always at hand."""

import torch

from synfire.base import need
from synfire.data.split import ImageSource, ImageSplit, stratified_split


class Digits(ImageSource):
    """1797 handwritten digits, (1, 8, 8), embedded in scikit-learn: no download.

    The original grey values v = 0..16 become floor(v * 255 / 16 + 1/2), so 0 -> 0, 8 -> 128, 16 -> 255. There is no
    published split: a share of each class is set aside for testing by a keyed hash of the images, the same on every
    machine. With the defaults 1438 images are for training and 359 for testing.

    Args:
        test_fraction: share of each class in the test split, above 0 and below 1.
        seed: which images are set aside, a whole number >= 0.
    """

    def __init__(self, test_fraction: float = 0.2, seed: int = 0) -> None:
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        return stratified_split(self.read_all(), self.test_fraction, self.seed)

    def read_all(self) -> ImageSplit:
        """Return all images in the order of scikit-learn."""
        bunch = need("sklearn.datasets", extra="train", purpose="Digits").load_digits()
        grey = torch.from_numpy(bunch.images).to(torch.int64)
        images = ((grey * 255 + 8) // 16).to(torch.uint8).unsqueeze(1)
        labels = torch.from_numpy(bunch.target).to(torch.int64)
        return ImageSplit(images, labels, tuple(str(digit) for digit in range(10)), "scikit-learn digits")
