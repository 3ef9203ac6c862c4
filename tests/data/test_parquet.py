import io
import json

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from synfire.base import DataError
from synfire.data import ParquetImages


@pytest.fixture(scope="session")
def table(png, pixels):
    """Make a table as the hub has it: a struct of bytes and path, a label, and names in the metadata."""

    def make(labels, names=None, label="label", raw=False, shape=(4, 4, 3), **more):
        encoded = [png(pixels(*shape, seed=seed)) for seed in range(len(labels))]
        images = encoded if raw else [{"bytes": data, "path": f"{n}.png"} for n, data in enumerate(encoded)]
        made = pa.table({"image": images, label: labels, **more})
        if names is None:
            return made
        features = {label: {"names": names, "_type": "ClassLabel"}}
        return made.replace_schema_metadata({b"huggingface": json.dumps({"info": {"features": features}})})

    return make


@pytest.fixture
def write(tmp_path):
    def put(table, name):
        pq.write_table(table, tmp_path / name)
        return str(tmp_path / name)

    return put


@pytest.mark.parametrize("raw", [False, True])
def test_structs_and_raw_bytes(write, table, pixels, raw):
    train, test = write(table([1, 0, 2], ["a", "b", "c"], raw=raw), "a"), write(table([2], raw=raw), "b")
    first, second = ParquetImages(train, test).load()
    assert (first.labels.tolist(), second.labels.tolist(), second.classes) == ([1, 0, 2], [2], ("a", "b", "c"))
    assert np.array_equal(first.images[1].permute(1, 2, 0).numpy(), pixels(4, 4, 3, seed=1))


def test_folders_and_lists_are_read_in_order(write, table, tmp_path):
    files = [write(table([label]), f"part-{label}.parquet") for label in (1, 0)]
    assert ParquetImages(str(tmp_path), files).load()[0].labels.tolist() == [0, 1]
    assert ParquetImages(str(tmp_path), files).load()[1].labels.tolist() == [1, 0]


def test_columns_are_asked_for_when_several_fit(write, table):
    path = write(table([0, 1], label="fine", coarse=[1, 0], text=["x", "y"]), "a")
    with pytest.raises(
        DataError, match=r"2 columns could be the label. The columns are image \(struct.*coarse \(int64\)"
    ):
        ParquetImages(path, path).load()
    assert ParquetImages(path, path, label_column="coarse").load()[0].labels.tolist() == [1, 0]
    with pytest.raises(DataError, match=r"'text' is no image column.*Give image_column="):
        ParquetImages(path, path, image_column="text", label_column="fine").load()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"labels": [0, None]}, r"\[label\] row 1: no label", id="no label"),
        pytest.param({"labels": [0, -1]}, r"label -1 at row 1", id="negative"),
        pytest.param({"labels": [0, 5], "names": ["a", "b"]}, r"label 5 at row 1, but labels 0 to 1", id="too high"),
        pytest.param({"labels": []}, r"0 columns could be the image|no image in it", id="empty"),
    ],
)
def test_bad_rows(write, table, change, message):
    path = write(table(**change), "a")
    with pytest.raises(DataError, match=message):
        ParquetImages(path, path).load()


def test_bad_images(write, table, tmp_path):
    good = table([0, 1])
    for image, message in (
        ({"bytes": b"no image", "path": None}, r"row 1: cannot be read as an image"),
        ({"bytes": None, "path": "/etc/hostname"}, r"row 1: no bytes, only the path '/etc/hostname'"),
    ):
        images = pa.array([good["image"][0].as_py(), image], type=good["image"].type)
        path = write(good.set_column(0, "image", images), "bad")
        with pytest.raises(DataError, match=message):
            ParquetImages(path, path).load()
    small, large = write(table([0]), "s"), write(table([0], shape=(5, 5, 3)), "l")
    with pytest.raises(DataError, match=r"images of \(3, 4, 4\) in one file and \(3, 5, 5\) in another"):
        ParquetImages([small, large], small).load()
    assert ParquetImages([small, large], small, size=4).shape == (3, 4, 4)


def test_missing_files(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        ParquetImages(str(tmp_path / "nowhere"), "x").load()
    with pytest.raises(DataError, match=r"no \*.parquet in"):
        ParquetImages(str(tmp_path), "x").load()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_damaged_bytes_raise_nothing_but_data_errors(tmp_path_factory, table, damage, only_data_errors, data):
    stream = io.BytesIO()
    pq.write_table(table([0, 1], ["a", "b"]), stream)
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(damage(stream.getvalue(), data))
    with only_data_errors(str(path)):
        assert len(ParquetImages(str(path), str(path)).load()[0].shape) == 3
