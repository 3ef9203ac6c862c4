"""Train the arms of a claim, measure them and judge."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.claims.claim import IMAGES, Claim
from synfire.metering import Trace, trace
from synfire.metering.pricers import bills
from synfire.recipes.catalogue import find_recipe, read_recipe
from synfire.recipes.loading import restore
from synfire.recipes.recipe import Recipe
from synfire.recipes.running import run_recipe
from synfire.training.run_folder import RunFolder, describe_environment


def run_claim(
    claim: Claim,
    data: str,
    seeds: Sequence[int],
    runs: Path,
    *,
    command: str,
    root: Path | None = None,
    images: int = IMAGES,
    overrides: Sequence[str] = (),
    show: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Run every arm of a claim with every seed, and return the record.

    Runs that are finished are taken as they are, and those that were stopped go on, so that a call can be repeated.

    Args:
        claim: what to run.
        data: one of its data sets.
        seeds: at least one.
        runs: folder of the run folders, which claims share.
        command: the command line that does the same, for the record.
        root: folder of the data, where its recipes do not know it.
        images: test images whose activity is counted, where there are so many; the record has those really counted.
        overrides: keys of the recipes with other values, for all arms; they are part of the record.
        show: prints a text.

    Raises:
        ConfigError: the claim has no such data set, or no seed is given.
        SynfireError: a run fails.
    """
    if data not in claim.data_sets:
        raise ConfigError(f"claim {claim.name} has no data {data!r}; choose one of {', '.join(claim.data_sets)}.")
    if not seeds:
        raise ConfigError(f"claim {claim.name} needs at least one seed.")
    if images < 1:
        raise ConfigError(f"claim {claim.name}: images is {images}; count at least 1.")
    given = [*overrides, *([] if root is None else ["--data.init_args.source.init_args.root", str(root)])]
    measured = []
    for seed in seeds:
        row = []
        for arm in claim.arms:
            run = _train(arm.recipes[data], seed, runs, given, show)
            row.append(measure(run, images))
        measured.append(row)
    findings = claim.judge(measured)
    return {
        "claim": claim.name,
        "says": claim.says,
        "source": claim.source,
        "data": data,
        "seeds": list(seeds),
        "images": min(run["images"] for row in measured for run in row),
        "overrides": list(overrides),
        "command": command,
        "environment": describe_environment(seeds[0]),
        "arms": [
            {"name": arm.name, "recipe": arm.recipes[data], "runs": [row[i] for row in measured]}
            for i, arm in enumerate(claim.arms)
        ],
        "findings": [finding.record() for finding in findings],
        "holds": claim.verdict(findings),
    }


def measure(run: RunFolder, images: int) -> dict[str, Any]:
    """Return what a finished run gave, and the activity and energy of its network on the first test images."""
    task, data = cast(tuple[Any, Any], restore(run.path))
    found = trace(task.model.eval(), _first_images(task, data, images))
    summary = run.read_summary() or {}
    return {
        "accuracy": 100 * summary["accuracy"],
        "chance": 100 / data.num_classes,
        "images": max(row.samples for row in found.rows),
        **{key: summary[key] for key in ("seed", "steps", "parameters", "epochs", "seconds")},
        **_sensor_time(summary),
        **{key: getattr(found, key) for key in ("events", "spikes", "arriving_events", "arriving_spikes")},
        **{key: getattr(found, key) for key in ("dense_macs", "effective_macs", "effective_acs")},
        "picojoules": {name: bill.picojoules for name, bill in bills(found).items()},
        "merges": _by_stage(found),
    }


def _train(name: str, seed: int, runs: Path, overrides: Sequence[str], show: Callable[[str], object]) -> RunFolder:
    path = find_recipe(name)
    recipe = Recipe.resolve(read_recipe(path), [*overrides, "--seed", str(seed)])
    folder = RunFolder(runs / f"{path.stem}-seed{seed}")
    begun = folder if folder.recipe.exists() else None
    return run_recipe(recipe, lambda: RunFolder.at(folder.path), begun, show=show)


def _first_images(task: Any, data: Any, images: int) -> list[Tensor]:
    data.prepare_data()
    data.setup("test")
    batches, left = [], images
    with torch.no_grad():
        for batch in data.test_dataloader():
            samples, _ = data.on_after_batch_transfer(batch, 0)
            part = samples[:left]
            batches.append(task.encode(part))
            left -= len(part)
            if left <= 0:
                break
    return batches


def _sensor_time(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the milliseconds of a recording that an answer takes in; nothing where the samples are no recordings."""
    step = summary.get("sensor_ms_per_step")
    return {} if step is None else {"sensor_ms": step * summary["steps"]}


def _by_stage(found: Trace) -> dict[str, list[float]]:
    """Return the mean activity of each merge by the module that holds its block: the avalanche profile."""
    stages: dict[str, list[float]] = {}
    for row in found.merges():
        stages.setdefault(".".join(row.name.split(".")[:2]), []).append(row.spikes / (row.neurons * row.steps))
    return stages
