from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from synfire.base import RunError, load_weights, read_tensors, save_weights
from synfire.models import cnn4


def test_weights_go_round(tmp_path: Path) -> None:
    net, other = cnn4(3, learn_threshold=True), cnn4(3, learn_threshold=True)
    save_weights(net, tmp_path / "w")
    assert load_file(tmp_path / "w").keys() == net.state_dict().keys()
    load_weights(other, tmp_path / "w")
    for name, value in net.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_weights_of_another_network(tmp_path: Path) -> None:
    save_weights(cnn4(3), tmp_path / "w")
    with pytest.raises(RunError, match=r"head.1.bias has shape \(3,\), but the network has \(4,\)"):
        load_weights(cnn4(4), tmp_path / "w")
    with pytest.raises(RunError, match=r"belongs to another network: \d+ missing \(bias\) and \d+ extra \(features"):
        load_weights(torch.nn.Linear(2, 2), tmp_path / "w")
    with pytest.raises(RunError, match="does not exist"):
        load_weights(cnn4(3), tmp_path / "none")


def test_shared_tensors_are_written_twice(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 2)
    save_weights(torch.nn.Sequential(layer, layer), tmp_path / "w")
    load_weights(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)), tmp_path / "w")


class Mixed(torch.nn.Module):
    """Tensors of every kind that a network holds."""

    def __init__(self) -> None:
        super().__init__()
        made = {
            "matrix": torch.arange(6.0).view(2, 3).t(),
            "short": torch.ones(3, dtype=torch.bfloat16),
            "count": torch.tensor(7),
            "mask": torch.tensor([True, False]),
            "phase": torch.tensor([1 + 2j]),
            "nothing": torch.empty(0, 4),
        }
        for name, value in made.items():
            self.register_buffer(name, value)


def test_every_flipped_bit_of_the_tensors_is_told(tmp_path: Path) -> None:
    path, net = tmp_path / "w", Mixed()
    save_weights(net, path)
    tensors, _ = read_tensors(path)
    assert all(torch.equal(value, tensors[name]) for name, value in net.state_dict().items())
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    for place in range(start, len(data)):
        for bit in (0, 7):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            with pytest.raises(
                RunError, match=r"was changed after it was written: its tensors have the SHA-256 \w{12}\."
            ):
                read_tensors(path)


@pytest.mark.parametrize(("old", "new"), [(b'"count"', b'"coumt"'), (b"[3,2]", b"[2,3]"), (b'"I64"', b'"U64"')])
def test_changed_names_shapes_and_dtypes_are_told(tmp_path: Path, old: bytes, new: bytes) -> None:
    save_weights(Mixed(), tmp_path / "w")
    data = (tmp_path / "w").read_bytes()
    assert old in data
    (tmp_path / "w").write_bytes(data.replace(old, new))
    with pytest.raises(RunError, match="was changed after it was written"):
        read_tensors(tmp_path / "w")


def test_files_without_a_digest_are_read(tmp_path: Path) -> None:
    save_file({"weight": torch.eye(2), "bias": torch.ones(2)}, tmp_path / "w", {"made by": "another program"})
    net = torch.nn.Linear(2, 2)
    load_weights(net, tmp_path / "w")
    assert torch.equal(net.weight, torch.eye(2))


def test_the_same_weights_give_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        save_weights(Mixed(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
