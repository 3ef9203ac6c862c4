"""From a checked recipe to a finished run, new or resumed."""

from collections.abc import Callable
from typing import Any

from synfire.base import RunError, read_json
from synfire.recipes.loading import stored_recipe
from synfire.recipes.recipe import Recipe
from synfire.training import RunFolder, train

# Options of the trainer that change what is shown, not what is learned.
_SHOWN = ("enable_progress_bar", "enable_model_summary", "log_every_n_steps", "logger", "profiler")


def run_recipe(
    recipe: Recipe,
    open_folder: Callable[[], RunFolder],
    begun: RunFolder | None = None,
    *,
    health: bool = True,
    show: Callable[[str], object] = print,
) -> RunFolder:
    """Train and test as a recipe says; a finished run is returned as it is, whatever it showed on the way.

    Args:
        recipe: what to do.
        open_folder: makes the folder of a new run.
        begun: the run to continue, or None for a new one.
        health: check every neuron layer on the first batch.
        show: prints a text.

    Raises:
        RunError: the run was begun with another recipe, or its folder cannot be read or written.
        SynfireError: a constructor refuses a value, or the data or the loss is unfit.
    """
    if begun is not None:
        # Resolved again, so that a key that is newer than the run has its default in both.
        stored = stored_recipe(begun, trust=recipe.trust)
        _check_same(recipe, stored, begun)
        if begun.read_summary() is not None and _training(stored) == _training(recipe):
            return begun
    task, data, options = recipe.build(_threads(begun))
    return train(
        task,
        data,
        open_folder if begun is None else lambda: begun,
        seed=recipe.seed,
        recipe=recipe.text(),
        options=options,
        keep=recipe.keep,
        resume_from=begun.checkpoint if begun is not None and begun.checkpoint.exists() else None,
        health=health,
        show=show,
    )


def _training(recipe: Recipe) -> dict[str, Any]:
    """Return the options of the trainer that decide when a run is finished and what it has learned."""
    return {key: value for key, value in (recipe.plain().get("trainer") or {}).items() if key not in _SHOWN}


def _threads(run: RunFolder | None) -> int | None:
    """Return how many threads a run began with."""
    threads = read_json(run.environment).get("threads") if run is not None and run.environment.exists() else None
    return threads if isinstance(threads, int) and threads > 0 else None


def _check_same(recipe: Recipe, stored: Recipe, run: RunFolder) -> None:
    """Raise if a run was trained with another recipe; only the trainer may change, for example to train longer."""
    old, new = _flat({**stored.plain(), "trainer": None}), _flat({**recipe.plain(), "trainer": None})
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if changed:
        key = changed[0]
        raise RunError(
            f"{run.path} was trained with {key} = {old.get(key)!r}, but now it is {new.get(key)!r} ({len(changed)} "
            "keys differ). Resume with the same recipe, or start another run without --resume."
        )


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{path}.{key}".lstrip(".")).items()}
    return {path: value}
