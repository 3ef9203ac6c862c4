"""The conventional twin: rectifiers in the places of the neurons."""

import pytest
import torch
from torch import Tensor, nn

from synfire.base import ConfigError, backend
from synfire.layers import Linear
from synfire.models import cnn4, sparse_resnet_narrow, twin
from synfire.neurons import (
    GELU,
    IF,
    LIF,
    MultiLevelIF,
    MultiLevelLIF,
    Neuron,
    NeuronSpec,
    ParametricLIF,
    QuantisedReLU,
    ReLU,
    ScanNeuron,
    SequenceLIF,
    Surrogate,
)


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


STRAIGHT = Surrogate("straight_through")
NEURONS = {
    "step": lambda: MultiLevelIF(4, 0.5),
    "learned step": lambda: MultiLevelIF(4, 0.3, learn_threshold=True),
    "truncating": lambda: MultiLevelIF(3, 0.7, initial=0.0),
    "odd initial": lambda: MultiLevelIF(3, 0.7, initial=0.3),
    "signed": lambda: MultiLevelIF(3, 0.6, initial=0.1, signed=True),
    "channels": lambda: MultiLevelIF(4, 0.5, channels=6, learn_threshold=True),
    "binary": lambda: IF(0.8, surrogate=STRAIGHT),
    "leaky": lambda: LIF(0.3, 0.9, surrogate=STRAIGHT),
    "leaky from a potential": lambda: MultiLevelLIF(4, 0.3, 0.7, initial=0.3, reset="zero"),
    "leak per channel": lambda: MultiLevelLIF(
        4, 0.3, 0.7, initial=0.3, channels=6, learn_decay=True, learn_threshold=True
    ),
    "learned leak": lambda: ParametricLIF(0.3, surrogate=STRAIGHT),
    "floored": lambda: MultiLevelIF(4, 0.5, initial=-0.3, floor_at_zero=True),
    "last axis": lambda: ScanNeuron(
        NeuronSpec(levels=(1.0, 2.0), surrogate=STRAIGHT), channels=5, channel_axis=3, scale_threshold_gradient=False,
        learn_threshold=True,
    ),
    "axis from the end": lambda: ScanNeuron(
        NeuronSpec(levels=(1.0, 2.0), surrogate=STRAIGHT), channels=5, channel_axis=-1, learn_threshold=True
    ),
    "unequal levels": lambda: ScanNeuron(NeuronSpec(levels=(0.5, 1.5, 4.0), surrogate=STRAIGHT), threshold=0.7),
    "sequence": lambda: SequenceLIF(threshold=0.3, levels=5, channels=6, surrogate=STRAIGHT),
    "sequence of one threshold": lambda: SequenceLIF(threshold=0.3, levels=3, learn_threshold=False),
}  # fmt: skip


def spread(neuron: nn.Module) -> nn.Module:
    """Give what is learned, or held per channel, values of its own, as training would."""
    generator = torch.Generator().manual_seed(0)
    for value in (*neuron.parameters(), *neuron.buffers()):
        if value.dim() or value.requires_grad:
            value.data *= 0.5 + torch.rand(value.shape, generator=generator)
    return neuron


@pytest.mark.parametrize("engine", ["reference", "numba"])
@pytest.mark.parametrize("name", NEURONS)
def test_a_quantised_neuron_equals_its_neuron_at_one_step_gradients_too(name, engine):
    neuron = spread(NEURONS[name]())
    other = twin(neuron, "quantised")
    step = neuron.threshold.detach() if neuron.channel_axis != 2 else neuron.threshold.detach().view(-1, 1)
    # as many currents on the edges between two levels, give or take the last bit, as anywhere
    edges = torch.arange(-6, 6).view(12, 1, 1) * step + torch.zeros(6, 5) - neuron.spec.initial * step
    edges = [edges, edges.nextafter(torch.tensor(-9.0)), edges.nextafter(torch.tensor(9.0))]
    x = torch.cat([*edges, 2 * torch.randn(40, 6, 5, generator=torch.Generator().manual_seed(1))])[None]
    results = []
    with backend(engine):
        for net in (neuron, other):
            current = x.clone().requires_grad_()
            out = net(current)
            assert out.unique().numel() > 1 + (name not in ("binary", "leaky", "learned leak"))
            grads = torch.autograd.grad(out.sum(), (current, *net.parameters()), allow_unused=True)
            results.append((out, [g for g in grads if g is not None and g.any()]))
    assert torch.equal(results[0][0], results[1][0])
    if neuron.spec.surrogate == STRAIGHT:
        torch.testing.assert_close(results[1][1], results[0][1], rtol=1e-5, atol=1e-6)
    assert torch.equal(other(torch.cat([x, x]))[1], results[0][0][0])  # every step is a first step


