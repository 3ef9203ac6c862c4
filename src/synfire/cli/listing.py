"""What there is: recipes, models and neurons, as text. Imports no training."""

import inspect

import synfire
from synfire.models import ZOO
from synfire.neurons import Neuron
from synfire.recipes.catalogue import first_comment, shipped
from synfire.report import text_table


def listing(what: str | None = None) -> str:
    """Return names and a line for each, of "recipes", "models", "neurons" or all three."""
    kinds = {"recipes": _recipes, "models": _models, "neurons": _neurons}
    return "\n\n".join(text_table([kind, ""], kinds[kind]()) for kind in ([what] if what else kinds))


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
