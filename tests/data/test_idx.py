import gzip
import struct

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from synfire.base import DataError
from synfire.data import MNIST, FashionMNIST, IdxImages
from synfire.data.idx import read_idx

FIXED = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_four(folder, images, labels, mark="-", pack=lambda data: data, suffix=""):
    for part in ("train", "t10k"):
        (folder / f"{part}-images{mark}idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{part}-labels{mark}idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))


@FIXED
@given(n=st.integers(1, 5), h=st.integers(1, 6), w=st.integers(1, 6), packed=st.booleans(), seed=st.integers(0, 99))
def test_roundtrip(tmp_path_factory, pixels, n, h, w, packed, seed):
    path, array = tmp_path_factory.getbasetemp() / "roundtrip", pixels(n, h, w, seed=seed)
    path.write_bytes(gzip.compress(idx(array), 1) if packed else idx(array))
    assert np.array_equal(read_idx(path, 3).numpy(), array)


@FIXED
@given(data=st.data(), packed=st.booleans())
def test_damaged_bytes_raise_nothing_but_data_errors(tmp_path_factory, pixels, damage, only_data_errors, data, packed):
    path, array = tmp_path_factory.getbasetemp() / "damaged", pixels(3, 4, 4)
    path.write_bytes(damage(gzip.compress(idx(array), mtime=0) if packed else idx(array), data))
    with only_data_errors(str(path)):
        assert read_idx(path, 3).dtype == torch.uint8


@pytest.mark.parametrize(("mark", "suffix", "pack"), [("-", "", bytes), (".", ".gz", gzip.compress)])
def test_the_four_files(tmp_path, pixels, mark, suffix, pack):
    images, labels = pixels(6, 5, 4), np.array([0, 3, 1, 1, 2, 0], dtype=np.uint8)
    write_four(tmp_path, images, labels, mark, pack, suffix)
    train, test = IdxImages(str(tmp_path)).load()
    assert np.array_equal(train.images[:, 0].numpy(), images)
    assert train.labels.tolist() == test.labels.tolist() == labels.tolist()
    assert train.classes == ("0", "1", "2", "3")
    assert FashionMNIST(str(tmp_path)).classes[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\x00\x00", "magic number 0x00000000, but 0x00000803", id="two bytes"),
        pytest.param(idx(np.zeros(3, np.uint8)), "magic number 0x00000801, but 0x00000803 .*swapped", id="labels"),
        pytest.param(b"\x00\x00\x08\x03\x00\x00", "cut short inside its header of 16 bytes", id="header"),
        pytest.param(idx(np.zeros((2, 2, 2), np.uint8))[:-3], "2 x 2 x 2 = 8 bytes, but 5 follow", id="short"),
        pytest.param(idx(np.zeros((2, 2, 2), np.uint8)) + b"x", "= 8 bytes, but more follow", id="long"),
        pytest.param(idx(np.zeros((0, 2, 2), np.uint8)), "no element in it", id="none"),
        pytest.param(
            struct.pack(">4I", 0x803, *[2**32 - 1] * 3) + b"abc",
            "4294967295 = 79228162458924105385300197375 bytes",
            id="huge",
        ),
        pytest.param(gzip.compress(idx(np.zeros((2, 2, 2), np.uint8)))[:-6], "EOFError", id="gzip cut short"),
        pytest.param(b"\x1f\x8bnonsense", "cannot be read as an IDX file", id="not gzip"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_missing_files_are_listed(tmp_path):
    with pytest.raises(DataError, match=r"MNIST: none of train-images-idx3-ubyte, .*idx3-ubyte.gz is in the folder"):
        MNIST(str(tmp_path)).load()
    with pytest.raises(DataError, match=r"the folder .*nowhere does not exist"):
        MNIST(str(tmp_path / "nowhere")).load()
    with pytest.raises(DataError, match="cannot be opened: Is a directory"):
        read_idx(tmp_path, 3)


def test_counts_and_labels_must_fit(tmp_path, pixels):
    write_four(tmp_path, pixels(3, 2, 2), np.array([1, 2], np.uint8))
    with pytest.raises(DataError, match=r"holds 3 images, but train-labels-idx1-ubyte holds 2 labels"):
        IdxImages(str(tmp_path)).load()
    write_four(tmp_path, pixels(2, 2, 2), np.array([1, 10], np.uint8))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: label 10 at row 1, but labels 0 to 9"):
        MNIST(str(tmp_path)).load()


@pytest.mark.parametrize(("kind", "name", "mean"), [(MNIST, "mnist", 0.1307), (FashionMNIST, "fashion_mnist", 0.2860)])
def test_the_real_files(real_data, kind, name, mean):
    train, test = kind(str(real_data(name))).load()
    assert (len(train), len(test), train.shape, train.num_classes) == (60_000, 10_000, (1, 28, 28), 10)
    assert train.images.double().mean().item() / 255 == pytest.approx(mean, abs=5e-5)
