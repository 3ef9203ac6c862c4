"""The family by hand, by its laws on every CPU back end, by gradcheck, and inside PyTorch's transformations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import synfire
from synfire.base import BackendError, ConfigError, ShapeError, backend
from synfire.ops.lif import RESETS, NeuronSpec, lif, reference
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.spike import Surrogate

BACKENDS = ("reference", "numba")
on_every_backend = pytest.mark.parametrize("name", BACKENDS)
# PyTorch's compiler uses things that PyTorch itself has deprecated.
compiles = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@on_every_backend
@pytest.mark.parametrize(
    ("x", "spec", "spikes", "v_end"),
    [
        pytest.param([0.5, 0.5, 0.5], {}, [0, 0, 0], 0.875, id="below threshold"),
        pytest.param([1.0, 0.0], {}, [1, 0], 0.0, id="a tie fires"),
        pytest.param([2.0, 0.0], {}, [1, 0], 0.5, id="soft reset keeps the overshoot"),
        pytest.param([2.0, 0.0], {"reset": "zero"}, [1, 0], 0.0, id="hard reset drops it"),
        pytest.param([2.0, 0.0], {"reset": "none"}, [1, 1], 1.0, id="no reset fires on"),
        pytest.param([-2.0, 1.5], {}, [0, 0], 0.5, id="a negative potential is kept"),
        pytest.param([-2.0, 1.5], {"floor_at_zero": True}, [0, 1], 0.5, id="floor forgets it"),
        pytest.param([-2.0, 1.5], {"signed": True}, [-1, 1], 0.0, id="signed answers it"),
        pytest.param([0.0, 0.75], {"initial": 1.0}, [0, 1], 0.0, id="initial potential leaks, then fires"),
        pytest.param([3.5, 0.75], {"levels": (1.0, 2.0, 3.0)}, [3, 1], 0.0, id="levels"),
        pytest.param([2.5, 0.0], {"levels": (1.0, 2.5)}, [2, 0], 0.0, id="uneven levels take their own height away"),
        pytest.param([4.0, 0.0], {"levels": (1.0, 2.5), "reset": "zero"}, [2, 0], 0.0, id="uneven levels, hard reset"),
    ],
)
def test_lif_by_hand(name, x, spec, spikes, v_end):
    with backend(name):
        s, v = lif(torch.tensor(x)[:, None, None], decay=0.5, spec=NeuronSpec(**spec))
    assert (s.flatten().tolist(), v.item()) == (spikes, v_end)


@on_every_backend
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("levels", [(1.0,), (1.0, 2.0), (0.5, 2.0)], ids=str)
def test_a_hard_reset_clears_an_infinite_potential(name, levels, signed):
    inf = float("inf")
    x = torch.tensor([inf, 0.0, -inf, 0.0])[:, None, None].requires_grad_()
    with backend(name):
        s, v = lif(x, decay=0.5, spec=NeuronSpec(levels=levels, signed=signed, reset="zero"))
        (grad,) = torch.autograd.grad(s.sum() + v.sum(), x)
    assert s.flatten().tolist() == [len(levels), 0, -len(levels) if signed else 0, 0]
    assert v.item() == (0.0 if signed else -inf)
    assert grad.isfinite().all()


@on_every_backend
def test_the_last_potential_is_left_out_on_request(name):
    with backend(name):
        assert lif(torch.ones(2, 3), return_state=False)[1] is None


@on_every_backend
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_spikes_have_the_dtype_of_x_and_the_state_at_least_float32(name, dtype):
    with backend(name):
        spikes, last = lif(torch.full((300, 1, 1), 2.0**-8, dtype=dtype))
    assert (spikes.dtype, last.dtype) == (dtype, torch.promote_types(dtype, torch.float32))
    # In 16 bits the sum would stop growing before the threshold.
    assert (spikes.float().sum().item(), last.item()) == (1.0, 300 * 2.0**-8 - 1)


specs = st.builds(
    NeuronSpec,
    levels=st.sampled_from([(1.0,), uniform_levels(3), uniform_levels(12), (0.5, 2.0)]),
    signed=st.booleans(),
    reset=st.sampled_from(RESETS),
)
seeds = st.integers(0, 999)


@on_every_backend
@given(spec=specs, seed=seeds, steps=st.integers(2, 40), data=st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_one_run_equals_two_halves(dyadic, name, spec, seed, steps, data):
    x, k = dyadic(steps, 2, 5, seed=seed), data.draw(st.integers(1, steps - 1))
    with backend(name):
        head, v = lif(x[:k], decay=0.5, spec=spec)
        tail, v_end = lif(x[k:], v, decay=0.5, spec=spec)
        whole = lif(x, decay=0.5, spec=spec)
    torch.testing.assert_close((torch.cat([head, tail]), v_end), whole, rtol=0, atol=0)


@on_every_backend
@given(levels=st.integers(1, 12), signed=st.booleans(), initial=st.floats(0, 1), seed=seeds)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_what_came_in_went_out_or_is_still_there(name, levels, signed, initial, seed):
    x = 3 * torch.randn(50, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    threshold = torch.linspace(0.3, 2, 5, dtype=torch.float64)
    spec = NeuronSpec(levels=uniform_levels(levels), signed=signed, initial=initial)
    with backend(name):
        spikes, last = lif(x, threshold=threshold, spec=spec)
    torch.testing.assert_close(last + threshold * spikes.sum(0), initial * threshold + x.sum(0), rtol=0, atol=1e-12)


@on_every_backend
@given(seed=seeds, reset=st.sampled_from(RESETS), levels=st.integers(1, 4))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_more_input_never_delays_the_first_spike(dyadic, name, seed, reset, levels):
    x = dyadic(20, 1, 50, seed=seed) / 4
    more = x + dyadic(20, 1, 50, seed=seed + 1).abs() / 8
    spec = NeuronSpec(levels=uniform_levels(levels), reset=reset)
    with backend(name):
        fired = [lif(current, decay=0.5, spec=spec)[0] > 0 for current in (x, more)]
    at_the_end = torch.ones(1, 1, 50, dtype=torch.bool)  # for those that stay silent
    first, sooner = (torch.cat([f, at_the_end]).int().argmax(0) for f in fired)
    assert (sooner <= first).all()
    assert (sooner < first).any()


@on_every_backend
@given(spec=specs, seed=seeds)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_signed_neurons_are_odd(dyadic, name, spec, seed):
    spec = NeuronSpec(levels=spec.levels, signed=True, reset=spec.reset)
    x = dyadic(12, 2, 5, seed=seed)
    with backend(name):
        spikes, last = lif(x, decay=0.5, spec=spec)
        mirrored = lif(-x, decay=0.5, spec=spec)
    torch.testing.assert_close(mirrored, (-spikes, -last), rtol=0, atol=0)


@on_every_backend
@given(spec=specs, seed=seeds, power=st.integers(-6, 6))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_only_the_ratio_to_the_threshold_matters(name, spec, seed, power):
    x = torch.randn(20, 2, 5, generator=torch.Generator().manual_seed(seed))
    with backend(name):
        spikes, last = lif(x, decay=0.9, spec=spec)
        scaled = lif(x * 2.0**power, decay=0.9, threshold=2.0**power, spec=spec)
    torch.testing.assert_close(scaled, (spikes, last * 2.0**power), rtol=0, atol=0)


@on_every_backend
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_values_per_channel_are_those_of_each_channel_alone(dyadic, name, axis):
    x = dyadic(9, 3, 4, 5)
    count = x.shape[axis]
    decay, threshold = torch.linspace(0.25, 1, count), torch.linspace(0.5, 2, count)
    with backend(name):
        spikes, last = lif(x, decay=decay, threshold=threshold, channel_axis=axis)
        for c in range(count):
            alone = lif(x.select(axis, c), decay=decay[c], threshold=threshold[c].item())
            got = spikes.select(axis, c), last.select(axis - 1, c)
            torch.testing.assert_close(got, alone, rtol=0, atol=0)


@on_every_backend
@pytest.mark.parametrize("axis", [1, 2])
def test_gradients_per_channel_are_those_of_each_channel_alone(dyadic, name, axis):
    x = dyadic(5, 3, 4)
    decay = torch.full((x.shape[axis],), 0.5, requires_grad=True)
    threshold = torch.ones(x.shape[axis], requires_grad=True)
    with backend(name):
        spikes, last = lif(x, decay=decay, threshold=threshold, channel_axis=axis)
        grads = torch.autograd.grad(spikes.sum() + last.sum(), (decay, threshold))
        for c in range(x.shape[axis]):
            one = [torch.tensor(v, requires_grad=True) for v in (0.5, 1.0)]
            spikes, last = lif(x.select(axis, c), decay=one[0], threshold=one[1])
            want = torch.autograd.grad(spikes.sum() + last.sum(), one)
            torch.testing.assert_close([g[c] for g in grads], list(want))


@on_every_backend
def test_held_frames_and_their_gradient(dyadic, name):
    frame = dyadic(2, 5).requires_grad_()
    with backend(name):
        held, copied = (lif(x, decay=0.5)[0] for x in (frame.expand(7, 2, 5), frame.repeat(7, 1, 1)))
        grads = [torch.autograd.grad(s.sum(), frame)[0] for s in (held, copied)]
    assert torch.equal(held, copied)
    torch.testing.assert_close(*grads)


@on_every_backend
@pytest.mark.parametrize("shape", [(3, 0), (1, 0, 4), (3, 2, 0, 5), (1, 1), (1, 1, 1, 1)], ids=str)
def test_empty_and_single_tensors_run_forward_and_backward(name, shape):
    x = torch.ones(shape, requires_grad=True)
    threshold = torch.ones((), requires_grad=True)
    with backend(name):
        spikes, last = lif(x, decay=0.5, threshold=threshold)
        (spikes.sum() + last.sum()).backward()
    assert spikes.shape == shape
    assert last.shape == shape[1:]
    assert x.grad.shape == shape
    assert threshold.grad.isfinite()


@on_every_backend
def test_detaching_the_reset_changes_the_gradient_and_not_the_spikes(name):
    x = torch.randn(6, 2, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with backend(name):
        kept, cut = (lif(x, decay=0.5, spec=NeuronSpec(detach_reset=d)) for d in (False, True))
        grads = [torch.autograd.grad(s.sum() + v.sum(), x)[0] for s, v in (kept, cut)]
    torch.testing.assert_close(kept, cut, rtol=0, atol=0)
    assert not torch.allclose(*grads)


@on_every_backend
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_without_time_a_step_learns_from_its_own_spikes_alone(name, reset):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, 5, generator=generator).requires_grad_()
    g, g_last = torch.randn(40, 2, 5, generator=generator), torch.randn(2, 5, generator=generator)
    spec = NeuronSpec(reset=reset, surrogate=Surrogate("triangle"), through_time=False)
    with backend(name):
        s, v = lif(x, decay=0.5, spec=spec)
        (grad,) = torch.autograd.grad((s * g).sum(), x)
        s, v = lif(x, decay=0.5, spec=spec)
        (last,) = torch.autograd.grad((v * g_last).sum(), x)
    u, kept = torch.empty_like(x), torch.zeros(2, 5)
    with torch.no_grad():
        for t in range(40):
            u[t] = 0.5 * kept + x[t]
            kept = u[t] * (u[t] < 1) if reset == "zero" else u[t] - (u[t] >= 1).float()
        slope = (1 - (u - 1).abs()).clamp_min(0)
    torch.testing.assert_close(grad, g * slope, rtol=1e-6, atol=1e-6)
    assert not last[:-1].any()
    torch.testing.assert_close(last[-1], g_last * (1 - s[-1].detach()) if reset == "zero" else g_last)


@on_every_backend
@pytest.mark.parametrize(
    ("initial", "through_rest"),
    [pytest.param(0.5, 0.5**3 * 0.5, id="rest follows"), pytest.param(0.0, 0.0, id="rest at 0")],
)
def test_the_gradient_of_the_threshold_includes_the_initial_potential(name, initial, through_rest):
    threshold = torch.ones((), requires_grad=True)
    with backend(name):
        _, last = lif(
            torch.zeros(3, 1, 1), decay=0.5, threshold=threshold, spec=NeuronSpec(reset="none", initial=initial)
        )
    (grad,) = torch.autograd.grad(last.sum(), threshold)
    assert grad.item() == through_rest  # v_end = decay^3 initial threshold


# --- gradcheck in float64 ---


def inputs_of(steps: int = 4, per_channel: bool = True) -> tuple[Tensor, ...]:
    """Draw x, v, decay and threshold whose potentials are nowhere within 1e-4 of a threshold."""
    random = torch.Generator().manual_seed(5)
    size = (3,) if per_channel else ()

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, dtype=torch.float64, generator=random)

    x, v = 3 * draw(steps, 2, 3) - 1, draw(2, 3)
    return tuple(t.requires_grad_() for t in (x, v, 0.3 + 0.6 * draw(*size), 0.6 + draw(*size)))


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("name", "steps"), [("reference", 3), ("numba", 3), ("numba", 35)])
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(NeuronSpec(reset="none"), id="no reset"),
        pytest.param(NeuronSpec(levels=uniform_levels(3)), id="detached soft reset"),
        pytest.param(NeuronSpec(levels=(0.7, 1.9), signed=True), id="detached soft reset, signed"),
        pytest.param(NeuronSpec(reset="zero"), id="detached hard reset"),
        pytest.param(NeuronSpec(levels=uniform_levels(12), floor_at_zero=True), id="floor"),
    ],
)
def test_the_last_potential_passes_gradcheck(name, spec, steps, per_channel):
    """Between two spikes' change the last potential is smooth, and a detached reset is its true derivative."""
    x, v, decay, threshold = inputs_of(steps, per_channel)
    wanted = (decay, threshold, v, x) if steps < 10 else (decay, threshold, v)  # finite differences of each x take long

    def last(decay, threshold, v, x=x):
        return lif(x, v, decay=decay, threshold=threshold, spec=spec)[1]

    with backend(name):
        assert torch.autograd.gradcheck(last, wanted, eps=1e-7, atol=1e-5, nondet_tol=0)


