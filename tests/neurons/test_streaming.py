"""Step by step equals the whole sequence, and the states belong to the stream."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import synfire
from synfire import IF, LIF, MultiLevelIF, MultiLevelLIF, ParametricLIF, Surrogate
from synfire.base import ConfigError
from synfire.layers import BatchNorm1d, Linear

# PyTorch's compiler uses things that PyTorch itself has deprecated.
compiles = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NEURONS = {
    "IF": lambda: IF(0.7),
    "LIF": lambda: LIF(0.75, reset="zero"),
    "ParametricLIF": lambda: ParametricLIF(channels=6),
    "MultiLevelIF": lambda: MultiLevelIF(3),
    "MultiLevelIF, signed": lambda: MultiLevelIF(3, signed=True, initial=0.0),
    "MultiLevelLIF": lambda: MultiLevelLIF(3, 0.75, learn_threshold=True),
    "no reset": lambda: LIF(reset="none", surrogate=Surrogate("triangle")),
}


class Twice(nn.Module):
    """Uses one neuron two times in a forward pass, so that it has two states."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = LIF()
        self.synapse = Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.neuron(3 * self.synapse(self.neuron(x)))


@pytest.fixture
def x() -> Tensor:
    return torch.randn(11, 2, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NEURONS)
def test_steps_equal_the_sequence(name, x):
    net = NEURONS[name]()
    run = synfire.stream(net)
    whole = net(x)
    assert torch.equal(torch.stack([run(current) for current in x]), whole)
    assert whole.any()


@pytest.mark.parametrize("name", NEURONS)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_chunks_of_any_size_equal_the_sequence(name, sizes, seed):
    net = NEURONS[name]()
    x = torch.randn(sum(sizes), 2, 6, generator=torch.Generator().manual_seed(seed))
    run = synfire.stream(net)
    assert torch.equal(torch.cat([run.run(chunk) for chunk in x.split(sizes)]), net(x))


def test_gradients_through_a_stream_equal_those_of_the_sequence(x):
    net, x = LIF(), x.requires_grad_()
    run = synfire.stream(net)
    upstream = torch.linspace(-1, 1, x.numel()).view_as(x)
    grads = [torch.autograd.grad(s, x, upstream)[0] for s in (net(x), torch.cat([run.run(x[:4]), run.run(x[4:])]))]
    torch.testing.assert_close(*grads)


def test_a_neuron_used_twice_has_two_states(x):
    torch.manual_seed(0)
    net = Twice()
    run = synfire.stream(net)
    torch.testing.assert_close(torch.stack([run(current) for current in x]), net(x), rtol=0, atol=0)
    assert list(run.state_dict()) == ["neuron", "neuron#1"]


def test_states_can_be_kept_and_loaded(x):
    torch.manual_seed(0)
    net = Twice()
    run = synfire.stream(net)
    run.run(x[:5])
    kept = {name: state.clone() for name, state in run.state_dict().items()}
    rest = run.run(x[5:])
    again = synfire.stream(net)
    again.load_state_dict(kept)
    assert again.state_dict().keys() == kept.keys()
    assert torch.equal(again.run(x[5:]), rest)


def test_reset_returns_to_rest(x):
    run = synfire.stream(LIF())
    first = run.run(x)
    assert not torch.equal(run.run(x), first)
    run.reset()
    assert run.state_dict() == {}
    assert torch.equal(run.run(x), first)


def test_streams_of_one_network_are_independent_and_leave_no_trace_in_it(x):
    net = nn.Sequential(Linear(6, 6), LIF())
    one, other = synfire.stream(net), synfire.stream(net)
    whole = net(x)
    for current, want in zip(x, whole, strict=True):
        assert torch.equal(one(current), want)
        assert torch.equal(net(x), whole)  # the network itself starts from rest
        other(current + 1)
    assert torch.equal(net(x), whole)


class Fragile(nn.Module):
    """Fails behind its neuron when asked to."""

    broken = False

    def __init__(self) -> None:
        super().__init__()
        self.neuron = LIF()

    def forward(self, x: Tensor) -> Tensor:
        s = self.neuron(x)
        if self.broken:
            raise RuntimeError("lost the connection")
        return s


def test_a_step_that_failed_has_not_happened(x):
    net = Fragile()
    run = synfire.stream(net)
    head = run.run(x[:5])
    before = {name: state.clone() for name, state in run.state_dict().items()}
    net.broken = True
    with pytest.raises(RuntimeError, match="lost the connection"):
        run(x[5])
    net.broken = False
    after = run.state_dict()
    assert after.keys() == before.keys()
    assert torch.equal(after["neuron"], before["neuron"])
    assert torch.equal(torch.cat([head, run.run(x[5:])]), net(x))


def test_a_wrong_batch_size_leaves_the_stream_usable(x):
    run = synfire.stream(LIF())
    head = run.run(x[:5])
    with pytest.raises(synfire.base.ShapeError, match=r"v has shape \(2, 6\), but one step of x has \(3, 6\)"):
        run(torch.zeros(3, 6))
    assert torch.equal(torch.cat([head, run.run(x[5:])]), LIF()(x))


def test_training_mode_with_batch_norm_is_refused(x):
    net = nn.Sequential(BatchNorm1d(6), LIF())
    with pytest.raises(ConfigError, match="the network is in training mode"):
        synfire.stream(net)(x[0])
    net.eval()
    assert torch.equal(synfire.stream(net).run(x), net(x))


def test_training_mode_without_batch_norm_streams(x):
    net = nn.Sequential(Linear(6, 6), LIF()).train()
    assert torch.equal(synfire.stream(net).run(x), net(x))


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="aot_eager")


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.compile(backend="aot_eager")
    return net


@compiles
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("make", [compiled, compiled_in_place])
@pytest.mark.parametrize("part", [False, True])
def test_a_compiled_network_streams_as_the_plain_one_does(x, make, warm, part):
    want = LIF(0.9)(x)
    net = nn.Sequential(make(LIF(0.9))) if part else make(nn.Sequential(LIF(0.9)))
    if warm:
        assert torch.equal(net(x), want)
    run = synfire.stream(net)
    assert torch.equal(torch.stack([run(current) for current in x]), want)
    assert list(run.state_dict()) == ["0"]
    assert torch.equal(net(x), want)


@compiles
def test_a_stream_inside_of_a_compiled_function_keeps_its_states(x):
    run = synfire.stream(LIF(0.9))
    step = torch.compile(lambda current: run(2 * current), backend="aot_eager")
    assert torch.equal(torch.stack([step(current) for current in x]), LIF(0.9)(2 * x))


@compiles
def test_compiling_returns_after_the_last_of_several_streams(x):
    run, seen = synfire.stream(compiled(LIF())), []

    class Nested(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = run.run(x)
            seen.append(torch.equal(run.run(x), y))  # still eager after the inner stream has ended
            return y

    synfire.stream(Nested()).run(x)
    assert seen == [False]
    traced = []

    def count(graph, inputs):
        traced.append(graph)
        return graph

    torch.compile(lambda x: x + 1, backend=count)(x)
    assert traced


@pytest.mark.parametrize("key", ["#x", "#", "#-1", "#1.5"])
def test_a_state_whose_use_is_no_number_is_refused(x, key):
    with pytest.raises(ConfigError, match="but the number of a use was expected"):
        synfire.stream(LIF()).load_state_dict({key: x[0]})


def test_the_readme_example(x):
    net = synfire.LIF()
    run = synfire.stream(net)
    outputs = [run(x_t) for x_t in x]
    assert all(torch.equal(a, b) for a, b in zip(outputs, net(x), strict=True))
