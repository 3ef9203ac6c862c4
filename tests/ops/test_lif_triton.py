"""The GPU back end against the reference, on a GPU where there is one and else in Triton's interpreter.

The interpreter takes about 0.1 s per step of both passes, so sequences are short and cases are few.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from synfire.base import backend, choose
from synfire.ops.lif import RESETS, NeuronSpec, lif, triton
from synfire.ops.lif.op import KERNELS
from synfire.ops.lif.spec import uniform_levels
from synfire.ops.spike import SURROGATES, Surrogate

pytest.importorskip("triton")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
INPUTS = ("x", "v", "decay", "threshold")
# Rounding of the gradients, relative to the largest.
ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 1e-2, torch.float16: 2e-3}
# Compared one by one, in a loop over a table, and by division.
LEVELS = {
    "binary": (1.0,),
    "one, shifted": (0.6,),
    "few": uniform_levels(4),
    "few, uneven": (0.6, 1.6, 2.75),
    "many": uniform_levels(12),
    "many, uneven": (0.5, *uniform_levels(9)[1:]),
}


@dataclass
class Case:
    """One call of the family and the gradient that comes back to its outputs; all tensors on a CPU."""

    x: Tensor
    v: Tensor | None
    decay: Tensor
    threshold: Tensor
    spec: NeuronSpec
    upstream: Tensor
    upstream_last: Tensor | None  # None: the last potential is not asked for
    wanted: tuple[str, ...] = INPUTS

    def run(self, name: str) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Return spikes, the last potential and the wanted gradients, computed on one back end."""
        given = {"x": self.x, "v": self.v, "decay": self.decay, "threshold": self.threshold}
        given = {k: t.to(DEVICE).requires_grad_(k in self.wanted) for k, t in given.items() if t is not None}
        with backend(name):
            spikes, last = lif(
                given["x"], given.get("v"), decay=given["decay"], threshold=given["threshold"], spec=self.spec,
                return_state=self.upstream_last is not None,
            )  # fmt: skip
            asked = {k: t for k, t in given.items() if t.requires_grad}
            if not asked:
                return spikes, last, {}
            outputs, upstream = [spikes], [self.upstream.to(DEVICE)]
            if last is not None and self.upstream_last is not None and last.requires_grad:
                outputs, upstream = [spikes, last], [*upstream, self.upstream_last.to(DEVICE)]
            grads = torch.autograd.grad(outputs, list(asked.values()), upstream, materialize_grads=True)
        return spikes.detach(), None if last is None else last.detach(), dict(zip(asked, grads, strict=True))


def random_case(shape: tuple[int, ...], spec: NeuronSpec, dtype: torch.dtype = torch.float32, seed: int = 0) -> Case:
    """Draw real-valued inputs, from rest, with one decay and one threshold per channel."""
    random = torch.Generator().manual_seed(seed)
    state = torch.promote_types(dtype, torch.float32)
    channels = shape[2] if len(shape) > 2 else 1
    return Case(
        x=(1.5 * torch.randn(shape, generator=random)).to(dtype),
        v=None,
        decay=(0.4 + 0.6 * torch.rand(channels, generator=random)).to(state),
        threshold=(0.5 + torch.rand(channels, generator=random)).to(state),
        spec=spec,
        upstream=torch.randn(shape, generator=random).to(dtype),
        upstream_last=torch.randn(shape[1:], generator=random).to(state),
    )


def check(case: Case, tolerance: float, largest: float = torch.inf) -> None:
    """Compare with the reference; hypothesis draws again where a gradient through the resets grows past `largest`."""
    spikes, last, grads = case.run("reference")
    if largest < torch.inf:
        assume(all(g.abs().max() < largest for g in grads.values()))
    fast_spikes, fast_last, fast_grads = case.run("triton")
    torch.testing.assert_close((fast_spikes, fast_last), (spikes, last), rtol=0, atol=0)
    assert fast_grads.keys() == grads.keys()
    for name, want in grads.items():
        torch.testing.assert_close(
            fast_grads[name], want, rtol=tolerance, atol=tolerance * max(1.0, float(want.abs().max())),
            msg=lambda m, n=name: f"gradient of {n}: {m}",
        )  # fmt: skip


