import pytest
import torch
from torch import nn

from synfire.neurons import IF, LIF, MultiLevelIF, ReLU
from synfire.tasks import Activity


def test_counts_by_hand() -> None:
    net = nn.Sequential(MultiLevelIF(4, initial=0.0), IF())
    activity = Activity(net)
    with activity.counting():
        net(torch.tensor([[[0.5, 1.0, 2.5, 9.0]]]))  # 0 1 2 4, then 0 1 1 1
    assert (activity.non_zeros.item(), activity.total.item()) == (6, 10)
    net(torch.ones(1, 1, 4))
    assert activity.non_zeros.item() == 6  # nothing is counted outside the block
    assert not any(module._forward_hooks for module in net.modules())


def test_a_relu_has_no_spikes_to_sum() -> None:
    activity = Activity(nn.Sequential(ReLU(), LIF()))
    assert not activity.sums_mean_spikes


def test_negative_spikes_count_with_their_size() -> None:
    net = MultiLevelIF(2, initial=0.0, signed=True)
    activity = Activity(net)
    with activity.counting():
        net(torch.tensor([[[-2.0, 1.0, 0.0]]]))
    assert (activity.non_zeros.item(), activity.total.item()) == (2, 3)


def test_counts_above_what_float32_holds() -> None:
    net = MultiLevelIF(4)
    activity = Activity(net)
    activity.total = torch.tensor(2.0**24, dtype=torch.float64)
    with activity.counting():
        net(torch.ones(1, 1, 1))
    assert activity.total.item() == pytest.approx(2.0**24 + 1, abs=0)
