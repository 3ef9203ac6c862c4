"""An accumulation on a CPU: rows of weights are read for the spikes alone."""

import importlib
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel, forced
from synfire.ops.lif import numba as lif

DTYPES = (torch.float32, torch.float64)
BLOCK = 4096  # outputs that a thread sums up at once: 16 KiB, half of the nearest cache
ALONE = 2**16  # weights that one thread reads before others would have woken up

# Measured (benchmarks/decode.py): one sample breaks even where 10 % of its 1024 numbers are spikes, or more than 70 %
# of 4096. A dense product reads the weights once for all samples, so the share falls with their number.
DENSEST = 0.3
SMALLEST = 2**21  # weights; to call this back end takes about as long as a dense product of so many


def why_not(x: Tensor) -> str | None:
    """Return why this back end cannot take the input, or None."""
    return f"it has no kernel for {x.dtype}" if x.dtype not in DTYPES else lif.why_not(x)


@cache
def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.accumulate._numba_kernels")


def forward(spikes: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return spikes (B, N_in) times weight (N_in, N_out), plus bias."""
    x, rows = _array(spikes), _array(weight)
    y = np.empty((x.shape[0], rows.shape[1]), x.dtype)
    even = -(-rows.shape[1] // (lif.follow_torch_threads() * lif.LANES)) * lif.LANES
    added = np.empty(0, x.dtype) if bias is None else _array(bias)
    _kernels().forward(x, rows, added, y, max(lif.LANES, min(BLOCK, even)), ALONE)
    return torch.from_numpy(y)


def _array(tensor: Tensor) -> Any:
    """Return a tensor as numpy sees it, without calls of PyTorch that would change nothing but take their time."""
    tensor = tensor.detach() if tensor.requires_grad else tensor
    return (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()


KERNEL = Kernel("numba", why_not, forward)


def pays(spikes: Tensor, weight: Tensor) -> bool:
    """Return whether this back end takes spikes (B, N_in), and is expected to be faster than the dense product.

    Args:
        weight: of torch.nn.Linear, (N_out, N_in).
    """
    if weight.numel() < SMALLEST or not len(spikes) or forced() not in (None, "numba"):
        return False
    if why_not(spikes) is not None or weight.dtype != spikes.dtype or weight.device != spikes.device:
        return False
    try:
        values = _array(spikes).ravel()
    except RuntimeError:  # torch.func and fake tensors have no numbers to show
        return False
    return _kernels().count(values) * len(spikes) ** 0.5 <= DENSEST * values.size