SMOOTH = {
    "sigmoid": lambda w, width: torch.sigmoid(4 * w / width),
    "arctan": lambda w, width: torch.atan(torch.pi * w / width) / torch.pi + 0.5,
}


@pytest.mark.parametrize("initial", [None, 0.4], ids=["from a potential", "from rest"])
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("shape", SMOOTH)
def test_the_scan_passes_gradcheck_with_a_smooth_fire(monkeypatch, shape, reset, initial):
    """With the step replaced by its smooth stand-in the whole reference is smooth."""

    def smooth(u, threshold=1.0, *, levels=(1.0,), values=None, signed=False, surrogate=None):
        z, below = 0.0, 0.0
        for level, value in zip(levels, values or uniform_levels(len(levels)), strict=True):
            z = z + (value - below) * SMOOTH[surrogate.shape](u / threshold - level, surrogate.width)
            below = value
        return z

    monkeypatch.setattr(reference, "fire", smooth)
    spec = NeuronSpec(
        levels=(0.8, 1.7), reset=reset, detach_reset=False, initial=initial or 0.0, surrogate=Surrogate(shape, 2.0)
    )
    x, v, decay, threshold = inputs_of()

    def scan(x, decay, threshold, v=None):
        return reference.lif(x, v, decay, threshold, spec)

    inputs = (x, decay, threshold) if initial else (x, decay, threshold, v)
    assert torch.autograd.gradcheck(scan, inputs, atol=1e-6)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("reset", RESETS)
