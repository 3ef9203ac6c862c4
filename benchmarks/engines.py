"""Do the engines of long sequences train alike? Fits the surrogate dynamic network, then trains with every engine.

    python -m benchmarks.engines --seeds 0 1 2 --out results/engines_digits_cpu.json

For every seed it runs the recipe `sdn`, then `digits-sequence` with each engine of `synfire.SequenceLIF` from one
start, and `digits-sequence-gelu`, its real-valued twin. What was trained with the network is tested again with the
exact engines, and the other way round. Finished runs in --runs are taken as they are, and stopped ones go on.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.timing import environment, print_environment, print_table, write_json
from synfire.base import read_json
from synfire.metering import Trace
from synfire.neurons.sequence import ENGINES
from synfire.recipes.catalogue import find_recipe, read_recipe
from synfire.recipes.loading import stored_recipe
from synfire.recipes.recipe import Recipe
from synfire.recipes.running import run_recipe
from synfire.training import RunFolder, evaluate

ON_CPU = ("--trainer.accelerator", "cpu", "--threads", "1")  # on these small networks more threads are no faster


def finished(path: Path, name: str, seed: int, *overrides: str) -> RunFolder:
    """Return the run of a recipe, trained if it is not yet."""
    recipe = Recipe.resolve(read_recipe(find_recipe(name)), [*ON_CPU, *overrides, "--seed", str(seed)])
    folder = RunFolder(path)
    return run_recipe(recipe, lambda: RunFolder.at(path), folder if folder.recipe.exists() else None)


def measured(run: RunFolder) -> dict[str, Any]:
    """Return accuracy in percent, the share of neurons and steps that fire, and the seconds of training."""
    summary = run.read_summary() or {}
    sparsity = Trace.read(read_json(run.record("trace"))).activation_sparsity
    return {"accuracy": 100 * summary["accuracy"], "rate": 1 - sparsity, "seconds": summary["seconds"]}


def swapped(run: RunFolder, engine: str, dynamics: Path) -> float:
    """Return the accuracy in percent of a trained network under another engine."""
    recipe = stored_recipe(run, ["--task.model.engine", engine, "--task.model.dynamics", str(dynamics)])
    task, data, options = recipe.build()
    return 100 * evaluate(task, data, run, seed=recipe.seed, options=options)["accuracy"]


def fitted(seed: int, runs: Path) -> RunFolder:
    """Return the run that fitted the network with a seed."""
    return finished(runs / f"sdn-seed{seed}", "sdn", seed)


def of_seed(seed: int, runs: Path, engines: list[str]) -> dict[str, Any]:
    """Train and test with every engine from one start."""
    dynamics = fitted(seed, runs).path
    trained = {
        engine: finished(
            runs / f"digits-sequence-{engine}-seed{seed}",
            "digits-sequence",
            seed,
            *("--task.model.engine", engine),
            *(("--task.model.dynamics", str(dynamics)) if engine == "sdn" else ()),
        )
        for engine in engines
    }
    twin = finished(runs / f"digits-sequence-gelu-seed{seed}", "digits-sequence-gelu", seed)
    swaps = [
        {"trained": one, "tested": other, "accuracy": swapped(trained[one], other, dynamics)}
        for one, other in (("sdn", "loop"), ("sdn", "scan"), ("loop", "sdn"), ("scan", "sdn"))
        if one in trained
    ]
    return {
        "seed": seed,
        "engines": {engine: measured(run) for engine, run in trained.items()},
        "gelu": measured(twin),
        "swaps": swaps,
    }


def findings(fits: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """Return what was asked, the bound, and the worst of all seeds."""
    by_engine = [[run["accuracy"] for run in seed["engines"].values()] for seed in found]
    worst = {
        "agreement of the fit, %": ("at least 99.9", min(100 * fit["agreement"] for fit in fits)),
        "always m = 0, %": ("below the fit", max(100 * fit["zero_agreement"] for fit in fits)),
        "mean squared error of the fit": ("at most 5e-5", max(fit["mse"] for fit in fits)),
        "engines apart, points": ("at most 1", max(max(row) - min(row) for row in by_engine)),
        "accuracy with spikes, %": ("at least 95", min(min(row) for row in by_engine)),
        "below GELU, points": (
            "at most 2",
            max(seed["gelu"]["accuracy"] - min(row) for seed, row in zip(found, by_engine, strict=True)),
        ),
        "neurons and steps that fire": (
            "at most 0.20",
            max(run["rate"] for seed in found for run in seed["engines"].values()),
        ),
        "moved by another engine at test time, points": (
            "at most 0.3",
            max(
                abs(swap["accuracy"] - seed["engines"][swap["trained"]]["accuracy"])
                for seed in found
                for swap in seed["swaps"]
            ),
        ),
    }
    if all(len(row) < 2 for row in by_engine):
        del worst["engines apart, points"]
    return [(what, bound, value) for what, (bound, value) in worst.items()]


def show(fits: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Print what was found."""
    for seed in found:
        rows = [(name, run) for name, run in [*seed["engines"].items(), ("gelu", seed["gelu"])]]
        cells = [(name, f"{run['accuracy']:.2f}", f"{run['rate']:.4f}", f"{run['seconds']:.0f}") for name, run in rows]
        print_table(f"seed {seed['seed']}", ("engine", "accuracy, %", "rate", "training, s"), cells)
    cells = [(what, bound, f"{value:.5g}") for what, bound, value in findings(fits, found)]
    print_table(f"worst of {len(fits)} fits, and of {len(found)} seeds of training", ("what", "asked", "found"), cells)


def main() -> None:
    """Train, test, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--fits", type=int, nargs="+", help="seeds of fits; by default the same")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--runs", type=Path, default=Path("runs/engines"), help="folder of the run folders")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    machine = environment()
    print_environment(machine)
    found = [of_seed(seed, options.runs, options.engines) for seed in options.seeds]
    fits = [fitted(seed, options.runs).read_summary() or {} for seed in options.fits or options.seeds]
    show(fits, found)
    worst = [{"what": what, "asked": bound, "found": value} for what, bound, value in findings(fits, found)]
    write_json(options.out, {"environment": machine, "fits": fits, "seeds": found, "worst": worst})


if __name__ == "__main__":
    main()
