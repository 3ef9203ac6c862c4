"""The operation: the best back end that takes the input."""

import torch
from torch import Tensor

from synfire.base import DtypeError, ShapeError, choose
from synfire.ops.accumulate import numba, reference

KERNELS = (numba.KERNEL, reference.KERNEL)


def accumulate(spikes: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Add up weights: y[b] = sum over i with z = spikes[b, i] not 0 of z weight[i], in ascending order, plus bias.

    It equals spikes @ weight + bias up to the rounding of sums, for any real numbers; the fewer differ from zero, the
    fewer rows of the weights are read, and the result does not depend on the number of threads. Where a spike is zero
    an infinite weight adds nothing, while a product would make it NaN. Where a gradient is wanted, and on a GPU, the
    reference serves, which reads all weights.

    Args:
        spikes: (B, N_in), of -N..N.
        weight: (N_in, N_out), a row per input; one that is not contiguous is copied at every call.
        bias: (N_out), or None.

    Returns:
        (B, N_out), in the dtype of all three.

    Raises:
        ShapeError: the shapes do not fit.
        DtypeError: the dtypes differ, or are not floating point.
        BackendError: the back end that was forced cannot take the spikes, or gives no gradient.
    """
    given = [spikes, weight] if bias is None else [spikes, weight, bias]
    shapes = [tuple(tensor.shape) for tensor in given]
    if (
        len(shapes[0]) != 2
        or len(shapes[1]) != 2
        or shapes[0][1:] != shapes[1][:1]
        or shapes[2:] not in ([], [shapes[1][1:]])
    ):
        raise ShapeError(
            f"accumulate: spikes, weight and bias have shapes {', '.join(map(str, shapes))}, but (B, N_in), "
            "(N_in, N_out) and (N_out,) were expected. Give torch.nn.Linear's weight as weight.t().contiguous()."
        )
    if not spikes.is_floating_point() or any(tensor.dtype != spikes.dtype for tensor in given):
        raise DtypeError(
            f"accumulate: spikes, weight and bias have dtypes {', '.join(str(tensor.dtype) for tensor in given)}; give "
            "one floating-point dtype for all."
        )
    trains = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    return choose("accumulate", KERNELS[-1:] if trains else KERNELS, spikes).forward(spikes, weight, bias)
