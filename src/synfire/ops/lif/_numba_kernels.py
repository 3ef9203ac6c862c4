"""The compiled loops behind `numba.py`; importing this module imports numba.

A block of neurons runs through all steps before the next block starts, so its potentials stay in the first-level cache.
Each small function below is one vectorised loop over a block. Options are chosen outside these loops, so that one
compilation per dtype serves the whole family. Nothing here may be reordered or fused by the compiler (no fastmath):
the spikes must be those of the reference, bit for bit.
"""

import math

import numpy as np
from numba import njit, prange
from numba.extending import overload

BLOCK = 512
SUBTRACT, ZERO = 0, 1
ARCTAN, SIGMOID, TRIANGLE, RECTANGLE, FAST_SIGMOID, MULTI_SIGMOID, STRAIGHT_THROUGH = range(7)
BFLOAT16 = 1
# Up to here comparing with each level is faster than dividing by the threshold.
MANY_LEVELS = 8

_loop = njit(cache=True, nogil=True, error_model="numpy", inline="never")


def load(out, x, half):
    """Copy x to out, widening 16-bit words to float32."""


def store(x, values, half):
    """Copy values to x, rounding them to nearest even where x holds 16-bit words."""


@overload(load, inline="never")
def _load(out, x, half):
    if x.dtype.name != "uint16":

        def plain(out, x, half):
            for i in range(x.size):
                out[i] = x[i]

        return plain

    def widen(out, x, half):
        bits = out.view(np.uint32)
        if half == BFLOAT16:
            for i in range(x.size):
                bits[i] = np.uint32(x[i]) << np.uint32(16)
        else:
            for i in range(x.size):
                bits[i] = (np.uint32(x[i]) & np.uint32(0x7FFF)) << np.uint32(13)
            for i in range(x.size):
                out[i] = out[i] * np.float32(2.0**112)  # moves the exponent bias from 15 to 127, subnormals included
            for i in range(x.size):
                word = np.uint32(x[i])
                special = np.uint32(0x7F800000) if (word & np.uint32(0x7C00)) == np.uint32(0x7C00) else np.uint32(0)
                bits[i] = bits[i] | special | ((word & np.uint32(0x8000)) << np.uint32(16))

    return widen


