import io

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from synfire.base import ConfigError, DataError
from synfire.data import ImageFolder
from synfire.data.decode import ImageDecoder


@pytest.fixture
def tree(tmp_path, pixels, png):
    """Write PNG files at the given paths, each of other random pixels, and return the root."""

    def write(*paths, shape=(6, 7)):
        for seed, path in enumerate(paths):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(png(pixels(*shape, seed=seed)))
        return tmp_path

    return write


def test_train_and_test_folders(tree, pixels):
    root = tree("train/dog/b.png", "train/cat/a.PNG", "train/cat/deep/c.png", "test/dog/x.png")
    (root / "train/cat/notes.txt").write_text("no image")
    (root / "train/cat/.hidden.png").write_text("no image")
    (root / "train/cat/.checkpoints").mkdir()
    (root / "train/cat/.checkpoints/a.png").write_text("no image")
    train, test = ImageFolder(str(root)).load()
    assert (train.classes, train.labels.tolist(), test.labels.tolist()) == (("cat", "dog"), [0, 0, 1], [1])
    assert np.array_equal(train.images[:, 0].numpy(), np.stack([pixels(6, 7, seed=seed) for seed in (1, 2, 0)]))


def test_one_tree_is_split_by_class(tree):
    root = tree(*(f"{name}/{number}.png" for name in "ab" for number in range(5)))
    train, test = ImageFolder(str(root), test_fraction=0.4, seed=3).load()
    assert (train.labels.tolist(), test.labels.tolist()) == ([0] * 3 + [1] * 3, [0] * 2 + [1] * 2)


def test_val_stands_in_for_test(tree):
    assert len(ImageFolder(str(tree("train/a/1.png", "val/a/2.png"))).load()[1]) == 1


def test_colour_grey_and_size(tree):
    root = str(tree("train/a/1.png", "test/a/2.png", shape=(6, 8, 3)))
    assert ImageFolder(root).shape == (3, 6, 8)
    assert ImageFolder(root, channels=1, size=4).shape == (1, 4, 4)
    assert ImageFolder(root, size=(2, 5)).shape == (3, 2, 5)


def test_scaling_crops_around_the_centre(png):
    wide = np.zeros((4, 8), np.uint8)
    wide[:, 2:6] = 200
    image = ImageDecoder(size=4).stack([("wide", png(wide))])
    assert image.flatten().tolist() == [200] * 16


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        pytest.param(["train/a/1.png"], r"train is there, but none of test, val", id="no test"),
        pytest.param(["train/a/1.png", "test/b/1.png"], r"test: the class b is not in", id="unknown class"),
        pytest.param(["a/1.png", "b/1.png"], r"no class has two images", id="too few"),
        pytest.param(["1.png"], r"no class folder in it", id="no class"),
    ],
)
def test_bad_trees(tree, paths, message):
    with pytest.raises(DataError, match=message):
        ImageFolder(str(tree(*paths))).load()


def test_empty_class_missing_root_and_mixed_sizes(tree, tmp_path, png, pixels):
    with pytest.raises(DataError, match="nowhere does not exist"):
        ImageFolder(str(tmp_path / "nowhere")).load()
    root = tree("train/a/1.png", "test/a/1.png")
    (root / "train/b").mkdir()
    with pytest.raises(DataError, match=r"train/b: no image in it \(\.bmp"):
        ImageFolder(str(root)).load()
    (root / "train/b/2.png").write_bytes(png(pixels(5, 5)))
    with pytest.raises(DataError, match=r"2.png: 5 x 5 pixels, but the first image has 6 x 7. Give size"):
        ImageFolder(str(root)).load()
    (root / "train/b/2.png").write_bytes(png(pixels(6, 7, 3)))
    with pytest.raises(DataError, match=r"2.png: 3 channels, but the first image has 1. Give channels"):
        ImageFolder(str(root)).load()


def test_bad_images(png):
    deep = io.BytesIO()
    Image.fromarray(np.full((2, 2), 999, np.uint16)).save(deep, "PNG")
    good = bytearray(png(np.zeros((2, 2), np.uint8)))
    huge = good.copy()
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    for data, message in (
        (deep.getvalue(), r"pixels of mode I;16 \(more than 8 bits\)"),
        (b"", "the image is empty"),
        (b"GIF89a", "cannot be read as an image"),
        (bytes(good[:-30]), "cannot be read as an image"),
        (bytes(huge), "60000|cannot be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read as an image"),
    ):
        with pytest.raises(DataError, match=message):
            ImageDecoder().stack([("x.png", data)])
    for options, message in (
        ({"size": 0}, "size is 0"),
        ({"size": (4, -1)}, "size is"),
        ({"channels": 4}, "channels is 4"),
    ):
        with pytest.raises(ConfigError, match=message):
            ImageDecoder(**options)


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_a_damaged_png_raises_nothing_but_data_errors(png, pixels, damage, only_data_errors, data):
    with only_data_errors("x.png"):
        ImageDecoder().stack([("x.png", damage(png(pixels(4, 4, 3)), data))])
