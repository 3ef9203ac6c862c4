"""A stream that reads only the weights of spikes gives what the dense one gives, and counts the same."""

import pytest
import torch
from torch import nn

import synfire
from synfire.layers import Linear, folding
from synfire.metering import counting
from synfire.models import spiking_ssm

WIDTH = 1456  # 1456 x 1456 weights are enough for the events to pay


@pytest.fixture
def by_events(monkeypatch):
    """Count the products that were computed by events."""
    calls = []

    def seen(spikes, weight, bias=None):
        calls.append(tuple(spikes.shape))
        return accumulate(spikes, weight, bias)

    accumulate = folding.accumulate
    monkeypatch.setattr(folding, "accumulate", seen)
    return calls


def layer(seed=0, **options):
    torch.manual_seed(seed)
    return Linear(WIDTH, WIDTH, **options)


def spikes(steps=3, batch=1, density=0.05, levels=1):
    draw = torch.Generator().manual_seed(1)
    fired = torch.rand(steps, batch, WIDTH, generator=draw) < density
    return fired * torch.randint(1, levels + 1, fired.shape, generator=draw).float()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("density", "batch", "events"), [(0.0, 1, 3), (0.05, 1, 3), (0.05, 2, 3), (0.05, 60, 0), (0.8, 1, 0), (1.0, 1, 0)]
)
@torch.no_grad()
def test_steps_equal_the_dense_layer(by_events, density, batch, events, bias):
    net, x = layer(bias=bias), spikes(3, batch, density, levels=4)
    run = synfire.stream(net, event_driven=True)
    torch.testing.assert_close(torch.stack([run(step) for step in x]), net(x), rtol=1e-4, atol=1e-4)
    assert len(by_events) == events


@torch.no_grad()
def test_real_numbers_are_right_whether_many_are_zero_or_none(by_events):
    net, x = layer(), torch.randn(1, 1, WIDTH)
    run = synfire.stream(net, event_driven=True)
    torch.testing.assert_close(run.run(x), net(x), rtol=1e-4, atol=1e-4)
    assert not by_events
    x = x * (spikes(1) > 0)
    torch.testing.assert_close(run.run(x), net(x), rtol=1e-4, atol=1e-4)
    assert by_events


@torch.no_grad()
def test_a_chunk_and_a_held_frame_are_folded_as_ever(by_events):
    net, x = layer(), spikes(4)
    run = synfire.stream(net, event_driven=True)
    torch.testing.assert_close(run.run(x), net(x), rtol=1e-4, atol=1e-4)
    held = x[:1].expand(4, -1, -1)
    torch.testing.assert_close(run.run(held), net(held), rtol=1e-4, atol=1e-4)
    assert by_events == [(4, WIDTH), (1, WIDTH)]


@torch.no_grad()
def test_other_streams_and_whole_sequences_stay_dense(by_events):
    net, x = layer(), spikes()
    assert torch.equal(synfire.stream(net).run(x), net(x))
    assert not by_events


def other_weights(net):
    net.load_state_dict(layer(2, bias=False).state_dict())


def other_memory(net):
    net.weight.data = layer(2).weight.data


def other_parameter(net):
    net.weight = layer(2).weight


def other_precision(net):
    net.double()


@pytest.mark.parametrize("change", [other_weights, other_memory, other_parameter, other_precision])
@torch.no_grad()
def test_weights_that_change_are_seen(by_events, change):
    net, x = layer(bias=False), spikes()
    run = synfire.stream(net, event_driven=True)
    run.run(x)
    kept = run.made(net, [net.weight], list)
    assert kept.shape == net.weight.shape[::-1]
    assert run.made(net, [net.weight], list) is kept
    change(net)
    x = x.to(net.weight.dtype)
    torch.testing.assert_close(run.run(x), net(x), rtol=1e-4, atol=1e-4)
    assert len(by_events) == 2


def test_where_a_gradient_may_be_asked_for_it_is_dense(by_events):
    net, x = layer(), spikes()
    run = synfire.stream(net, event_driven=True)
    run.run(x).sum().backward()
    assert net.weight.grad.any()
    assert not by_events
    net.requires_grad_(False)
    run.run(x)
    assert by_events


@torch.no_grad()
def test_autocast_and_weights_that_are_computed_are_dense(by_events):
    net, x = layer(), spikes()
    run = synfire.stream(net, event_driven=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert run.run(x).dtype == torch.bfloat16
    nn.utils.parametrizations.weight_norm(net)
    torch.testing.assert_close(run.run(x), net(x))
    with torch.inference_mode():
        own = layer()
        torch.testing.assert_close(synfire.stream(own, event_driven=True).run(x), own(x))
    assert not by_events


def test_inside_of_vmap_it_is_dense(by_events):
    net, x = layer().requires_grad_(False), spikes()
    run = synfire.stream(net, event_driven=True)
    torch.testing.assert_close(torch.func.vmap(run.run)(x[None])[0], net(x), rtol=1e-4, atol=1e-4)
    assert not by_events


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler
def test_a_compiled_network_streams_by_events(by_events):
    net, x = nn.Sequential(layer()).requires_grad_(False), spikes()
    run = synfire.stream(torch.compile(net, backend="aot_eager"), event_driven=True)
    torch.testing.assert_close(run.run(x), net(x), rtol=1e-4, atol=1e-4)
    assert by_events


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return spiking_ssm(5, levels=2, channels=WIDTH, depth=2, modes=4, in_channels=3).eval()


def streamed(net, x, event_driven):
    """Logits, spikes of every neuron, and what a meter counts, step by step."""
    fired = []
    run = synfire.stream(net, event_driven=event_driven)
    hooks = [b.neuron.register_forward_hook(lambda m, i, out: fired.append(out)) for b in net.blocks]
    with torch.inference_mode(), counting(net) as meter:
        logits = torch.stack([run(step) for step in x])
    for hook in hooks:
        hook.remove()
    return logits, torch.cat(fired), meter.trace()


def test_a_whole_model_streams_the_same_both_ways(model, by_events):
    x = torch.randn(25, 1, 3, generator=torch.Generator().manual_seed(1))
    dense, events = (streamed(model, x, event_driven) for event_driven in (False, True))
    assert len(by_events) > 25  # of the 50 mixing products
    assert dense[1].any()
    assert torch.equal(events[1], dense[1])
    torch.testing.assert_close(events[0], dense[0], rtol=0, atol=1e-4)
    for a, b in zip(events[2].rows, dense[2].rows, strict=True):
        assert (a.name, a.events_by_step, a.synops) == (b.name, b.events_by_step, b.synops)
        assert a.spikes == (b.spikes if b.whole else pytest.approx(b.spikes, rel=1e-4))
    assert events[2].effective_acs + events[2].effective_macs > 0
