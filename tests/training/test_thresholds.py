import copy

import pytest
import torch
from torch import nn

from synfire.base import ConfigError
from synfire.models import cnn4, sparse_resnet_narrow, twin
from synfire.neurons import MultiLevelIF
from synfire.training import init_thresholds


def test_by_hand() -> None:
    net = nn.Sequential(MultiLevelIF(4, initial=0.0, learn_threshold=True), MultiLevelIF(1, learn_threshold=True))
    x = torch.tensor([[[1.0, -3.0, 2.0, 2.0]]])  # mean |x| = 2, so 2 * 2 / sqrt(4) = 2; then spikes 0 0 1 1
    assert init_thresholds(net, x) == {"0": 2.0, "1": 1.0}
    assert net[0].threshold.item() == 2.0


def test_barriers_and_norms_stay() -> None:
    net = sparse_resnet_narrow(3, widths=(4,), depths=(2,), learn_threshold=True)
    before = copy.deepcopy(net.state_dict())
    new = init_thresholds(net, torch.randn(1, 4, 3, 8, 8))
    assert set(new) == {"stem.1", *(f"stages.0.{block}.branch.{place}" for block in (0, 1) for place in (1, 3))}
    for name, value in net.state_dict().items():
        changed = name.removesuffix("._threshold") in new
        assert torch.equal(value, before[name]) != changed, name


def test_quantised_twins_have_steps() -> None:
    assert (
        len(init_thresholds(twin(cnn4(learn_threshold=True, image_size=8), "quantised"), torch.randn(1, 4, 1, 8, 8)))
        == 4
    )


def test_fixed_thresholds_are_an_error() -> None:
    with pytest.raises(ConfigError, match="no neuron of the network learns its threshold"):
        init_thresholds(cnn4(learn_threshold=False), torch.randn(1, 4, 1, 8, 8))
