"""Recipes: where they are, what they say of themselves, and how their text is read."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from synfire.base import ConfigError

RECIPES = Path(__file__).parent


def shipped() -> dict[str, Path]:
    """Return the recipes of the package by name: their path below recipes/, without the ending."""
    return {path.relative_to(RECIPES).with_suffix("").as_posix(): path for path in sorted(RECIPES.rglob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """Return the file of a recipe: a path to a YAML file, a name, or the last part of a name if it is the only one.

    Raises:
        ConfigError: there is none, or several.
    """
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ConfigError(f"recipe {name} does not exist. Check the path, or choose from `synfire list recipes`.")
        return Path(name)
    recipes = shipped()
    if name in recipes:
        return recipes[name]
    matches = [full for full in recipes if full.rpartition("/")[2] == name]
    if len(matches) == 1:
        return recipes[matches[0]]
    if matches:
        raise ConfigError(f"recipe {name} could be {' or '.join(matches)}; give the whole name.")
    near = difflib.get_close_matches(name, [*recipes, *(full.rpartition("/")[2] for full in recipes)], 1)
    raise ConfigError(
        f"recipe {name!r} is unknown{hint(near)}. There are {', '.join(recipes)}; or give the path of a YAML file."
    )


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a YAML file with the safe loader: plain values alone, no objects.

    Raises:
        ConfigError: the file cannot be read, is no YAML, asks for an object or is no mapping.
    """
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"recipe {path} cannot be read: {err}.") from err
    except yaml.YAMLError as err:
        raise ConfigError(f"recipe {path} is no plain YAML: {' '.join(str(err).split())}.") from err
    if not isinstance(recipe, dict):
        raise ConfigError(
            f"recipe {path} holds a {type(recipe).__name__}, but keys such as task, data and trainer were expected; "
            "see `synfire train digits --print-recipe` for an example."
        )
    return recipe


def first_comment(path: Path) -> str:
    """Return the first line of a recipe without its comment sign."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def hint(near: Sequence[str]) -> str:
    """Return ", perhaps ... was meant" for near matches, or nothing."""
    return f", perhaps {' or '.join(near)} was meant" if near else ""
