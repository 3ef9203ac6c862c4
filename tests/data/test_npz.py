import io
import pickle
import zipfile

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from synfire.base import ConfigError, DataError
from synfire.data import NpzImages
from synfire.data.npz import to_images, to_labels


@pytest.fixture
def file(tmp_path, pixels):
    """Write an .npz of four arrays, with some replaced."""

    def write(**arrays):
        path = tmp_path / "some.npz"
        good = {
            "x_train": pixels(4, 8, 8),
            "y_train": np.array([0, 1, 2, 1]),
            "x_test": pixels(2, 8, 8, seed=1),
            "y_test": [2, 0],
        }
        np.savez_compressed(path, **{name: value for name, value in (good | arrays).items() if value is not None})
        return str(path)

    return write


def test_one_file_of_four_arrays(file, pixels):
    train, test = NpzImages(file()).load()
    assert np.array_equal(train.images[:, 0].numpy(), pixels(4, 8, 8))
    assert (train.labels.tolist(), test.labels.tolist(), train.classes) == ([0, 1, 2, 1], [2, 0], ("0", "1", "2"))


def test_one_file_of_images_and_labels_is_split_by_class(tmp_path, pixels):
    path = tmp_path / "one.npz"
    np.savez(path, images=pixels(20, 8, 8, 3), labels=np.arange(20)[:, None] % 2)
    train, test = NpzImages(str(path), classes=["cat", "dog"]).load()
    assert (len(train), test.labels.bincount().tolist(), train.classes, train.shape) == (
        16,
        [2, 2],
        ("cat", "dog"),
        (3, 8, 8),
    )


def test_two_files(tmp_path, pixels):
    np.savez(tmp_path / "a.npz", images=pixels(3, 3, 8, 8), labels=np.array([0, 1, 3], np.uint8))
    np.savez(tmp_path / "b.npz", x_test=pixels(2, 3, 8, 8), y_test=np.array([0, 1], np.int16))
    train, test = NpzImages(str(tmp_path / "a.npz"), str(tmp_path / "b.npz")).load()
    assert (len(train), len(test), test.num_classes) == (3, 2, 4)


@pytest.mark.parametrize(("layout", "axes"), [("NHW", None), ("NHWC", (0, 2, 3, 1)), ("NCHW", (0, 1, 2, 3))])
@pytest.mark.parametrize("said", [True, False])
def test_layouts_mean_the_same_images(pixels, layout, axes, said):
    want = pixels(4, 1, 8, 9)
    array = np.asfortranarray(want[:, 0] if axes is None else want.transpose(axes))
    assert np.array_equal(to_images(array, layout if said else "auto", "f").numpy(), want)


def test_floating_point_is_scaled_and_whole_numbers_are_not():
    assert to_images(np.array([[[0, 0.5, 1]]], np.float32), "auto", "f").flatten().tolist() == [0, 128, 255]
    assert to_images(np.array([[[0, 1, 255]]], ">i8"), "auto", "f").flatten().tolist() == [0, 1, 255]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        pytest.param(np.array([[[0, np.nan]]]), "values from nan to nan in float64, but 0 to 1", id="NaN"),
        pytest.param(np.array([[[0, np.inf]]]), "values from 0.0 to inf", id="infinite"),
        pytest.param(np.array([[[0.0, 255.0]]]), "values from 0.0 to 255.0 in float64, but 0 to 1 was", id="float 255"),
        pytest.param(np.array([[[0, 256]]]), "values from 0 to 256 in int64, but 0 to 255", id="too high"),
        pytest.param(np.array([[[-1, 5]]]), "values from -1 to 5", id="negative"),
        pytest.param(np.array([[[True]]]), "dtype bool", id="truth values"),
        pytest.param(np.array([[["a"]]]), "dtype <U1", id="text"),
        pytest.param(np.zeros((2, 3, 8, 3)), "either axis 1 or 3 could be the channels", id="ambiguous"),
        pytest.param(np.zeros((2, 5, 8, 5)), "no axis of 1, 3 or 4 channels was found", id="no channels"),
        pytest.param(np.zeros((2, 64)), r"shape \(2, 64\): no axis .*NHW, NHWC or NCHW was expected", id="flat"),
    ],
)
def test_bad_images(file, array, message):
    with pytest.raises(DataError, match=message) as caught:
        NpzImages(file(x_train=array)).load()
    assert "some.npz[x_train]" in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(np.array([0, 1, -2, 1]), "label -2 at row 2, but 0 or more", id="negative"),
        pytest.param(np.array([0, 1, 2**63, 1], np.uint64), "label 9223372036854775808 at row 2", id="beyond int64"),
        pytest.param(np.zeros(4), r"float64 of shape \(4,\)", id="floating point"),
        pytest.param(np.eye(4, dtype=int), r"int64 of shape \(4, 4\).*argmax\(1\)", id="one-hot"),
        pytest.param(np.array([0, 1]), "4 images but 2 labels", id="count"),
    ],
)
def test_bad_labels(file, labels, message):
    with pytest.raises(DataError, match=message):
        NpzImages(file(y_train=labels)).load()


def test_pickles_are_never_loaded(file, tmp_path):
    objects = np.empty(4, object)
    objects[:] = [print, 1, 2, 3]
    with pytest.raises(DataError, match=r"y_train\]: an array of Python objects, .*none is ever loaded"):
        NpzImages(file(y_train=objects)).load()
    (tmp_path / "p.npz").write_bytes(pickle.dumps({"x_train": 1}))
    with pytest.raises(DataError, match=r"p.npz: cannot be read as an .npz file \(BadZipFile"):
        NpzImages(str(tmp_path / "p.npz")).load()


def test_a_false_header_allocates_nothing(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 8, 8)})
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("images.npy", stream.getvalue() + b"abc")
        archive.writestr("labels.npy", stream.getvalue())
    with pytest.raises(
        DataError, match=r"shape \(1000000000000000, 8, 8\) of uint8, that is 64000000000000000 bytes, but 3"
    ):
        NpzImages(str(tmp_path / "f.npz")).load()


def test_missing_things(file, tmp_path):
    with pytest.raises(DataError, match=r"holds x_train, x_test, y_test, but x_train and y_train were expected"):
        NpzImages(file(y_train=None)).load()
    with pytest.raises(DataError, match=r"nowhere.npz is not a file"):
        NpzImages(str(tmp_path / "nowhere.npz")).load()
    with pytest.raises(ConfigError, match="layout is 'HWCN'"):
        NpzImages("x", layout="HWCN")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="does not fit the layout NHW"):
        to_images(np.zeros((2, 8, 8, 1)), "NHW", "f")
    with pytest.raises(DataError, match=r"some: int64 of shape \(2, 2\)"):
        to_labels(np.zeros((2, 2), int), "some")


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(data=st.data(), packed=st.booleans())
def test_damaged_bytes_raise_nothing_but_data_errors(tmp_path_factory, pixels, damage, only_data_errors, data, packed):
    stream = io.BytesIO()
    save = np.savez_compressed if packed else np.savez
    save(stream, images=pixels(4, 3, 3), labels=np.array([0, 0, 1, 1]))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(damage(stream.getvalue(), data))
    with only_data_errors(str(path)):
        assert NpzImages(str(path)).load()[0].shape == (1, 3, 3)