@st.composite
def specs(draw: st.DrawFn, shapes: tuple[str, ...], widths: st.SearchStrategy[float]) -> NeuronSpec:
    side = draw(st.sampled_from(["plain", "signed", "floor"]))
    return NeuronSpec(
        levels=LEVELS[draw(st.sampled_from(sorted(LEVELS)))], signed=side == "signed", floor_at_zero=side == "floor",
        reset=draw(st.sampled_from(RESETS)), detach_reset=draw(st.booleans()), through_time=draw(st.booleans()),
        initial=draw(st.sampled_from([0.0, 0.3])), surrogate=Surrogate(draw(st.sampled_from(shapes)), draw(widths)),
    )  # fmt: skip


@st.composite
def real_cases(draw: st.DrawFn) -> Case:
    shape = (draw(st.sampled_from([1, 2, 3])), *draw(st.sampled_from([(1, 1), (2, 3), (2, 4, 4), (1, 3, 11)])))
    case = random_case(
        shape,
        draw(specs(SURROGATES, st.floats(0.5, 4.0))),
        draw(st.sampled_from(list(ROUNDING))),
        draw(st.integers(0, 999)),
    )
    return replace(
        case,
        v=draw(st.sampled_from([None, case.upstream_last * 0.7])),
        decay=draw(st.sampled_from([case.decay, case.decay[0]])),
        threshold=draw(st.sampled_from([case.threshold, case.threshold[0]])),
        upstream_last=draw(st.sampled_from([None, case.upstream_last])),
        wanted=draw(st.sampled_from([INPUTS, ("x",), ("decay",), ("x", "threshold"), ()])),
    )


@given(case=real_cases())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_triton_equals_reference(case):
    check(case, ROUNDING[case.x.dtype], largest=1e4)


