"""The residual block: its avalanche without barriers, its bound and its gradient with them."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from synfire import IF, MultiLevelIF
from synfire.base import backend
from synfire.blocks import ResidualBlock, barrier, synapse

LEVELS = 4


def block(bounded: bool, branch_bias: float, gradient: str = "identity", **options: object) -> ResidualBlock:
    """Return a block whose branch carries a constant: its last norm has weight 0 and this bias."""
    after = barrier(LEVELS, gradient=gradient) if bounded else None
    made = ResidualBlock(3, 3, 1, partial(MultiLevelIF, LEVELS), after, **options)
    last = [m for m in made.branch.modules() if isinstance(m, nn.BatchNorm2d)][-1]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, branch_bias)
    return made


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("bounded", [False, True])
def test_avalanche_of_branches_that_all_fire(bounded, count, steps):
    stack = nn.Sequential(*(block(bounded, branch_bias=100.0) for _ in range(count)))
    x = torch.full((steps, 2, 3, 4, 4), float(LEVELS))
    values = stack(x).unique().tolist()
    assert values == ([LEVELS] if bounded else [(count + 1) * LEVELS])


def test_silent_branches_leave_the_shortcut_alone():
    x = torch.randint(0, LEVELS + 1, (3, 2, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    for bounded in (False, True):
        stack = nn.Sequential(*(block(bounded, branch_bias=-1.0) for _ in range(10)))
        assert torch.equal(stack(x), x)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize(
    ("name", "count", "branch_bias"),
    [("reference", 1, 100.0), ("numba", 1, 100.0), ("reference", 10, -1.0), ("numba", 50, -1.0)],
)
def test_identity_barriers_pass_the_shortcut_gradient_exactly(name, count, branch_bias, steps):
    """The branches are constants, so what reaches the input came along the shortcut."""
    stack = nn.Sequential(*(block(True, branch_bias) for _ in range(count)))
    random = torch.Generator().manual_seed(1)
    x = torch.randint(0, LEVELS + 1, (steps, 1, 3, 4, 4), generator=random).float().requires_grad_()
    upstream = torch.randn(x.shape, generator=random)
    with backend(name):
        (grad,) = torch.autograd.grad(stack(x), x, upstream)
    assert torch.equal(grad, upstream)


def test_clipped_barriers_stop_the_gradient_of_what_saturates():
    x = torch.arange(0.0, 3 * LEVELS)[None, None, None, None].expand(1, 1, 3, 4, -1).clone().requires_grad_()
    out = block(True, branch_bias=-1.0, gradient="clipped")(x)
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert torch.equal(out, x.clamp_max(LEVELS))
    assert torch.equal(grad, (x <= LEVELS).float())


@pytest.mark.parametrize(
    ("inner", "bounded", "stride", "channels", "places"),
    [
        pytest.param(True, True, 1, 3, 3, id="two neurons and a barrier"),
        pytest.param(True, False, 1, 3, 2, id="spike-element-wise"),
        pytest.param(False, True, 1, 3, 2, id="the barrier is the last neuron"),
        pytest.param(True, True, 2, 6, 4, id="a projection has its own neuron"),
        pytest.param(True, True, 1, 6, 4, id="so has a change of channels"),
    ],
)
def test_neurons_of_a_block(inner, bounded, stride, channels, places):
    made = ResidualBlock(
        3, channels, stride, partial(MultiLevelIF, LEVELS), barrier(LEVELS) if bounded else None, inner_neuron=inner
    )
    assert sum(isinstance(m, MultiLevelIF) for m in made.modules()) == places
    out = made(torch.randint(0, LEVELS + 1, (2, 2, 3, 8, 8)).float())
    assert out.shape == (2, 2, channels, 8 // stride, 8 // stride)
    assert torch.equal(out, out.round())
    assert isinstance(made.shortcut, nn.Identity) == (stride == 1 and channels == 3)


def test_without_inner_neuron_a_current_is_merged():
    made = block(True, branch_bias=0.75, inner_neuron=False)
    assert made(torch.zeros(1, 1, 3, 4, 4)).unique().tolist() == [1.0]  # 0.75 rounds to 1
    made = block(True, branch_bias=-1.0, inner_neuron=False)
    assert made(torch.full((1, 1, 3, 4, 4), 3.0)).unique().tolist() == [2.0]


@pytest.mark.parametrize(("merge", "value"), [("add", 2.0), ("and", 1.0), ("iand", 0.0), ("or", 1.0)])
def test_merges_reach_the_join(merge, value):
    made = ResidualBlock(3, 3, 1, IF, merge=merge)
    nn.init.constant_(made.branch[2][1].bias, 100.0)
    assert made.eval()(torch.ones(1, 1, 3, 4, 4)).unique().tolist() == [value]


def test_neurons_of_a_block_are_separate():
    made: list[nn.Module] = []

    def neuron() -> nn.Module:
        made.append(IF())
        return made[-1]

    built = ResidualBlock(3, 6, 2, neuron)
    assert len(made) == 3
    assert {id(m) for m in built.modules() if isinstance(m, IF)} == {id(m) for m in made}


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_synapse_keeps_the_size(kernel):
    x: Tensor = torch.rand(2, 3, 4, 7, 7)
    assert synapse(4, 5, kernel)(x).shape == (2, 3, 5, 7, 7)
    assert synapse(4, 5, kernel, stride=2)(x).shape == (2, 3, 5, 4, 4)


@pytest.mark.parametrize(
    ("initial", "expected"), [(0.0, [0, 0, 1, 1, 2, 2, 3, 3, 4]), (0.5, [0, 1, 1, 2, 2, 3, 3, 4, 4])]
)
def test_a_barrier_of_step_two_halves(initial, expected):
    sums = torch.arange(9.0).view(1, 1, 9).requires_grad_()
    halved = barrier(LEVELS, step=2.0, initial=initial)(sums)
    assert halved.flatten().tolist() == expected
    halved.sum().backward()
    assert sums.grad.unique().tolist() == [0.5]
