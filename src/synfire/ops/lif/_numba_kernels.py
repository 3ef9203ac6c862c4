"""The compiled loops behind `numba.py`; importing this module imports numba.

A block of up to BLOCK neurons runs through all steps before the next starts, so its potentials stay in the caches. The
blocks are large, because a view of a part of an array costs as much as some hundred numbers.
Each small function below is one vectorised loop over a block. Options are chosen outside these loops, so that one
compilation per dtype serves the whole family. Nothing here may be reordered or fused by the compiler (no fastmath):
the spikes must be those of the reference, bit for bit.

What a block keeps is one flat array, `s`, of rows of BLOCK numbers, indexed as s[ROW + i]. With constant distances
between the rows the compiler sees that they do not overlap; separate arrays would need more checks at run time than it
is willing to make, and then it does not vectorise.
"""

import math

import numpy as np
from numba import njit, prange
from numba.extending import overload

BLOCK = 2048
DECAY, THRESHOLD, V, Z, HEIGHT, W, G, DV, DTHRESHOLD, DDECAY, SPARE = (BLOCK * row for row in range(11))
ROWS = 11
SUBTRACT, ZERO = 0, 1
ARCTAN, SIGMOID, TRIANGLE, RECTANGLE, FAST_SIGMOID, MULTI_SIGMOID, STRAIGHT_THROUGH = range(7)
BFLOAT16 = 1

_loop = njit(cache=True, nogil=True, error_model="numpy", inline="never")


def read(x, start, count, buffer, half):
    """Return count numbers of x as they are, or widened from 16-bit words into the buffer."""


def place(x, start, count, buffer):
    """Return where to write count numbers for x: x itself, or the buffer for 16-bit words."""


def write(x, start, values, half):
    """Round values to 16-bit words of x, if x has such; plain numbers are in their place already."""


@overload(read, inline="never")
def _read(x, start, count, buffer, half):
    if x.dtype.name != "uint16":
        return lambda x, start, count, buffer, half: x[start : start + count]

    def widen(x, start, count, buffer, half):
        words, out = x[start : start + count], buffer[:count]
        bits = out.view(np.uint32)
        if half == BFLOAT16:
            for i in range(count):
                bits[i] = np.uint32(words[i]) << np.uint32(16)
            return out
        for i in range(count):
            bits[i] = (np.uint32(words[i]) & np.uint32(0x7FFF)) << np.uint32(13)
        for i in range(count):
            out[i] = out[i] * np.float32(2.0**112)  # moves the exponent bias from 15 to 127, subnormals included
        for i in range(count):
            word = np.uint32(words[i])
            special = np.uint32(0x7F800000) if (word & np.uint32(0x7C00)) == np.uint32(0x7C00) else np.uint32(0)
            bits[i] = bits[i] | special | ((word & np.uint32(0x8000)) << np.uint32(16))
        return out

    return widen


@overload(place, inline="never")
def _place(x, start, count, buffer):
    if x.dtype.name != "uint16":
        return lambda x, start, count, buffer: x[start : start + count]
    return lambda x, start, count, buffer: buffer[:count]


