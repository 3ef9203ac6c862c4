"""The public function, and the PyTorch operator behind it that calls the fast back ends."""

from typing import Any

import torch
from torch import Tensor

from synfire.base import BackendError, ConfigError, DtypeError, Kernel, ShapeError, check_sequence, choose
from synfire.ops.lif import numba, reference, triton
from synfire.ops.lif.layout import Layout, dense, empty_like_steps, like_steps
from synfire.ops.lif.spec import NeuronSpec, spec_of
from synfire.ops.spike.checks import check_decay, check_threshold, refuse_tangents

KERNELS = (triton.KERNEL, numba.KERNEL, reference.KERNEL)  # best first; the reference refuses nothing


def lif(
    x: Tensor,
    v: Tensor | None = None,
    *,
    decay: float | Tensor = 1.0,
    threshold: float | Tensor = 1.0,
    spec: NeuronSpec = NeuronSpec(),
    channel_axis: int = 2,
    return_state: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Run integrate-and-fire neurons over T steps: u = decay v + x;  s = highest k with u >= level_k threshold;  reset.

    With the reset "subtract" v = u - level_s threshold, with "zero" v = u where s = 0 else 0, with "none" v = u. The
    state is float32 also for 16-bit inputs. The backward pass recomputes potentials from x, from checkpoints 32 steps
    apart. Sources: arXiv:1901.09948 (leak, surrogate), arXiv:2510.24637 (levels).

    Args:
        x: currents, (T, B, *n), float32, float64, bfloat16 or float16, in units of the threshold's unit per step.
        v: potential to start from, shaped like one step; None starts from `spec.initial * threshold`.
        decay: share of the potential that is kept per step, a number, a 0-d tensor or one value per channel.
        threshold: unit of the firing levels, likewise; positive.
        spec: how the neuron fires, resets, starts and passes gradients.
        channel_axis: axis of x that per-channel values run along, counted with the time axis; below zero from the end.
        return_state: whether the last potential is wanted; without it, one step less is written.

    Returns:
        Spikes, shaped like x and in its dtype, whole numbers in -N..N; and the last potential or None.

    Raises:
        ShapeError: x has no time axis, no step, or v or a per-channel value does not fit it.
        DtypeError: x is not floating point, or is too narrow for the number of levels.
        ConfigError: the threshold is not positive, the decay is no finite number (tensors on another device than the
            CPU are not looked at), or values per channel are to run along time.
        BackendError: the back end that was forced cannot take x, or a forward-mode derivative is asked for.
    """
    _check(x, v, decay, threshold, spec)
    channel_axis = channel_axis + x.dim() if channel_axis < 0 else channel_axis
    v = v if v is None else v.to(torch.promote_types(x.dtype, torch.float32))
    decay = _per_channel("decay", decay, x, channel_axis)
    threshold = _per_channel("threshold", threshold, x, channel_axis)
    kernel = choose("lif", KERNELS, x)
    if kernel.backward is None:
        spikes, last = kernel.forward(
            x,
            v,
            _along_channels(decay, x, channel_axis),
            _along_channels(threshold, x, channel_axis),
            spec,
        )
        return spikes, last if return_state else None
    x = dense(x)
    train = torch.is_grad_enabled() and any(p is not None and p.requires_grad for p in (x, v, decay, threshold))
    start = None if v is None else like_steps(v[None], x)[0]
    options = (channel_axis, kernel.name, return_state, train)
    if train:
        # The spec goes in as plain values: Dynamo cannot trace an object here.
        spikes, last, _ = _Lif.apply(x, start, decay, threshold, spec.key, spec.initial, *options)
    else:
        spikes, last, _ = _lif(x, start, decay, threshold, spec.key, *options)
    return spikes, last if return_state else None


def _check(x: Tensor, v: Tensor | None, decay: float | Tensor, threshold: float | Tensor, spec: NeuronSpec) -> None:
    check_sequence(x, "lif")
    widest = {torch.bfloat16: 256, torch.float16: 2048}.get(x.dtype)
    if widest is not None and len(spec.levels) > widest:
        raise DtypeError(
            f"lif: {x.dtype} holds whole numbers up to {widest}, but the neuron has {len(spec.levels)} levels; "
            "use float32 or fewer levels."
        )
    if v is not None and v.shape != x.shape[1:]:
        raise ShapeError(
            f"lif: v has shape {tuple(v.shape)}, but one step of x has {tuple(x.shape[1:])}. "
            "Pass v=None to start from rest, or the v that the last call returned."
        )
    check_decay(decay, "lif")
    check_threshold(threshold, "lif")
    refuse_tangents("lif", x, v, decay, threshold)


def _per_channel(name: str, value: float | Tensor, x: Tensor, axis: int) -> Tensor:
    state = torch.promote_types(x.dtype, torch.float32)
    value = torch.as_tensor(value, dtype=state, device=x.device)
    if value.dim() == 1 and value.numel() == 1:
        value = value[0]
    if value.dim() == 1 and axis == 0:
        raise ConfigError(
            f"lif: channel_axis is 0, the axis of time in x of shape {tuple(x.shape)}, but {name} has one value per "
            "channel; give an axis behind it, such as 2."
        )
    if value.dim() and (value.dim() > 1 or not 0 < axis < x.dim() or value.numel() != x.shape[axis]):
        channels = x.shape[axis] if 0 < axis < x.dim() else "no"
        raise ShapeError(
            f"lif: {name} has shape {tuple(value.shape)}, but x of shape {tuple(x.shape)} has {channels} channels on "
            f"axis {axis}. Give one number, or one value per channel."
        )
    return value


def _along_channels(value: Tensor, x: Tensor, axis: int) -> Tensor:
    """Give a per-channel value the axes of one step, so that it broadcasts."""
    return value.view(-1, *[1] * (x.dim() - 1 - axis)) if value.dim() else value


def _named(backend: str) -> Kernel:
    return next(k for k in KERNELS if k.name == backend)


# Operators of their own, so that torch.compile, autograd and vmap see one node with known shapes and strides. They are
# defined by hand, because a call through torch.library.custom_op takes a third of a millisecond longer.
_library = torch.library.Library("synfire", "DEF")
_library.define(
    "lif(Tensor x, Tensor? v, Tensor decay, Tensor threshold, str spec, int channel_axis, str backend, "
    "bool keep_state, bool keep_checkpoints) -> (Tensor, Tensor, Tensor)"
)
_library.define(
    "lif_backward(Tensor grad_spikes, Tensor? grad_last, Tensor x, Tensor? v, Tensor decay, Tensor threshold, "
    "Tensor checkpoints, str spec, int channel_axis, str backend, bool[] needs) -> (Tensor, Tensor, Tensor, Tensor)"
)


@torch.library.impl(_library, "lif", "CompositeExplicitAutograd")
def _run_lif(
    x: Tensor,
    v: Tensor | None,
    decay: Tensor,
    threshold: Tensor,
    spec: str,
    channel_axis: int,
    backend: str,
    keep_state: bool,
    keep_checkpoints: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    layout = Layout.of(x, _axis(decay, threshold, channel_axis))
    forward = _named(backend).forward
    return forward(x, v, decay, threshold, spec_of(spec), layout, keep_state, keep_checkpoints)


@torch.library.impl(_library, "lif_backward", "CompositeExplicitAutograd")
def _run_lif_backward(
    grad_spikes: Tensor,
    grad_last: Tensor | None,
    x: Tensor,
    v: Tensor | None,
    decay: Tensor,
    threshold: Tensor,
    checkpoints: Tensor,
    spec: str,
    channel_axis: int,
    backend: str,
    needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    layout = Layout.of(x, _axis(decay, threshold, channel_axis))
    grad_spikes = like_steps(grad_spikes, x)
    if grad_last is not None:
        grad_last = like_steps(grad_last[None], x)[0]
    backward = _named(backend).backward
    assert backward is not None
    return backward(grad_spikes, grad_last, x, v, decay, threshold, checkpoints, spec_of(spec), layout, needs)


def _axis(decay: Tensor, threshold: Tensor, channel_axis: int) -> int:
    """Axis of the channels; any axis serves where no value is per channel."""
    return channel_axis if decay.dim() or threshold.dim() else 1


_lif, _lif_backward = torch.ops.synfire.lif.default, torch.ops.synfire.lif_backward.default


@torch.library.register_fake("synfire::lif")
def _(x, v, decay, threshold, *options):  # type: ignore[no-untyped-def]
    keep_state, keep_checkpoints = options[-2:]
    state = torch.promote_types(x.dtype, torch.float32)
    marks = (x.shape[0] - 1) // numba.CHECKPOINT_EVERY if keep_checkpoints else 0
    return (
        empty_like_steps(x, x.shape[0]),
        empty_like_steps(x, dtype=state) if keep_state else x.new_empty(0, dtype=state),
        x.new_empty(marks, x[0].numel(), dtype=state),
    )


@torch.library.register_fake("synfire::lif_backward")
def _(grad_spikes, grad_last, x, *rest):  # type: ignore[no-untyped-def]
    state = torch.promote_types(x.dtype, torch.float32)
    step = [empty_like_steps(x, dtype=state) if need else x.new_empty(0, dtype=state) for need in rest[-1]]
    return (empty_like_steps(x, x.shape[0]), *step)


class _Lif(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, v: Tensor | None, decay: Tensor, threshold: Tensor, spec: str, initial: float, *options: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _lif(x, v, decay, threshold, spec, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        x, v, decay, threshold, ctx.spec, ctx.initial, ctx.channel_axis, ctx.backend, ctx.keep_state, _ = inputs
        ctx.save_for_backward(x, v, decay, threshold, output[2])
        ctx.mark_non_differentiable(output[2])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_spikes, grad_last, _ = grads
        refuse_tangents("lif", grad_spikes, grad_last)
        x, v, decay, threshold, checkpoints = ctx.saved_tensors
        needs_v, needs_decay, needs_threshold = ctx.needs_input_grad[1:4]
        rest_from_threshold = v is None and needs_threshold and ctx.initial != 0
        # functorch and second derivatives run this with gradients on; Dynamo cannot trace a function inside another's
        # backward.
        again = torch.is_grad_enabled() and not torch.compiler.is_compiling()
        run = _LifBackward.apply if again else _lif_backward
        grad_x, grad_v, grad_decay, grad_threshold = run(
            torch.zeros_like(x) if grad_spikes is None else grad_spikes,
            grad_last if ctx.keep_state else None,
            x,
            v,
            decay,
            threshold,
            checkpoints,
            ctx.spec,
            ctx.channel_axis,
            ctx.backend,
            [needs_v or rest_from_threshold, needs_decay, needs_threshold],
        )
        if rest_from_threshold:
            grad_threshold = grad_threshold + ctx.initial * grad_v
        return (
            grad_x,
            grad_v if needs_v else None,
            _sum_to_channels(grad_decay, decay, ctx.channel_axis) if needs_decay else None,
            _sum_to_channels(grad_threshold, threshold, ctx.channel_axis) if needs_threshold else None,
            *(None,) * 6,
        )


class _LifBackward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return _lif_backward(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        raise BackendError(
            "lif: the fast back ends have no second derivative; run inside synfire.backend('reference')."
        )


def _sum_to_channels(grad: Tensor, value: Tensor, channel_axis: int) -> Tensor:
    if not value.dim():
        return grad.sum()
    others = [axis for axis in range(grad.dim()) if axis != channel_axis - 1]
    return grad.sum(others) if others else grad  # an empty list would mean all axes


def _mapped(x: Any, dim: int | None, to: int, size: int) -> Any:
    """Bring a mapped axis to a place among the batch axes, where it is one more axis of independent neurons."""
    if x is None:
        return None
    if dim is None:
        x = x.unsqueeze(to)
        return x.expand(*x.shape[:to], size, *x.shape[to + 1 :]).contiguous()
    return x.movedim(dim, to).contiguous()


def _refuse_mapped_numbers(dims: tuple[int | None, ...]) -> None:
    if any(dim is not None for dim in dims):
        raise ConfigError(
            "lif: vmap over decay or threshold needs the reference back end; "
            "call the mapped function inside synfire.backend('reference')."
        )


def _lif_vmap(info, in_dims, x, v, decay, threshold, spec, channel_axis, *options):  # type: ignore[no-untyped-def]
    _refuse_mapped_numbers(in_dims[2:4])
    size = info.batch_size
    x, v = _mapped(x, in_dims[0], 1, size), _mapped(v, in_dims[1], 0, size)
    spikes, last, marks = _lif(x, v, decay, threshold, spec, channel_axis + 1, *options)
    marks = marks.view(marks.shape[0], size, x[0].numel() // size)
    return (spikes, last, marks), (1, 0 if last.numel() else None, 1)


def _lif_backward_vmap(
    info, in_dims, grad_spikes, grad_last, x, v, decay, threshold, marks, spec, channel_axis, *options
):  # type: ignore[no-untyped-def]
    _refuse_mapped_numbers(in_dims[4:6])
    size = info.batch_size
    sequences = [_mapped(grad_spikes, in_dims[0], 1, size), _mapped(grad_last, in_dims[1], 0, size)]
    sequences += [_mapped(x, in_dims[2], 1, size), _mapped(v, in_dims[3], 0, size)]
    marks = marks if in_dims[6] is None else marks.movedim(in_dims[6], 1).flatten(1).contiguous()
    grads = _lif_backward(*sequences, decay, threshold, marks, spec, channel_axis + 1, *options)
    return grads, (1, *(0 if need else None for need in options[-1]))


torch.library.register_vmap("synfire::lif", _lif_vmap)
torch.library.register_vmap("synfire::lif_backward", _lif_backward_vmap)
