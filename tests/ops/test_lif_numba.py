"""The CPU back end against the reference: the same spikes bit for bit, and the same gradients."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from synfire.base import BackendError, backend
from synfire.ops.lif import RESETS, NeuronSpec, lif, numba
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.spike import SURROGATES, Surrogate

HALVES = (torch.bfloat16, torch.float16)
DTYPES = (torch.float32, torch.float64, *HALVES)
INPUTS = ("x", "v", "decay", "threshold")
# Rounding of the gradients, relative to the largest; a wrong formula shows in float64.
ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 1e-2, torch.float16: 2e-3}

# How a sequence may lie in memory, beside any order of its axes; each keeps the shape.
PLACES: dict[str, Callable[[Tensor], Tensor]] = {
    "dense": lambda x: x,
    "one frame held over time": lambda x: x[:1].expand_as(x),
    "one sample held over the batch": lambda x: x[:, :1].expand_as(x),
    "gaps between steps": lambda x: x.repeat_interleave(2, 0)[::2],
    "gaps between columns": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "a sliding window": lambda x: torch.cat([x[0].flatten(), x.flatten()[: len(x)]]).as_strided(
        x.shape, (1, *x[0].contiguous().stride())
    ),
}


@dataclass
class Case:
    """One call of the family and the gradient that comes back to its outputs."""

    x: Tensor
    v: Tensor | None
    decay: Tensor
    threshold: Tensor
    spec: NeuronSpec
    channel_axis: int
    upstream: Tensor
    upstream_last: Tensor
    wanted: tuple[str, ...] = INPUTS
    through: str = "both"  # outputs that the loss sees: "spikes", "last" or "both"

    def run(self, name: str) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Return spikes, the last potential and the wanted gradients, computed on one back end."""
        given = {"x": self.x, "v": self.v, "decay": self.decay, "threshold": self.threshold}
        given = {k: t.detach().requires_grad_(k in self.wanted) for k, t in given.items() if t is not None}
        keep = self.through != "spikes"
        with backend(name):
            spikes, last = lif(
                given["x"], given.get("v"), decay=given["decay"], threshold=given["threshold"], spec=self.spec,
                channel_axis=self.channel_axis, return_state=keep,
            )  # fmt: skip
            outputs = {"spikes": (spikes, self.upstream), "last": (last, self.upstream_last)}
            outputs = [o for k, o in outputs.items() if self.through in (k, "both") and o[0].requires_grad]
            asked = {k: t for k, t in given.items() if t.requires_grad}
            grads: tuple[Tensor | None, ...] = (None,) * len(asked)
            if asked and outputs:
                tensors, upstream = zip(*outputs, strict=True)
                grads = torch.autograd.grad(tensors, list(asked.values()), upstream, allow_unused=True)
        filled = [torch.zeros_like(t) if g is None else g for g, t in zip(grads, asked.values(), strict=True)]
        return spikes, last, dict(zip(asked, filled, strict=True))


def check(case: Case, tolerance: float, largest: float = math.inf) -> None:
    """Compare both back ends, for hypothesis only where the gradients are not larger than 16 bits can hold."""
    spikes, last, grads = case.run("reference")
    if largest < math.inf:
        assume(all(g.abs().max() < largest for g in grads.values() if g.numel()))
    fast_spikes, fast_last, fast_grads = case.run("numba")
    torch.testing.assert_close((fast_spikes, fast_last), (spikes, last), rtol=0, atol=0)
    assert fast_grads.keys() == grads.keys()
    for name, want in grads.items():
        scale = max(1.0, float(want.abs().max())) if want.numel() else 1.0
        torch.testing.assert_close(
            fast_grads[name],
            want,
            rtol=tolerance,
            atol=tolerance * scale,
            msg=lambda text, name=name: f"gradient of {name}: {text}",
        )


LEVELS = st.one_of(
    st.integers(1, 20).map(uniform_levels),
    st.sampled_from(
        [(0.6,), (0.6, 1.6, 2.6), (1.0, 1.5, 4.0), (0.5, *uniform_levels(9)[1:]), tuple(0.7 * k for k in range(1, 11))]
    ),
)


