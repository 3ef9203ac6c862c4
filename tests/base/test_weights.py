from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from synfire.base import RunError, load_weights, save_weights
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
