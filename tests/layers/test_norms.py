"""Folding norms into the weights before them."""

import pytest
import torch
from torch import nn

from synfire import MultiLevelIF
from synfire.layers import BatchNorm1d, BatchNorm2d, Conv2d, Flatten, Linear, fold_norms


def network(bias: bool) -> nn.Module:
    """Return a network with both kinds of norm, trained statistics and affine weights that are not 1 and 0."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(Conv2d(3, 8, 3, bias=bias), BatchNorm2d(8)), MultiLevelIF(4),
        Flatten(), Linear(8 * 16, 5, bias=bias), BatchNorm1d(5),
    )  # fmt: skip
    for norm in (net[0][1], net[4]):
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    for _ in range(5):
        net(torch.randn(2, 8, 3, 6, 6))
    return net.eval()


@pytest.mark.parametrize("bias", [False, True])
def test_folding_changes_no_output_and_removes_every_norm(bias):
    net = network(bias).double()
    x = torch.randn(3, 4, 3, 6, 6, dtype=torch.float64)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    folded = fold_norms(net)
    torch.testing.assert_close(folded(x), net(x), rtol=1e-9, atol=1e-12)
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in folded.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items()), "the original is untouched"
    assert [tuple(p.shape) for p in folded.parameters()] == [(8, 3, 3, 3), (8,), (5, 128), (5,)]


def test_folded_networks_still_train():
    folded = fold_norms(network(bias=False))
    folded(torch.randn(2, 4, 3, 6, 6)).sum().backward()
    assert all(p.grad is not None for p in folded.parameters())


def test_norms_without_weights_before_them_stay():
    net = nn.Sequential(BatchNorm1d(3), Linear(3, 2)).eval()
    x = torch.randn(2, 4, 3)
    assert torch.equal(fold_norms(net)(x), net(x))
    assert isinstance(fold_norms(net)[0], BatchNorm1d)
