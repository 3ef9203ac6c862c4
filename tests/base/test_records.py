"""Records on disk: whole or not at all."""

import io
import json
import math
import os
import stat

import pytest

from synfire.base import SCHEMA_VERSION, RunError, append_json_line, read_json, write_atomic, write_json


def test_records_round_trip(tmp_path):
    record = {"name": "synfire", "steps": 4, "loss": 0.1, "nested": {"list": [1, 2.5, None, True]}, "text": "Größe"}
    write_json(tmp_path / "run.json", record)
    assert read_json(tmp_path / "run.json") == {"schema": SCHEMA_VERSION, **record}


def test_numbers_that_json_lacks_become_strings(tmp_path):
    record = {"a": math.nan, "b": [math.inf, (1.0, -math.inf)], 3: {"c": math.nan}}
    want = {"a": "nan", "b": ["inf", [1.0, "-inf"]], "3": {"c": "nan"}}
    write_json(tmp_path / "run.json", record)
    append_json_line(tmp_path / "lines.jsonl", record)
    assert read_json(tmp_path / "run.json") == {"schema": SCHEMA_VERSION, **want}
    assert json.loads((tmp_path / "lines.jsonl").read_text(), parse_constant=pytest.fail) == want


def test_lines_are_appended_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in range(3):
        append_json_line(path, {"step": step})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 0}, {"step": 1}, {"step": 2}]


class Torn(io.FileIO):
    """A file on a disk that takes ten bytes more."""

    def write(self, data):
        return super().write(data[:10])


def test_a_torn_line_is_taken_back_and_told(tmp_path, monkeypatch):
    path = tmp_path / "metrics.jsonl"
    append_json_line(path, {"step": 0})
    before = path.read_bytes()
    monkeypatch.setattr(type(path), "open", lambda self, mode, buffering: Torn(self, mode))
    with pytest.raises(RunError, match=r"only 10 of 12 bytes were taken, so the disk may be full\. Free some space"):
        append_json_line(path, {"step": 1})
    monkeypatch.undo()
    assert path.read_bytes() == before


def test_a_file_is_replaced_and_readable_as_usual(tmp_path):
    path = tmp_path / "weights"
    for content in (b"old", b"new"):
        write_atomic(path, lambda file, content=content: file.write(content))
    assert path.read_bytes() == b"new"
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert {p.name for p in tmp_path.iterdir()} == {"weights", "plain"}


class Interruption(BaseException):
    """Stands in for Ctrl+C."""


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        pytest.param(OSError(28, "No space left on device"), RunError, id="full disk"),
        pytest.param(ValueError("bad tensor"), ValueError, id="error of the writer"),
        pytest.param(Interruption(), Interruption, id="interrupted"),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, failure, raised):
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half of the n")
        raise failure

    with pytest.raises(raised):
        write_atomic(path, write)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights"]


def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"old")

    def refuse(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunError, match=r"cannot write .*weights: Input/output error"):
        write_atomic(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights"]


def test_records_of_an_older_schema_are_read(tmp_path):
    (tmp_path / "run.json").write_text('{"loss": 1}')
    assert read_json(tmp_path / "run.json") == {"loss": 1}
