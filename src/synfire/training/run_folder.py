"""A run folder: what a training run leaves behind, and what it continues from.

    recipe.yaml              the resolved recipe
    environment.json         versions, machine and seed
    health.json              the verdict on every neuron layer before the first step
    metrics.jsonl            one line per epoch
    tensorboard/             the same as curves
    weights.safetensors      the network, for any program
    checkpoint/last.safetensors  the whole training state after the last epoch
    trace.json               what every layer did on the test images: events, operations, sizes
    test.json                confusion matrix, and a few samples with the spikes that they cause
    summary.json             accuracy, spikes and times; written last, so it marks a finished run

Every file is written whole or not at all, but for two that grow: metrics.jsonl gets a line at a time, and a line that a
kill or a full disk tore is dropped on resuming; tensorboard/ may lack its end, or repeat an epoch that was begun twice.
The checkpoint is replaced last in an epoch, so a kill leaves the state of the last finished one.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from synfire.base import VERSION, RunError, read_json, write_atomic, write_json

# Packages whose versions can change a number.
PACKAGES = ("torch", "lightning", "numpy", "numba", "kornia", "safetensors", "jsonargparse", "scikit-learn")


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Args:
        path: the folder, such as runs/digits-1.
    """

    path: Path

    @classmethod
    def new(cls, name: str, base: Path = Path("runs")) -> "RunFolder":
        """Make the folder <base>/<name>-<n> with the next free number.

        Raises:
            RunError: the folder cannot be made.
        """
        number = max((n for n, _ in _numbered(name, base)), default=0) + 1
        while True:
            folder = cls(base / f"{name}-{number}")
            if folder._make():
                return folder
            number += 1

    @classmethod
    def at(cls, path: Path) -> "RunFolder":
        """Make a folder of a given name for a new run.

        Raises:
            RunError: there is a run in it already, or it cannot be made.
        """
        folder = cls(path)
        if not folder._make() and any(path.iterdir() if path.is_dir() else [path]):
            raise RunError(
                f"{path} is there already and not empty. Continue its run with --resume, or choose another folder."
            )
        return folder

    @classmethod
    def latest(cls, name: str, base: Path = Path("runs")) -> "RunFolder":
        """Return the folder <base>/<name>-<n> with the highest number.

        Raises:
            RunError: there is none.
        """
        runs = sorted(_numbered(name, base))
        if not runs:
            raise RunError(f"no run of {name} in {base}, so there is nothing to resume. Start one without --resume.")
        return cls(runs[-1][1])

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, threads and seed."""
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        """One JSON record per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """The same for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def weights(self) -> Path:
        """State of the network."""
        return self.path / "weights.safetensors"

    @property
    def checkpoint(self) -> Path:
        """Whole state of the training after its last finished epoch."""
        return self.path / "checkpoint" / "last.safetensors"

    def record(self, name: str) -> Path:
        """What the test left beside the summary: "trace" or "test"."""
        return self.path / f"{name}.json"

    @property
    def summary(self) -> Path:
        """Results of a finished run."""
        return self.path / "summary.json"

    def begin(self, recipe: str, environment: dict[str, Any]) -> None:
        """Write what is known before training; a summary of an earlier, shorter training goes.

        Raises:
            RunError: the disk is full or the folder cannot be written.
        """
        self.summary.unlink(missing_ok=True)
        write_atomic(self.recipe, lambda file: file.write(recipe.encode()))
        write_json(self.environment, environment)

    def discard(self) -> None:
        """Take a run away whose training never began; what it did not write itself stays, and the folder with it."""
        for path in (self.recipe, self.environment, self.record("health")):
            path.unlink(missing_ok=True)
        for path in self.curves.glob("*"):
            if path.name == "hparams.yaml" or path.name.startswith("events.out.tfevents."):
                path.unlink(missing_ok=True)
        for folder in (self.curves, self.path):
            with suppress(OSError):  # not there, or not empty
                folder.rmdir()

    def read_summary(self) -> dict[str, Any] | None:
        """Return the results of a finished run, or None."""
        return read_json(self.summary) if self.summary.exists() else None

    def keep_epochs(self, count: int) -> None:
        """Drop from the metrics what an interrupted epoch wrote after epoch `count`."""
        if not self.metrics.exists():
            return
        lines = [line for line in self.metrics.read_bytes().splitlines() if _epoch_of(line) <= count]
        write_atomic(self.metrics, lambda file: file.write(b"".join(line + b"\n" for line in lines)))

    def _make(self) -> bool:
        """Make the folder; return False if it was there."""
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            return False
        except OSError as err:
            raise RunError(
                f"cannot make the folder {self.path}: {err.strerror or err}. Choose another one with --run."
            ) from err
        return True


def describe_environment(seed: int) -> dict[str, Any]:
    """Return what besides the recipe can change a result: versions, machine, threads, seed."""
    versions = {"synfire": VERSION}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "seed": seed,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
        "versions": versions,
    }


def _numbered(name: str, base: Path) -> Iterator[tuple[int, Path]]:
    for path in base.glob(f"{name}-*"):
        if match := re.fullmatch(re.escape(Path(name).name) + r"-(\d+)", path.name):
            yield int(match[1]), path


def _epoch_of(line: bytes) -> float:
    try:
        return json.loads(line)["epoch"]
    except (ValueError, KeyError, TypeError):
        return float("inf")