@given(
    spec=specs(("rectangle", "straight_through", "identity"), st.sampled_from([0.5, 1.0, 2.0])),
    steps=st.integers(1, 3),
    from_rest=st.booleans(),
    seed=st.integers(0, 999),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_gradients_of_box_surrogates_are_bit_equal_on_a_grid(dyadic, spec, steps, from_rest, seed):
    assume(all((16 * level).is_integer() for level in spec.levels))
    dtype = torch.float64  # three steps of a gradient through a reset to zero have more bits than float32
    case = Case(
        x=dyadic(steps, 2, 3, seed=seed, dtype=dtype),
        v=None if from_rest else dyadic(2, 3, seed=seed + 1, dtype=dtype),
        decay=torch.tensor([0.5, 0.0, 1.0], dtype=dtype),
        threshold=torch.tensor([0.5, 1.0, 2.0], dtype=dtype),
        spec=replace(spec, initial=0.5),
        upstream=dyadic(steps, 2, 3, seed=seed + 2, dtype=dtype),
        upstream_last=dyadic(2, 3, seed=seed + 3, dtype=dtype),
    )
    check(case, 0.0)


@pytest.mark.parametrize("shape", SURROGATES)
def test_every_surrogate_equals_the_reference(shape):
    spec = NeuronSpec(levels=(0.6, 1.6), signed=True, detach_reset=False, surrogate=Surrogate(shape, 0.8))
    check(random_case((2, 1, 3, 5), spec), ROUNDING[torch.float32])


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("name", LEVELS)
def test_every_kind_of_levels_equals_the_reference(name, reset):
    spec = NeuronSpec(levels=LEVELS[name], reset=reset, detach_reset=False, surrogate=Surrogate("rectangle", 1.2))
    check(random_case((2, 1, 2, 4), spec), ROUNDING[torch.float32])


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_every_dtype_equals_the_reference_over_several_programs(dtype):
    check(random_case((2, 1, 3, 15), NeuronSpec(levels=uniform_levels(2), initial=0.5), dtype), ROUNDING[dtype])


@pytest.mark.parametrize("steps", [33, 65])
def test_sequences_longer_than_the_distance_of_checkpoints_equal_the_reference(steps):
    check(random_case((steps, 1, 3), NeuronSpec(surrogate=Surrogate("rectangle"))), ROUNDING[torch.float32])


@pytest.mark.parametrize("threshold", [1.0, 0.1, 0.7])
@pytest.mark.parametrize("signed", [False, True])
def test_potentials_beside_each_of_many_levels_fire_as_in_the_reference(threshold, signed):
    on = torch.arange(-3, 303) * torch.tensor(threshold)
    around = [on, torch.nextafter(on, torch.tensor(torch.inf)), torch.nextafter(on, torch.tensor(-torch.inf))]
    x = torch.cat([*around, -on])[None, None].to(DEVICE)
    spec = NeuronSpec(levels=uniform_levels(300), signed=signed)
    results = []
    for name in ("reference", "triton"):
        with backend(name):
            results.append(lif(x, threshold=threshold, spec=spec))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("levels", ["binary", "few", "many", "many, uneven"])
@pytest.mark.parametrize("reset", RESETS)
def test_numbers_that_are_not_finite_spread_as_in_the_reference(reset, levels):
    x = torch.ones(3, 1, 4, device=DEVICE)
    x[1, 0, 1:] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    results = []
    for name in ("reference", "triton"):
        with backend(name):
            results.append(lif(x, decay=0.5, spec=NeuronSpec(levels=LEVELS[levels], reset=reset, floor_at_zero=True)))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("place", ["held", "gaps", "channels last", "not dense"])
def test_any_place_in_memory_gives_the_numbers_of_a_dense_tensor(place):
    case = random_case((3, 2, 3, 4), NeuronSpec())
    x = {
        "held": case.x[:1].expand_as(case.x),
        "gaps": case.x.repeat_interleave(2, 0)[::2],
        "channels last": case.x.mT.contiguous().mT,
        "not dense": case.x.repeat_interleave(2, -1)[..., ::2],
    }[place]
    check(replace(case, x=x), ROUNDING[torch.float32])


@pytest.mark.parametrize("shape", [(1, 1), (2, 1, 0), (3, 0, 2)], ids=str)
def test_empty_and_single_tensors_run_forward_and_backward(shape):
    x = torch.ones(shape, device=DEVICE, requires_grad=True)
    with backend("triton"):
        spikes, _ = lif(x)
        spikes.sum().backward()
    assert spikes.shape == x.grad.shape == shape


@pytest.mark.skipif(DEVICE == "cpu", reason="takes a sequence of 4 GiB")
def test_steps_further_apart_than_32_bits_count():
    held = torch.zeros(2**31 + 64, dtype=torch.bfloat16, device=DEVICE)
    x = held.as_strided((3, 1, 64), (2**30, 64, 1))
    x.copy_(torch.randn(3, 1, 64))
    with backend("triton"):
        far = lif(x, decay=0.5)
        torch.testing.assert_close(far, lif(x.clone(), decay=0.5), rtol=0, atol=0)


@pytest.mark.skipif(DEVICE == "cpu", reason="compares with the back end of a GPU")
def test_a_gpu_tensor_is_given_to_triton():
    assert choose("lif", KERNELS, torch.ones(1, 1, device=DEVICE)).name == "triton"


def test_a_cpu_tensor_is_given_to_numba_though_the_interpreter_is_on(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert choose("lif", KERNELS, torch.ones(1, 1)).name == "numba"


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        pytest.param(torch.empty(2, 3), "it runs on a GPU", id="cpu"),
        pytest.param(torch.empty(2, 3, device="meta"), "it runs on CUDA and the input is on meta", id="meta"),
    ],
)
def test_triton_says_why_not(x, reason):
    assert reason in str(triton.why_not(x))


def test_a_dtype_without_a_kernel_is_refused(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with backend("triton"):
        assert triton.why_not(torch.empty(2, 3, dtype=torch.float8_e5m2)) == "it has no kernel for torch.float8_e5m2"


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh Python without Triton's interpreter."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_forced_on_a_cpu_without_the_interpreter_triton_refuses():
    program = (
        "import torch, synfire\nfrom synfire.ops.lif import lif\nwith synfire.backend('triton'): lif(torch.ones(1, 1))"
    )
    done = python(program)
    assert done.returncode != 0
    assert "BackendError: lif: no back end can run this input (triton: it runs on a GPU" in done.stderr


def test_importing_the_neuron_scan_does_not_import_triton():
    done = python("import sys, synfire.ops.lif; assert 'triton' not in sys.modules")
    assert done.returncode == 0, done.stderr
