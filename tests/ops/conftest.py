"""Helpers of the operations' tests."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session")
def dyadic() -> Callable[..., Tensor]:
    """Make tensors of multiples of 1/16 in [-1, 2]: with a decay of 1/2, sums over a few steps are exact."""

    def make(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
        numbers = torch.randint(-16, 33, shape, generator=torch.Generator().manual_seed(seed))
        return (numbers / 16).to(dtype)

    return make
