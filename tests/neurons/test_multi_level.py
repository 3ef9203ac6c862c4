"""The laws of multi-level neurons, exact: arXiv:2510.24637 and what follows from its equations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import synfire
from synfire import MultiLevelIF, Surrogate
from synfire.base import backend
from synfire.blocks import barrier
from synfire.ops.lif import NeuronSpec, lif
from synfire.ops.lif.spec import uniform_levels

on_every_backend = pytest.mark.parametrize("name", ["reference", "numba"])
f64 = torch.float64


def constant_cases(count: int, levels: int, steps: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw D, x, v0 of many neurons and the closed form of their sum of spikes, leaving out ties."""
    random = torch.Generator().manual_seed(seed)
    size = torch.rand(3, 2 * count, dtype=f64, generator=random)
    threshold = 0.1 + 2 * size[0]
    x = threshold * (1.4 * levels * size[1] - 0.2 * levels)  # also below zero and above the top
    v0 = threshold * size[2]
    ratio = steps * x / threshold + v0 / threshold
    keep = ((ratio - ratio.round()).abs() > 1e-9).nonzero().flatten()[:count]
    want = ratio.floor().clamp(0, levels * steps)
    return threshold[keep], x[keep], v0[keep], want[keep]


@on_every_backend
def test_constant_input_follows_the_closed_form_on_ten_thousand_neurons(name):
    cases = mismatches = 0
    for levels in (1, 2, 3, 4, 5, 8, 9, 16, 31, 64):
        for steps in (1, 2, 3, 4, 5, 8, 10, 16, 32, 50):
            threshold, x, v0, want = constant_cases(100, levels, steps, seed=1000 * levels + steps)
            spec = NeuronSpec(levels=uniform_levels(levels))
            with backend(name):
                spikes, _ = lif(x.expand(steps, 1, -1), v0[None], threshold=threshold, spec=spec, return_state=False)
            cases += want.numel()
            mismatches += int((spikes.sum(0)[0] != want).sum())
    assert (cases, mismatches) == (10_000, 0)


@on_every_backend
@pytest.mark.parametrize(("levels", "steps"), [(1, 1), (1, 16), (4, 1), (4, 4), (9, 3)])
def test_a_ramp_reaches_every_value(name, levels, steps):
    ramp = torch.linspace(-0.5, levels + 0.5, 40 * levels * steps, dtype=f64)
    with backend(name):
        total = MultiLevelIF(levels, initial=0.0)(ramp.expand(steps, 1, -1)).sum(0)
    assert total.unique().tolist() == list(range(levels * steps + 1))


def test_levels_and_steps_can_be_exchanged_for_constant_input():
    x = 6 * torch.rand(200, dtype=f64, generator=torch.Generator().manual_seed(1)) - 1
    fine = MultiLevelIF(12, initial=0.0)(3 * x.expand(1, 1, -1)).sum(0)  # (N T, 1) on T x
    for levels, steps in ((4, 3), (6, 2), (3, 4), (1, 12)):
        coarse = MultiLevelIF(levels, initial=0.0)((3 * x / steps).expand(steps, 1, -1)).sum(0)
        assert torch.equal(coarse, fine)


@on_every_backend
@pytest.mark.parametrize("threshold", [1.0, 0.7])
def test_one_level_is_bit_identical_to_a_soft_reset_neuron(name, threshold):
    x = torch.randn(16, 4, 100, generator=torch.Generator().manual_seed(2))
    v, spikes = torch.zeros(4, 100), []
    for current in x:
        v = v + current
        spikes.append((v >= threshold).float())
        v = v - threshold * spikes[-1]
    want = torch.stack(spikes)
    with backend(name):
        net = MultiLevelIF(1, threshold, initial=0.0)
        assert torch.equal(net(x), want)
        assert torch.equal(net.run(x, None)[1], v)
        assert torch.equal(synfire.IF(threshold)(x), want)
    assert 0.1 < want.mean() < 0.9


