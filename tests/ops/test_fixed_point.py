"""All steps at once, against the neuron step by step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, backend
from synfire.ops.lif import NeuronSpec, lif
from synfire.ops.lif.fixed_point import fixed_point, settle
from synfire.ops.spike import Surrogate

SPECS = {
    "hard": NeuronSpec(reset="zero", through_time=False, surrogate=Surrogate("triangle")),
    "soft": NeuronSpec(reset="subtract", through_time=False, surrogate=Surrogate("triangle")),
    "levels": NeuronSpec(levels=(1.0, 2.0, 3.0), initial=0.5, through_time=False),
    "signed": NeuronSpec(levels=(1.0, 2.0), signed=True, reset="zero", through_time=False),
}


def currents(kind, steps=200, seed=0):
    if kind == "constant":  # the worst: a regular train, whose phase is known only from its beginning
        return torch.full((steps, 2, 3), 0.9)
    mean, spread = {"wide": (0.0, 1.0), "near": (0.9, 0.02)}[kind]
    return mean + spread * torch.randn(steps, 2, 3, generator=torch.Generator().manual_seed(seed))


def by_steps(x, decay, threshold, spec):
    with backend("reference"):
        return lif(x, decay=decay, threshold=threshold, spec=spec)[0]


@pytest.mark.parametrize("decay", [0.125, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["wide", "near", "constant"])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_it_ends_at_the_neuron_step_by_step(decay, kind, spec):
    x = currents(kind)
    expected = by_steps(x, decay, 1.0, spec)
    spikes, settled = fixed_point(x, decay, 1.0, spec, sweeps=None)
    assert torch.equal(spikes, expected)
    assert settled.converged.all()
    assert settled.sweeps <= len(x)
    few, part = fixed_point(x, decay, 1.0, spec, sweeps=6)  # the scan takes the rest
    assert torch.equal(few, expected)
    assert part.sweeps <= 6


@settings(deadline=None)
@given(
    steps=st.integers(1, 40), sweeps=st.integers(1, 45), seed=st.integers(0, 99),
    decay=st.sampled_from([0.0, 0.125, 0.5, 1.0]), name=st.sampled_from(list(SPECS)),
    threshold=st.sampled_from([0.3, 1.0, 2.0]), kind=st.sampled_from(["wide", "near", "constant"]),
)  # fmt: skip
def test_k_sweeps_make_k_steps_exact_and_convergence_is_told_truly(steps, sweeps, seed, decay, name, threshold, kind):
    x, spec = currents(kind, steps, seed), SPECS[name]
    settled = settle(x, decay, threshold, spec, sweeps=sweeps)
    exact, v = torch.empty_like(x), torch.full(x.shape[1:], spec.initial * threshold)
    for t in range(steps):
        exact[t] = decay * v
        with backend("reference"):
            _, v = lif(x[t : t + 1], v, decay=decay, threshold=threshold, spec=spec)
    made = settled.sweeps
    assert torch.equal(settled.carried[: made + 1], exact[: made + 1])
    assert torch.equal(settled.carried[:, settled.converged], exact[:, settled.converged])
    again = settle(x, decay, threshold, spec, sweeps=1, start=exact)
    assert again.converged.all()


@pytest.mark.parametrize("sweeps", [4, None])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_gradients_are_those_of_the_scan_without_time(spec, sweeps):
    x, g = currents("near", 60).requires_grad_(), torch.randn(60, 2, 3, generator=torch.Generator().manual_seed(1))
    (got,) = torch.autograd.grad((fixed_point(x, 0.5, 1.0, spec, sweeps=sweeps)[0] * g).sum(), x)
    (expected,) = torch.autograd.grad((by_steps(x, 0.5, 1.0, spec) * g).sum(), x)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


def test_bad_options():
    x = torch.zeros(2, 1)
    with pytest.raises(ConfigError, match="sweeps is 0"):
        settle(x, sweeps=0)
    with pytest.raises(ConfigError, match="through_time=False"):
        fixed_point(x)
