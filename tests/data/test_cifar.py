import gzip
import io
import tarfile

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from synfire.base import ConfigError, DataError
from synfire.data import CIFAR10, CIFAR100
from synfire.data.cifar import CIFAR100_CLASSES, CIFAR100_SUPERCLASSES

TRAIN10 = [f"data_batch_{part}.bin" for part in range(1, 6)]


def records(pixels, labels: np.ndarray, seed: int = 0) -> bytes:
    """Labels (N, 1) or (N, 2) in front of each image."""
    return np.concatenate([labels.astype(np.uint8), pixels(len(labels), 3072, seed=seed)], axis=1).tobytes()


def ten(pixels) -> dict[str, bytes]:
    return {
        name: records(pixels, np.array([[part], [9 - part]]), seed=part)
        for part, name in enumerate([*TRAIN10, "test_batch.bin"])
    }


def hundred(pixels) -> dict[str, bytes]:
    labels = np.array([[19, 99], [0, 5], [4, 50]])
    return {"train.bin": records(pixels, labels), "test.bin": records(pixels, labels[:1])}


def archive(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, data in {"readme.html": b"", **files}.items():
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def unpack(folder, files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_the_folder_the_one_above_and_the_archive_read_alike(tmp_path, pixels):
    files = ten(pixels)
    unpack(tmp_path / "cifar-10-batches-bin", files)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "cifar-10-binary.tar.gz").write_bytes(archive(files))
    (tmp_path / "plain.tar").write_bytes(archive(files, "w"))
    before = sorted(tmp_path.rglob("*"))
    for place in ("", "cifar-10-batches-bin", "packed", "packed/cifar-10-binary.tar.gz", "plain.tar"):
        train, test = CIFAR10(str(tmp_path / place), partial=True).load()
        assert train.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
        assert test.labels.tolist() == [5, 4]
        assert np.array_equal(train.images[2:4].flatten(1).numpy(), pixels(2, 3072, seed=1))
        assert train.classes[3] == "cat"
    assert sorted(tmp_path.rglob("*")) == before


def test_hundred_has_two_labels(tmp_path, pixels):
    root = str(unpack(tmp_path / "cifar-100-binary", hundred(pixels)))
    fine, coarse = (CIFAR100(root, labels, partial=True).load()[0] for labels in ("fine", "coarse"))
    assert (fine.labels.tolist(), coarse.labels.tolist()) == ([99, 5, 50], [19, 0, 4])
    assert (fine.classes[99], coarse.classes[4]) == ("worm", "fruit_and_vegetables")
    assert np.array_equal(fine.images.flatten(1).numpy(), pixels(3, 3072))
    with pytest.raises(ConfigError, match="labels is 'medium'"):
        CIFAR100(root, labels="medium")  # type: ignore[arg-type]


def test_the_names_are_complete_and_in_order():
    assert (len(CIFAR100_CLASSES), len(CIFAR100_SUPERCLASSES)) == (100, 20)
    assert list(CIFAR100_CLASSES) == sorted(set(CIFAR100_CLASSES))
    assert list(CIFAR100_SUPERCLASSES) == sorted(set(CIFAR100_SUPERCLASSES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda data: b"", "data_batch_2.bin: the file is empty", id="empty"),
        pytest.param(lambda data: data[:-1], "6145 bytes, which is not a whole number of records of 3073", id="short"),
        pytest.param(lambda data: b"\x0a" + data[1:], "label 10 at row 0, but labels 0 to 9", id="label"),
        pytest.param(lambda data: bytes(3073 * 10_001), "more than the 10000 records", id="long"),
    ],
)
def test_bad_files(tmp_path, pixels, change, message):
    files = ten(pixels)
    files[TRAIN10[1]] = change(files[TRAIN10[1]])
    with pytest.raises(DataError, match=message):
        CIFAR10(str(unpack(tmp_path / "here", files)), partial=True).load()
    (tmp_path / "a.tar.gz").write_bytes(archive(files))
    with pytest.raises(DataError, match=message):
        CIFAR10(str(tmp_path / "a.tar.gz"), partial=True).load()


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """Black images, as many as in the original."""
    return {name: bytes(3073 * 10_000) for name in (*TRAIN10, "test_batch.bin")}


