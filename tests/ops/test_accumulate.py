"""Adding up the weights of spikes, against the product that says what is meant."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire
from synfire.base import BackendError
from synfire.ops.accumulate import accumulate, pays


def drawn(seed, samples, inputs, outputs, density, levels, signed, dtype=torch.float64):
    """Spikes of which a share is not zero, and weights and biases."""
    draw = torch.Generator().manual_seed(seed)
    spikes = torch.randint(1, levels + 1, (samples, inputs), generator=draw).to(dtype)
    spikes *= torch.rand(samples, inputs, generator=draw) < density
    if signed:
        spikes *= torch.randint(0, 2, (samples, inputs), generator=draw) * 2 - 1
    return spikes, *(torch.randn(*n, generator=draw).to(dtype) for n in ((inputs, outputs), (outputs,)))


SIZES = {"samples": st.integers(0, 4), "inputs": st.integers(0, 40), "outputs": st.integers(0, 70)}
KINDS = {"levels": st.sampled_from([1, 1, 4, 300]), "signed": st.booleans()}
DENSITIES = st.sampled_from([0.0, 0.05, 0.3, 1.0])


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 999), density=DENSITIES, biased=st.booleans(), **SIZES, **KINDS)
def test_numba_equals_the_product(seed, density, biased, samples, inputs, outputs, levels, signed):
    spikes, weight, bias = drawn(seed, samples, inputs, outputs, density, levels, signed)
    bias = bias if biased else None
    with synfire.backend("reference"):
        expected = accumulate(spikes, weight, bias)
    with synfire.backend("numba"):
        got = accumulate(spikes, weight, bias)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@settings(deadline=None)
@given(
    seed=st.integers(0, 999), density=DENSITIES, dtype=st.sampled_from([torch.float32, torch.float64]), **SIZES, **KINDS
)
def test_sums_are_those_of_one_row_after_the_other(seed, density, dtype, samples, inputs, outputs, levels, signed):
    spikes, weight, bias = drawn(seed, samples, inputs, outputs, density, levels, signed, dtype)
    expected = bias.expand(samples, -1).clone()
    for b, i in spikes.nonzero().tolist():
        expected[b] += spikes[b, i] * weight[i]
    assert torch.equal(accumulate(spikes, weight, bias), expected)


def test_the_number_of_threads_changes_nothing(threads_stay):
    spikes, weight, bias = drawn(0, 3, 700, 9000, 0.2, 4, True, torch.float32)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(accumulate(spikes, weight, bias))
    assert torch.equal(*found)
    torch.testing.assert_close(found[0], spikes @ weight + bias, rtol=1e-4, atol=1e-3)


def test_real_and_odd_numbers_and_strides():
    spikes, weight, _ = drawn(1, 4, 40, 33, 0.5, 1, False)
    spikes = spikes * torch.randn(4, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    spikes[0, 3], spikes[1, 3], spikes[2, 3] = math.nan, math.inf, -0.0
    torch.testing.assert_close(accumulate(spikes, weight), spikes @ weight, equal_nan=True)
    torch.testing.assert_close(accumulate(spikes[1:, ::2], weight.t()[:, ::2].t()), spikes[1:, ::2] @ weight[::2])


def test_gradients_come_from_the_reference_alone():
    spikes, weight, bias = drawn(3, 2, 6, 5, 0.5, 1, False)
    weight.requires_grad_()
    (grad,) = torch.autograd.grad(accumulate(spikes, weight, bias).sum(), weight)
    torch.testing.assert_close(grad, spikes.sum(0)[:, None].expand(6, 5))
    with synfire.backend("numba"), pytest.raises(BackendError, match="accumulate: no back end can run this input"):
        accumulate(spikes, weight, bias)
    with synfire.backend("numba"), torch.no_grad():
        accumulate(spikes, weight, bias)


def test_halves_take_the_reference():
    spikes, weight, bias = drawn(4, 2, 6, 5, 0.5, 1, False, torch.bfloat16)
    torch.testing.assert_close(accumulate(spikes, weight, bias), spikes @ weight + bias)
    with synfire.backend("numba"), pytest.raises(BackendError, match=r"no kernel for torch\.bfloat16"):
        accumulate(spikes, weight, bias)


@pytest.mark.parametrize(
    ("samples", "size", "density", "worth"),
    [
        pytest.param(1, 1456, 0.1, True, id="few spikes"),
        pytest.param(1, 1456, 0.0, True, id="no spike"),
        pytest.param(1, 1456, 0.9, False, id="many spikes"),
        pytest.param(64, 1456, 0.1, False, id="many samples share the weights"),
        pytest.param(0, 1456, 0.1, False, id="no sample"),
        pytest.param(1, 64, 0.1, False, id="few weights"),
    ],
)
def test_when_it_pays(samples, size, density, worth):
    spikes, weight, _ = drawn(5, samples, size, size, density, 1, False, torch.float32)
    assert pays(spikes, weight) is worth
    assert not pays(spikes.bfloat16(), weight.bfloat16())
    with synfire.backend("reference"):
        assert not pays(spikes, weight)
