import errno
import json
import os
from pathlib import Path

import pytest

from synfire.base import RunError, append_json_line
from synfire.training import RunFolder
from synfire.training.run_folder import describe_environment


def test_new_folders_are_numbered(tmp_path: Path) -> None:
    assert [RunFolder.new("digits", tmp_path).path.name for _ in range(2)] == ["digits-1", "digits-2"]
    (tmp_path / "digits-10").mkdir()
    (tmp_path / "digits-ann-40").mkdir()
    (tmp_path / "digits-x").mkdir()
    assert RunFolder.new("digits", tmp_path).path.name == "digits-11"
    assert RunFolder.latest("digits", tmp_path).path.name == "digits-11"
    with pytest.raises(RunError, match="no run of mnist"):
        RunFolder.latest("mnist", tmp_path)


def test_a_named_folder_must_be_free(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path / "a" / "b")
    assert RunFolder.at(folder.path) == folder  # empty, so still free
    (folder.path / "recipe.yaml").touch()
    with pytest.raises(RunError, match=r"is there already and not empty\. Continue its run with --resume"):
        RunFolder.at(folder.path)
    with pytest.raises(RunError, match=r"cannot make the folder .*Not a directory"):
        RunFolder.at(folder.recipe / "below-a-file")


def test_begin_writes_recipe_and_environment(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.summary.write_text("{}")
    folder.begin("seed: 3\n", describe_environment(3))
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["seed"] == 3
    assert {"synfire", "torch", "lightning"} <= environment["versions"].keys()
    assert folder.recipe.read_text() == "seed: 3\n"
    assert folder.read_summary() is None


def test_epochs_that_were_cut_off_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.keep_epochs(3)
    for epoch in (1, 2, 3):
        append_json_line(folder.metrics, {"epoch": epoch})
    with folder.metrics.open("ab") as file:
        file.write(b'{"epoch": 2, "cut o')
    folder.keep_epochs(2)
    assert folder.metrics.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'


def test_a_full_disk_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("synfire.base.records.os.fsync", full)
    with pytest.raises(RunError, match=r"cannot write .*recipe.yaml: No space left on device"):
        RunFolder(tmp_path).begin("", {})
    assert list(tmp_path.iterdir()) == []
