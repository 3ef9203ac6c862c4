"""What two CPU cores can check of the multi-level paper (arXiv:2510.24637), on Fashion-MNIST.

    python -m benchmarks.multilevel --data data/fashion_mnist --seeds 0 1 2 --out results/multilevel_fashion.json

Trains through the command line, as a user would. Run folders are kept, so a second call continues where one stopped.

1. Four convolutions, spikes 0..4 at T = 1, beside binary spikes at T = 4: accuracy, events, time of a training step.
2. The narrow residual network of 8 blocks with barriers, beside the same without: accuracy, events, and whether the
   activity of the block outputs grows inside each stage.
"""

import argparse
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

import synfire
from benchmarks.timing import environment, in_turns, print_environment, print_table, write_json
from synfire.cli.main import main as command
from synfire.recipes.loading import restore
from synfire.training import RunFolder

FOLDER = "multilevel_sparse_resnet"
CNN = ("fashion-cnn4", "fashion-cnn4-binary")
NARROW = ("fashion-narrow", "fashion-narrow-no-barriers")
COUNTS = ("events", "spikes", "arriving_events", "arriving_spikes")


def train(name: str, seed: int, data: Path, runs: Path, overrides: list[str]) -> RunFolder:
    """Train a recipe with one seed, or continue it, or take it as it is if it is finished."""
    folder = runs / f"{name}-seed{seed}"
    arguments = ["train", f"{FOLDER}/{name}", "--run", str(folder), "--resume", "--seed", str(seed)]
    code = command([*arguments, "--data.init_args.source.init_args.root", str(data), *overrides])
    if code:
        raise SystemExit(code)
    return RunFolder(folder)


def measure(run: RunFolder, images: int) -> dict[str, Any]:
    """Return the accuracy of a run and the activity of its network on the first test images."""
    task, data = restore(run.path)
    data.prepare_data()
    data.setup("test")
    batches, left = [], images
    for batch, _labels in data.test_dataloader():
        batches.append(task.encode(data.on_after_batch_transfer((batch[:left], _labels[:left]), 0)[0]))
        left -= len(batch)
        if left <= 0:
            break
    found = synfire.trace(task.model.eval(), batches)
    merges = [(row.name.split(".")[1], row.spikes / row.neurons) for row in found.merges()]
    stages = {stage: [mean for s, mean in merges if s == stage] for stage, _ in merges}
    return {
        "accuracy": 100 * (run.read_summary() or {})["accuracy"],
        **{name: getattr(found, name) for name in COUNTS},
        "mean_activity_by_stage": stages,
        "grows_inside_stages": all(a < b for means in stages.values() for a, b in pairwise(means)),
    }


def training_step(run: RunFolder) -> Any:
    """Return a function that runs one training step of a network on one batch of noise."""
    task, _ = restore(run.path)
    net = task.model.train()
    images, labels = torch.randn(128, 1, 28, 28), torch.randint(10, (128,))
    optimizer = task.optimizer(net.parameters())

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(task(images), labels).backward()
        optimizer.step()

    return step


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the mean over the seeds of one arm over that of the other."""
    return statistics.mean(ours) / statistics.mean(theirs)


def compare(names: tuple[str, str], results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return means, spreads and ratios of two arms."""
    column = {name: {key: [r[key] for r in results[name]] for key in ("accuracy", *COUNTS)} for name in names}
    ours, theirs = names
    return {
        "seeds": len(results[ours]),
        **{f"accuracy {name}": statistics.mean(column[name]["accuracy"]) for name in names},
        **{f"spread {name}": max(column[name]["accuracy"]) - min(column[name]["accuracy"]) for name in names},
        "accuracy difference": statistics.mean(column[ours]["accuracy"]) - statistics.mean(column[theirs]["accuracy"]),
        **{f"{key} ratio": ratio(column[ours][key], column[theirs][key]) for key in COUNTS},
    }


def main() -> None:
    """Train, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/fashion_mnist"), help="folder of the four IDX files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=("cnn", "narrow"), help="one of the two comparisons")
    parser.add_argument("--runs", type=Path, default=Path("runs/multilevel"), help="folder of the run folders")
    parser.add_argument("--images", type=int, default=1000, help="test images whose activity is counted")
    parser.add_argument("--rounds", type=int, default=11, help="timed training steps of each network")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options, overrides = parser.parse_known_args()
    found = environment()
    print_environment(found)
    record: dict[str, Any] = {"environment": found, "overrides": overrides}
    for pair in [p for key, p in (("cnn", CNN), ("narrow", NARROW)) if options.only in (None, key)]:
        runs = {
            name: [train(name, seed, options.data, options.runs, overrides) for seed in options.seeds] for name in pair
        }
        results = {name: [measure(run, options.images) for run in runs[name]] for name in pair}
        figures = compare(pair, results)
        if pair == CNN:
            steps = in_turns({name: training_step(runs[name][0]) for name in pair}, options.rounds)
            figures["training step, time ratio binary over multi-level"] = statistics.median(steps[CNN[1]].ratios)
        else:
            for name in pair:
                figures[f"grows inside stages, {name}"] = [r["grows_inside_stages"] for r in results[name]]
        record[pair[0]] = {"runs": results, "figures": figures}
        print_table(f"{pair[0]} beside {pair[1]}", ("figure", "value"), [(k, _show(v)) for k, v in figures.items()])
        write_json(options.out, record)


def _show(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