@on_every_backend
@given(levels=st.integers(1, 9), initial=st.floats(0, 1), scale=st.floats(0.01, 5), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_potential_is_conserved(name, levels, initial, scale, seed):
    x = scale * torch.randn(16, 3, 20, dtype=f64, generator=torch.Generator().manual_seed(seed))
    neuron = MultiLevelIF(levels, 0.7, initial).double()
    with backend(name):
        spikes, last = neuron.run(x, None)
    threshold = neuron.threshold
    error = last + threshold * spikes.sum(0) - (initial * threshold + x.sum(0))
    assert error.abs().max() <= 1e-12


@on_every_backend
@given(levels=st.integers(1, 12), seed=st.integers(0, 999), threshold=st.sampled_from([0.5, 1.0, 1.5]))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_what_is_left_over_is_less_than_one_level_unless_a_step_saturated(name, levels, seed, threshold):
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(0, int(16 * threshold * (levels + 1)), (16, 1, 50), generator=random).to(f64) / 16
    neuron = MultiLevelIF(levels, threshold, initial=0.5).double()
    state = None
    fits = torch.ones(1, 50, dtype=torch.bool)
    with backend(name):
        for current in x:
            u = current + (neuron.threshold / 2 if state is None else state)
            fits &= u < (levels + 1) * threshold
            _, state = neuron.run(current[None], state)
            assert ((state >= 0) & (state < threshold))[fits].all()
            assert (state >= 0).all()
    assert (~fits).any(), "some steps saturate, so the condition is needed"


# --- gradients ---


def value_and_grads(v: Tensor, threshold: float, levels: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return y = D z after one step from potential v, and, per neuron, dy/dv and dy/dD."""
    size = torch.full(v.shape, threshold, dtype=v.dtype, requires_grad=True)
    x = torch.zeros(1, 1, *v.shape, dtype=v.dtype, requires_grad=True)
    spec = NeuronSpec(levels=uniform_levels(levels), surrogate=Surrogate("straight_through"))
    with backend(name):
        z, _ = lif(x, v[None], threshold=size, spec=spec)
        y = size * z[0, 0]
        dx, dsize = torch.autograd.grad(y.sum(), (x, size))
    return y.detach(), dx[0, 0], dsize


@on_every_backend
@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("levels", [1, 4, 12])
def test_straight_through_gradients_of_the_scaled_spike(name, levels, threshold):
    ratio = torch.arange(-2 * 16, (levels + 2) * 16 + 1, dtype=f64) / 16  # v / D, ties and both edges included
    y, dv, dsize = value_and_grads(ratio * threshold, threshold, levels, name)
    z = ratio.floor().clamp(0, levels)
    inside = (ratio >= 0) & (ratio <= levels + 0.5)
    assert torch.equal(y, threshold * z)
    assert torch.equal(dv, inside.to(f64))
    assert torch.equal(dsize, torch.where(inside, z - ratio, z))  # z is N above the window and 0 below
    assert set(z[~inside].tolist()) == {0.0, float(levels)}


@on_every_backend
@given(levels=st.integers(1, 8), threshold=st.floats(0.1, 5), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_straight_through_gradients_on_random_potentials(name, levels, threshold, seed):
    v = threshold * (levels + 2) * torch.rand(200, dtype=f64, generator=torch.Generator().manual_seed(seed)) - threshold
    _, dv, dsize = value_and_grads(v, threshold, levels, name)
    inside = (v >= 0) & (v <= (levels + 0.5) * threshold)
    z = (v / threshold).floor().clamp(0, levels)
    torch.testing.assert_close(dv, inside.to(f64))
    torch.testing.assert_close(dsize, torch.where(inside, z - v / threshold, z))


@on_every_backend
@pytest.mark.parametrize("steps", [4, 40])
@pytest.mark.parametrize("detach", [False, True])
def test_gradient_through_time(name, steps, detach):
    """With equal output gradients dL/dx[s] is 1 where the reset is followed, and T + 1 - s where it is detached."""
    x = torch.rand(steps, 2, 5, dtype=f64, generator=torch.Generator().manual_seed(3)) * 3
    x.requires_grad_()
    net = MultiLevelIF(4, detach_reset=detach).double()  # inputs below 3 stay inside the window
    with backend(name):
        (total,) = torch.autograd.grad(net(x).sum(), x)
        (of_the_last,) = torch.autograd.grad(net(x)[-1].sum(), x)
    ones = torch.ones(steps, 2, 5, dtype=f64)
    if detach:
        assert torch.equal(total, torch.arange(steps, 0, -1, dtype=f64).view(-1, 1, 1) * ones)
        assert torch.equal(of_the_last, ones)
    else:
        assert torch.equal(total, ones)
        assert torch.equal(of_the_last[:-1], 0 * ones[:-1])
        assert torch.equal(of_the_last[-1], ones[-1])


@on_every_backend
def test_multi_sigmoid_sums_a_pulse_per_level(name):
    v = torch.linspace(-3, 8, 45, dtype=f64)
    alpha, threshold, levels = 0.5, 1.25, 4
    x = torch.zeros(1, 1, 45, dtype=f64, requires_grad=True)
    spec = NeuronSpec(levels=uniform_levels(levels), surrogate=Surrogate("multi_sigmoid", 1 / alpha))
    with backend(name):
        z, _ = lif(x, v[None], threshold=threshold, spec=spec)
        (grad,) = torch.autograd.grad(z.sum(), x)
    s = torch.sigmoid(alpha * (v / threshold - torch.arange(1, levels + 1, dtype=f64)[:, None]))
    torch.testing.assert_close(grad[0, 0], (alpha * s * (1 - s)).sum(0) / threshold, rtol=1e-10, atol=1e-12)


# --- neurons that it equals at one step ---


@on_every_backend
@given(levels=st.integers(1, 12), threshold=st.sampled_from([0.25, 1.0, 1.5]), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_one_step_is_the_quantised_clipped_floor_activation(name, levels, threshold, seed):
    """QCFS (arXiv:2303.04347): y = bound clip(floor(x L / bound + 1/2) / L, 0, 1), with L levels up to bound."""
    random = torch.Generator().manual_seed(seed)
    x = (
        threshold * torch.randint(-32, 16 * (levels + 2), (1, 2, 500), generator=random) / 16
    )  # on a grid, ties included
    bound = levels * threshold
    qcfs = bound * torch.clip(torch.floor(x * levels / bound + 0.5) / levels, 0, 1)
    with backend(name):
        z = MultiLevelIF(levels, threshold, initial=0.5)(x)
    torch.testing.assert_close(threshold * z, qcfs, rtol=1e-6, atol=0)
    assert torch.equal(z, (qcfs / threshold).round())


@on_every_backend
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_first_step_is_that_of_multi_level_firing(name, levels):
    """MLF (arXiv:2210.06386): K neurons with thresholds 0.6, 1.6, ...; their spikes add up to ceil(x - 0.6)."""
    x = 6 * torch.rand(1, 1, 100_000, dtype=f64, generator=torch.Generator().manual_seed(4)) - 1.5
    off_ties = ((x + 0.4) - (x + 0.4).round()).abs() > 1e-9  # there a spike is strict (>) in MLF
    mlf = sum((x > 0.6 + k).to(f64) for k in range(levels))
    with backend(name):
        z = MultiLevelIF(levels, 1.0, initial=0.4)(x)
    assert torch.equal(z[off_ties], mlf[off_ties])
    assert torch.equal(mlf[off_ties], (x - 0.6).ceil().clamp(0, levels)[off_ties])
    assert off_ties.float().mean() > 0.999


@on_every_backend
def test_the_first_step_has_the_gradient_of_multi_level_firing(name):
    """Rectangles of width 1 around 0.6, 1.6, 2.6 tile (0.1, 3.1), where the gradient is 1."""
    x = torch.arange(-10, 45, dtype=f64)[None, None] / 10 + 0.05
    x.requires_grad_()
    spec = NeuronSpec(levels=(0.6, 1.6, 2.6), surrogate=Surrogate("rectangle", 1.0))
    with backend(name):
        (grad,) = torch.autograd.grad(lif(x, spec=spec)[0].sum(), x)
    assert torch.equal(grad, ((x > 0.1) & (x < 3.1)).to(f64))


# --- barriers ---


@on_every_backend
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("count", [1, 10, 50])
def test_a_chain_of_identity_barriers_passes_the_gradient_exactly(name, count, steps):
    chain = torch.nn.Sequential(*(barrier(4, gradient="identity") for _ in range(count)))
    x = torch.randint(-8, 80, (steps, 2, 30), generator=torch.Generator().manual_seed(5)).float() / 8
    x.requires_grad_()
    upstream = torch.randn(steps, 2, 30, generator=torch.Generator().manual_seed(6))
    with backend(name):
        (grad,) = torch.autograd.grad(chain(x), x, upstream)
    assert torch.equal(grad, upstream)


@on_every_backend
@pytest.mark.parametrize(("gradient", "above"), [("identity", 1.0), ("clipped", 0.0)])
def test_barriers_saturate_and_their_gradient_is_chosen(name, gradient, above):
    """With its half level at the start a barrier sees x + 1/2, so that the window ends at N."""
    x = torch.tensor([0.0, 1.0, 4.0, 4.25, 8.0])[None, None].requires_grad_()
    with backend(name):
        out = barrier(4, gradient=gradient)(x)
        (grad,) = torch.autograd.grad(out.sum(), x)
    assert out.flatten().tolist() == [0, 1, 4, 4, 4]
    assert grad.flatten().tolist() == [1, 1, 1, above, above]


@on_every_backend
def test_a_barrier_of_step_two_halves(name):
    wide = barrier(4, learn_step=True)
    torch.nn.init.constant_(wide.get_parameter("_threshold"), 2.0)
    with backend(name):
        assert wide(torch.arange(0.0, 10.0)[None, None]).flatten().tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
