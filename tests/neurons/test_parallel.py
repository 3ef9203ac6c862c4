"""Parallel spiking neurons against explicit loops; streams, masks, costs, twins, and a model of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import synfire
from synfire import PSN, MaskedPSN, SlidingPSN, Surrogate, fire
from synfire.base import ConfigError, ShapeError
from synfire.cli.listing import listing
from synfire.layers import Direct, Linear
from synfire.metering import counting
from synfire.metering.pricers import Operations, pricer
from synfire.models import spiking_ssm, twin

STEPS = 7
KINDS = {
    "PSN": lambda **options: PSN(STEPS, **options),
    "MaskedPSN": lambda **options: MaskedPSN(STEPS, 3, **options),
    "MaskedPSN, half masked": lambda **options: MaskedPSN(STEPS, 3, masking=0.5, **options),
    "MaskedPSN of all steps": lambda **options: MaskedPSN(STEPS, STEPS, **options),
    "SlidingPSN": lambda **options: SlidingPSN(3, **options),
    "SlidingPSN of one step": lambda **options: SlidingPSN(1, **options),
    "SlidingPSN, longer than the sequence": lambda **options: SlidingPSN(12, "kaiming", **options),
}
STREAMS = [name for name in KINDS if name not in ("PSN", "MaskedPSN, half masked")]


def made(name: str, seed: int = 0, **options) -> nn.Module:
    """Return a neuron whose weights and thresholds are drawn."""
    torch.manual_seed(seed)
    neuron = KINDS[name](**options).double()
    for parameter in neuron.parameters():
        nn.init.normal_(parameter, std=0.5)
    return neuron


def currents(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(shape or (STEPS, 2, 5), generator=torch.Generator().manual_seed(seed)).double()


def weight(neuron: nn.Module, t: int, j: int) -> Tensor | float:
    """What step t multiplies the input of step j by, from the definitions."""
    if isinstance(neuron, SlidingPSN):
        i = j - t + neuron.order - 1
        return neuron.mix.weight[i] if 0 <= i < neuron.order else 0.0
    if isinstance(neuron, PSN) or t - neuron.order < j <= t:
        return neuron.mix.weight[t, j]
    return (1 - float(neuron.mix.masking)) * neuron.mix.weight[t, j]


def by_loops(neuron: nn.Module, x: Tensor) -> Tensor:
    """The definition, one step and one input after the other."""
    spikes = []
    for t in range(len(x)):
        weights = [(j, weight(neuron, t, j)) for j in range(len(x))]
        h = sum((w * x[j] for j, w in weights if isinstance(w, Tensor)), torch.zeros_like(x[0]))
        threshold = neuron.threshold if neuron.threshold.dim() == 0 else neuron.threshold[t]
        spikes.append(fire(h - threshold + 1, levels=neuron.spec.levels, surrogate=neuron.spec.surrogate))
    return torch.stack(spikes)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), levels=st.integers(1, 4), shape=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_it_is_its_definition(name, seed, levels, shape):
    neuron, x = made(name, seed, levels=levels), currents(STEPS, *shape, seed=seed)
    assert torch.equal(neuron(x), by_loops(neuron, x))


@pytest.mark.parametrize("surrogate", [Surrogate(), Surrogate("triangle", 2.0), Surrogate("straight_through")], ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_gradients_are_those_of_the_definition(name, surrogate):
    neuron, x = made(name, levels=2, surrogate=surrogate), currents().requires_grad_()
    upstream = currents(seed=9)
    given = (x, *neuron.parameters())
    grads = [torch.autograd.grad((run(x) * upstream).sum(), given) for run in (neuron, lambda x: by_loops(neuron, x))]
    assert all(grad.any() for grad in grads[0])
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_are_those_of_differences_where_spikes_are_smooth(name, monkeypatch):
    """With a smooth function in the place of the spikes, the gradients pass a check by differences."""
    monkeypatch.setattr("synfire.neurons.parallel.fire", lambda u, **_: torch.tanh(u))
    neuron = made(name)
    assert torch.autograd.gradcheck(
        lambda x, *_: neuron(x), (currents(STEPS, 1, 2).requires_grad_(), *neuron.parameters())
    )


@pytest.mark.parametrize(("steps", "order", "batch"), [(64, 3, 1), (65, 3, 2), (130, 1, 1), (71, 70, 1), (129, 5, 0)])
def test_a_long_sequence_is_cut_in_blocks_that_agree(steps, order, batch):
    torch.manual_seed(steps + order)
    neuron, x = SlidingPSN(order, "kaiming", surrogate=Surrogate("identity")).double(), currents(steps, batch, 3)
    nn.init.zeros_(neuron.threshold)
    assert torch.equal(neuron(x), by_loops(neuron, x))
    assert neuron(x).any() or not batch
    grads = []
    for run in (neuron, lambda x: by_loops(neuron, x)):
        given = x.clone().requires_grad_()
        grads.append(torch.autograd.grad((run(given) * x).sum(), (given, neuron.mix.weight, neuron.threshold)))
    torch.testing.assert_close(*grads)


TABLE = [
    pytest.param([1.0, 0.0, 0.0], 1.0, [1, 0, 0], id="a tie fires, half of it does not"),
    pytest.param([0.5, 0.5, 0.5], 1.0, [0, 0, 0], id="0.5 + 0.25 stays below"),
    pytest.param([0.75, 0.75, 0.0], 1.0, [0, 1, 0], id="0.75 + 0.375"),
    pytest.param([2.0, 0.0, 0.0], 1.0, [1, 1, 0], id="nothing is reset, and the window ends"),
    pytest.param([0.0, -1.0, 0.0], -0.5, [1, 0, 1], id="a threshold of any sign"),
]


@pytest.mark.parametrize(("x", "threshold", "spikes"), TABLE)
def test_sliding_by_hand(x, threshold, spikes):
    neuron = SlidingPSN(2)  # weights 1/2 and 1
    nn.init.constant_(neuron.threshold, threshold)
    assert neuron(torch.tensor(x)[:, None]).flatten().tolist() == spikes


def test_levels_are_one_apart_and_end():
    neuron = SlidingPSN(1, levels=3)
    assert neuron(torch.tensor([[0.5, 1.0, 1.5, 2.0, 3.0, 9.0, -9.0]])).tolist() == [[0, 1, 1, 2, 3, 3, 0]]


def test_initial_values_are_the_published_ones():
    assert SlidingPSN(4).mix.weight.tolist() == [0.125, 0.25, 0.5, 1.0]
    torch.manual_seed(0)
    for neuron, inputs in ((PSN(64), 64), (MaskedPSN(64, 3), 64), (SlidingPSN(64, "kaiming"), 64)):
        assert 0.9 * inputs**-0.5 < neuron.mix.weight.abs().max() <= inputs**-0.5
        assert neuron.threshold.unique().tolist() == [1.0]
    assert PSN(64).threshold.numel() == 64
    assert SlidingPSN(3).threshold.numel() == 1


# --- time ---


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data(), seed=st.integers(0, 99))
def test_chunks_of_any_size_equal_the_sequence(name, data, seed):
    neuron, x = made(name, seed, levels=2), currents(seed=seed)
    run, parts, done = synfire.stream(neuron), [], 0
    while done < STEPS:
        size = data.draw(st.integers(1, STEPS - done))
        parts.append(run.run(x[done : done + size]))
        done += size
        other = synfire.stream(neuron)
        other.load_state_dict(run.state_dict())
        run = other
    assert torch.equal(torch.cat(parts), neuron(x))


@pytest.mark.parametrize("name", STREAMS)
def test_gradients_through_a_stream_equal_those_of_the_sequence(name):
    neuron, x = made(name), currents().requires_grad_()
    run = synfire.stream(neuron)
    upstream = currents(seed=9)
    given = (x, *neuron.parameters())
    outputs = neuron(x), torch.cat([run.run(x[:4]), run.run(x[4:])])
    torch.testing.assert_close(*(torch.autograd.grad((s * upstream).sum(), given) for s in outputs))


def test_what_a_stream_keeps():
    run = synfire.stream(nn.Sequential(SlidingPSN(4), MaskedPSN(9, 3)))
    run.run(torch.rand(2, 1, 5))
    past, steps = run.state_dict()["1"]
    assert run.state_dict()["0"].shape == (3, 1, 5)
    assert (past.shape, int(steps)) == ((2, 1, 5), 2)
    run.run(torch.rand(4, 1, 5))
    assert int(run.state_dict()["1"][1]) == 6
    run.reset()
    run.run(torch.rand(9, 1, 5))
    with pytest.raises(ShapeError, match="step 10 was reached, but it was built for 9"):
        run(torch.rand(1, 5))


@pytest.mark.parametrize("name", KINDS)
def test_which_steps_are_seen(name):
    neuron, x = made(name, surrogate=Surrogate("identity")), currents(STEPS, 1, 1).requires_grad_()
    spikes = neuron(x)
    for t in range(STEPS):
        (seen,) = torch.autograd.grad(spikes[t].sum(), x, retain_graph=True)
        got = seen.flatten().nonzero().flatten().tolist()
        causal = getattr(neuron, "order", STEPS) if name in STREAMS else None
        assert got == (list(range(STEPS)) if causal is None else list(range(max(0, t - causal + 1), t + 1)))


def test_what_has_no_stream_says_so():
    with pytest.raises(ConfigError, match=r"it has no stream.*Take MaskedPSN or SlidingPSN"):
        synfire.stream(PSN(1))(torch.zeros(2, 3))
    neuron = MaskedPSN(3, 2, masking=0.25)
    with pytest.raises(ConfigError, match=r"masking is 0\.25, where each step sees later ones"):
        synfire.stream(neuron)(torch.zeros(2, 3))
    neuron.set_masking(1.0)
    synfire.stream(neuron)(torch.zeros(2, 3))


@pytest.mark.parametrize("neuron", [PSN(4), MaskedPSN(4, 2)], ids=repr)
def test_another_number_of_steps_is_refused(neuron):
    with pytest.raises(ShapeError, match=r"that is 3 steps, but it was built for 4.*steps=3"):
        neuron(torch.zeros(3, 2, 5))


def test_masking_is_kept_with_the_weights():
    neuron, other = MaskedPSN(5, 2, masking=0.25), MaskedPSN(5, 2)
    other.load_state_dict(neuron.state_dict())
    assert other.mix.masking == 0.25
    x = torch.randn(5, 2, 3)
    assert torch.equal(other(x), neuron(x))
    assert set(SlidingPSN(2).state_dict()) == {"mix.weight", "threshold"}


# --- around it ---


@pytest.mark.parametrize("name", KINDS)
def test_half_precision_and_autocast_mix_in_single(name):
    neuron, x = made(name).float(), currents().bfloat16()
    spikes = neuron(x)
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes.float(), neuron(x.float()))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(neuron(x.float()), neuron(x.float()))
        assert torch.equal(neuron(x.float()), spikes.float())


@pytest.mark.parametrize("name", KINDS)
def test_empty_batches_held_frames_and_channels_last(name):
    neuron = made(name)
    assert neuron(torch.zeros(STEPS, 0, 3).double()).shape == (STEPS, 0, 3)
    held = currents(1, 2, 3)[0].expand(STEPS, 2, 3)
    assert torch.equal(neuron(held), neuron(held.clone()))
    images = currents(STEPS, 2, 3, 4, 4)
    last = images.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (STEPS, 2))
    assert torch.equal(neuron(last), neuron(images))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler
def test_it_compiles_and_maps():
    neuron, x = nn.Sequential(PSN(STEPS), MaskedPSN(STEPS, 3), SlidingPSN(3)).double(), currents()
    assert torch.equal(torch.compile(neuron, backend="aot_eager", fullgraph=True)(x), neuron(x))
    several = torch.stack([x, -x])
    assert torch.equal(torch.func.vmap(neuron)(several), torch.stack([neuron(one) for one in several]))


@pytest.mark.parametrize("name", KINDS)
def test_twins(name):
    net = nn.Sequential(Linear(5, 4), KINDS[name]())
    for kind in ("relu", "gelu"):
        other = twin(net, kind)
        assert [type(m) for m in other.modules() if isinstance(m, synfire.Neuron)] == []
        assert other(torch.randn(1, 2, 5)).shape == (1, 2, 4)
    with pytest.raises(ConfigError, match="PSN at T = 1 is unknown"):
        twin(net, "quantised")


@pytest.mark.parametrize(
    ("name", "products"),
    [("PSN", 7), ("MaskedPSN", 3), ("MaskedPSN, half masked", 7), ("SlidingPSN", 3), ("SlidingPSN of one step", 1)],
)
def test_its_multiplications_and_spikes_are_counted(name, products):
    net, x = nn.Sequential(Linear(5, 4), made(name).float(), Linear(4, 3)), torch.randn(STEPS, 2, 5)
    found = synfire.trace(net, x)
    rows = {row.name: row for row in found.rows}
    assert rows["1.mix"].dense_macs == STEPS * 4 * products
    assert rows["1.mix"].synops == STEPS * 4 * products  # currents are never zero
    assert rows["1.mix"].arithmetic == "real"
    assert (rows["1"].kind, rows["1"].levels, rows["1"].leaks, rows["1"].resets) == ("neuron", 1, False, False)
    assert rows["1"].fed_by == "0"
    assert rows["2"].arithmetic == "accumulate"
    assert found.dense_macs == STEPS * (5 * 4 + 4 * products + 4 * 3)
    assert not found.uncounted
    bill = {line.name: line.compute for line in Operations(mac=4.6, ac=0.9)(found).lines}
    assert bill["1.mix"] == pytest.approx(4.6 * STEPS * 4 * products)
    assert pricer("memory-constant-16bit")(found).picojoules > 0


def test_a_held_frame_is_weighed_at_every_step_and_counts_so():
    net = nn.Sequential(Direct(STEPS), PSN(STEPS))
    rows = {row.name: row for row in synfire.trace(net, torch.rand(2, 3)).rows}
    assert rows["1.mix"].dense_macs == STEPS * STEPS * 3


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_counts_what_the_sequence_counts(name):
    net, x = nn.Sequential(Linear(5, 4), made(name).float(), Linear(4, 3)), torch.randn(STEPS, 2, 5)
    run = synfire.stream(net)
    with torch.no_grad(), counting(net) as meter:
        for step in x:
            run(step)
    whole = {row.name: row for row in synfire.trace(net, x).rows}
    for row in meter.trace().rows:
        assert (row.event_count, row.synop_count, row.dense_macs) == (
            whole[row.name].event_count, whole[row.name].synop_count, whole[row.name].dense_macs,
        )  # fmt: skip


def test_backward_keeps_spikes_as_bytes():
    net, x = nn.Sequential(Linear(5, 4), PSN(STEPS), Linear(4, 3)), torch.randn(STEPS, 2, 5)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.dtype) or t, lambda t: t):
        net(x)
    assert torch.uint8 not in kept
    grads = []
    for inside in (False, True):
        net.zero_grad()
        if inside:
            with synfire.compact():
                loss = net(x).square().sum()
        else:
            loss = net(x).square().sum()
        loss.backward()
        grads.append([p.grad.clone() for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize("make", [lambda: PSN(12), lambda: MaskedPSN(12, 4), lambda: SlidingPSN(4)])
def test_a_model_of_them_learns_every_weight(make):
    torch.manual_seed(0)
    net = spiking_ssm(5, channels=16, depth=2, modes=8, in_channels=3, dropout=0.0, neuron=make)
    x = 3 * torch.randn(12, 4, 3)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(net(x).mean(0), torch.arange(4))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad.isfinite().all() and p.grad.any() for p in net.parameters())
    net = net.double().eval()
    if not isinstance(net.blocks[0].neuron, PSN):
        run = synfire.stream(net)
        torch.testing.assert_close(torch.stack([run(step) for step in x.double()]), net(x.double()))


def test_they_are_listed():
    text = listing("neurons")
    assert all(name in text for name in ("PSN ", "MaskedPSN ", "SlidingPSN "))
