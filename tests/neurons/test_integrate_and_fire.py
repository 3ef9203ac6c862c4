"""The ready neurons: thin modules over one scan."""

import inspect
import pickle

import pytest
import torch
from torch import nn

import synfire
from synfire import IF, LIF, MultiLevelIF, MultiLevelLIF, NeuronSpec, ParametricLIF, SequenceLIF, Surrogate
from synfire.base import ConfigError, ShapeError, backend
from synfire.neurons import ScanNeuron
from synfire.ops.lif import lif
from synfire.ops.lif.spec import uniform_levels

# Each ready neuron beside the function that it stands for.
NEURONS = {
    "IF": (IF(), {"decay": 1.0}, NeuronSpec()),
    "IF, all options": (
        IF(0.5, reset="zero", surrogate=Surrogate("triangle"), detach_reset=False, channels=3),
        {"decay": 1.0, "threshold": 0.5},
        NeuronSpec(reset="zero", surrogate=Surrogate("triangle"), detach_reset=False),
    ),
    "LIF": (LIF(), {"decay": 0.5}, NeuronSpec()),
    "LIF, all options": (
        LIF(0.9, 2.0, "none", surrogate=Surrogate("sigmoid"), detach_reset=False, through_time=False, channels=3),
        {"decay": 0.9, "threshold": 2.0},
        NeuronSpec(reset="none", surrogate=Surrogate("sigmoid"), detach_reset=False, through_time=False),
    ),
    "ParametricLIF": (ParametricLIF(), {"decay": 0.5}, NeuronSpec()),
    "ParametricLIF, all options": (
        ParametricLIF(0.25, 2.0, "zero", surrogate=Surrogate("sigmoid"), detach_reset=False, channels=3),
        {"decay": 0.25, "threshold": 2.0},
        NeuronSpec(reset="zero", surrogate=Surrogate("sigmoid"), detach_reset=False),
    ),
    "MultiLevelIF": (
        MultiLevelIF(),
        {"decay": 1.0},
        NeuronSpec(levels=uniform_levels(4), initial=0.5, surrogate=Surrogate("straight_through")),
    ),
    "MultiLevelIF, signed": (
        MultiLevelIF(2, 0.5, 0.0, signed=True, surrogate=Surrogate("arctan"), detach_reset=False, channels=3),
        {"decay": 1.0, "threshold": 0.5},
        NeuronSpec(levels=(1.0, 2.0), signed=True, detach_reset=False),
    ),
    "MultiLevelIF, floor": (
        MultiLevelIF(2, floor_at_zero=True, through_time=False),
        {"decay": 1.0},
        NeuronSpec(
            levels=(1.0, 2.0),
            initial=0.5,
            floor_at_zero=True,
            surrogate=Surrogate("straight_through"),
            through_time=False,
        ),
    ),
    "MultiLevelLIF": (
        MultiLevelLIF(),
        {"decay": 0.5},
        NeuronSpec(levels=uniform_levels(4), initial=0.5, surrogate=Surrogate("straight_through")),
    ),
    "MultiLevelLIF, all options": (
        MultiLevelLIF(
            2, 0.25, 0.5, 0.0, "zero", signed=True, surrogate=Surrogate("arctan"), detach_reset=False, channels=3
        ),
        {"decay": 0.25, "threshold": 0.5},
        NeuronSpec(levels=(1.0, 2.0), signed=True, reset="zero", detach_reset=False),
    ),
}


def test_every_ready_neuron_is_in_the_table():
    ready = {c for c in vars(synfire).values() if inspect.isclass(c) and issubclass(c, ScanNeuron)} - {SequenceLIF}
    assert ready == {type(neuron) for neuron, _, _ in NEURONS.values()}


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_are_the_scan_with_their_spec(name):
    neuron, numbers, spec = NEURONS[name]
    x = torch.randn(6, 2, 3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    spikes, last = lif(x, **numbers, spec=spec)
    assert torch.equal(neuron(x), spikes)
    assert torch.equal(neuron.run(x, None)[1], last)
    assert spikes.any()
    (want,) = torch.autograd.grad(spikes.sum(), x)
    (grad,) = torch.autograd.grad(neuron(x).sum(), x)
    torch.testing.assert_close(grad, want)
    assert neuron.levels == len(spec.levels)


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_keep_nothing_between_calls(name):
    neuron = NEURONS[name][0]
    x = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))
    held = pickle.dumps(neuron)
    assert torch.equal(neuron(x), neuron(x))
    assert pickle.dumps(neuron) == held


