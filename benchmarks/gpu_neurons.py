"""One layer of leaky integrate-and-fire neurons on a GPU, forward and backward, against the bytes it must move.

    python benchmarks/gpu_neurons.py --out results/neurons_gpu.json

Each row is a median over calls that start with a cold cache. "The bytes alone" is what a copy takes for the same
traffic: the currents in and the spikes out, then currents and gradients in and gradients out, five tensors in all.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import synfire
from synfire.ops.lif import NeuronSpec, lif, reference, triton
from synfire.ops.lif.layout import Layout

SHAPES = ((16, 32, 4096), (4096, 1, 1024), (4, 128, 64, 32, 32))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
DECAY = 0.5
SPEC = NeuronSpec()
NEEDS = (False, False, False)  # gradients beside that of the currents
BYTES, OURS, KERNELS, LOOP, COMPILED = (
    "the bytes alone", "synfire", "synfire, kernels without autograd", "step-by-step loop", "torch.compile of the loop",
)  # fmt: skip
LONGEST_COMPILED = 64  # steps; the compiler unrolls the loop and takes minutes beyond this
TENSORS_MOVED, TENSORS_PER_COPY = 5, 2
FLUSH_BYTES = 2**28  # more than the second-level cache of any GPU

Run = Callable[[], Any]


def contenders(x: Tensor, grad: Tensor) -> dict[str, Run]:
    """Return what is timed, by name: one forward and one backward pass each, but a single copy for the bytes."""
    leaf = x.clone().requires_grad_()
    decay, threshold = (torch.tensor(number, device=x.device) for number in (DECAY, 1.0))
    spare = torch.empty_like(x)
    layout = Layout.of(x, 1)
    compiled = torch.compile(reference.lif, dynamic=False)

    def ours() -> Tensor:
        return torch.autograd.grad(lif(leaf, decay=DECAY, return_state=False)[0], leaf, grad)[0]

    def kernels() -> Tensor:
        _, _, checkpoints = triton.KERNEL.forward(x, None, decay, threshold, SPEC, layout, False, True)
        return triton.backward(grad, None, x, None, decay, threshold, checkpoints, SPEC, layout, NEEDS)[0]

    def loop(step_by_step: Callable[..., tuple[Tensor, Tensor]] = reference.lif) -> Tensor:
        return torch.autograd.grad(step_by_step(leaf, None, decay, threshold, SPEC)[0], leaf, grad)[0]

    runs: dict[str, Run] = {BYTES: lambda: spare.copy_(x), OURS: ours, KERNELS: kernels, LOOP: loop}
    if len(x) <= LONGEST_COMPILED:
        runs[COMPILED] = lambda: loop(compiled)
    return runs


def milliseconds(run: Run, repeats: int) -> float:
    """Return the median time of a call in milliseconds, by the clock of the GPU."""
    flush = torch.empty(FLUSH_BYTES, dtype=torch.int8, device="cuda")
    for _ in range(3):
        run()
    pairs = [tuple(torch.cuda.Event(enable_timing=True) for _ in range(2)) for _ in range(repeats)]
    for start, end in pairs:
        flush.zero_()
        start.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs)


def differing_spikes(x: Tensor) -> int:
    """Count the spikes in which the kernel and the reference disagree."""
    with torch.no_grad():
        ours, _ = lif(x, decay=DECAY)
        with synfire.backend("reference"):
            want, _ = lif(x, decay=DECAY)
    return int((ours != want).sum())


def measure(shape: tuple[int, ...], dtype: torch.dtype, repeats: int) -> dict[str, Any]:
    """Time every contender on one shape, print the table and return it as plain data."""
    random = torch.Generator("cuda").manual_seed(0)
    x, grad = (torch.randn(shape, generator=random, device="cuda").to(dtype) for _ in range(2))
    times: dict[str, float] = {}
    for name, run in contenders(x, grad).items():
        slow = name == LOOP and shape[0] > LONGEST_COMPILED
        times[name] = milliseconds(run, 5 if slow else repeats)
    times[BYTES] *= TENSORS_MOVED / TENSORS_PER_COPY
    differing = differing_spikes(x)
    print(f"\n{tuple(shape)} {dtype}: {differing} of {x.numel():,} spikes differ from the reference")
    for name, time in times.items():
        print(
            f"  {name:<36} {time:>10.3f} ms  {time / times[BYTES]:>8.2f} x the bytes  {time / times[OURS]:>8.2f} x ours"
        )
    return {"shape": shape, "dtype": str(dtype), "milliseconds": times, "differing_spikes": differing}


def main() -> None:
    """Measure every shape on the first GPU, or say that there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of currents and spikes")
    parser.add_argument("--repeats", type=int, default=50, help="timed calls of each row")
    parser.add_argument("--out", type=Path, help="write a record here, as JSON")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("gpu_neurons: there is no CUDA device here, so nothing was measured.")
        return
    found = {"gpu": torch.cuda.get_device_name(), **{name: metadata.version(name) for name in ("torch", "triton")}}
    print(", ".join(f"{name} {value}" for name, value in found.items()))
    rows = [measure(shape, DTYPES[options.dtype], options.repeats) for shape in SHAPES]
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps({"environment": found, "rows": rows}, indent=2) + "\n")
        print(f"\nwritten to {options.out}")


if __name__ == "__main__":
    main()
