# type: ignore (Triton's language looks like Python, but has types of its own)
"""The kernels behind `triton.py`; importing this module imports triton.

A program owns a block of neurons and takes them through all steps with their potentials in registers. Steps go in
groups: the loads of a group are under way together, so that a step does not wait for memory alone. Every option is a
constexpr and every absent tensor None, so that a compiled kernel holds no dead branch; sums that nobody wants are
removed by the compiler. Launch with `enable_fp_fusion=False`: a fused `decay * v + x` rounds once and would move
spikes. Masks that hold for all neurons or none are applied by `tl.where`, because Triton's interpreter mistypes
`inside & condition`.
"""

import triton
import triton.language as tl


@triton.jit
def _divide(a, b):
    """Quotient as IEEE 754 rounds it; Triton's `/` is looser for float32."""
    if a.dtype == tl.float64:
        return a / b
    else:
        return tl.div_rn(a, b)


@triton.jit
def _lanes(size, BLOCK: tl.constexpr, WIDE: tl.constexpr):
    """Numbers of the neurons of this program, and which of them exist."""
    program = tl.program_id(0)
    if WIDE:
        program = program.to(tl.int64)
    lane = program * BLOCK + tl.arange(0, BLOCK)
    return lane, lane < size


@triton.jit
def _spread(values, lane, inside, inner, channels, PER_CHANNEL: tl.constexpr):
    """Value of each neuron: its channel's, or the one for all."""
    if PER_CHANNEL:
        return tl.load(values + (lane // inner) % channels, mask=inside, other=1.0)
    else:
        return tl.broadcast_to(tl.load(values), lane.shape)


@triton.jit
def _one(values, lane, inside, fallback):
    """Read one number per neuron; the fallback where there is no tensor."""
    if values is not None:
        return tl.load(values + lane, mask=inside, other=0.0).to(fallback.dtype)
    else:
        return fallback


@triton.jit
def _keep(values, kept, lane, inside):
    """Write one number per neuron, if a tensor is there for it."""
    if kept is not None:
        tl.store(kept + lane, values, mask=inside)


@triton.jit
def _several(x, t, end, stride, lane, inside, GROUP: tl.constexpr):
    """Read steps t, t + 1, ... before the end; zeros after it."""
    currents = ()
    for j in tl.static_range(GROUP):
        here = tl.where(t + j < end, inside, False)
        currents = currents + (tl.load(x + (t + j) * stride + lane, mask=here, other=0.0),)  # noqa: RUF005
    return currents


@triton.jit
def _fire(u, threshold, table, LEVELS: tl.constexpr, COUNT: tl.constexpr, SIGNED: tl.constexpr):
    """Return the spikes, and the positions of the levels that they stand for."""
    if LEVELS is not None:
        z = tl.full(u.shape, 0, u.dtype)
        level = z
        for k in tl.static_range(COUNT):
            bound = LEVELS[k] * threshold
            z = tl.where(u >= bound, k + 1.0, z)
            level = tl.where(u >= bound, LEVELS[k], level)
            if SIGNED:
                z = tl.where(-u >= bound, -(k + 1.0), z)
                level = tl.where(-u >= bound, -LEVELS[k], level)
        return z, level
    elif table is not None:
        z = tl.full(u.shape, 0, u.dtype)
        level = z
        for k in range(COUNT):
            position = tl.load(table + k + 1)
            bound = position * threshold
            z = tl.where(u >= bound, k + 1.0, z)
            level = tl.where(u >= bound, position, level)
            if SIGNED:
                z = tl.where(-u >= bound, -(k + 1.0), z)
                level = tl.where(-u >= bound, -position, level)
        return z, level
    else:
        # Levels 1..COUNT by division, mended by comparison so that a rounded quotient decides nothing.
        w = tl.abs(u) if SIGNED else u
        z = tl.floor(_divide(w, threshold))
        z = tl.where(z > 0.0, z, 0.0)
        z = tl.where(z < COUNT * 1.0, z, COUNT * 1.0)
        z = tl.where((z < COUNT * 1.0) & (w >= (z + 1.0) * threshold), z + 1.0, z)
        z = tl.where((z > 0.0) & (w < z * threshold), z - 1.0, z)
        if SIGNED:
            z = tl.where(u < 0.0, -z, z)
        return z, z


@triton.jit
def _reset(u, z, level, threshold, RESET: tl.constexpr, FLOOR: tl.constexpr):
    v = u
    if RESET == "subtract":
        v = u - level * threshold
    elif RESET == "zero":
        v = tl.where(z == 0.0, u, 0.0)
    if FLOOR:
        v = tl.where(v < 0.0, 0.0, v)
    return v


@triton.jit
def _step(
    v, x, decay, threshold, table, LEVELS: tl.constexpr, COUNT: tl.constexpr, SIGNED: tl.constexpr, RESET: tl.constexpr,
    FLOOR: tl.constexpr,
):  # fmt: skip
    """Return the spikes and the potential after the reset."""
    u = decay * v + x.to(v.dtype)
    z, level = _fire(u, threshold, table, LEVELS, COUNT, SIGNED)
    return z, _reset(u, z, level, threshold, RESET, FLOOR)


@triton.jit
def forward(
    x, spikes, first, last, checkpoints, decays, thresholds, table,
    steps, size, stride, inner, channels,
    DECAY_PER_CHANNEL: tl.constexpr, THRESHOLD_PER_CHANNEL: tl.constexpr,
    LEVELS: tl.constexpr, COUNT: tl.constexpr, SIGNED: tl.constexpr,
    RESET: tl.constexpr, FLOOR: tl.constexpr, INITIAL: tl.constexpr,
    EVERY: tl.constexpr, GROUP: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    lane, inside = _lanes(size, BLOCK, WIDE)
    decay = _spread(decays, lane, inside, inner, channels, DECAY_PER_CHANNEL)
    threshold = _spread(thresholds, lane, inside, inner, channels, THRESHOLD_PER_CHANNEL)
    v = _one(first, lane, inside, INITIAL * threshold)
    size, stride = tl.cast(size, tl.int64), tl.cast(stride, tl.int64)  # steps times neurons may pass 2^31
    for base in range(0, steps, GROUP):
        if checkpoints is not None:
            mark = tl.where((base % EVERY == 0) & (base > 0), inside, False)
            tl.store(checkpoints + (base // EVERY - 1) * size + lane, v, mask=mark)
        currents = _several(x, base, steps, stride, lane, inside, GROUP)
        for j in tl.static_range(GROUP):
            here = tl.where(base + j < steps, inside, False)
            z, after = _step(v, currents[j], decay, threshold, table, LEVELS, COUNT, SIGNED, RESET, FLOOR)
            tl.store(spikes + (base + j) * size + lane, z.to(spikes.dtype.element_ty), mask=here)
            v = tl.where(here, after, v)
    _keep(v, last, lane, inside)


@triton.jit
def _pulse(d, SHAPE: tl.constexpr, WIDTH: tl.constexpr):
    """Pulse around a level at distance d, in units of the threshold."""
    if SHAPE == "arctan":
        q = d * (3.141592653589793 / WIDTH)
        return (1 / WIDTH) / (1.0 + q * q)
    elif SHAPE == "sigmoid":
        return _bell(d, 4 / WIDTH)
    elif SHAPE == "multi_sigmoid":
        return _bell(d, 1 / WIDTH)
    elif SHAPE == "triangle":
        height = 1.0 - tl.abs(d) * (1 / WIDTH)
        return tl.where(height > 0.0, height, 0.0) * (1 / WIDTH)
    elif SHAPE == "rectangle":
        return (tl.abs(d) < WIDTH / 2).to(d.dtype) * (1 / WIDTH)
    else:
        tl.static_assert(SHAPE == "fast_sigmoid")
        q = 1.0 + tl.abs(d) * (2 / WIDTH)
        return (1 / WIDTH) / (q * q)


@triton.jit
def _bell(d, SCALE: tl.constexpr):
    """Derivative of sigmoid(SCALE d), from the side on which the exponential cannot overflow."""
    e = tl.exp(-tl.abs(d * SCALE))
    return SCALE * e / ((1.0 + e) * (1.0 + e))


@triton.jit
def _slope(
    w, table, LEVELS: tl.constexpr, RISES: tl.constexpr, COUNT: tl.constexpr, TOP: tl.constexpr, SIGNED: tl.constexpr,
    SHAPE: tl.constexpr, WIDTH: tl.constexpr, TABLE_RISES: tl.constexpr,
):  # fmt: skip
    """Slope of the staircase at w; its steps rise by RISES, without them by one or as the levels of the table do."""
    if SHAPE == "identity":
        return tl.full(w.shape, 1, w.dtype)
    elif SHAPE == "straight_through":
        low: tl.constexpr = -(TOP + WIDTH / 2) if SIGNED else 0.0
        return ((w >= low) & (w <= TOP + WIDTH / 2)).to(w.dtype)
    elif LEVELS is not None:
        g = tl.full(w.shape, 0, w.dtype)
        for k in tl.static_range(COUNT):
            g += RISES[k] * _pulse(w - LEVELS[k], SHAPE, WIDTH)
            if SIGNED:
                g += RISES[k] * _pulse(-w - LEVELS[k], SHAPE, WIDTH)
        return g
    else:
        g = tl.full(w.shape, 0, w.dtype)
        for k in range(COUNT):
            level = k + 1.0
            if table is not None:
                level = tl.load(table + k + 1)
            pulse = _pulse(w - level, SHAPE, WIDTH)
            if SIGNED:
                pulse += _pulse(-w - level, SHAPE, WIDTH)
            if TABLE_RISES:
                pulse *= level - tl.load(table + k)
            g += pulse
        return g


@triton.jit
def _fired_slope(w, FIRST: tl.constexpr, SIGNED: tl.constexpr, SHAPE: tl.constexpr, WIDTH: tl.constexpr):
    """Slope of whether anything fired: one step at the first level, mirrored if signed."""
    a = tl.abs(w) if SIGNED else w
    if SHAPE == "identity":
        g = tl.full(w.shape, 1, w.dtype)
    elif SHAPE == "straight_through":
        g = ((a >= 0.0) & (a <= FIRST + WIDTH / 2)).to(w.dtype)
    else:
        g = _pulse(a - FIRST, SHAPE, WIDTH)
    if SIGNED:
        g = tl.where(w > 0.0, g, tl.where(w < 0.0, -g, 0.0))
    return g


@triton.jit
def _pull_through_reset(
    dv, u, w, threshold, table, LEVELS: tl.constexpr, RISES: tl.constexpr, COUNT: tl.constexpr, FIRST: tl.constexpr,
    TOP: tl.constexpr, SIGNED: tl.constexpr, RESET: tl.constexpr, DETACH: tl.constexpr, FLOOR: tl.constexpr,
    SHAPE: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """From the gradient of the potential after the reset, return that of the potential before and of the threshold."""
    z, level = _fire(u, threshold, table, LEVELS, COUNT, SIGNED)
    if FLOOR:
        dv = tl.where(_reset(u, z, level, threshold, RESET, False) >= 0.0, dv, 0.0)
    du = dv
    dthreshold = tl.full(u.shape, 0, u.dtype)
    if RESET == "subtract":
        if DETACH:
            dthreshold = -dv * level
        else:
            g = _slope(w, table, LEVELS, RISES, COUNT, TOP, SIGNED, SHAPE, WIDTH, table is not None)
            du = dv * (1.0 - g)
            dthreshold = dv * (g * w - level)
    elif RESET == "zero":
        du = tl.where(z == 0.0, dv, 0.0)
        if not DETACH:
            g = _fired_slope(w, FIRST, SIGNED, SHAPE, WIDTH)
            du -= dv * w * g
            dthreshold = dv * w * w * g
    return du, dthreshold


@triton.jit
def _mark_groups(
    marks, x, v, begin, groups, size, stride, lane, inside, decay, threshold, table,
    LEVELS: tl.constexpr, COUNT: tl.constexpr, SIGNED: tl.constexpr, RESET: tl.constexpr, FLOOR: tl.constexpr,
    GROUP: tl.constexpr,
):  # fmt: skip
    """Run through a chunk and keep the potential before each of its groups."""
    tl.debug_barrier()  # a thread may write here what another has yet to read from the chunk before
    for group in range(groups - 1):
        tl.store(marks + group * size + lane, v, mask=inside)
        base = begin + group * GROUP
        currents = _several(x, base, base + GROUP, stride, lane, inside, GROUP)
        for j in tl.static_range(GROUP):
            _, v = _step(v, currents[j], decay, threshold, table, LEVELS, COUNT, SIGNED, RESET, FLOOR)
    tl.store(marks + (groups - 1) * size + lane, v, mask=inside)
    tl.debug_barrier()  # a thread may read what another has written


@triton.jit
def backward(
    grad_spikes, x, grad_x, first, grad_last, checkpoints, marks, grad_first, grad_decay, grad_threshold,
    grad_stride, decays, thresholds, table,
    steps, size, stride, inner, channels,
    DECAY_PER_CHANNEL: tl.constexpr, THRESHOLD_PER_CHANNEL: tl.constexpr,
    LEVELS: tl.constexpr, COUNT: tl.constexpr, SIGNED: tl.constexpr,
    RESET: tl.constexpr, FLOOR: tl.constexpr, INITIAL: tl.constexpr,
    EVERY: tl.constexpr, GROUP: tl.constexpr, BLOCK: tl.constexpr, WIDE: tl.constexpr,
    ONES: tl.constexpr, RISES: tl.constexpr, FIRST: tl.constexpr, TOP: tl.constexpr,
    DETACH: tl.constexpr, THROUGH_TIME: tl.constexpr, SHAPE: tl.constexpr, WIDTH: tl.constexpr, PULL: tl.constexpr,
):  # fmt: skip
    lane, inside = _lanes(size, BLOCK, WIDE)
    decay = _spread(decays, lane, inside, inner, channels, DECAY_PER_CHANNEL)
    threshold = _spread(thresholds, lane, inside, inner, channels, THRESHOLD_PER_CHANNEL)
    rest = _one(first, lane, inside, INITIAL * threshold)
    nothing = tl.full(rest.shape, 0, rest.dtype)
    dv = _one(grad_last, lane, inside, nothing)
    ddecay, dthreshold = nothing, nothing
    size, stride = tl.cast(size, tl.int64), tl.cast(stride, tl.int64)  # steps times neurons may pass 2^31
    grad_stride = tl.cast(grad_stride, tl.int64)
    chunks = (steps + EVERY - 1) // EVERY
    for done in range(chunks):
        chunk = chunks - 1 - done
        begin = chunk * EVERY
        end = tl.minimum(begin + EVERY, steps)
        groups = (end - begin + GROUP - 1) // GROUP
        v = rest
        if checkpoints is not None:
            mark = tl.where(chunk > 0, inside, False)
            v = tl.load(checkpoints + (chunk - 1) * size + lane, mask=mark, other=rest)
        if marks is not None:
            _mark_groups(
                marks, x, v, begin, groups, size, stride, lane, inside, decay, threshold, table, LEVELS, COUNT, SIGNED,
                RESET, FLOOR, GROUP,
            )  # fmt: skip
        for left in range(groups):
            group = groups - 1 - left
            base = begin + group * GROUP
            if marks is not None:
                v = tl.load(marks + group * size + lane, mask=inside, other=0.0)
            currents = _several(x, base, end, stride, lane, inside, GROUP)
            dzs = _several(grad_spikes, base, end, grad_stride, lane, inside, GROUP)
            vs = ()
            for j in tl.static_range(GROUP):
                vs = vs + (v,)  # noqa: RUF005
                _, v = _step(v, currents[j], decay, threshold, table, LEVELS, COUNT, SIGNED, RESET, FLOOR)
            for j in tl.static_range(GROUP - 1, -1, -1):
                u = decay * vs[j] + currents[j].to(v.dtype)
                w = _divide(u, threshold)
                g = _slope(w, table, LEVELS, ONES, COUNT, TOP, SIGNED, SHAPE, WIDTH, False)
                du = _divide(dzs[j].to(v.dtype) * g, threshold)
                dlevel = -du * w
                if PULL:
                    pulled, moved = _pull_through_reset(
                        dv, u, w, threshold, table, LEVELS, RISES, COUNT, FIRST, TOP, SIGNED, RESET, DETACH, FLOOR,
                        SHAPE, WIDTH,
                    )  # fmt: skip
                    du += pulled
                    dlevel += moved
                here = tl.where(base + j < end, inside, False)
                tl.store(grad_x + (base + j) * size + lane, du.to(grad_x.dtype.element_ty), mask=here)
                dv = tl.where(here, du * decay if THROUGH_TIME else 0.0, dv)
                ddecay += tl.where(here, du * vs[j], 0.0)
                dthreshold += tl.where(here, dlevel, 0.0)
    _keep(dv, grad_first, lane, inside)
    _keep(ddecay, grad_decay, lane, inside)
    _keep(dthreshold, grad_threshold, lane, inside)
