import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import save_file

from synfire.base import RunError
from synfire.training.checkpoint import read_state, write_state

numbers = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
tensors = st.builds(
    lambda seed, size, dtype: torch.randint(0, 9, (size, 2), generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.integers(0, 99),
    st.integers(0, 3),
    st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool]),
)
states = st.dictionaries(
    st.text() | st.integers(),
    st.recursive(
        numbers | tensors,
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.integers() | st.text(), inner),
        max_leaves=12,
    ),
)


def same(a: Any, b: Any) -> bool:
    """Compare with types and tensors, bit for bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


@settings(max_examples=25, deadline=None)
@given(state=states)
def test_what_is_written_is_read(state: dict[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("state") / "folder" / "last.safetensors"
    write_state(path, state)
    assert same(read_state(path), state)
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({0: torch.ones(1), "0": torch.zeros(1)}, id="keys that print alike"),
        pytest.param({"a": float("inf"), "b": float("-inf")}, id="infinities"),
        pytest.param({"a": torch.ones(2, 3).t(), "b": torch.ones(4).expand(3, 4)}, id="views"),
        pytest.param({"a": torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)}, id="channels last"),
        pytest.param({"tensor": {"dict": ("tuple", ["float"])}}, id="words of the format as keys and values"),
        pytest.param({}, id="empty"),
    ],
)
def test_awkward_states(state: dict[Any, Any], tmp_path: Path) -> None:
    write_state(tmp_path / "s", state)
    assert same(read_state(tmp_path / "s"), state)


def test_equal_states_give_equal_bytes(tmp_path: Path) -> None:
    state = {"weights": {"b": torch.ones(3), "a": torch.zeros(2)}, "epoch": 3}
    for name in ("one", "two"):
        write_state(tmp_path / name, state)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_other_types_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot hold state\.callbacks\.mine\.0, which is a object; numbers"):
        write_state(tmp_path / "s", {"callbacks": {"mine": [object()]}})
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    with pytest.raises(RunError, match="does not exist"):
        read_state(path)
    write_state(path, {"weights": torch.ones(100)})
    whole = path.read_bytes()
    for length in (0, 4, 60, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(RunError, match="is no whole safetensors file"):
            read_state(path)
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(RunError, match="not a checkpoint of synfire"):
        read_state(path)
    save_file({"a": torch.ones(1)}, path, {"state": json.dumps({"format": "synfire-state-1", "state": {"bad": 1}})})
    with pytest.raises(RunError, match="not a checkpoint of synfire"):
        read_state(path)
    save_file({"a": torch.ones(1)}, path, {"state": json.dumps({"format": "synfire-state-9", "state": {}})})
    with pytest.raises(RunError, match="has the format 'synfire-state-9'"):
        read_state(path)


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch exploded",)


def test_a_pickle_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("last.safetensors").write_bytes(pickle.dumps({"state_dict": Bomb()}))
    with pytest.raises(RunError, match="is no whole safetensors file"):
        read_state(Path("last.safetensors"))
    assert not Path("exploded").exists()


def test_a_full_disk_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    write_state(path, {"epoch": 1})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("synfire.base.records.os.fsync", full)
    with pytest.raises(RunError, match=r"cannot write .*No space left on device\. Free some space"):
        write_state(path, {"epoch": 2})
    assert read_state(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
