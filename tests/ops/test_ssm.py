"""State space systems: the fast forms against the equations, and the equations against each other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, ShapeError
from synfire.ops.ssm import Diagonal, continue_from, convolve, kernel, reference

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}


def system(channels=3, modes=4, directions=1, dtype=torch.float64, seed=0, learned=False):
    draw = torch.Generator().manual_seed(seed)
    wide = torch.complex128 if dtype == torch.float64 else torch.complex64
    step = torch.exp(torch.rand(channels, generator=draw, dtype=dtype) * 4.6 - 6.9)
    a = torch.complex(torch.full((modes,), -0.5, dtype=dtype), torch.pi * torch.arange(modes, dtype=dtype))
    c = torch.randn(directions, channels, modes, generator=draw, dtype=wide)
    b = torch.randn(channels, modes, generator=draw, dtype=wide) if learned else None
    return Diagonal.hold(step, a.expand(channels, modes), b, c)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_convolution_equals_recurrence(dtype):
    made = system(8, 32, dtype=dtype)
    x = torch.randn(1024, 2, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))
    expected, last = reference.recur(made, x)
    torch.testing.assert_close(convolve(x, kernel(made, 1024)), expected, rtol=0, atol=TOLERANCE[dtype])
    y, h = continue_from(made, x, None)
    torch.testing.assert_close(y, expected, rtol=0, atol=TOLERANCE[dtype])
    torch.testing.assert_close(h, last, rtol=0, atol=TOLERANCE[dtype])


@settings(deadline=None)
@given(length=st.integers(1, 300), directions=st.sampled_from([1, 2]), learned=st.booleans(), seed=st.integers(0, 99))
def test_kernel_and_convolution_equal_the_equations(length, directions, learned, seed):
    made = system(3, 5, directions, seed=seed, learned=learned)
    k = reference.kernel(made, length)
    torch.testing.assert_close(kernel(made, length), k, rtol=0, atol=1e-12)
    x = torch.randn(length, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(convolve(x, k), reference.convolve(x, k), rtol=0, atol=1e-11)


@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=5), seed=st.integers(0, 99))
@settings(deadline=None)
def test_parts_of_any_length_equal_the_whole(cuts, seed):
    made = system(seed=seed)
    x = torch.randn(sum(cuts), 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    h, parts = None, []
    for part in x.split(cuts):
        y, h = continue_from(made, part, h)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts), reference.recur(made, x)[0], rtol=0, atol=1e-11)


def test_gradients_are_those_of_the_equations():
    step, a = torch.tensor([0.1, 0.02]).double(), torch.tensor([[-0.5 + 1j, -0.2 + 3j]] * 2).to(torch.complex128)
    c, b = torch.randn(2, 2, 2, dtype=torch.complex128), torch.randn(2, 2, dtype=torch.complex128)
    leaves = [t.requires_grad_() for t in (step, a, b, c, torch.randn(20, 1, 2, dtype=torch.float64))]

    def fast(step, a, b, c, x):
        return convolve(x, kernel(Diagonal.hold(step, a, b, c), 20))

    def plain(step, a, b, c, x):
        return reference.convolve(x, reference.kernel(Diagonal.hold(step, a, b, c), 20))

    weight = torch.randn(20, 1, 2, dtype=torch.float64)
    for got, expected in zip(
        torch.autograd.grad((fast(*leaves) * weight).sum(), leaves),
        torch.autograd.grad((plain(*leaves) * weight).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-10)
    assert torch.autograd.gradcheck(fast, leaves)


def test_a_causal_kernel_sees_no_later_input():
    k = kernel(system(), 50)
    x = torch.zeros(50, 1, 3, dtype=torch.float64)
    x[30] = 1
    assert not convolve(x, k)[:30].abs().gt(1e-14).any()
    assert convolve(x, kernel(system(directions=2), 50))[:30].abs().gt(1e-3).any()


def test_a_short_step_holds_the_input_like_a_step_of_euler():
    a = torch.tensor([[-0.5 + 3j]], dtype=torch.complex128)
    step = 1e-3 / a.abs()[0]
    made = Diagonal.hold(step, a, None, torch.ones(1, 1, 1, dtype=torch.complex128))
    assert ((made.b - step) / step).abs().item() < 1e-3
    tiny = Diagonal.hold(step.float() * 1e-4, a.to(torch.complex64), None, torch.ones(1, 1, 1, dtype=torch.complex64))
    assert ((tiny.b - step * 1e-4) / (step * 1e-4)).abs().item() < 1e-6  # no cancellation in exp(z) - 1


def test_bad_input():
    with pytest.raises(ConfigError, match="length is 0"):
        kernel(system(), 0)
    with pytest.raises(ShapeError, match="at least T"):
        convolve(torch.zeros(5, 1, 3), torch.zeros(1, 3, 4))
    with pytest.raises(ShapeError, match="were expected"):
        convolve(torch.zeros(5, 1, 2), torch.zeros(1, 3, 5))