@st.composite
def specs(draw: st.DrawFn, surrogates: st.SearchStrategy[Surrogate]) -> NeuronSpec:
    side = draw(st.sampled_from(["plain", "signed", "floor"]))
    return NeuronSpec(
        levels=draw(LEVELS),
        signed=side == "signed",
        floor_at_zero=side == "floor",
        reset=draw(st.sampled_from(RESETS)),
        detach_reset=draw(st.booleans()),
        through_time=draw(st.booleans()),
        initial=draw(st.sampled_from([0.0, 0.5])),
        surrogate=draw(surrogates),
    )


@st.composite
def real_cases(draw: st.DrawFn) -> Case:
    spec = draw(specs(st.builds(Surrogate, st.sampled_from(SURROGATES), st.floats(0.5, 4.0))))
    # A gradient through the reset multiplies over the steps; these few keep it within a number's range.
    lengths = [1, 2, 3, 5, 31, 32, 33, 64, 65, 70] if spec.detach_reset else [1, 2, 3, 5, 8]
    steps = draw(st.sampled_from(lengths))
    shape = (steps, *draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 7]), min_size=1, max_size=4)))
    dtype = draw(st.sampled_from(DTYPES))
    state = torch.promote_types(dtype, torch.float32)
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def normal(*size: int, kind: torch.dtype = state) -> Tensor:
        return torch.randn(size, generator=random).to(kind)

    order = draw(st.permutations(range(len(shape))))
    back = [order.index(axis) for axis in range(len(shape))]
    x = (1.5 * normal(*shape)).to(dtype).permute(order).contiguous().permute(back)
    if x.numel():
        x = PLACES[draw(st.sampled_from(sorted(PLACES)))](x)
    axis = draw(st.integers(1, len(shape) - 1))
    sizes = {name: draw(st.sampled_from([(), (1,), (shape[axis],)])) for name in ("decay", "threshold")}
    upstream = normal(*shape, kind=dtype)
    upstream = draw(st.sampled_from([upstream, upstream[:1].expand_as(upstream), upstream.mT.contiguous().mT]))
    backwards = normal(*shape[:0:-1]).permute(*range(len(shape) - 2, -1, -1))  # its axes lie in the opposite order
    return Case(
        x=x,
        v=draw(st.sampled_from([None, normal(*shape[1:]), backwards])),
        decay=0.4 + 0.6 * torch.rand(sizes["decay"], generator=random).to(state),
        threshold=0.5 + torch.rand(sizes["threshold"], generator=random).to(state),
        spec=spec,
        channel_axis=axis,
        upstream=upstream,
        upstream_last=normal(*shape[1:]),
        wanted=tuple(draw(st.sets(st.sampled_from(INPUTS)).map(sorted))),
        through=draw(st.sampled_from(["spikes", "last", "both"])),
    )


@given(case=real_cases())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_numba_equals_reference(case):
    check(case, ROUNDING[case.x.dtype], largest=1e4)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Make one thread walk over several blocks of neurons, whose scratch memory it then uses again."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.usefixtures("one_thread")
