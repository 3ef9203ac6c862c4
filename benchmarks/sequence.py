"""One layer of neurons over a long sequence: the engines of `synfire.SequenceLIF`, forward and backward.

    python -m benchmarks.sequence --out results/sequence_cpu.json

A hard-reset neuron with decay 0.125 and learned thresholds gets currents N(0, 1), (T, 1, H), and a given gradient of
its spikes. It stops if "scan", "fixed point" and "loop" differ in a spike; the surrogate dynamic network has weights at
random, since its time does not depend on them. The last row is a plain loop of PyTorch with gradients through time, as
it is written by hand.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import synfire
from benchmarks.timing import Run, environment, in_turns, print_environment, print_table, use_threads, write_json
from synfire.base import save_weights

ENGINES = ("scan", "fixed_point", "sdn", "loop")


def layer(engine: str, channels: int, weights: Path) -> synfire.SequenceLIF:
    """Return the neurons under one engine."""
    return synfire.SequenceLIF(channels=channels, engine=engine, dynamics=weights if engine == "sdn" else None)


def step(neuron: synfire.SequenceLIF, x: Tensor, grad: Tensor) -> Run:
    """Return a function that runs forward and backward once."""
    x = x.clone().requires_grad_()

    def run() -> Any:
        x.grad = None
        spikes = neuron(x)
        spikes.backward(grad)
        return spikes

    return run


def by_hand(x: Tensor, grad: Tensor) -> Run:
    """Return the loop over the steps that a user would write, with gradients through time."""
    x = x.clone().requires_grad_()

    def run() -> Any:
        x.grad = None
        v, spikes = torch.zeros_like(x[0]), []
        for current in x:
            u = 0.125 * v + current
            s = synfire.fire(u, surrogate=synfire.Surrogate("triangle"))
            v = u * (1 - s.detach())
            spikes.append(s)
        torch.stack(spikes).backward(grad)

    return run


def measure(steps: int, channels: int, weights: Path, rounds: int) -> dict[str, Any]:
    """Time the engines at one length, and check that those that are exact agree."""
    draw = torch.Generator().manual_seed(0)
    x, grad = (torch.randn(steps, 1, channels, generator=draw) for _ in range(2))
    neurons = {engine: layer(engine, channels, weights) for engine in ENGINES}
    with torch.no_grad():
        spikes = {engine: neuron(x) for engine, neuron in neurons.items()}
    if not all(torch.equal(spikes["scan"], spikes[engine]) for engine in ("fixed_point", "loop")):
        raise SystemExit(f"the engines differ at T = {steps}")
    runs = {engine: step(neuron, x, grad) for engine, neuron in neurons.items()} | {"by hand": by_hand(x, grad)}
    times = in_turns(runs, rounds, warm_ups=1)
    rows = [(name, *timing.show()) for name, timing in times.items()]
    print_table(f"T = {steps}, H = {channels}", ("engine", "ms, median", "times the scan (quartiles)"), rows)
    return {name: {"seconds": timing.seconds, "ratios": timing.ratios} for name, timing in times.items()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[1024, 4096, 16384], help="lengths of sequences")
    parser.add_argument("--channels", type=int, default=1024, help="neurons")
    parser.add_argument("--rounds", type=int, default=7, help="timed steps of each")
    parser.add_argument("--threads", type=int, help="threads of PyTorch and Numba")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    use_threads(options.threads)
    found = environment()
    print_environment(found)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_weights(synfire.SurrogateDynamics(0.125), weights)
        record = {str(steps): measure(steps, options.channels, weights, options.rounds) for steps in options.steps}
    write_json(options.out, {"environment": found, "channels": options.channels, "engines": record})


if __name__ == "__main__":
    main()
