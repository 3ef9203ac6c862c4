"""One line for each mistake in a recipe, made of the paragraphs that jsonargparse writes of it."""

import difflib
import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jsonargparse

from synfire.recipes.catalogue import hint


@dataclass(frozen=True)
class _Place:
    """Where in a recipe the mistake is.

    Attributes:
        parser: the parser of the recipe.
        allowed: the packages that a class path may name.
        classes: the class paths on the way, outermost first.
    """

    parser: jsonargparse.ArgumentParser
    allowed: Sequence[str]
    classes: Sequence[str]


def explain(err: Exception, parser: jsonargparse.ArgumentParser, allowed: Sequence[str]) -> str:
    """Return what is wrong, what was expected and how to mend it.

    Args:
        err: what the parser raised.
        parser: the parser of the recipe.
        allowed: the packages that a class path may name.
    """
    text = str(err)
    where = ".".join(re.findall(r'Parser key "([^"]+)"', text))
    place = _Place(parser, allowed, re.findall(r"class_path[=' ]+([\w.]+)'", text))
    for pattern, say in _MISTAKES:
        if found := re.search(pattern, text):
            return f"{where}: {say(found, place)}" if where else say(found, place)
    return f"{where}: {_value(text)}" if where else _value(text)


def _not_allowed(found: re.Match[str], place: _Place) -> str:
    path, package = found[1], found[1].partition(".")[0]
    return (
        f"{path} is not allowed; a recipe may name classes of {', '.join(place.allowed)}. "
        f"If you know the recipe and trust that package, add --trust {package}."
    )


def _unknown_key(found: re.Match[str], place: _Place) -> str:
    group, key = found.groups()
    if group:
        owner, names = group, _names_in_group(group, place.parser)
    elif place.classes:
        owner, names = place.classes[-1], _names_of(place.classes[-1])
    else:
        owner, names = "a recipe", sorted(place.parser.get_defaults().as_dict())
    valid = f" Valid keys: {', '.join(names)}." if names else ""
    return f"{key!r} is no key of {owner}{hint(difflib.get_close_matches(key, names, 2))}.{valid}"


def _unknown_option(found: re.Match[str], place: _Place) -> str:
    group, key = found.groups()
    near = difflib.get_close_matches(key.lstrip("."), _names_in_group(group, place.parser), 2)
    return (
        f"--{group}{key} is no option{hint([f'--{group}.{name}' for name in near])}; "
        "`synfire train --all-options` shows every key of a recipe."
    )


def _unknown_class(found: re.Match[str], place: _Place) -> str:
    module, name = found.groups()
    names = [each for each in dir(importlib.import_module(module)) if not each.startswith("_")]
    return f"{module} has no {name}{hint(difflib.get_close_matches(name, names, 2))}."


def _wrong_class(found: re.Match[str], place: _Place) -> str:
    return f"{found[1]} is no {found[2]}; name a class that is one, or a function that returns one."


def _no_class(found: re.Match[str], place: _Place) -> str:
    return f"the value is {found[2]}, but the path of a {found[1]} was expected, such as package.Class."


def _missing(found: re.Match[str], place: _Place) -> str:
    return f"{found[1]} is missing; add it to the recipe."


# The first that fits speaks; an import that is not allowed may show up inside any other complaint.
_MISTAKES: tuple[tuple[str, Callable[[re.Match[str], _Place], str]], ...] = (
    (r"Importing '([^']+)' is not allowed", _not_allowed),
    (r"(?:Group '([\w.]+)' does not accept o|O)ption '([^']+)'", _unknown_key),
    (r"module '([\w.]+)' has no attribute '(\w+)'", _unknown_class),
    (r"arguments are required: ([\w., ]+)", _missing),
    (r"unrecognized arguments: --([\w-]+)([\w.-]*)", _unknown_option),
    (r"Import path ([\w.]+) does not correspond to a subclass of (\w+)", _wrong_class),
    (r"Not a valid subclass of (\w+)\. Got value: (.+)", _no_class),
)


def _value(text: str) -> str:
    """Say what a value is and should be, from all the types that it was tried for; else, the text in one line."""
    given = re.findall(r"(?:Given value|Got value): (?:NestedArg\(key='\w+', val=)?(.+?)\)?$", text, re.MULTILINE)
    tried = re.findall(r"[Ee]xpected an? (.+?)(?:\. Got value.*)?$", text, re.MULTILINE)
    kinds = dict.fromkeys(_readable(kind) for kind in tried if not kind.startswith("path but"))
    if given and kinds:
        return f"the value is {given[-1]}, but {' or '.join(kinds)} was expected."
    return " ".join(re.sub(r'Parser key "[^"]+":', "", text).split())


def _readable(kind: str) -> str:
    """Turn "<class 'int'>" into "int" and "typing.Literal['a', 'b']" into "one of 'a', 'b'"."""
    if found := re.fullmatch(r"<class '(?:\w+\.)*(\w+)'>", kind):
        return {"NoneType": "null"}.get(found[1], found[1])
    if found := re.fullmatch(r"typing\.Literal\[(.+)\]", kind):
        return f"one of {found[1]}"
    return kind


def _names_in_group(group: str, parser: jsonargparse.ArgumentParser) -> list[str]:
    """Names of a group of the recipe, such as trainer; a group inside a class is not looked up."""
    values = parser.get_defaults().get(group)
    return sorted(values.as_dict()) if isinstance(values, jsonargparse.Namespace) else []


def _names_of(path: str) -> list[str]:
    """Names of the parameters of a class or function, which the parser has imported by now."""
    module, _, name = path.rpartition(".")
    thing = getattr(importlib.import_module(module), name)
    reader = jsonargparse.ArgumentParser(exit_on_error=False, print_config=None)
    read = reader.add_class_arguments if isinstance(thing, type) else reader.add_function_arguments
    return [key.partition(".")[0] for key in read(thing, fail_untyped=False)]
