"""The family on a CPU: blocks of neurons that stay in the cache while time runs over them."""

import importlib
import importlib.util
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synfire.base import Kernel
from synfire.ops.lif.layout import CHECKPOINT_EVERY, Layout, empty_like_steps, rows
from synfire.ops.lif.spec import RESETS, NeuronSpec
from synfire.ops.spike import SURROGATES

LANES = 16  # floats in the widest register: a block of fewer would gain nothing
PARTS_PER_THREAD = 4  # evens out threads that another process slows down
NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
INSTALLED = importlib.util.find_spec("numba") is not None
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def why_not(x: Tensor) -> str | None:
    """Return why this back end cannot take the input, or None."""
    if x.device.type != "cpu":
        return f"it runs on a CPU and the input is on {x.device}"
    if x.dtype not in DTYPES:
        return f"it has no kernel for {x.dtype}"
    return None if INSTALLED else "the package numba is not installed"


def _kernels() -> Any:
    """The compiled functions; imported on first use, because importing numba takes a second."""
    return importlib.import_module("synfire.ops.lif._numba_kernels")


def forward(
    x: Tensor,
    v: Tensor | None,
    decay: Tensor,
    threshold: Tensor,
    spec: NeuronSpec,
    layout: Layout,
    keep_state: bool,
    keep_checkpoints: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return spikes, the last potential (empty unless kept) and the potentials at every 32nd step (likewise)."""
    shares = _shares(layout.size)
    state = torch.promote_types(x.dtype, torch.float32)
    spikes = empty_like_steps(x, layout.steps)
    last = empty_like_steps(x, dtype=state) if keep_state else x.new_empty(0, dtype=state)
    marks = (layout.steps - 1) // CHECKPOINT_EVERY if keep_checkpoints else 0
    checkpoints = x.new_empty(marks, layout.size, dtype=state)
    if spikes.numel():
        _kernels().forward(
            _words(rows(x)),
            _words(rows(spikes)),
            _step(v, state),
            _step(last, state),
            checkpoints.numpy(),
            CHECKPOINT_EVERY,
            *shares,
            *_options(x, decay, threshold, spec, layout, state),
        )
    return spikes, last, checkpoints


def backward(
    grad_spikes: Tensor,
    grad_last: Tensor | None,
    x: Tensor,
    v: Tensor | None,
    decay: Tensor,
    threshold: Tensor,
    checkpoints: Tensor,
    spec: NeuronSpec,
    layout: Layout,
    needs: tuple[bool, bool, bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, of the first potential, and, per neuron, of the decay and the threshold.

    `needs` tells which of the last three are wanted; the others come back empty.
    """
    shares = _shares(layout.size)
    state = torch.promote_types(x.dtype, torch.float32)
    grad_x = empty_like_steps(x, layout.steps)
    grads = [empty_like_steps(x, dtype=state) if need else x.new_empty(0, dtype=state) for need in needs]
    if grad_x.numel():
        _kernels().backward(
            _words(rows(grad_spikes)),
            grad_spikes.stride(0),
            _words(rows(x)),
            _words(rows(grad_x)),
            _step(v, state),
            _step(grad_last, state),
            checkpoints.numpy(),
            *(_step(grad, state) for grad in grads),
            CHECKPOINT_EVERY,
            *shares,
            *_options(x, decay, threshold, spec, layout, state),
        )
    grad_v, grad_decay, grad_threshold = grads
    return grad_x, grad_v, grad_decay, grad_threshold


def follow_torch_threads() -> int:
    """Use as many threads as PyTorch is set to, so that one setting rules both; return their number."""
    numba = importlib.import_module("numba")
    wanted = torch.get_num_threads()
    threads = min(wanted, numba.config.NUMBA_NUM_THREADS)
    if numba.get_num_threads() != threads:
        numba.set_num_threads(threads)
    if torch.get_num_threads() != wanted:  # Numba's first call sets the threads of an OpenMP that both may share
        torch.set_num_threads(wanted)
    return threads


def _shares(neurons: int) -> tuple[int, int]:
    """Return the neurons of a block and the most parts that the blocks are dealt to."""
    threads = follow_torch_threads()
    even = -(-neurons // (threads * LANES)) * LANES
    return max(LANES, min(_kernels().BLOCK, even)), PARTS_PER_THREAD * threads


def _words(flat: Tensor) -> Any:
    """Flat memory as numpy sees it; halves as raw 16-bit words, since numba has no arithmetic for them."""
    flat = flat.detach()
    return (flat.view(torch.uint16) if flat.element_size() == 2 else flat).numpy()


def _step(values: Tensor | None, state: torch.dtype) -> Any:
    """Flat memory of one dense step; nothing, where there is none."""
    if values is None:
        return np.empty(0, NUMPY[state])
    return values.detach().as_strided((values.numel(),), (1,)).numpy()


def _options(
    x: Tensor, decay: Tensor, threshold: Tensor, spec: NeuronSpec, layout: Layout, state: torch.dtype
) -> tuple[Any, ...]:
    """The arguments that forward and backward share, as plain numbers and arrays."""
    return (
        layout.steps,
        layout.size,
        layout.stride,
        layout.inner,
        decay.detach().to(state).reshape(-1).numpy(),
        threshold.detach().to(state).reshape(-1).numpy(),
        np.array(spec.levels, NUMPY[state]),
        spec.signed,
        RESETS.index(spec.reset),
        spec.detach_reset,
        spec.through_time,
        spec.floor_at_zero,
        spec.initial,
        SURROGATES.index(spec.surrogate.shape),
        spec.surrogate.width,
        {torch.bfloat16: 1, torch.float16: 2}.get(x.dtype, 0),
    )


KERNEL = Kernel("numba", why_not=why_not, forward=forward, backward=backward)
