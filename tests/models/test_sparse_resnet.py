"""Activity along the blocks of residual networks, with and without barriers."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from synfire import MultiLevelIF
from synfire.blocks import ResidualBlock
from synfire.layers import Join
from synfire.models import SparseResNet, sparse_resnet_narrow

LEVELS, DEPTH = 4, 4


def joins_of(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Run a network and return the output of every join, in order."""
    seen: list[Tensor] = []
    hooks = [m.register_forward_hook(lambda m, i, out: seen.append(out)) for m in net.modules() if isinstance(m, Join)]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return seen


def lively(barriers: bool, **options: object) -> tuple[SparseResNet, Tensor]:
    torch.manual_seed(0)
    net = sparse_resnet_narrow(5, LEVELS, barriers=barriers, depths=(DEPTH, DEPTH), **options)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    x = torch.randn(2, 4, 3, 8, 8)
    with torch.no_grad():
        net(x)
    return net.eval(), x


def test_without_barriers_values_and_density_grow_within_a_stage():
    net, x = lively(barriers=False)
    outputs = joins_of(net, x)
    assert len(outputs) == 2 * DEPTH
    for stage, first_bound in ((outputs[:DEPTH], 2 * LEVELS), (outputs[DEPTH:], 2 * LEVELS)):
        for block, out in enumerate(stage):
            assert out.max() <= first_bound + block * LEVELS
        means = [out.mean().item() for out in stage]
        density = [(out > 0).float().mean().item() for out in stage]
        assert means == sorted(means)
        assert density == sorted(density)
        assert means[-1] > 2 * means[0]
        assert stage[-1].max() > 2 * LEVELS


@pytest.mark.parametrize("inner_neuron", [True, False])
def test_barriers_bound_every_block(inner_neuron):
    net, x = lively(barriers=True, inner_neuron=inner_neuron)
    for out in joins_of(net, x):
        assert torch.equal(out, out.round())
        assert out.min() >= 0
        assert 0 < out.max() <= LEVELS


@pytest.mark.parametrize("barriers", [False, True])
def test_all_firing_branches_reach_the_bounds_of_the_whole_network(barriers):
    """Per stage of identity shortcuts (i + 1) N without barriers, N with; a projection starts again at 2 N."""
    net, x = lively(barriers)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)
            nn.init.constant_(module.bias, 100.0)
    bounds = [LEVELS] * 2 * DEPTH if barriers else [(i + 2) * LEVELS for i in range(DEPTH)] * 2
    assert [out.unique().tolist() for out in joins_of(net, x)] == [[b] for b in bounds]


@pytest.mark.parametrize(
    ("inner_neuron", "given", "gradient"),
    [(True, None, "identity"), (True, "clipped", "clipped"), (False, None, "clipped"), (False, "identity", "identity")],
)
def test_the_barrier_gradient_reaches_every_barrier(inner_neuron, given, gradient):
    net = sparse_resnet_narrow(5, LEVELS, inner_neuron=inner_neuron, barrier_gradient=given)
    shapes = {m.after_merge.spec.surrogate.shape for m in net.modules() if isinstance(m, Join)}
    assert shapes == {{"identity": "identity", "clipped": "straight_through"}[gradient]}


@pytest.mark.parametrize(("stride", "sizes"), [(1, [8, 4, 2]), (2, [4, 2, 1])])
def test_stages_halve_the_image(stride, sizes):
    net = SparseResNet((1, 1, 1), (4, 6, 8), 3, stem_stride=stride)
    assert [out.shape[-1] for out in joins_of(net, torch.randn(1, 2, 3, 8, 8))] == sizes
    assert [out.shape[2] for out in joins_of(net, torch.randn(1, 2, 3, 8, 8))] == [4, 6, 8]


def test_shortcuts_are_identities_but_for_the_first_block_of_later_stages():
    net = sparse_resnet_narrow(5)
    blocks = [m for m in net.modules() if isinstance(m, ResidualBlock)]
    assert [isinstance(b.shortcut, nn.Identity) for b in blocks] == [True] * 4 + [False] + [True] * 3


def test_own_neurons_stand_beside_barriers():
    net = sparse_resnet_narrow(5, LEVELS, neuron=partial(MultiLevelIF, 1))
    levels = [m.levels for m in net.modules() if isinstance(m, MultiLevelIF)]
    assert sorted(set(levels)) == [1, LEVELS]
    assert levels.count(LEVELS) == 8
