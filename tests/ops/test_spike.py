"""When a neuron fires, and the slope that stands in for the step."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from synfire.base import BackendError, ConfigError
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.spike import SURROGATES, Surrogate, fire
from synfire.ops.spike.surrogates import PULSES, WINDOWS

# Each pulse is the derivative of a smooth step from 0 to 1.
SMOOTH_STEPS = {
    "arctan": lambda d, w: torch.atan(math.pi * d / w) / math.pi + 0.5,
    "sigmoid": lambda d, w: torch.sigmoid(4 * d / w),
    "triangle": lambda d, w: torch.where(d < 0, (d / w + 1).clamp_min(0) ** 2, 2 - (1 - d / w).clamp_min(0) ** 2) / 2,
    "rectangle": lambda d, w: (d / w + 0.5).clamp(0, 1),
    "fast_sigmoid": lambda d, w: d / (w + 2 * d.abs()) + 0.5,
    "multi_sigmoid": lambda d, w: torch.sigmoid(d / w),
}  # fmt: skip
widths = st.floats(0.125, 8.0)


def test_every_surrogate_is_tested_here():
    assert SMOOTH_STEPS.keys() == PULSES.keys()
    assert (*SMOOTH_STEPS, *WINDOWS) == SURROGATES


@pytest.mark.parametrize(
    ("u", "levels", "signed", "spikes"),
    [
        pytest.param([0.99, 1.0, 1.01], (1.0,), False, [0, 1, 1], id="a tie fires"),
        pytest.param([-1.0, -5.0, 0.0], (1.0,), False, [0, 0, 0], id="below zero is silent"),
        pytest.param([0.9, 1.0, 2.5, 3.0, 9.0], (1.0, 2.0, 3.0), False, [0, 1, 2, 3, 3], id="levels clip at the top"),
        pytest.param([-9.0, -2.0, -1.9, 0.5, 2.0], (1.0, 2.0), True, [-2, -2, -1, 0, 2], id="signed mirrors, ties too"),
        pytest.param([0.5, 0.6, 1.6, 2.5, 2.6], (0.6, 1.6, 2.6), False, [0, 1, 2, 2, 3], id="a list of thresholds"),
    ],
)
def test_fire_by_hand(u, levels, signed, spikes):
    u = torch.tensor(u, dtype=torch.float64)
    assert fire(u, levels=levels, signed=signed).tolist() == spikes
    assert fire(3 * u, 3.0, levels=levels, signed=signed).tolist() == spikes


def test_fire_takes_other_values_and_thresholds_that_broadcast():
    z = fire(torch.tensor([[1.0, 1.7], [2.0, 4.0]]), torch.tensor([1.0, 2.0]), levels=(1.0, 1.5), values=(1.0, 1.5))
    assert z.tolist() == [[1.0, 0.0], [1.5, 1.5]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_fire_keeps_the_dtype(dtype):
    assert fire(torch.ones(2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("surrogate", "w", "slope"),
    [
        pytest.param(Surrogate("arctan"), [1.0, 1 + 1 / math.pi], [1.0, 0.5], id="arctan halves at width/pi"),
        pytest.param(Surrogate("sigmoid", 2.0), [1.0], [0.5], id="sigmoid peaks at 1/width"),
        pytest.param(Surrogate("triangle", 2.0), [-1.0, 0.0, 1.0, 2.0], [0.0, 0.25, 0.5, 0.25], id="triangle"),
        pytest.param(Surrogate("rectangle"), [0.5, 0.51, 1.49, 1.5], [0.0, 1.0, 1.0, 0.0], id="rectangle is open"),
        pytest.param(Surrogate("fast_sigmoid", 2.0), [1.0, 2.0], [0.5, 0.125], id="fast sigmoid"),
        pytest.param(Surrogate("multi_sigmoid", 1.0), [1.0], [0.25], id="multi sigmoid has alpha 1/width"),
        pytest.param(
            Surrogate("straight_through"), [-0.01, 0.0, 1.5, 1.51], [0.0, 1.0, 1.0, 0.0], id="straight-through"
        ),
        pytest.param(Surrogate("straight_through", 4.0), [3.0, 3.01], [1.0, 0.0], id="straight-through, wider"),
        pytest.param(Surrogate("identity"), [-9.0, 0.0, 9.0], [1.0, 1.0, 1.0], id="identity"),
    ],
)
def test_slopes_by_hand(surrogate, w, slope):
    got = surrogate.slope(torch.tensor(w, dtype=torch.float64), (1.0,), (1.0,), signed=False)
    torch.testing.assert_close(got, torch.tensor(slope, dtype=torch.float64))


@pytest.mark.parametrize("shape", PULSES)
@given(width=widths, seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_pulses_are_the_derivatives_of_smooth_steps(shape, width, seed):
    d = 3 * width * torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    d.requires_grad_()
    (slope,) = torch.autograd.grad(SMOOTH_STEPS[shape](d, width).sum(), d)
    torch.testing.assert_close(PULSES[shape](d.detach(), width), slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", PULSES)
@given(width=widths)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_pulses_have_area_one(shape, width):
    far = torch.tensor([-1e9, 1e9], dtype=torch.float64) * width
    below, above = SMOOTH_STEPS[shape](far, width)
    assert abs(below.item()) < 1e-8
    assert abs(above.item() - 1) < 1e-8


def smooth_fire(u: Tensor, threshold: Tensor, levels, values, signed: bool, surrogate: Surrogate) -> Tensor:
    """Staircase of smooth steps, whose true derivative is what `fire` must give back."""
    step, z, below = SMOOTH_STEPS[surrogate.shape], 0.0, 0.0
    for level, value in zip(levels, values, strict=True):
        z = z + (value - below) * step(u / threshold - level, surrogate.width)
        if signed:
            z = z - (value - below) * step(-u / threshold - level, surrogate.width)
        below = value
    return z


@pytest.mark.parametrize("shape", PULSES)
@given(
    levels=st.sampled_from([(1.0,), uniform_levels(5), (0.6, 1.6, 2.7)]), own=st.booleans(), signed=st.booleans(),
    per_channel=st.booleans(), width=st.floats(0.5, 4), seed=st.integers(0, 999),
)  # fmt: skip
@settings(max_examples=25, deadline=None, derandomize=True)
def test_fire_gives_back_the_derivative_of_the_smooth_staircase(shape, levels, own, signed, per_channel, width, seed):
    random = torch.Generator().manual_seed(seed)
    surrogate = Surrogate(shape, width)
    values = levels if own else uniform_levels(len(levels))
    u = 3 * torch.randn(6, 4, dtype=torch.float64, generator=random)
    threshold = 0.5 + torch.rand((4,) if per_channel else (), dtype=torch.float64, generator=random)
    upstream = torch.randn(6, 4, dtype=torch.float64, generator=random)
    inputs = u.requires_grad_(), threshold.requires_grad_()
    fired = fire(u, threshold, levels=levels, values=values, signed=signed, surrogate=surrogate)
    smooth = smooth_fire(u, threshold, levels, values, signed, surrogate)
    got, want = (torch.autograd.grad(z, inputs, upstream) for z in (fired, smooth))
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)


@given(count=st.integers(1, 6), width=st.sampled_from([0.5, 1.0, 2.0]), signed=st.booleans())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_straight_through_window_ends_half_a_width_above_the_top(count, width, signed):
    top = count + width / 2
    w = torch.tensor([-top - 1 / 64, -top, -1 / 64, 0.0, top, top + 1 / 64], dtype=torch.float64)
    slope = Surrogate("straight_through", width).slope(w, uniform_levels(count), (1.0,) * count, signed)
    assert slope.tolist() == ([0, 1, 1, 1, 1, 0] if signed else [0, 0, 0, 1, 1, 0])


@pytest.mark.parametrize("width", [0.0, -1.0, math.inf, math.nan])
def test_a_width_that_is_no_distance_is_refused(width):
    with pytest.raises(ConfigError, match=f"width is {width}"):
        Surrogate(width=width)


@pytest.mark.parametrize(
    "threshold", [0.0, -1.0, math.nan, math.inf, torch.tensor(-1.0), torch.tensor([1.0, 0.0]), "1"]
)
def test_a_threshold_that_is_not_positive_is_refused(threshold):
    with pytest.raises(ConfigError, match="fire: threshold is "):
        fire(torch.zeros(2), threshold)


@pytest.mark.parametrize("levels", [(), (2.0, 1.0), (0.0,), (math.nan,), (1.0, math.inf), "12", 3.0], ids=str)
def test_levels_that_do_not_ascend_are_refused(levels):
    with pytest.raises(ConfigError, match="fire: levels are "):
        fire(torch.zeros(2), levels=levels)


def test_values_must_be_as_many_as_the_levels():
    with pytest.raises(ConfigError, match="but there are 2 levels"):
        fire(torch.zeros(2), levels=(1.0, 2.0), values=(1.0,))


@pytest.mark.parametrize("count", [math.nan, math.inf, "4", None, 1.5], ids=str)
def test_a_number_of_levels_that_is_none_is_refused(count):
    with pytest.raises(ConfigError, match="a neuron needs a whole number of levels"):
        uniform_levels(count)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch, of itself
def test_forward_mode_is_refused():
    with pytest.raises(BackendError, match="no forward-mode derivative"):
        torch.func.jvp(fire, (torch.zeros(2),), (torch.ones(2),))
