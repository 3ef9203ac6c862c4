"""Counting in one pass, against the plain PyTorch that says what is meant."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire
from synfire.base import BackendError
from synfire.ops.tally import tally

SHAPES = st.lists(st.integers(1, 5), min_size=0, max_size=3)


def both(x):
    with synfire.backend("reference"):
        expected = tally(x)
    with synfire.backend("numba"):
        return tally(x), expected


def assert_equal(got, expected, rel=0.0):
    for mine, theirs in ((got.by_step, expected.by_step), (got.by_place, expected.by_place)):
        assert torch.equal(mine[0], theirs[0])
        torch.testing.assert_close(mine[1], theirs[1], rtol=rel, atol=0, equal_nan=True)
    torch.testing.assert_close(got.tops, expected.tops, rtol=0, atol=0, equal_nan=True)


@settings(deadline=None)  # the first call compiles
@given(
    seed=st.integers(0, 999), steps=st.integers(1, 4), samples=st.integers(1, 4), shape=SHAPES,
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
    scale=st.sampled_from([0.0, 0.3, 1.0, 3.0]), whole=st.booleans(), last=st.booleans(),
)  # fmt: skip
def test_numba_equals_the_reference(seed, steps, samples, shape, dtype, scale, whole, last):
    x = scale * torch.randn(steps, samples, *shape, generator=torch.Generator().manual_seed(seed))
    x = (x.round() if whole else x).to(dtype)
    if last and len(shape) == 3:  # channels innermost, as convolutions like it
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (steps, samples))
    got, expected = both(x)
    assert_equal(got, expected, rel=0.0 if whole else 1e-12)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, -0.0, 1e-40, 2.0**25 + 4, 2.0**60, 0.25])
def test_odd_numbers_anywhere(odd):
    assert_equal(*both(torch.tensor([[[1.0, odd, 2.0]]])))
    assert_equal(*both(torch.tensor([[[1.0, 1.0, 2.0], [1.0, odd, 2.0], [3.0, 1.0, -2.0]]])))


def test_more_positions_than_a_block_and_strided_views():
    x = (torch.randn(3, 2, 3000, generator=torch.Generator().manual_seed(0)) > 0).float()
    assert_equal(*both(x))
    assert_equal(*both(x[:, :, ::2]))
    assert_equal(*both(x.transpose(0, 1)))


def test_whole_numbers_of_integer_tensors_take_the_reference():
    x = torch.tensor([[[1, 0, -3]]])
    assert tally(x).tops.tolist() == [3, 0]
    with synfire.backend("numba"), pytest.raises(BackendError, match="no kernel for"):
        tally(x)
