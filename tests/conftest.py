"""Without a GPU, Triton's kernels are tested in its interpreter, which it must know of before it is imported."""

import os
from collections.abc import Iterator

import numba
import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture
def threads_stay() -> Iterator[None]:
    """Put back the threads of the process, which a recipe sets."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])