@pytest.mark.parametrize(
    ("neuron", "learned"),
    [
        pytest.param(IF(), [], id="nothing"),
        pytest.param(IF(2.0, learn_threshold=True), [()], id="threshold"),
        pytest.param(LIF(learn_threshold=True, channels=3), [(3,)], id="thresholds per channel"),
        pytest.param(ParametricLIF(), [()], id="decay"),
        pytest.param(ParametricLIF(channels=3), [(3,)], id="decays per channel"),
        pytest.param(MultiLevelIF(learn_threshold=True), [()], id="step"),
        pytest.param(MultiLevelLIF(learn_decay=True, learn_threshold=True, channels=3), [(3,), (3,)], id="both"),
    ],
)
def test_learned_values_are_the_only_parameters_and_get_gradients(neuron, learned):
    assert [tuple(p.shape) for p in neuron.parameters()] == learned
    assert len(neuron.state_dict()) == len(learned), "what is not learned is in the recipe, not in the weights"
    spikes = neuron(torch.randn(6, 2, 3, 4, generator=torch.Generator().manual_seed(0)))
    if learned:
        (spikes * torch.linspace(0, 1, 4)).sum().backward()
        assert all(p.grad.isfinite().all() and p.grad.any() for p in neuron.parameters())


def test_a_learned_decay_starts_where_it_was_put_and_stays_in_its_range():
    neuron = ParametricLIF(0.9, channels=2)
    torch.testing.assert_close(neuron.decay, torch.full((2,), 0.9))
    nn.init.constant_(next(neuron.parameters()), 40.0)
    assert (neuron.decay <= 1).all()


@pytest.mark.parametrize("fallen", [0.0, -3.0, -1e9])
def test_a_learned_threshold_never_falls_below_its_bound_and_can_climb_back(fallen):
    neuron = MultiLevelIF(learn_threshold=True)
    nn.init.constant_(next(neuron.parameters()), fallen)
    assert neuron.threshold == torch.tensor(1e-3)
    neuron(torch.full((1, 1, 1), 0.002)).sum().backward()
    assert next(neuron.parameters()).grad.item() != 0


@pytest.mark.parametrize("name", ["reference", "numba"])
@pytest.mark.parametrize(
    ("neuron", "currents", "spikes"),
    [
        (synfire.IF(threshold=1.0), [0.5, 0.5, 0.5], [0, 1, 0]),
        (synfire.LIF(decay=0.5, threshold=1.0, reset="subtract"), [0.75, 0.75, 0.75], [0, 1, 0]),
        (synfire.MultiLevelIF(levels=4, threshold=1.0, initial=0.5), [0.4, 2.6, 9.0], [0, 3, 4]),
    ],
    ids=["IF", "LIF", "MultiLevelIF"],
)
def test_the_public_calls(name, neuron, currents, spikes):
    with backend(name):
        assert neuron(torch.tensor(currents)[:, None, None]).flatten().tolist() == spikes


@pytest.mark.parametrize(
    ("neuron", "text"),
    [
        pytest.param(IF(2.0), "IF(levels=1, threshold=2, reset=subtract, surrogate=arctan(1))", id="IF"),
        pytest.param(
            MultiLevelIF(3, signed=True, learn_threshold=True),
            "MultiLevelIF(levels=-3, threshold=1 learned, reset=subtract, initial=0.5, surrogate=straight_through(1))",
            id="signed",
        ),
        pytest.param(
            ParametricLIF(0.25, reset="zero"),
            "ParametricLIF(levels=1, decay=0.25 learned, threshold=1, reset=zero, surrogate=arctan(1))",
            id="learned decay",
        ),
        pytest.param(
            ScanNeuron(NeuronSpec(levels=(0.6, 1.6)), decay=0.5, channels=3),
            "ScanNeuron(levels=(0.6, 1.6), decay=[3], threshold=[3], reset=subtract, surrogate=arctan(1))",
            id="own levels",
        ),
    ],
)
def test_neurons_describe_themselves(neuron, text):
    assert repr(neuron) == text


def test_neurons_on_the_meta_device_describe_themselves_too():
    with torch.device("meta"):
        assert repr(LIF()) == "LIF(levels=1, decay=[1], threshold=[1], reset=subtract, surrogate=arctan(1))"