@pytest.mark.parametrize("name", NEURONS)
def test_what_a_quantised_neuron_learned_is_in_its_weights(name):
    neuron = spread(NEURONS[name]())
    other, fresh = twin(neuron, "quantised"), twin(NEURONS[name](), "quantised")
    learned = {n for n, p in neuron.named_parameters() if p.numel()} - (
        {"_decay"} if not neuron.spec.initial else set()
    )
    assert len(other.state_dict()) == len(learned)
    fresh.load_state_dict(other.state_dict())
    for one, same in zip(other.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, same)


def test_the_twin_of_a_network_without_inner_neurons_rounds_as_its_barriers():
    torch.manual_seed(0)
    net = sparse_resnet_narrow(
        5, inner_neuron=False, barrier_initial=0.25, barrier_gradient="clipped", widths=(4, 8), depths=(1, 1)
    ).eval()
    x = torch.randn(1, 4, 3, 8, 8)
    assert torch.equal(twin(net, "quantised")(x), net(x))


def test_levels_that_are_given_keep_the_rest():
    other = twin(MultiLevelIF(2, 0.5, initial=0.25, signed=True), "quantised", levels=12)
    assert (other.levels, other.step, other.spec.initial, other.spec.signed) == (12, 0.5, 0.25, True)


@pytest.mark.parametrize("kind", ["relu", "gelu", "quantised"])
def test_a_neuron_in_two_places_becomes_one_rectifier_in_both(kind):
    neuron = MultiLevelIF(3, learn_threshold=True)
    other = twin(nn.Sequential(neuron, Linear(4, 4), neuron, nn.ModuleDict({"last": neuron})), kind)
    assert other[0] is other[2] is other[3]["last"]
    assert not any(isinstance(m, Neuron) for m in other.modules())


@pytest.mark.parametrize(("kind", "rectifier"), [("relu", ReLU), ("gelu", GELU), ("quantised", QuantisedReLU)])
def test_a_single_neuron_has_a_twin(kind, rectifier):
    neuron = LIF().eval()
    other = twin(neuron, kind)
    assert isinstance(other, rectifier)
    assert not other.training
    assert isinstance(neuron, LIF)


def test_precision_and_device_are_kept():
    assert twin(MultiLevelIF(learn_threshold=True).double(), "quantised").step.dtype == torch.float64
    assert twin(MultiLevelIF(channels=3).to("meta"), "quantised").step.is_meta
    frozen = MultiLevelIF(learn_threshold=True).requires_grad_(False)
    assert [p.requires_grad for p in twin(frozen, "quantised").parameters()] == [False]


def test_own_neurons_have_real_valued_twins_alone():
    class Own(Neuron):
        def charge(self, v: Tensor, x: Tensor) -> Tensor:
            return 0.5 * v + x

    class OwnRun(LIF):
        def run(self, x, state, keep=True):
            return super().run(2 * x, state, keep)

    for own in (Own, OwnRun):
        net = nn.Sequential(own())
        assert isinstance(twin(net, "relu")[0], ReLU)
        with pytest.raises(ConfigError, match=f"what equals {own.__name__} at T = 1 is unknown.*Take the twin 'relu'"):
            twin(net, "quantised")


def test_the_gradients_of_the_quantised_twin_equal_those_of_the_network_at_one_step():
    torch.manual_seed(0)
    net = cnn4(5, image_size=8, neuron=lambda: MultiLevelIF(4, 0.5, learn_threshold=True))
    other = twin(net, "quantised")
    x = torch.randn(1, 4, 1, 8, 8)
    for n in (net, other):
        nn.functional.cross_entropy(n(x)[0], torch.arange(4)).backward()
    grads = [[p.grad for p in n.parameters()] for n in (net, other)]
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-7)