def test_gradients_through_time_by_hand(reset, detach):
    """Two steps of one neuron, written out with the chain rule."""
    x0, x1, decay, width = 1.25, 0.5, 0.5, 4.0
    u0 = x0
    fires = 1.0  # since u0 >= 1
    v0 = {"subtract": u0 - 1, "zero": 0.0, "none": u0}[reset]
    u1 = decay * v0 + x1
    g0, g1 = ((1 - abs(u - 1) / width) / width for u in (u0, u1))  # triangle
    follow = 0.0 if detach else g0
    dv0 = {"subtract": 1 - follow, "zero": 1 - fires - u0 * follow, "none": 1.0}[reset]
    want = torch.tensor([g0 + g1 * decay * dv0, g1])
    spec = NeuronSpec(reset=reset, detach_reset=detach, surrogate=Surrogate("triangle", width))
    for name in BACKENDS:
        x = torch.tensor([x0, x1])[:, None].requires_grad_()
        decayed = torch.tensor(decay, requires_grad=True)
        with backend(name):
            spikes, _ = lif(x, decay=decayed, spec=spec)
            grads = torch.autograd.grad(spikes.sum(), (x, decayed))
        torch.testing.assert_close(grads[0][:, 0], want)
        torch.testing.assert_close(grads[1], torch.tensor(g1 * v0))