def test_numba_equals_reference_over_several_blocks_and_checkpoints(surrogate, dtype):
    steps, batch, channels, side = 40, 2, 5, 22  # 4840 neurons: no multiple of a block
    random = torch.Generator().manual_seed(1)
    state = torch.promote_types(dtype, torch.float32)
    x = torch.randn(steps, batch, side, side, channels, generator=random).to(dtype).movedim(-1, 2)
    spec = NeuronSpec(levels=uniform_levels(3), surrogate=Surrogate(surrogate, 1.5), initial=0.5)
    case = Case(
        x=x, v=None, decay=torch.linspace(0.3, 0.9, channels, dtype=state),
        threshold=torch.linspace(0.6, 1.2, channels, dtype=state), spec=spec, channel_axis=2,
        upstream=torch.randn(x.shape, generator=random).to(dtype),
        upstream_last=torch.randn(x.shape[1:], generator=random).to(state),
    )  # fmt: skip
    check(case, ROUNDING[dtype])
    assert case.run("numba")[0].stride() == x.stride(), "channels-last spikes stay channels-last"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("count", [1, 3, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_potentials_within_one_rounding_of_a_level_fire_as_in_the_reference(dtype, count, signed):
    random = torch.Generator().manual_seed(7)
    threshold = 0.01 + 3 * torch.rand(1000, generator=random, dtype=dtype)
    level = torch.randint(1, count + 2, (20, 1000), generator=random).to(dtype)
    tie = level * threshold
    infinity = torch.tensor(torch.inf, dtype=dtype)
    u = torch.stack([tie, torch.nextafter(tie, infinity), torch.nextafter(tie, -infinity)])
    spec = NeuronSpec(levels=uniform_levels(count), signed=signed)
    results = []
    for name in ("numba", "reference"):
        with backend(name):
            results.append([lif(one[None], threshold=threshold, spec=spec) for one in (*u, *-u)])
    torch.testing.assert_close(*results, rtol=0, atol=0)
    assert results[0][0][0].max() == count


@st.composite
def dyadic_cases(draw: st.DrawFn) -> tuple[Any, ...]:
    """Draw a case whose every number, gradients included, has few bits, so that no order of sums can matter."""
    boxes = st.sampled_from(["rectangle", "triangle", "straight_through", "identity"])
    spec = draw(specs(st.builds(Surrogate, boxes, st.sampled_from([0.5, 1.0, 2.0]))))
    assume(all((16 * level).is_integer() for level in spec.levels))
    product = spec.reset == "zero" and not spec.detach_reset  # each step multiplies by the potential: more bits
    dtype = torch.float64 if product or spec.surrogate.shape == "triangle" else draw(
        st.sampled_from([torch.float32, torch.float64])
    )  # fmt: skip
    steps = draw(st.integers(1, 3 if product or dtype == torch.float32 else 8))
    values = [draw(st.sampled_from([0.5, 1.0, 2.0])), draw(st.sampled_from([0.0, 0.5, 1.0]))]
    return steps, dtype, spec, *values, draw(st.booleans()), draw(st.integers(0, 999))


@given(drawn=dyadic_cases())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_gradients_of_box_surrogates_are_bit_equal_on_a_grid(dyadic, drawn):
    steps, dtype, spec, threshold, decay, from_rest, seed = drawn
    case = Case(
        x=dyadic(steps, 2, 3, seed=seed, dtype=dtype) * threshold,
        v=None if from_rest else dyadic(2, 3, seed=seed + 1, dtype=dtype),
        decay=torch.tensor([decay, 0.5, 1.0], dtype=dtype), threshold=torch.tensor(threshold, dtype=dtype), spec=spec,
        channel_axis=2, upstream=dyadic(steps, 2, 3, seed=seed + 2, dtype=dtype),
        upstream_last=dyadic(2, 3, seed=seed + 3, dtype=dtype),
    )  # fmt: skip
    check(case, 0.0)


def words(dtype: torch.dtype) -> Tensor:
    """Return every number that 16 bits can hold, infinities and NaN included."""
    return torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_every_16_bit_number_is_loaded_as_torch_reads_it(dtype):
    x = words(dtype)[None, None]
    with backend("numba"):
        _, last = lif(x, decay=0.0, spec=NeuronSpec(reset="none"))  # the potential is the input
    torch.testing.assert_close(last, x[0].float(), rtol=0, atol=0, equal_nan=True)


def stored(numbers: Tensor, dtype: torch.dtype) -> Tensor:
    """Round float32 numbers as the kernel does when it writes a gradient: with reset "none", dx = dv."""
    x = torch.zeros(1, *numbers.shape, dtype=dtype, requires_grad=True)
    with backend("numba"):
        _, last = lif(x, spec=NeuronSpec(reset="none"))
    (grad,) = torch.autograd.grad(last, x, numbers)
    return grad[0]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_every_16_bit_number_survives_being_stored(dtype):
    want = words(dtype)[None]
    torch.testing.assert_close(stored(want.float(), dtype), want, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_stored_numbers_are_rounded_to_nearest_even(dtype):
    below = words(dtype).float()
    below = below[below.isfinite()].sort().values
    ties = (below[1:].double() + below[:-1].double()) / 2  # halfway between neighbours: exact in float32
    edges = [torch.nextafter(ties.float(), torch.tensor(end)) for end in (torch.inf, -torch.inf)]
    random = torch.randint(-(2**31), 2**31, (200_000,), generator=torch.Generator().manual_seed(2)).to(torch.int32)
    largest = torch.finfo(dtype).max
    overflow = torch.tensor([largest * (1 + s * 2.0**-14) for s in (0, 1, 2, 4, 8, 16)], dtype=torch.float64).float()
    numbers = torch.cat([ties.float(), *edges, random.view(torch.float32), overflow, -overflow])[None]
    torch.testing.assert_close(stored(numbers, dtype), numbers.to(dtype), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("dtype", "top"), [(torch.bfloat16, 256), (torch.float16, 2048)], ids=str)
def test_every_level_fits_its_16_bit_spike(dtype, top):
    u = torch.arange(top + 1.0)
    with backend("numba"):
        spikes, _ = lif(
            torch.zeros(1, 1, top + 1, dtype=dtype), u[None], spec=NeuronSpec(levels=uniform_levels(top), signed=True)
        )
    assert torch.equal(spikes[0, 0].float(), u)


def saved_for_backward(x: Tensor) -> list[Tensor]:
    """Run the family and return the tensors that wait for the backward pass."""
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with backend("numba"), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        lif(x, decay=0.5, return_state=False)
    return kept


def test_long_sequences_keep_the_input_and_checkpoints_only():
    steps, batch, neurons = 4096, 2, 8
    x = torch.randn(steps, batch, neurons, requires_grad=True)
    kept = saved_for_backward(x)
    assert sum(t.data_ptr() == x.data_ptr() for t in kept) == 1
    others = sum(t.nbytes for t in kept if t.data_ptr() != x.data_ptr())
    checkpoints = (steps // 32 - 1) * batch * neurons * 4
    decay_and_threshold = 2 * 4
    assert others == checkpoints + decay_and_threshold


@pytest.mark.parametrize("place", ["contiguous", "channels last", "held"])
def test_dense_inputs_are_not_copied(place):
    x = torch.randn(3, 2, 4, 5, 5)
    x = {"contiguous": x, "channels last": x.movedim(-1, 2), "held": x[:1].expand_as(x)}[place]
    x = x.detach().requires_grad_()
    assert any(t.data_ptr() == x.data_ptr() and t.stride() == x.stride() for t in saved_for_backward(x))


def test_nothing_is_kept_without_a_gradient():
    assert sum(t.numel() for t in saved_for_backward(torch.randn(100, 2, 3))) <= 100 * 2 * 3 + 2  # no checkpoints


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("reset", RESETS)
def test_numbers_that_are_not_finite_spread_as_in_the_reference(reset, floor, number):
    x = torch.ones(4, 1, 3)
    x[1, 0, 1] = number
    spec = NeuronSpec(levels=uniform_levels(2), reset=reset, floor_at_zero=floor)
    results = []
    for name in ("reference", "numba"):
        with backend(name):
            results.append(lif(x, decay=0.5, spec=spec))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0, equal_nan=True)


def test_the_number_of_threads_changes_nothing():
    x = torch.randn(3, 9000, generator=torch.Generator().manual_seed(3)).requires_grad_()
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            spikes, last = lif(x, decay=0.5)
            results.append((spikes, last, torch.autograd.grad(spikes.sum() + last.sum(), x)[0]))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=0)


def test_the_first_call_leaves_the_threads_of_torch_alone():
    code = (
        "import torch, synfire; torch.set_num_threads(1); synfire.IF()(torch.zeros(2, 2, 4)); "
        "assert torch.get_num_threads() == 1, torch.get_num_threads()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "NUMBA_NUM_THREADS": "2"}
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        pytest.param(torch.empty(2, 3, device="meta"), "it runs on a CPU and the input is on meta", id="device"),
        pytest.param(torch.empty(2, 3, dtype=torch.float8_e5m2), "it has no kernel for torch.float8_e5m2", id="dtype"),
        pytest.param(torch.empty(2, 3), None, id="fits"),
    ],
)
def test_numba_says_why_not(x, reason):
    assert numba.why_not(x) == reason


def test_numba_forced_on_another_device_lists_its_refusal():
    with backend("numba"), pytest.raises(BackendError, match=r"numba: it runs on a CPU and the input is on meta"):
        lif(torch.empty(2, 3, device="meta"))
