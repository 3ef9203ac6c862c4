import multiprocessing
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from synfire.base import DataError, RunError
from synfire.data.store import Columns, stored

ABOUT = {"source": "three numbers", "options": {"scale": 2}}


def three(columns: Columns) -> dict:
    columns.append(x=np.arange(2, dtype=np.int16), y=np.ones((2, 3)))
    columns.append(x=np.array([7], np.int16), y=np.zeros((1, 3)))
    return {"count": 3}


def never(columns: Columns) -> dict:
    raise AssertionError("it is there already")


def test_arrays_are_made_once_and_mapped_from_the_disk(tmp_path: Path) -> None:
    for make in (three, never):
        arrays, facts = stored(tmp_path / "cache", ABOUT, make)
        assert arrays["x"].tolist() == [0, 1, 7]
        assert arrays["y"].sum(1).tolist() == [3, 3, 0]
        assert isinstance(arrays["x"], np.memmap)
        assert facts == {"count": 3}
    arrays["x"][0] = 5
    assert stored(tmp_path / "cache", ABOUT, never)[0]["x"][0] == 0


def test_other_parameters_make_other_arrays(tmp_path: Path) -> None:
    stored(tmp_path, ABOUT, three)
    with pytest.raises(AssertionError):
        stored(tmp_path, {**ABOUT, "options": {"scale": 3}}, never)
    same = {"options": {"scale": 2}, "source": "three numbers"}
    assert stored(tmp_path, same, never)[1] == {"count": 3}


def test_an_empty_array_is_kept(tmp_path: Path) -> None:
    for make in (lambda columns: columns.append(x=np.empty((0, 4), np.uint8)), never):
        assert stored(tmp_path, ABOUT, make)[0]["x"].shape == (0, 4)


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    def fails(columns: Columns) -> None:
        three(columns)
        raise DataError("recording 3 is damaged")

    with pytest.raises(DataError, match="recording 3"):
        stored(tmp_path, ABOUT, fails)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    assert stored(tmp_path, ABOUT, three)[1] == {"count": 3}


def killed(folder: Path) -> None:
    def make(columns: Columns) -> None:
        three(columns)
        os.kill(os.getpid(), 9)

    stored(folder, ABOUT, make)


def counts(folder: Path) -> None:
    def make(columns: Columns) -> dict:
        with (folder / "made").open("a") as file:
            file.write("x")
        return three(columns)

    assert stored(folder / "cache", ABOUT, make)[0]["x"].tolist() == [0, 1, 7]


def test_a_killed_process_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=killed, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == -9
    assert len(list(tmp_path.iterdir())) == 2
    assert stored(tmp_path, ABOUT, three)[0]["x"].tolist() == [0, 1, 7]
    assert sorted(path.name.startswith(".") for path in tmp_path.iterdir()) == [False, False]


def test_of_two_processes_one_makes_the_arrays(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=counts, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert (tmp_path / "made").read_text() == "x"


def test_damage_is_named(tmp_path: Path) -> None:
    stored(tmp_path, ABOUT, three)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (folder / "x").write_bytes(b"1")
    with pytest.raises(RunError, match=r"x has 1 bytes, but 6 were expected.*Delete that folder"):
        stored(tmp_path, ABOUT, three)
    (folder / "x").unlink()
    with pytest.raises(RunError, match="No such file"):
        stored(tmp_path, ABOUT, three)
    for broken in ("", "[]", '{"columns": [], "facts": {}}'):
        (folder / "about.json").write_text(broken)
        with pytest.raises(RunError, match=f"cached arrays in {folder} are damaged.*Delete that folder"):
            stored(tmp_path, ABOUT, three)


def test_parts_of_different_kinds_are_refused(tmp_path: Path) -> None:
    def make(columns: Columns) -> None:
        columns.append(x=np.zeros(3, np.int16))
        columns.append(x=np.zeros(3, np.int32))

    with pytest.raises(DataError, match="parts of one kind"):
        stored(tmp_path, ABOUT, make)


def full(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # bytes of a file, as if the disk had no more
    with pytest.raises(RunError, match=r"cannot be written: .*Free some space"):
        stored(folder, ABOUT, lambda columns: columns.append(x=np.zeros(10_001, np.uint8)))


def test_of_a_full_disk_nothing_is_read(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=full, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    assert stored(tmp_path, ABOUT, three)[1] == {"count": 3}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    stored(tmp_path, ABOUT, three)
    (lock,) = tmp_path.glob("*.lock")
    shutil.rmtree(tmp_path / lock.stem)
    lock.unlink()
    lock.mkdir()  # as good as the lock of somebody else
    with pytest.raises(RunError, match=f"the cache {tmp_path} cannot be written"):
        stored(tmp_path, ABOUT, three)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        stored(tmp_path / "file" / "cache", ABOUT, three)
