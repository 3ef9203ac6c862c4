"""The family on a GPU: one launch per sequence, potentials in registers, backward by recomputing from checkpoints."""

import contextlib
import functools
import importlib.util
import os
from typing import Any

import torch
from torch import Tensor

from synfire.base import Kernel, forced
from synfire.ops.lif.layout import CHECKPOINT_EVERY, Layout, empty_like_steps
from synfire.ops.lif.spec import NeuronSpec

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
# Up to here the levels are constants of the compiled kernel, compared one by one without a loop.
FEW_LEVELS = 8


def why_not(x: Tensor) -> str | None:
    """Return why this back end cannot take the input, or None."""
    if x.device.type == "cpu":
        # Interpreted kernels are for tests: never the best choice, so they must be asked for.
        if forced() != "triton" or os.environ.get("TRITON_INTERPRET") != "1":
            return "it runs on a GPU; on a CPU only if forced, with TRITON_INTERPRET=1 set before the start of Python"
    elif x.device.type != "cuda":
        return f"it runs on CUDA and the input is on {x.device}"
    if x.dtype not in DTYPES:
        return f"it has no kernel for {x.dtype}"
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed (pip install 'synfire[triton]')"
    return None


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
    state = torch.promote_types(x.dtype, torch.float32)
    spikes = empty_like_steps(x, layout.steps)
    last = empty_like_steps(x, dtype=state) if keep_state else x.new_empty(0, dtype=state)
    marks = (layout.steps - 1) // CHECKPOINT_EVERY if keep_checkpoints else 0
    checkpoints = x.new_empty(marks, layout.size, dtype=state)
    if spikes.numel():
        grid, block = _blocks(layout.size, 16 // x.element_size())
        with _on(x):
            _kernels().forward[grid](
                x, spikes, v, _present(last), _present(checkpoints), *_numbers(decay, threshold, spec, layout, state),
                GROUP=_group(layout.steps, spec, 16), **block,
                **_options(decay, threshold, spec),
            )  # fmt: skip
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
    state = torch.promote_types(x.dtype, torch.float32)
    grad_x = empty_like_steps(x, layout.steps)
    grad_v, grad_decay, grad_threshold = (
        empty_like_steps(x, dtype=state) if need else x.new_empty(0, dtype=state) for need in needs
    )
    if grad_x.numel():
        # Half as much per thread and per group as in forward: a group's potentials all live in registers.
        grid, block = _blocks(layout.size, max(1, 8 // x.element_size()))
        group = _group(layout.steps, spec, 8)
        groups = -(-min(layout.steps, CHECKPOINT_EVERY) // group)
        marks = x.new_empty(groups, layout.size, dtype=state) if groups > 1 else None
        rises = tuple(b - a for a, b in zip((0.0, *spec.levels[:-1]), spec.levels, strict=True))
        few = len(rises) <= FEW_LEVELS
        with _on(x):
            _kernels().backward[grid](
                grad_spikes, x, grad_x, v, grad_last, _present(checkpoints), marks,
                _present(grad_v), _present(grad_decay), _present(grad_threshold), grad_spikes.stride(0),
                *_numbers(decay, threshold, spec, layout, state),
                GROUP=group, **block, **_options(decay, threshold, spec),
                ONES=(1.0,) * len(rises) if few else None, RISES=rises if few else None,
                FIRST=spec.levels[0], TOP=spec.levels[-1], DETACH=spec.detach_reset, THROUGH_TIME=spec.through_time,
                SHAPE=spec.surrogate.shape, WIDTH=spec.surrogate.width,
                PULL=(layout.steps > 1 and spec.through_time) or grad_last is not None,
            )  # fmt: skip
    return grad_x, grad_v, grad_decay, grad_threshold


def _kernels() -> Any:
    """Import the kernels, which imports triton."""
    from synfire.ops.lif import _triton_kernels

    return _triton_kernels


def _on(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Make the device of x the current one, which is where Triton launches."""
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()


def _present(values: Tensor) -> Tensor | None:
    return values if values.numel() else None


def _group(steps: int, spec: NeuronSpec, most: int) -> int:
    """Steps that are loaded together: a power of two, and so a divisor of the distance between checkpoints."""
    if len(spec.levels) > 2:  # their comparisons take registers, and time to compile
        most //= 2
    return min(most, 1 << (steps - 1).bit_length())


def _blocks(size: int, per_thread: int) -> tuple[tuple[int], dict[str, Any]]:
    """Grid, and the options of the launch: first a thousand programs, then more neurons per thread, then more warps."""
    block = min(max(32, 1 << max(0, size // 1024 - 1).bit_length()), 4 * 32 * per_thread)
    return (-(-size // block),), {
        "BLOCK": block,
        "WIDE": size + block > 2**31,
        "num_warps": max(1, block // (32 * per_thread)),
        "num_stages": 1,
        "enable_fp_fusion": False,
    }


def _numbers(
    decay: Tensor, threshold: Tensor, spec: NeuronSpec, layout: Layout, state: torch.dtype
) -> tuple[Tensor | int | None, ...]:
    """The run-time arguments that forward and backward share."""
    many = len(spec.levels) > FEW_LEVELS and not spec.uniform
    return (
        decay.to(state).contiguous(),
        threshold.to(state).contiguous(),
        _table(spec.levels, state, decay.device) if many else None,
        layout.steps,
        layout.size,
        layout.stride,
        layout.inner,
        layout.channels,
    )


def _options(decay: Tensor, threshold: Tensor, spec: NeuronSpec) -> dict[str, Any]:
    """The compile-time arguments that forward and backward share."""
    return {
        "DECAY_PER_CHANNEL": decay.dim() > 0,
        "THRESHOLD_PER_CHANNEL": threshold.dim() > 0,
        "LEVELS": spec.levels if len(spec.levels) <= FEW_LEVELS else None,
        "COUNT": len(spec.levels),
        "SIGNED": spec.signed,
        "RESET": spec.reset,
        "FLOOR": spec.floor_at_zero,
        "INITIAL": spec.initial,
        "EVERY": CHECKPOINT_EVERY,
    }


@functools.lru_cache(maxsize=64)
def _table(levels: tuple[float, ...], state: torch.dtype, device: torch.device) -> Tensor:
    """Zero and the levels in the device's memory, kept there because copying them would wait for the device."""
    return torch.tensor((0.0, *levels), dtype=state, device=device)


KERNEL = Kernel("triton", why_not=why_not, forward=forward, backward=backward)