# --- inside PyTorch's transformations ---


@compiles
@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
def test_compiled_networks_equal_eager_ones(compiler):
    torch.manual_seed(0)
    net = nn.Sequential(
        synfire.layers.Linear(6, 8), synfire.ParametricLIF(), synfire.layers.Linear(8, 3),
        synfire.MultiLevelIF(learn_threshold=True),
    )  # fmt: skip
    x = torch.randn(40, 2, 6)
    results = []
    for run in (net, torch.compile(net, fullgraph=True, backend=compiler)):
        net.zero_grad()
        spikes = run(x)
        spikes.sum().backward()
        results.append((spikes.detach(), *(p.grad.clone() for p in net.parameters())))
    assert results[0][0].any()
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0, atol=0)
    torch.testing.assert_close(results[1], results[0])


@compiles
@pytest.mark.parametrize("needs_grad", [False, True])
def test_compiled_neurons_run_without_a_gradient_too(needs_grad):
    neuron, x = synfire.LIF(), torch.randn(3, 2, 4, requires_grad=needs_grad)
    with torch.set_grad_enabled(False):
        assert torch.equal(torch.compile(neuron, fullgraph=True, backend="aot_eager")(x), neuron(x))


@compiles
def test_compiled_functions_take_and_return_states_in_any_layout():
    spec = NeuronSpec(levels=uniform_levels(3))

    def run(x, v):
        return lif(x, v, decay=0.5, spec=spec)

    x, v = torch.randn(5, 2, 3, 4).movedim(-1, 2), torch.randn(2, 3, 4).mT
    torch.testing.assert_close(torch.compile(run, fullgraph=True, backend="aot_eager")(x, v), run(x, v), rtol=0, atol=0)


