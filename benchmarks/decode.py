"""One projection of a token: the weights of its spikes alone, against the dense product.

    python -m benchmarks.decode --out results/decode_cpu.json

Spikes are 0 or 1, at random places that change with every call, so that no cache has seen their weights before. The
dense product is torch.nn.functional.linear in float32; the event-driven one is what `synfire.layers.Linear` runs in an
event-driven stream, the look at how many spikes there are included. It stops if results differ.
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.timing import (
    CLOCKS,
    Run,
    Timing,
    environment,
    in_turns,
    print_environment,
    print_table,
    use_threads,
    write_json,
)
from synfire.ops.accumulate import accumulate, pays

SHAPES = ("1024x1024", "1024x2048", "4096x4096", "4096x8192")
PATTERNS = 16


def projections(weight: Tensor, rows: Tensor, bias: Tensor, batch: int, sparsity: float) -> dict[str, Run]:
    """Return both ways of one projection, each with a fresh input at every call; rows is the transposed weight."""
    draw = torch.Generator().manual_seed(0)
    spikes = [(torch.rand(batch, weight.shape[1], generator=draw) >= sparsity).float() for _ in range(PATTERNS)]
    torch.testing.assert_close(
        accumulate(spikes[0], rows, bias), functional.linear(spikes[0], weight, bias), rtol=1e-3, atol=1e-3
    )
    turns: tuple[Iterator[Tensor], ...] = itertools.cycle(spikes), itertools.cycle(spikes)

    def by_events() -> Any:
        x = next(turns[0])
        pays(x, weight)
        return accumulate(x, rows, bias)

    return {"events": by_events, "dense": lambda: functional.linear(next(turns[1]), weight, bias)}


def crossover(sparsities: list[float], gains: list[float]) -> float | None:
    """Return the sparsity from which on events are faster, between two that were measured; None if all or none is."""
    pairs = list(zip(sparsities, gains, strict=True))
    for (low, slow), (high, fast) in itertools.pairwise(pairs):
        if slow < 1 <= fast:
            return low + (high - low) * (1 - slow) / (fast - slow)
    return None


def measure(inputs: int, outputs: int, batch: int, sparsities: list[float], rounds: int, clock: str) -> dict[str, Any]:
    """Time one projection at all sparsities."""
    times: dict[float, dict[str, Timing]] = {}
    draw = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(outputs, inputs, generator=draw), torch.randn(outputs, generator=draw)
    rows = weight.t().contiguous()
    for sparsity in sparsities:
        with torch.inference_mode():
            times[sparsity] = in_turns(projections(weight, rows, bias, batch, sparsity), rounds, clock)
    rows = [
        (
            f"{sparsity:.0%}",
            *(f"{statistics.median(found[name].seconds) * 1e3:.3f}" for name in ("dense", "events")),
            found["dense"].show()[1],
        )
        for sparsity, found in times.items()
    ]
    title = f"{inputs} -> {outputs}, batch {batch}"
    print_table(title, ("sparsity", "dense, ms", "events, ms", "dense over events (quartiles)"), rows)
    gains = [statistics.median(found["dense"].ratios) for found in times.values()]
    found = crossover(sparsities, gains)
    print(f"\nbreak-even: {'outside of what was measured' if found is None else f'sparsity {found:.0%}'}")
    return {
        "break_even_sparsity": found,
        "sparsities": {
            str(sparsity): {name: {"seconds": t.seconds, "ratios": t.ratios} for name, t in both.items()}
            for sparsity, both in times.items()
        },
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), help="inputs x outputs, such as 4096x8192")
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="samples")
    parser.add_argument(
        "--sparsities", type=float, nargs="+", default=[0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99],
        help="shares of the inputs that are zero, ascending",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=31, help="timed calls of each")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="of a busy machine: processor, with --threads 1"
    )
    parser.add_argument("--threads", type=int, help="threads of PyTorch and Numba")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    use_threads(options.threads)
    found = environment()
    print_environment(found)
    record = {
        f"{shape}, batch {batch}": measure(
            *(int(side) for side in shape.split("x")), batch, options.sparsities, options.rounds, options.clock
        )
        for shape in options.shapes
        for batch in options.batch
    }
    write_json(options.out, {"environment": found, "clock": options.clock, "projections": record})


if __name__ == "__main__":
    main()
