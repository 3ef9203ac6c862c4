"""The neuron of long sequences: four engines, one meaning; learned thresholds; the network that predicts potentials."""

import pytest
import torch

import synfire
from synfire import SequenceLIF, SurrogateDynamics
from synfire.base import ConfigError, RunError, save_weights
from synfire.neurons.dynamics import FoldedDynamics

EXACT = ("scan", "fixed_point", "loop")


def currents(steps=300, seed=0):
    return torch.randn(steps, 2, 5, generator=torch.Generator().manual_seed(seed))


def of(engine, x, **options):
    neuron = SequenceLIF(engine=engine, channels=5, **options)
    with torch.no_grad():
        neuron.log_threshold.copy_(torch.linspace(-0.5, 0.5, 5))
    x = x.clone().requires_grad_()
    spikes = neuron(x)
    weight = torch.randn(spikes.shape, generator=torch.Generator().manual_seed(9))
    grads = torch.autograd.grad((spikes * weight).sum(), (x, neuron.log_threshold))
    return spikes, *grads


@pytest.mark.parametrize("engine", EXACT[1:])
@pytest.mark.parametrize(
    "options", [{}, {"decay": 0.9}, {"reset": "subtract", "decay": 0.5}, {"levels": 3, "sweeps": 2}], ids=str
)
def test_exact_engines_agree_in_spikes_and_gradients(engine, options):
    expected, got = of("scan", currents(), **options), of(engine, currents(), **options)
    assert torch.equal(got[0], expected[0])
    for a, b in zip(got[1:], expected[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-5)


def test_gradients_are_those_of_the_equations():
    x = currents(50).requires_grad_()
    neuron = SequenceLIF(channels=5)
    with torch.no_grad():
        neuron.log_threshold.copy_(torch.linspace(-0.5, 0.5, 5))
    g = torch.randn(50, 2, 5, generator=torch.Generator().manual_seed(3))
    dx, dl = torch.autograd.grad((neuron(x) * g).sum(), (x, neuron.log_threshold))
    v = neuron.log_threshold.detach().exp()
    i, u = x.detach() / v, torch.zeros(2, 5)
    slope = torch.zeros_like(i)
    for t in range(50):
        pre = 0.125 * u + i[t]
        slope[t] = (1 - (pre - 1).abs()).clamp_min(0)
        u = pre * (pre < 1)
    torch.testing.assert_close(dx, g * slope / v, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(dl, -(g * slope * i).sum((0, 1)), rtol=1e-5, atol=1e-5)


def test_spikes_depend_on_currents_in_units_of_the_threshold_alone():
    x = currents()
    plain, doubled = (SequenceLIF(threshold=v, learn_threshold=False) for v in (1.0, 4.0))
    assert torch.equal(plain(x), doubled(4 * x))


@pytest.mark.parametrize("engine", EXACT)
def test_every_engine_streams(engine):
    net, x = torch.nn.Sequential(SequenceLIF(engine=engine, channels=5)), currents(40)
    run = synfire.stream(net)
    assert torch.equal(torch.cat([run.run(x[:10]), torch.stack([run(step) for step in x[10:]])]), net(x))


def test_half_precision_keeps_potentials_in_single():
    x = currents().bfloat16()
    spikes = SequenceLIF()(x)
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes.float(), SequenceLIF()(x.float()))


# --- the surrogate dynamic network ---


def used(seed=0):
    """A network whose norms have seen something, so that folding has work to do."""
    torch.manual_seed(seed)
    made = SurrogateDynamics(0.2).double()
    for norm in (made.past_norm, made.mix_norm):
        torch.nn.init.uniform_(norm.weight)
        torch.nn.init.normal_(norm.bias)
        norm.momentum = 1.0
    made(torch.randn(500, 8, dtype=torch.float64))
    return made.eval()


def test_its_size_before_and_after_folding():
    made = used()
    assert sum(p.numel() for p in made.parameters()) == 193
    folded = made.fold()
    assert sum(b.numel() for name, b in folded.named_buffers() if name != "decay") == 153
    assert not list(folded.parameters())
    x = torch.randn(100, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(folded(x), made(x), rtol=0, atol=1e-10)
    assert folded(x[:3]).shape == (3, 3, 4)  # shorter than its window


def test_it_sees_exactly_the_eight_steps_before():
    made = used()
    x = torch.randn(40, 1, dtype=torch.float64, requires_grad=True)
    (seen,) = torch.autograd.grad(made(x)[30, 0], x)
    assert (seen[:, 0] != 0).nonzero().flatten().tolist() == list(range(22, 30))


def test_it_is_frozen_inside_a_neuron(tmp_path):
    save_weights(used().float(), tmp_path / "weights.safetensors")
    neuron = SequenceLIF(decay=0.2, engine="sdn", dynamics=tmp_path).train()
    before = {name: b.clone() for name, b in neuron.named_buffers()}
    x = currents().requires_grad_()
    neuron(x).sum().backward()
    assert [name for name, _ in neuron.named_parameters()] == ["log_threshold"]
    assert all(torch.equal(b, before[name]) for name, b in neuron.named_buffers())
    assert isinstance(neuron.dynamics, FoldedDynamics)
    assert x.grad.abs().max() > 0


def test_every_engine_starts_from_the_same_weights(tmp_path):
    save_weights(SurrogateDynamics(0.125), tmp_path / "weights.safetensors")
    starts = []
    for engine in ("scan", "sdn"):
        torch.manual_seed(0)
        net = synfire.models.spiking_ssm(channels=4, modes=4, engine=engine, dynamics=tmp_path)
        starts.append(net.state_dict())
    assert starts[0].keys() == starts[1].keys()
    assert all(torch.equal(value, starts[1][name]) for name, value in starts[0].items())


def test_a_network_for_another_neuron_is_refused(tmp_path):
    save_weights(used().float(), tmp_path / "weights.safetensors")
    with pytest.raises(ConfigError, match=r"decay=0\.2, but this one has .* decay=0\.125"):
        SequenceLIF(engine="sdn", dynamics=tmp_path)
    with pytest.raises(ConfigError, match="reset='subtract'"):
        SequenceLIF(decay=0.2, reset="subtract", engine="sdn", dynamics=tmp_path)
    save_weights(torch.nn.Linear(2, 2), tmp_path / "weights.safetensors")
    with pytest.raises(RunError, match="another network"):
        SequenceLIF(engine="sdn", dynamics=tmp_path)
    with pytest.raises(RunError, match="does not exist"):
        SequenceLIF(engine="sdn", dynamics=tmp_path / "none")


def test_bad_options():
    with pytest.raises(ConfigError, match="choose one of scan, fixed_point"):
        SequenceLIF(engine="fft")
    with pytest.raises(ConfigError, match="sweeps is 0"):
        SequenceLIF(sweeps=0)
