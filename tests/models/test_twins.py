"""The conventional twin: rectifiers in the places of the neurons."""

import pytest
import torch
from torch import Tensor, nn

from synfire import LIF, MultiLevelIF, Neuron, QuantisedReLU, ReLU
from synfire.layers import Linear
from synfire.models import cnn4, twin


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Linear(6, 8), MultiLevelIF(3, learn_threshold=True), nn.Sequential(Linear(8, 4), LIF()))


@pytest.mark.parametrize(("kind", "rectifier"), [("relu", ReLU), ("quantised", QuantisedReLU)])
def test_neurons_are_replaced_in_their_places_and_the_original_stays(kind, rectifier):
    net = network()
    other = twin(net, kind)
    assert isinstance(other[1], rectifier)
    assert isinstance(other[2][1], rectifier)
    assert isinstance(net[1], MultiLevelIF)
    assert torch.equal(other[0].weight, net[0].weight)
    assert other[0].weight.data_ptr() != net[0].weight.data_ptr()


def test_the_relu_twin_is_a_relu_network():
    net, x = network(), torch.randn(1, 5, 6)
    hidden = torch.relu(nn.functional.linear(x, net[0].weight, net[0].bias))
    want = torch.relu(nn.functional.linear(hidden, net[2][0].weight, net[2][0].bias))
    torch.testing.assert_close(twin(net)(x), want)


def test_levels_follow_the_neuron_or_are_given():
    net = network()
    quantised = twin(net, "quantised")
    assert [quantised[1].levels, quantised[2][1].levels] == [3, 1]
    assert [sum(p.numel() for p in m.parameters()) for m in (quantised[1], quantised[2][1])] == [1, 0]
    given = twin(net, "quantised", levels=12)
    assert [given[1].levels, given[2][1].levels] == [12, 12]


def test_own_neurons_count_as_binary():
    class Own(Neuron):
        def charge(self, v: Tensor, x: Tensor) -> Tensor:
            return 0.5 * v + x

    assert twin(nn.Sequential(Own()), "quantised")[0].levels == 1


def test_the_gradients_of_the_quantised_twin_equal_those_of_the_network_at_one_step():
    torch.manual_seed(0)
    net = cnn4(5, image_size=8)
    other = twin(net, "quantised")
    x = torch.randn(1, 4, 1, 8, 8)
    for n in (net, other):
        nn.functional.cross_entropy(n(x)[0], torch.arange(4)).backward()
    grads = [[p.grad for p in n.parameters()] for n in (net, other)]
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-7)
