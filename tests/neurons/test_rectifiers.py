"""Rectifiers in the place of neurons."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import synfire
from synfire import MultiLevelIF, QuantisedReLU, ReLU
from synfire.base import backend


def test_relu_by_hand():
    x = torch.tensor([-1.0, 0.0, 2.5])[:, None]
    assert ReLU()(x).flatten().tolist() == [0.0, 0.0, 2.5]


def test_quantised_relu_by_hand():
    x = torch.tensor([-1.0, 0.49, 0.5, 1.2, 3.4, 3.6, 9.0])[None]
    assert QuantisedReLU(3)(x).flatten().tolist() == [0, 0, 1, 1, 3, 3, 3]
    assert QuantisedReLU(3, step=2.0)(x).flatten().tolist() == [0, 0, 0, 1, 2, 2, 3]


def test_other_roundings_by_hand():
    x = torch.tensor([-9.0, -1.6, -0.6, 0.4, 0.9, 1.0, 2.5])[None]
    assert QuantisedReLU(2, initial=0.0)(x).flatten().tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert QuantisedReLU(2, initial=0.0, signed=True)(x).flatten().tolist() == [-2, -1, 0, 0, 0, 1, 2]
    assert QuantisedReLU(9, 0.5, channels=7)(x[None]).flatten().tolist() == [0, 0, 0, 1, 2, 2, 5]
    steps = QuantisedReLU(9, 0.5, channels=2, learn_step=True)
    assert next(steps.parameters()).shape == (2,)
    next(steps.parameters()).data[1] = 2.0
    assert steps(torch.full((1, 1, 2), 3.0)).flatten().tolist() == [6, 2]


@pytest.mark.parametrize("name", ["reference", "numba"])
@given(levels=st.integers(1, 12), step=st.sampled_from([0.3, 1.0, 1.7]), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_at_one_step_it_equals_the_multi_level_neuron_gradients_too(name, levels, step, seed):
    x = levels * torch.randn(1, 4, 50, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    results = []
    with backend(name):
        for net in (MultiLevelIF(levels, step, learn_threshold=True), QuantisedReLU(levels, step, learn_step=True)):
            out = net(x)
            results.append((out, *torch.autograd.grad(out.sum(), (x, *net.parameters()))))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)


def test_every_step_is_on_its_own():
    x = 2 * torch.randn(5, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    net = QuantisedReLU(4)
    assert torch.equal(net(x), torch.cat([net(one[None]) for one in x]))
    run = synfire.stream(net)
    assert torch.equal(net(x), torch.stack([run(one) for one in x]))


@pytest.mark.parametrize("fallen", [0.0, -1.0, -1e9])
def test_a_learned_step_never_falls_below_its_bound(fallen):
    net = QuantisedReLU(2, learn_step=True)
    nn.init.constant_(next(net.parameters()), fallen)
    assert net(torch.tensor([[0.0004, 0.0006, 1.0]])).flatten().tolist() == [0, 1, 2]


def test_layouts_that_cannot_be_viewed():
    x = torch.randn(2, 3, 4, 5).movedim(0, -1)
    assert torch.equal(QuantisedReLU(2)(x), QuantisedReLU(2)(x.contiguous()))


def test_it_describes_itself():
    assert repr(QuantisedReLU(3)) == "QuantisedReLU(levels=3)"
    long = QuantisedReLU(3, initial=0.0, signed=True, channels=8)
    assert repr(long) == "QuantisedReLU(levels=-3, initial=0, channels=8)"