def test_files_cut_between_two_records_are_told(tmp_path, whole):
    """Cut to 3 records, data_batch_2.bin once passed for a small file."""
    root = unpack(tmp_path / "here", whole)
    assert [len(split) for split in CIFAR10(str(root)).load()] == [50_000, 10_000]
    for name, rest in ((TRAIN10[1], 3), ("test_batch.bin", 9_999)):
        unpack(root, whole | {name: whole[name][: 3073 * rest]})
        with pytest.raises(
            DataError, match=rf"{name}: {rest} records, but the original has 10000.*set partial to true"
        ):
            CIFAR10(str(root)).load()
    assert len(CIFAR10(str(root), partial=True).load()[1]) == 9_999
    unpack(root, {"train.bin": bytes(3074 * 50_000), "test.bin": bytes(3074 * 10_001)})
    with pytest.raises(DataError, match=r"test.bin: more than the 10000 records"):
        CIFAR100(str(root)).load()
    unpack(root, {"train.bin": bytes(3074 * 49_999), "test.bin": bytes(3074 * 10_000)})
    with pytest.raises(DataError, match=r"train.bin: 49999 records, but the original has 50000"):
        CIFAR100(str(root)).load()


def test_one_flipped_bit_in_a_packed_archive_is_told(tmp_path, pixels):
    """Stored blocks hold the pixels as they are, so that only the checksum at the end can tell."""
    plain, path = archive(ten(pixels), "w"), tmp_path / "cifar-10-binary.tar.gz"
    packed = bytearray(gzip.compress(plain, compresslevel=0))
    path.write_bytes(packed)
    assert len(CIFAR10(str(path), partial=True).load()[0]) == 10
    place = bytes(packed).index(pixels(2, 3072, seed=3)[0, 100:200].tobytes())
    packed[place] ^= 1
    path.write_bytes(packed)
    with pytest.raises(DataError, match=r"cifar-10-binary.tar.gz: cannot be read as .*CRC check failed"):
        CIFAR10(str(path), partial=True).load()


def test_missing_files(tmp_path, pixels):
    files = ten(pixels)
    del files["data_batch_4.bin"]
    for place in (unpack(tmp_path / "here", files), tmp_path / "a.tar.gz"):
        (tmp_path / "a.tar.gz").write_bytes(archive(files))
        with pytest.raises(
            DataError, match=r"data_batch_4.bin missing; data_batch_1.bin, .*test_batch.bin were expected"
        ):
            CIFAR10(str(place)).load()
    with pytest.raises(DataError, match=r"none of train.bin, test.bin is in it, nor .*cifar-100-binary.tar.gz"):
        CIFAR100(str(tmp_path)).load()
    with pytest.raises(DataError, match=r"nowhere does not exist. Put cifar-10-binary.tar.gz there"):
        CIFAR10(str(tmp_path / "nowhere")).load()


def test_the_pickled_version_is_refused(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "python.tar.gz").write_bytes(archive({"data_batch_1": b"\x80\x02."}))
    for place in ("", "python.tar.gz"):
        with pytest.raises(DataError, match=r"a pickle can run any program, so none is ever loaded here. .*10-binary"):
            CIFAR10(str(tmp_path / place)).load()


@pytest.fixture(scope="module")
def archives(pixels):
    return {mode: archive(hundred(pixels), mode) for mode in ("w", "w:gz")}


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(data=st.data(), mode=st.sampled_from(["w", "w:gz"]))
def test_a_damaged_archive_raises_nothing_but_data_errors(
    tmp_path_factory, archives, damage, only_data_errors, data, mode
):
    path = tmp_path_factory.getbasetemp() / "damaged.tar.gz"
    path.write_bytes(damage(archives[mode], data))
    with only_data_errors(str(path)):
        assert CIFAR100(str(path), partial=True).load()[0].shape == (3, 32, 32)