@pytest.mark.parametrize("channels", [None, 3])
def test_the_gradient_of_a_threshold_is_scaled_by_the_neurons_that_share_it(channels):
    """Learned step sizes (arXiv:1902.08153, section 2.2): 1 / sqrt(neurons * levels), whatever the batch."""
    x = 2 * torch.randn(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    grads, spikes = [], []
    for scaled in (True, False):
        spec = NeuronSpec(levels=uniform_levels(4), surrogate=Surrogate("straight_through"))
        neuron = ScanNeuron(
            spec, threshold=0.7, channels=channels, learn_threshold=True, scale_threshold_gradient=scaled
        )
        spikes.append(neuron(x))
        grads.append(torch.autograd.grad(spikes[-1].sum(), list(neuron.parameters()))[0])
    sharing = 4 * 6 * (1 if channels else 3)
    assert torch.equal(*spikes)
    torch.testing.assert_close(grads[0], grads[1] / (sharing * 4) ** 0.5)


@pytest.mark.parametrize("make", [list, tuple, torch.tensor])
def test_lists_and_tensors_give_one_value_per_channel(make):
    x = torch.randn(6, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    decays, thresholds = [0.25, 0.5, 0.75], [0.5, 1.0, 2.0]
    neuron = LIF(make(decays), make(thresholds))
    want, _ = lif(x, decay=torch.tensor(decays), threshold=torch.tensor(thresholds))
    assert torch.equal(neuron(x), want)
    assert torch.equal(LIF(make(decays), channels=3)(x), lif(x, decay=torch.tensor(decays))[0])
    learned = MultiLevelLIF(1, make(decays), make(thresholds), 0.0, learn_decay=True, learn_threshold=True)
    torch.testing.assert_close(learned.decay, torch.tensor(decays))
    assert torch.equal(learned.threshold, torch.tensor(thresholds))


def test_a_tensor_of_one_number_is_a_number():
    neuron = LIF(torch.tensor(0.25), torch.tensor(2.0, requires_grad=True))
    assert (neuron.decay.shape, neuron.threshold.shape) == ((), ())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda: LIF(threshold=[1.0, 2.0], channels=3), "channels is 3, with 1 ", id="channels"),
        pytest.param(lambda: LIF([0.5, 0.5], [1.0] * 3), "with 2 decays and 3 thresholds", id="two lengths"),
        pytest.param(lambda: LIF(threshold=torch.ones(2, 2)), "give a number, or a list or a tensor", id="two axes"),
        pytest.param(lambda: IF([]), "give a number, or a list or a tensor", id="empty"),
        pytest.param(lambda: IF("1"), "give a number, or a list or a tensor", id="text"),
        pytest.param(lambda: IF([1.0, -1.0]), "give a positive number", id="negative"),
        pytest.param(lambda: LIF(torch.tensor([0.5, 1.5])), "give 0 to 1", id="decay"),
        pytest.param(lambda: ParametricLIF([0.5, 1.0]), "never reaches", id="learned decay"),
        pytest.param(lambda: MultiLevelIF(float("nan")), "levels is nan", id="levels"),
        pytest.param(lambda: NeuronSpec(levels=(float("nan"),)), "levels are", id="level of nan"),
        pytest.param(lambda: NeuronSpec(levels=(1.0, float("inf"))), "levels are", id="level of infinity"),
        pytest.param(lambda: ScanNeuron(NeuronSpec(), channel_axis=0), "axes 0 and 1 are time", id="time"),
        pytest.param(lambda: ScanNeuron(NeuronSpec(), channel_axis=1), "axes 0 and 1 are time", id="batch"),
    ],
)
def test_numbers_that_fit_no_neuron_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_levels_may_come_as_a_list():
    assert NeuronSpec(levels=[1, 2]) == NeuronSpec(levels=(1.0, 2.0))


@pytest.mark.parametrize("name", ["reference", "numba"])
def test_channels_may_be_counted_from_the_end(name):
    x = torch.randn(4, 2, 3, 7, generator=torch.Generator().manual_seed(0))
    results = []
    for axis in (-1, 3):
        neuron = ScanNeuron(NeuronSpec(), channels=7, channel_axis=axis, learn_threshold=True)
        with backend(name):
            spikes = neuron(x)
            results.append((spikes, *torch.autograd.grad(spikes.sum(), list(neuron.parameters()))))
    torch.testing.assert_close(*results, rtol=0, atol=0)
    neuron = ScanNeuron(NeuronSpec(), channels=7, channel_axis=-1)
    with pytest.raises(ShapeError, match="channel_axis is -1, which is time or the batch in x of shape"):
        neuron(torch.zeros(4, 7))
