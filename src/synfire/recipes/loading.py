"""From a run folder back to what was trained."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from torch import nn

from synfire.base import RunError, load_weights
from synfire.recipes.catalogue import read_recipe
from synfire.recipes.recipe import Recipe
from synfire.training import RunFolder


def load(run: str | Path, trust: Iterable[str] = ()) -> nn.Module:
    """Return the trained network of a run folder, in evaluation mode, on the CPU.

    It maps encoded input (T, B, ...) to logits per step, (T, B, classes); `restore` also gives the task, whose
    `encode` makes that input, and the data.

    Args:
        run: the folder, such as "runs/digits-1".
        trust: packages beside synfire's own that its recipe may import from.

    Raises:
        RunError: the folder is no run, or its weights are missing or damaged.
        ConfigError: its recipe does not fit this version.
    """
    task, _ = restore(run, trust)
    return task.model.eval()


def restore(run: str | Path, trust: Iterable[str] = ()) -> tuple[Any, L.LightningDataModule]:
    """Return the task of a run folder, with its trained network as `model`, and its data; see `load`."""
    folder = RunFolder(Path(run))
    task: Any  # any task has a `model`, which its type does not say
    task, data, _ = stored_recipe(folder, trust=trust).instantiate()
    load_weights(task.model, folder.weights)
    return task, data


def stored_recipe(run: RunFolder, overrides: Sequence[str] = (), trust: Iterable[str] = ()) -> Recipe:
    """Return the recipe that a run was trained by, with overrides.

    Raises:
        RunError: the folder holds none.
        ConfigError: it is not valid.
    """
    return Recipe.resolve(stored_values(run), overrides, trust)


def stored_values(run: RunFolder) -> dict[str, Any]:
    """Return the recipe that a run was trained by, as plain values; errors as in `stored_recipe`."""
    if not run.recipe.is_file():
        raise RunError(f"{run.path} holds no recipe.yaml, so it is no run folder. `synfire report` lists runs/.")
    return read_recipe(run.recipe)
