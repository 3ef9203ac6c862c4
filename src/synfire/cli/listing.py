"""What there is: recipes, models, neurons and runs, as text. Imports no training."""

import inspect
from collections.abc import Sequence
from pathlib import Path

import synfire
from synfire.base import ConfigError
from synfire.models import ZOO
from synfire.neurons import Neuron
from synfire.recipes.catalogue import first_comment, shipped
from synfire.report import RUN_COLUMNS, run_rows, text_table

RUNS = Path("runs")


def listing(what: str | None = None) -> str:
    """Return names and a line for each, of "recipes", "models", "neurons" or all three."""
    kinds = {"recipes": _recipes, "models": _models, "neurons": _neurons}
    return "\n\n".join(text_table([kind, ""], kinds[kind]()) for kind in ([what] if what else kinds))


def report(runs: Sequence[Path]) -> str:
    """Return a table over runs; without names, over all in runs/.

    Raises:
        ConfigError: there is no run.
    """
    found = list(runs) or sorted(path for path in RUNS.glob("*") if path.is_dir())
    if not found:
        raise ConfigError(f"there is no run in {RUNS}/. Train one with `synfire train digits`, or name run folders.")
    rows = run_rows(found)
    remarks = any(row[-1] for row in rows)
    head = ["run", *RUN_COLUMNS, *(["remark"] if remarks else [])]
    return text_table(head, rows if remarks else [row[:-1] for row in rows])


def _recipes() -> list[list[str]]:
    return [[name, first_comment(path)] for name, path in shipped().items()]


def _models() -> list[list[str]]:
    return [[name, _first_line(build)] for name, build in ZOO.items()]


def _neurons() -> list[list[str]]:
    public = [getattr(synfire, name) for name in synfire.__all__ if name[0].isupper()]
    neurons = [kind for kind in public if inspect.isclass(kind) and issubclass(kind, Neuron) and kind is not Neuron]
    return [[kind.__name__, _first_line(kind)] for kind in neurons]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]