@overload(write, inline="never")
def _write(x, start, values, half):
    if x.dtype.name != "uint16":
        return lambda x, start, values, half: None

    def narrow(x, start, values, half):
        words, bits = x[start : start + values.size], values.view(np.uint32)
        if half == BFLOAT16:
            for i in range(values.size):
                word = bits[i]
                rounded = (word + np.uint32(0x7FFF) + ((word >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
                words[i] = np.uint16(0x7FC0) if values[i] != values[i] else np.uint16(rounded)
            return
        for i in range(values.size):
            word = bits[i] & np.uint32(0x7FFFFFFF)
            sign = np.uint16((bits[i] >> np.uint32(16)) & np.uint32(0x8000))
            # Normal halves: move the exponent bias, add half a unit in the last place, drop 13 bits.
            odd = (word >> np.uint32(13)) & np.uint32(1)
            normal = (word - np.uint32(0x38000000) + np.uint32(0xFFF) + odd) >> np.uint32(13)
            # Subnormal halves are whole multiples of 2^-24.
            tiny = word < np.uint32(0x38800000)
            small = np.uint32(np.rint(abs(values[i]) * np.float32(2.0**24))) if tiny else np.uint32(0)
            out = small if tiny else normal
            out = np.uint32(0x7C00) if word >= np.uint32(0x477FF000) else out
            out = np.uint32(0x7E00) if word > np.uint32(0x7F800000) else out
            words[i] = np.uint16(out) | sign

    return narrow


@_loop
def _spread(s, row, values, start, count, inner):
    """Fill a row with the value of each neuron's channel; neuron `start` is the first of the block."""
    if values.size == 1:
        s[row : row + count] = values[0]
        return
    channel = (start // inner) % values.size
    left = inner - start % inner
    i = 0
    while i < count:
        run = min(left, count - i)
        s[row + i : row + i + run] = values[channel]
        i += run
        channel = channel + 1 if channel + 1 < values.size else 0
        left = inner


@_loop
def _begin(s, v0, start, count, initial):
    """Set the potential before the first step."""
    if v0.size:
        s[V : V + count] = v0[start : start + count]
    else:
        share = s.dtype.type(initial)
        for i in range(count):
            s[V + i] = share * s[THRESHOLD + i]


@_loop
def _step_binary(z, u, s, x, reset):
    """Charge, fire and reset neurons of one level."""
    one, none = s.dtype.type(1), s.dtype.type(0)
    subtract, zero = reset == SUBTRACT, reset == ZERO
    for i in range(x.size):
        p = s[DECAY + i] * s[V + i] + x[i]
        threshold = s[THRESHOLD + i]
        hit = p >= threshold
        less = p - threshold
        after = less if subtract else (none if zero else p)
        u[i] = p
        z[i] = one if hit else none
        s[V + i] = after if hit else p


@_loop
def _step_uniform(z, u, s, x, levels, signed, reset):
    """Charge, fire and reset neurons of levels 1..N, by division and a comparison that mends a rounded quotient."""
    top, one, none = s.dtype.type(levels), s.dtype.type(1), s.dtype.type(0)
    subtract, zero = reset == SUBTRACT, reset == ZERO
    for i in range(x.size):
        p = s[DECAY + i] * s[V + i] + x[i]
        threshold = s[THRESHOLD + i]
        w = abs(p) if signed else p
        k = np.floor(w / threshold)
        k = k if k > none else none
        k = k if k < top else top
        up, down = k + one, k - one
        k = up if (k < top) & (w >= up * threshold) else k
        k = down if (k > none) & (w < k * threshold) else k
        k = -k if signed & (p < none) else k
        less = p - k * threshold
        cleared = p if k == none else none
        u[i] = p
        z[i] = k
        s[V + i] = less if subtract else (cleared if zero else p)


@_loop
def _step_listed(z, u, s, x, levels, signed, reset):
    """Charge, fire and reset neurons with any list of levels."""
    none = s.dtype.type(0)
    for i in range(x.size):
        u[i] = s[DECAY + i] * s[V + i] + x[i]
    _fire(s, u, levels, signed)
    for i in range(x.size):
        z[i] = s[Z + i]
        less = u[i] - (s[HEIGHT + i] if reset == SUBTRACT else none)
        s[V + i] = none if (reset == ZERO and s[Z + i] != none) else less


@_loop
def _fire(s, u, levels, signed):
    """Spikes into row Z, the potential that each stands for into row HEIGHT."""
    kind = s.dtype.type
    s[Z : Z + u.size] = 0
    s[HEIGHT : HEIGHT + u.size] = 0
    for k in range(levels.size):
        _fire_level(s, u, levels[k], kind(k + 1), kind(1))
        if signed:
            _fire_level(s, u, levels[k], kind(k + 1), kind(-1))


@_loop
def _fire_level(s, u, level, value, sign):
    """Raise to one level what reaches it; sign -1 mirrors."""
    for i in range(u.size):
        bound = level * s[THRESHOLD + i]
        hit = sign * u[i] >= bound
        s[Z + i] = sign * value if hit else s[Z + i]
        s[HEIGHT + i] = sign * bound if hit else s[HEIGHT + i]


@_loop
def _uniform(levels):
    for k in range(levels.size):
        if levels[k] != k + 1:
            return False
    return True


@_loop
def _step(z, u, s, x, levels, uniform, signed, reset, floor):
    if uniform and levels.size == 1 and not signed:
        _step_binary(z, u, s, x, reset)
    elif uniform:
        _step_uniform(z, u, s, x, levels.size, signed, reset)
    else:
        _step_listed(z, u, s, x, levels, signed, reset)
    if floor:
        none = s.dtype.type(0)
        for i in range(x.size):
            s[V + i] = none if s[V + i] < none else s[V + i]


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def forward(
    x, spikes, v0, last, checkpoints, checkpoint_every, block_size, most_parts,
    steps, size, stride, inner, decays, thresholds, levels, signed, reset, detach, through_time, floor, initial,
    shape, width, half,
):  # fmt: skip
    blocks = (size + block_size - 1) // block_size
    parts = min(blocks, most_parts)
    uniform = _uniform(levels)
    for part in prange(parts):
        s = np.empty(ROWS * BLOCK, levels.dtype)
        u, current, fired = np.empty(BLOCK, levels.dtype), np.empty(BLOCK, levels.dtype), np.empty(BLOCK, levels.dtype)
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start = block * block_size
            count = min(block_size, size - start)
            _spread(s, DECAY, decays, start, count, inner)
            _spread(s, THRESHOLD, thresholds, start, count, inner)
            _begin(s, v0, start, count, initial)
            for t in range(steps):
                if checkpoints.size and t and t % checkpoint_every == 0:
                    checkpoints[t // checkpoint_every - 1, start : start + count] = s[V : V + count]
                z = place(spikes, t * size + start, count, fired)
                _step(z, u, s, read(x, t * stride + start, count, current, half), levels, uniform, signed, reset, floor)
                write(spikes, t * size + start, z, half)
            if last.size:
                last[start : start + count] = s[V : V + count]


@_loop
def _divide(s, u):
    for i in range(u.size):
        s[W + i] = u[i] / s[THRESHOLD + i]


@_loop
def _add_pulse(s, count, shape, width, level, rise, sign):
    """Add the pulse around one level to the slope."""
    kind = s.dtype.type
    one, none, two = kind(1), kind(0), kind(2)
    if shape == ARCTAN:
        scale, peak = kind(math.pi / width), kind(1 / width)
        for i in range(count):
            q = (sign * s[W + i] - level) * scale
            s[G + i] += rise * (peak / (one + q * q))
    elif shape in (SIGMOID, MULTI_SIGMOID):
        scale = kind(4 / width) if shape == SIGMOID else kind(1 / width)
        for i in range(count):
            q = one / (one + np.exp(-(sign * s[W + i] - level) * scale))
            s[G + i] += rise * (scale * q * (one - q))
    elif shape == TRIANGLE:
        broad = kind(width)
        for i in range(count):
            height = one - abs(sign * s[W + i] - level) / broad
            s[G + i] += rise * ((height if height > none else none) / broad)
    elif shape == RECTANGLE:
        reach, peak = kind(width / 2), one / kind(width)
        for i in range(count):
            s[G + i] += rise * peak if abs(sign * s[W + i] - level) < reach else none
    elif shape == FAST_SIGMOID:
        scale, peak = two / kind(width), kind(1 / width)
        for i in range(count):
            q = one + abs(sign * s[W + i] - level) * scale
            s[G + i] += rise * (peak / (q * q))


@_loop
def _slope(s, count, levels, heights, signed, shape, width):
    """Slope of the staircase at row W into row G; `heights` is the staircase's value on each level."""
    kind = s.dtype.type
    one, none = kind(1), kind(0)
    if shape < STRAIGHT_THROUGH:
        s[G : G + count] = 0
        below = none
        for k in range(levels.size):
            _add_pulse(s, count, shape, width, levels[k], heights[k] - below, one)
            if signed:
                _add_pulse(s, count, shape, width, levels[k], heights[k] - below, -one)
            below = heights[k]
    elif shape == STRAIGHT_THROUGH:
        top = levels[levels.size - 1] + kind(width / 2)
        low = -top if signed else none
        for i in range(count):
            s[G + i] = one if (s[W + i] >= low and s[W + i] <= top) else none
    else:
        s[G : G + count] = 1


@_loop
def _reset_slope(s, count, levels, heights, signed, reset, shape, width):
    """Slope of what the reset follows into row G: the height that is subtracted, or whether anything fired."""
    if reset == SUBTRACT:
        _slope(s, count, levels, levels, signed, shape, width)
    elif not signed:
        _slope(s, count, levels[:1], heights[:1], False, shape, width)
    else:
        none = s.dtype.type(0)
        for i in range(count):
            s[SPARE + i] = s[W + i]
            s[W + i] = abs(s[W + i])
        _slope(s, count, levels[:1], heights[:1], False, shape, width)
        for i in range(count):
            s[W + i] = s[SPARE + i]
            s[G + i] = s[G + i] if s[W + i] > none else (-s[G + i] if s[W + i] < none else none)


@_loop
def _pull_through_reset(s, u, reset, detach, floor, needs_threshold):
    """Turn row DV from the gradient after the reset into the one before it; add to the threshold's."""
    none, one = s.dtype.type(0), s.dtype.type(1)
    count = u.size
    if floor:
        for i in range(count):
            v = u[i] - (s[HEIGHT + i] if reset == SUBTRACT else none)
            s[DV + i] = s[DV + i] if v >= none else none
    if reset == SUBTRACT:
        if needs_threshold:
            for i in range(count):
                followed = none if detach else s[G + i] * s[W + i]
                s[DTHRESHOLD + i] += s[DV + i] * (followed - s[HEIGHT + i] / s[THRESHOLD + i])
        if not detach:
            for i in range(count):
                s[DV + i] *= one - s[G + i]
    elif reset == ZERO:
        if needs_threshold and not detach:
            for i in range(count):
                s[DTHRESHOLD + i] += s[DV + i] * s[W + i] * s[W + i] * s[G + i]
        for i in range(count):
            followed = none if detach else s[W + i] * s[G + i]
            s[DV + i] *= (one if s[Z + i] == none else none) - followed


@_loop
def _finish(dx, s, gz):
    """Add what flows back through the spikes; leave in row DV what goes to the step before."""
    for i in range(dx.size):
        du = s[DV + i] + gz[i] * s[G + i] / s[THRESHOLD + i]
        dx[i] = du
        s[DV + i] = du * s[DECAY + i]


@_loop
def _add_threshold(s, gz):
    for i in range(gz.size):
        s[DTHRESHOLD + i] -= gz[i] * s[G + i] / s[THRESHOLD + i] * s[W + i]


@_loop
def _add_decay(s, dx, v):
    for i in range(dx.size):
        s[DDECAY + i] += dx[i] * v[i]


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def backward(
    grad_spikes, grad_stride, x, grad_x, v0, grad_last, checkpoints, grad_v0, grad_decay, grad_threshold,
    checkpoint_every, block_size, most_parts,
    steps, size, stride, inner, decays, thresholds, levels, signed, reset, detach, through_time, floor, initial,
    shape, width, half,
):  # fmt: skip
    blocks = (size + block_size - 1) // block_size
    parts = min(blocks, most_parts)
    uniform = _uniform(levels)
    heights = np.arange(1, levels.size + 1).astype(levels.dtype)
    chunks = (steps + checkpoint_every - 1) // checkpoint_every
    longest = min(steps, checkpoint_every)
    needs_decay, needs_threshold = grad_decay.size > 0, grad_threshold.size > 0
    # What the walk back needs to know of a reset; a first step of rest without a last state has none.
    resets = (steps > 1 and through_time) or grad_last.size > 0
    follow = resets and not detach and reset in (SUBTRACT, ZERO)
    refire = resets and (reset == ZERO or (reset == SUBTRACT and (floor or needs_threshold)))
    for part in prange(parts):
        s = np.empty(ROWS * BLOCK, levels.dtype)
        us = np.empty(longest * BLOCK, levels.dtype)
        vs = np.empty(longest * BLOCK if needs_decay else 0, levels.dtype)
        current, fired = np.empty(BLOCK, levels.dtype), np.empty(BLOCK, levels.dtype)
        incoming, outgoing = np.empty(BLOCK, levels.dtype), np.empty(BLOCK, levels.dtype)
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start = block * block_size
            count = min(block_size, size - start)
            _spread(s, DECAY, decays, start, count, inner)
            _spread(s, THRESHOLD, thresholds, start, count, inner)
            s[DTHRESHOLD : DTHRESHOLD + count] = 0
            s[DDECAY : DDECAY + count] = 0
            s[DV : DV + count] = 0
            if grad_last.size:
                s[DV : DV + count] = grad_last[start : start + count]
            for chunk in range(chunks - 1, -1, -1):
                first = chunk * checkpoint_every
                final = min(steps, first + checkpoint_every)
                if chunk:
                    s[V : V + count] = checkpoints[chunk - 1, start : start + count]
                else:
                    _begin(s, v0, start, count, initial)
                for t in range(first, final):
                    row = (t - first) * BLOCK
                    if needs_decay:
                        vs[row : row + count] = s[V : V + count]
                    xt = read(x, t * stride + start, count, current, half)
                    _step(fired, us[row : row + count], s, xt, levels, uniform, signed, reset, floor)
                for t in range(final - 1, first - 1, -1):
                    row = (t - first) * BLOCK
                    u = us[row : row + count]
                    _divide(s, u)
                    if refire:
                        _fire(s, u, levels, signed)
                    if follow:
                        _reset_slope(s, count, levels, heights, signed, reset, shape, width)
                    if resets:
                        _pull_through_reset(s, u, reset, detach, floor, needs_threshold)
                    _slope(s, count, levels, heights, signed, shape, width)
                    gz = read(grad_spikes, t * grad_stride + start, count, incoming, half)
                    dx = place(grad_x, t * size + start, count, outgoing)
                    _finish(dx, s, gz)
                    if not through_time:
                        s[DV : DV + count] = 0
                    if needs_threshold:
                        _add_threshold(s, gz)
                    if needs_decay:
                        _add_decay(s, dx, vs[row : row + count])
                    write(grad_x, t * size + start, dx, half)
            if grad_v0.size:
                grad_v0[start : start + count] = s[DV : DV + count]
            if needs_threshold:
                grad_threshold[start : start + count] = s[DTHRESHOLD : DTHRESHOLD + count]
            if needs_decay:
                grad_decay[start : start + count] = s[DDECAY : DDECAY + count]