@overload(store, inline="never")
def _store(x, values, half):
    if x.dtype.name != "uint16":

        def plain(x, values, half):
            for i in range(x.size):
                x[i] = values[i]

        return plain

    def narrow(x, values, half):
        bits = values.view(np.uint32)
        if half == BFLOAT16:
            for i in range(x.size):
                word = bits[i]
                rounded = (word + np.uint32(0x7FFF) + ((word >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
                x[i] = np.uint16(0x7FC0) if values[i] != values[i] else np.uint16(rounded)
        else:
            for i in range(x.size):
                word = bits[i] & np.uint32(0x7FFFFFFF)
                sign = np.uint16((bits[i] >> np.uint32(16)) & np.uint32(0x8000))
                # Normal halves: move the exponent bias, add half a unit in the last place, drop 13 bits.
                normal = (word - np.uint32(0x38000000) + np.uint32(0xFFF) + ((word >> np.uint32(13)) & np.uint32(1))) >> (
                    np.uint32(13)
                )
                # Subnormal halves are whole multiples of 2^-24.
                small = np.uint32(np.rint(abs(values[i]) * np.float32(2.0**24))) if word < np.uint32(0x38800000) else 0
                half_word = small if word < np.uint32(0x38800000) else normal
                half_word = np.uint32(0x7C00) if word >= np.uint32(0x477FF000) else half_word
                half_word = np.uint32(0x7E00) if word > np.uint32(0x7F800000) else half_word
                x[i] = np.uint16(half_word) | sign

    return narrow


@_loop
def _spread(out, values, start, count, inner):
    """Fill out with the value of each neuron's channel; neuron start is the first of the block."""
    if values.size == 1:
        out[:count] = values[0]
        return
    channel = (start // inner) % values.size
    left = inner - start % inner
    i = 0
    while i < count:
        run = min(left, count - i)
        out[i : i + run] = values[channel]
        i += run
        channel = channel + 1 if channel + 1 < values.size else 0
        left = inner


@_loop
def _charge(u, v, x, decay):
    for i in range(x.size):
        u[i] = decay[i] * v[i] + x[i]


@_loop
def _fire_binary(z, height, u, threshold):
    one, none = u.dtype.type(1), u.dtype.type(0)
    for i in range(u.size):
        hit = u[i] >= threshold[i]
        z[i] = one if hit else none
        height[i] = threshold[i] if hit else none


@_loop
def _fire_level(z, height, u, threshold, level, value, sign):
    """Raise to one level what reaches it; sign -1 mirrors."""
    for i in range(u.size):
        bound = level * threshold[i]
        hit = sign * u[i] >= bound
        z[i] = sign * value if hit else z[i]
        height[i] = sign * bound if hit else height[i]


@_loop
def _fire_many(z, height, u, threshold, count, signed):
    """Levels 1..count by division, mended by comparison so that a rounded quotient decides nothing."""
    top, one, none = u.dtype.type(count), u.dtype.type(1), u.dtype.type(0)
    for i in range(u.size):
        w = abs(u[i]) if signed else u[i]
        k = np.floor(w / threshold[i])
        k = k if k > none else none
        k = k if k < top else top
        k = k + one if (k < top and w >= (k + one) * threshold[i]) else k
        k = k - one if (k > none and w < k * threshold[i]) else k
        k = -k if (signed and u[i] < none) else k
        z[i] = k
        height[i] = k * threshold[i]


@_loop
def _fire(z, height, u, threshold, levels, signed):
    """Spikes z and the potential that each stands for."""
    kind = u.dtype.type
    if levels.size == 1 and levels[0] == 1 and not signed:
        _fire_binary(z, height, u, threshold)
    elif levels.size > MANY_LEVELS and levels[levels.size - 1] == levels.size and _uniform(levels):
        _fire_many(z, height, u, threshold, levels.size, signed)
    else:
        z[: u.size] = 0
        height[: u.size] = 0
        for k in range(levels.size):
            _fire_level(z, height, u, threshold, levels[k], kind(k + 1), kind(1))
            if signed:
                _fire_level(z, height, u, threshold, levels[k], kind(k + 1), kind(-1))


@_loop
def _uniform(levels):
    for k in range(levels.size):
        if levels[k] != k + 1:
            return False
    return True


@_loop
def _reset(v, u, z, height, reset, floor):
    none = u.dtype.type(0)
    if reset == SUBTRACT:
        for i in range(u.size):
            v[i] = u[i] - height[i]
    elif reset == ZERO:
        for i in range(u.size):
            v[i] = u[i] if z[i] == none else none
    else:
        for i in range(u.size):
            v[i] = u[i]
    if floor:
        for i in range(u.size):
            v[i] = v[i] if v[i] > none else none


@_loop
def _start(v, v0, start, threshold, initial):
    if v0.size:
        for i in range(v.size):
            v[i] = v0[start + i]
    else:
        share = v.dtype.type(initial)
        for i in range(v.size):
            v[i] = share * threshold[i]


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def forward(
    x, spikes, v0, last, checkpoints, checkpoint_every,
    steps, size, stride, inner, decays, thresholds, levels, signed, reset, detach, floor, initial, shape, width, half,
):  # fmt: skip
    blocks = (size + BLOCK - 1) // BLOCK
    for block in prange(blocks):
        start = block * BLOCK
        count = min(BLOCK, size - start)
        scratch = np.empty((7, BLOCK), levels.dtype)
        decay, threshold = scratch[0, :count], scratch[1, :count]
        current, v, u, z, height = scratch[2, :count], scratch[3, :count], scratch[4, :count], scratch[5], scratch[6]
        _spread(decay, decays, start, count, inner)
        _spread(threshold, thresholds, start, count, inner)
        _start(v, v0, start, threshold, initial)
        for t in range(steps):
            if t and t % checkpoint_every == 0 and checkpoints.size:
                checkpoints[t // checkpoint_every - 1, start : start + count] = v
            at = t * stride + start
            load(current, x[at : at + count], half)
            _charge(u, v, current, decay)
            _fire(z, height, u, threshold, levels, signed)
            _reset(v, u, z, height, reset, floor)
            at = t * size + start
            store(spikes[at : at + count], z, half)
        if last.size:
            last[start : start + count] = v


@_loop
def _divide(w, u, threshold):
    for i in range(u.size):
        w[i] = u[i] / threshold[i]


@_loop
def _add_pulse(g, w, shape, width, level, rise, sign):
    """Add the pulse around one level to the slope."""
    kind = w.dtype.type
    one, none, two = kind(1), kind(0), kind(2)
    if shape == ARCTAN:
        scale, peak = kind(math.pi / width), kind(1 / width)
        for i in range(w.size):
            q = (sign * w[i] - level) * scale
            g[i] += rise * (peak / (one + q * q))
    elif shape in (SIGMOID, MULTI_SIGMOID):
        scale = kind(4 / width) if shape == SIGMOID else kind(1 / width)
        for i in range(w.size):
            s = one / (one + np.exp(-(sign * w[i] - level) * scale))
            g[i] += rise * (scale * s * (one - s))
    elif shape == TRIANGLE:
        broad = kind(width)
        for i in range(w.size):
            height = one - abs(sign * w[i] - level) / broad
            g[i] += rise * ((height if height > none else none) / broad)
    elif shape == RECTANGLE:
        reach, peak = kind(width / 2), one / kind(width)
        for i in range(w.size):
            g[i] += rise * peak if abs(sign * w[i] - level) < reach else none
    elif shape == FAST_SIGMOID:
        scale, peak = two / kind(width), kind(1 / width)
        for i in range(w.size):
            q = one + abs(sign * w[i] - level) * scale
            g[i] += rise * (peak / (q * q))


@_loop
def _slope(g, w, levels, heights, signed, shape, width):
    """Slope of the staircase at w: `heights` is its value on each level."""
    kind = w.dtype.type
    one, none = kind(1), kind(0)
    if shape < STRAIGHT_THROUGH:
        g[: w.size] = 0
        below = none
        for k in range(levels.size):
            _add_pulse(g, w, shape, width, levels[k], heights[k] - below, one)
            if signed:
                _add_pulse(g, w, shape, width, levels[k], heights[k] - below, -one)
            below = heights[k]
    elif shape == STRAIGHT_THROUGH:
        top = levels[levels.size - 1] + kind(width / 2)
        low = -top if signed else none
        for i in range(w.size):
            g[i] = one if (w[i] >= low and w[i] <= top) else none
    else:
        g[: w.size] = 1


@_loop
def _mirror_slope(g, w):
    """From the slope at |w| to the slope at w."""
    for i in range(w.size):
        g[i] = g[i] if w[i] > 0 else (-g[i] if w[i] < 0 else w.dtype.type(0))


@_loop
def _pull_through_reset(du, dthreshold, dv, u, w, z, height, g, threshold, reset, detach, floor):
    """Turn the gradient of the potential after the reset into those before it and of the threshold (added)."""
    none, one = u.dtype.type(0), u.dtype.type(1)
    if floor:
        for i in range(u.size):
            dv[i] = dv[i] if u[i] - (height[i] if reset == SUBTRACT else none) >= none else none
    if reset == SUBTRACT:
        if detach:
            for i in range(u.size):
                du[i] += dv[i]
            for i in range(dthreshold.size):
                dthreshold[i] -= dv[i] * (height[i] / threshold[i])
        else:
            for i in range(u.size):
                du[i] += dv[i] * (one - g[i])
            for i in range(dthreshold.size):
                dthreshold[i] += dv[i] * (g[i] * w[i] - height[i] / threshold[i])
    elif reset == ZERO:
        for i in range(u.size):
            du[i] += dv[i] if z[i] == none else none
        if not detach:
            for i in range(u.size):
                du[i] -= dv[i] * w[i] * g[i]
            for i in range(dthreshold.size):
                dthreshold[i] += dv[i] * w[i] * w[i] * g[i]
    else:
        for i in range(u.size):
            du[i] += dv[i]


@_loop
def _fired_slope(g, w, scratch, levels, heights, signed, reset, shape, width):
    """Slope of what the reset follows: the height that is subtracted, or whether anything fired."""
    if reset == SUBTRACT:
        _slope(g, w, levels, levels, signed, shape, width)
    else:
        for i in range(w.size):
            scratch[i] = abs(w[i]) if signed else w[i]
        _slope(g, scratch, levels[:1], heights[:1], False, shape, width)
        if signed:
            _mirror_slope(g, w)


@_loop
def _finish(dx, dv, du, dthreshold, ddecay, gz, g, w, v, threshold, decay):
    """Add what flows back through the spikes; hand the rest to the step before."""
    for i in range(du.size):
        through = gz[i] * g[i] / threshold[i]
        du[i] += through
        dx[i] = du[i]
        dv[i] = du[i] * decay[i]
    for i in range(dthreshold.size):
        dthreshold[i] -= gz[i] * g[i] / threshold[i] * w[i]
    for i in range(ddecay.size):
        ddecay[i] += du[i] * v[i]


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def backward(
    grad_spikes, grad_stride, x, grad_x, v0, grad_last, checkpoints, grad_v0, grad_decay, grad_threshold,
    checkpoint_every,
    steps, size, stride, inner, decays, thresholds, levels, signed, reset, detach, floor, initial, shape, width, half,
):  # fmt: skip
    blocks = (size + BLOCK - 1) // BLOCK
    heights = np.arange(1, levels.size + 1).astype(levels.dtype)
    chunks = (steps + checkpoint_every - 1) // checkpoint_every
    follow = not detach and reset in (SUBTRACT, ZERO)
    for block in prange(blocks):
        start = block * BLOCK
        count = min(BLOCK, size - start)
        scratch = np.zeros((15, BLOCK), levels.dtype)
        decay, threshold = scratch[0, :count], scratch[1, :count]
        current, v, z, height = scratch[2, :count], scratch[3, :count], scratch[4], scratch[5]
        w, g, k, gz = scratch[6, :count], scratch[7, :count], scratch[8, :count], scratch[9, :count]
        du, dv, spare = scratch[10, :count], scratch[11, :count], scratch[12, :count]
        dthreshold = scratch[13, : count if grad_threshold.size else 0]
        ddecay = scratch[14, : count if grad_decay.size else 0]
        us = np.empty((min(steps, checkpoint_every), BLOCK), levels.dtype)
        vs = np.empty((min(steps, checkpoint_every) if grad_decay.size else 1, BLOCK), levels.dtype)
        _spread(decay, decays, start, count, inner)
        _spread(threshold, thresholds, start, count, inner)
        if grad_last.size:
            dv[:] = grad_last[start : start + count]
        refire = steps > 1 or grad_last.size > 0
        for chunk in range(chunks - 1, -1, -1):
            first = chunk * checkpoint_every
            final = min(steps, first + checkpoint_every)
            if chunk:
                v[:] = checkpoints[chunk - 1, start : start + count]
            else:
                _start(v, v0, start, threshold, initial)
            for t in range(first, final):
                u = us[t - first, :count]
                if grad_decay.size:
                    vs[t - first, :count] = v
                at = t * stride + start
                load(current, x[at : at + count], half)
                _charge(u, v, current, decay)
                if t + 1 < final:
                    _fire(z, height, u, threshold, levels, signed)
                    _reset(v, u, z, height, reset, floor)
            for t in range(final - 1, first - 1, -1):
                u = us[t - first, :count]
                _divide(w, u, threshold)
                du[:] = 0
                if refire:
                    if reset != 2 and (reset == ZERO or floor or grad_threshold.size):
                        _fire(z, height, u, threshold, levels, signed)
                    if follow:
                        _fired_slope(k, w, spare, levels, heights, signed, reset, shape, width)
                    _pull_through_reset(du, dthreshold, dv, u, w, z, height, k, threshold, reset, detach, floor)
                _slope(g, w, levels, heights, signed, shape, width)
                at = t * grad_stride + start
                load(gz, grad_spikes[at : at + count], half)
                _finish(current, dv, du, dthreshold, ddecay, gz, g, w, vs[(t - first) % vs.shape[0]], threshold, decay)
                at = t * size + start
                store(grad_x[at : at + count], current, half)
        if grad_v0.size:
            grad_v0[start : start + count] = dv
        if grad_threshold.size:
            grad_threshold[start : start + count] = dthreshold
        if grad_decay.size:
            grad_decay[start : start + count] = ddecay