@on_every_backend
def test_autocast_gives_bfloat16_spikes_with_a_float32_state(name):
    torch.manual_seed(0)
    synapse, x = synfire.layers.Linear(6, 8), torch.randn(5, 2, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16), backend(name):
        current = synapse(x)
        spikes, last = lif(current, decay=0.5)
    assert (current.dtype, spikes.dtype, last.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    with backend("reference"):
        torch.testing.assert_close((spikes, last), lif(current, decay=0.5), rtol=0, atol=0)
    spikes.sum().backward()
    assert synapse.weight.grad.any()


def both(x: Tensor, v: Tensor | None = None, decay: float | Tensor = 0.5) -> tuple[Tensor, Tensor]:
    return lif(x, v, decay=decay, spec=NeuronSpec(initial=0.25, levels=uniform_levels(2)))


def loss(x: Tensor, v: Tensor | None = None, decay: float | Tensor = 0.5) -> Tensor:
    spikes, last = both(x, v, decay)
    return (spikes * torch.linspace(-1, 1, spikes.numel()).view_as(spikes)).sum() + last.pow(2).sum()


@on_every_backend
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vmap_equals_a_loop(name, axis):
    x = torch.randn(3, 40, 2, 4, generator=torch.Generator().manual_seed(1))
    v = torch.randn(3, 2, 4)
    with backend(name):
        got = torch.func.vmap(both, in_dims=(axis, 0))(x.movedim(0, axis), v)
        shared = torch.func.vmap(both, in_dims=(axis, None))(x.movedim(0, axis), v[0])
        want = [torch.stack(parts) for parts in zip(*map(both, x, v), strict=True)]
        want_shared = [torch.stack(parts) for parts in zip(*(both(a, v[0]) for a in x), strict=True)]
    torch.testing.assert_close((list(got), list(shared)), (want, want_shared), rtol=0, atol=0)


@on_every_backend
def test_vmap_of_grad_equals_a_loop(name):
    x = torch.randn(3, 40, 2, 4, generator=torch.Generator().manual_seed(1))
    v = torch.randn(3, 2, 4)
    grad = torch.func.grad(loss, argnums=(0, 1))
    with backend(name):
        got = torch.func.vmap(grad)(x, v)
        want = tuple(torch.stack(parts) for parts in zip(*map(grad, x, v), strict=True))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("size", [(), (4,)])
def test_functional_grad_of_the_decay_equals_the_reference(size):
    x, decay = torch.randn(40, 2, 4, generator=torch.Generator().manual_seed(1)), torch.full(size, 0.5)
    grads = []
    for name in BACKENDS:
        with backend(name):
            grads.append(torch.func.grad(loss, argnums=2)(x, None, decay))
    torch.testing.assert_close(*grads)


def test_vmap_over_the_decay_needs_the_reference():
    x, decays = torch.randn(5, 2, 4), torch.tensor([0.25, 0.5])
    mapped = torch.func.vmap(lambda decay: both(x, None, decay)[0])
    with backend("numba"), pytest.raises(ConfigError, match="vmap over decay or threshold needs the reference"):
        mapped(decays)
    with backend("reference"):
        torch.testing.assert_close(mapped(decays), torch.stack([both(x, None, d)[0] for d in decays]), rtol=0, atol=0)


def test_second_derivatives_need_the_reference():
    x = torch.randn(5, 2, 4, dtype=torch.float64).requires_grad_()
    with backend("numba"):
        (grad,) = torch.autograd.grad(loss(x), x, create_graph=True)
        with pytest.raises(BackendError, match=r"no second derivative; run inside synfire.backend\('reference'\)"):
            torch.autograd.grad(grad.sum(), x)
    with backend("reference"):
        (grad,) = torch.autograd.grad(loss(x), x, create_graph=True)
        (second,) = torch.autograd.grad(grad.sum(), x)
    assert second.any()


@on_every_backend
@pytest.mark.parametrize("axis", [-1, -2])
def test_axes_count_from_the_end_too(dyadic, name, axis):
    x = dyadic(4, 2, 3, 5)
    threshold = torch.linspace(0.5, 2, x.shape[axis], requires_grad=True)
    results = []
    for same in (axis, axis + 4):
        with backend(name):
            spikes, last = lif(x, decay=0.5, threshold=threshold, channel_axis=same)
        results.append((spikes, last, *torch.autograd.grad(spikes.sum() + last.sum(), threshold)))
    torch.testing.assert_close(*results, rtol=0, atol=0)


@on_every_backend
@pytest.mark.parametrize(("axis", "error"), [(0, ConfigError), (-3, ConfigError), (3, ShapeError), (-4, ShapeError)])
def test_axes_of_time_or_of_nothing_are_refused(name, axis, error):
    with backend(name), pytest.raises(error, match="channel"):
        lif(torch.zeros(4, 4, 4), threshold=torch.ones(4), channel_axis=axis)


@on_every_backend
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
def test_a_potential_of_another_dtype_is_taken_to_that_of_the_state(dyadic, name, dtype):
    x, v = dyadic(3, 2, 5).bfloat16(), dyadic(2, 5, seed=1).to(dtype).requires_grad_()
    with backend(name):
        got, want = lif(x, v, decay=0.5), lif(x, v.float(), decay=0.5)
        (grad,) = torch.autograd.grad(got[1].sum(), v)
    torch.testing.assert_close(got, want, rtol=0, atol=0)
    assert grad.dtype == dtype
    assert grad.any()


@pytest.mark.parametrize(
    "numbers",
    [
        {"threshold": torch.tensor(-1.0)}, {"threshold": torch.tensor([1.0, 0.0, 1.0])}, {"threshold": float("inf")},
        {"threshold": [1.0, 2.0, 3.0]}, {"threshold": torch.tensor(float("nan"))}, {"decay": float("nan")},
        {"decay": torch.tensor([0.5, float("inf"), 0.5])}, {"decay": "0.5"},
    ],
    ids=str,
)  # fmt: skip
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(ConfigError, match=f"lif: {next(iter(numbers))} is "):
        lif(torch.zeros(2, 1, 3), **numbers)


@compiles
@on_every_backend
def test_forward_mode_is_refused(name):
    x, one = torch.rand(3, 2, 4), torch.ones(3, 2, 4)
    _, pull = torch.func.vjp(synfire.LIF(), x)
    with backend(name):
        for function in (synfire.LIF(), lambda v: lif(x, v[0])[1], lambda x: pull(x)[0]):
            with pytest.raises(BackendError, match="no forward-mode derivative"):
                torch.func.jvp(function, (x,), (one,))
        with pytest.raises(BackendError, match="no forward-mode derivative"):
            torch.func.jacfwd(synfire.LIF())(x)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, one)
            with pytest.raises(BackendError, match="no forward-mode derivative"):
                synfire.LIF()(dual)


@compiles
def test_compiled_neurons_take_shapes_that_change():
    net = torch.compile(synfire.LIF(), backend="aot_eager", dynamic=True, fullgraph=True)
    for shape in ((3, 2, 4), (5, 3, 6), (4, 2, 3, 5, 6)):
        x = torch.randn(shape)
        assert torch.equal(net(x), synfire.LIF()(x))
        turned = x.transpose(-1, -2)
        assert torch.equal(net(turned), synfire.LIF()(turned))
