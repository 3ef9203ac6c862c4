import numpy as np
import pytest
import torch
from PIL import Image

from synfire.base import ConfigError, DataError
from synfire.data import ImageSource, ImageSplit
from synfire.data.split import check_fraction, name_classes, stratified_split

IMAGES = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
LABELS = torch.tensor([0, 1, 0])


def test_a_split_knows_its_shape():
    split = ImageSplit(IMAGES, LABELS, ("a", "b"))
    assert (len(split), split.num_classes, split.shape) == (3, 2, (1, 2, 2))
    assert split.take(torch.tensor([2, 1])).labels.tolist() == [0, 1]
    assert split.to("cpu") is split


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        pytest.param(IMAGES.float(), LABELS, r"images are torch.float32 of shape \(3, 1, 2, 2\)", id="dtype"),
        pytest.param(IMAGES[:, 0], LABELS, r"shape \(3, 2, 2\), but uint8 \(N, C, H, W\)", id="axes"),
        pytest.param(IMAGES, LABELS.int(), r"labels are torch.int32", id="label dtype"),
        pytest.param(IMAGES, LABELS[:, None], r"shape \(3, 1\), but int64 \(N,\)", id="label axes"),
        pytest.param(IMAGES[:2], LABELS, r"2 images but 3 labels", id="counts"),
        pytest.param(IMAGES[:0], LABELS[:0], r"no image in it", id="empty"),
        pytest.param(IMAGES, torch.tensor([0, 2, 0]), r"label 2 at row 1, but labels 0 to 1", id="too high"),
        pytest.param(IMAGES, torch.tensor([0, 1, -1]), r"label -1 at row 2", id="negative"),
    ],
)
def test_a_bad_split_names_file_value_and_mend(images, labels, message):
    with pytest.raises(DataError, match=message) as caught:
        ImageSplit(images, labels, ("a", "b"), "some.file")
    assert str(caught.value).startswith("some.file: ")


def test_names_are_numbers_unless_given():
    assert name_classes(None, LABELS, torch.tensor([3]), origin="f") == ("0", "1", "2", "3")
    assert name_classes(["a", "b"], LABELS, origin="f") == ("a", "b")
    with pytest.raises(DataError, match="f: label 1 at row 1"):
        name_classes(["a"], LABELS, origin="f")
    with pytest.raises(DataError, match="label 1099511627776, that is more than 65536"):
        name_classes(None, torch.tensor([1 << 40]), origin="f")


def test_a_stratified_split_takes_a_share_of_each_class():
    images = torch.arange(25, dtype=torch.uint8).view(25, 1, 1, 1)
    labels = torch.tensor([0] * 10 + [1] * 12 + [2] * 2 + [3])
    whole = ImageSplit(images, labels, tuple("abcd"))
    train, test = stratified_split(whole, 0.2, seed=0)
    assert test.labels.bincount(minlength=4).tolist() == [2, 2, 1, 0]
    assert sorted(torch.cat([train.images, test.images]).flatten().tolist()) == list(range(25))
    again = stratified_split(whole.take(torch.arange(24, -1, -1)), 0.2, seed=0)[1]
    assert sorted(again.images.flatten().tolist()) == test.images.flatten().tolist()
    assert not torch.equal(stratified_split(whole, 0.2, seed=1)[1].images, test.images)


def test_a_stratified_split_that_cannot_be():
    lone = ImageSplit(IMAGES[:2], torch.tensor([0, 1]), ("a", "b"), "here")
    with pytest.raises(DataError, match="here: no class has two images"):
        stratified_split(lone, 0.2, 0)
    for fraction, message in ((0, "test_fraction is 0"), (1, "test_fraction is 1, but a share")):
        with pytest.raises(ConfigError, match=message):
            stratified_split(lone, fraction, 0)
    with pytest.raises(ConfigError, match="x is nan"):
        check_fraction(float("nan"), "x")


class Mismatched(ImageSource):
    def read(self):
        return ImageSplit(IMAGES, LABELS, ("a", "b")), ImageSplit(IMAGES[..., :1], LABELS, ("a", "b"), "odd")


def test_a_source_reads_once_and_checks_that_its_splits_fit(made):
    source = made()
    assert source.load()[0] is source.load()[0]
    assert (source.num_classes, source.shape, source.classes) == (4, (1, 4, 5), ("0", "1", "2", "3"))
    with pytest.raises(DataError, match=r"Mismatched: ImageSplit has images \(1, 2, 2\).*odd has \(1, 2, 1\)"):
        Mismatched().load()


def test_grey_images_are_those_of_pillow(pixels):
    colour = pixels(6, 3, 5, 4)
    split = ImageSplit(torch.from_numpy(colour), torch.zeros(6, dtype=torch.int64), ("a",), "some.file").grey()
    assert (split.shape, split.origin) == ((1, 5, 4), "some.file")
    for image, want in zip(split.images, colour, strict=True):
        assert np.array_equal(image[0].numpy(), np.asarray(Image.fromarray(want.transpose(1, 2, 0)).convert("L")))
    assert split.grey() is split
    with pytest.raises(DataError, match="2 channels, but 1 or 3 were expected"):
        ImageSplit(IMAGES.expand(3, 2, 2, 2), LABELS, ("a", "b")).grey()
