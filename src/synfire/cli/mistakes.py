"""One line for each mistake in a recipe, made of the paragraphs that jsonargparse writes of it."""

import difflib
import importlib
import re
from collections.abc import Iterable

import jsonargparse

from synfire.cli.catalogue import hint


def explain(err: Exception, parser: jsonargparse.ArgumentParser, allowed: Iterable[str]) -> str:
    """Return what is wrong, what was expected and how to mend it.

    Args:
        err: what the parser raised.
        parser: the parser.
        allowed: the packages that a class path may name.
    """
    text = str(err)
    where = ".".join(re.findall(r'Parser key "([^"]+)"', text))
    at = f"{where}: " if where else ""
    classes = re.findall(r"(?:class_path '|class_path=')([\w.]+)'", text)
    if found := re.search(r"Importing '([\w.]+)' is not allowed", text):
        package = found[1].partition(".")[0]
        return (
            f"{at}{found[1]} is not allowed; a recipe may name classes of {', '.join(allowed)}. "
            f"If you know the recipe and trust that package, add --trust {package}."
        )
    if found := re.search(r"(?:Group '([\w.]+)' does not accept o|O)ption '([^']+)'", text):
        group, key = found.groups()
        if group:
            owner, names = f" of {group}", _names_in_group(group, parser)
        elif classes:
            owner, names = f" of {classes[-1]}", _names_of(classes[-1])
        else:
            owner, names = " of a recipe", sorted(parser.get_defaults().as_dict())
        valid = f" Valid keys: {', '.join(names)}." if names else ""
        return f"{at}{key!r} is no key{owner}{hint(difflib.get_close_matches(key, names, 2))}.{valid}"
    if found := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", text):
        names = [name for name in dir(importlib.import_module(found[1])) if not name.startswith("_")]
        return f"{at}{found[1]} has no {found[2]}{hint(difflib.get_close_matches(found[2], names, 2))}."
    if found := re.search(r"arguments are required: ([\w., ]+)", text):
        return f"{at}{found[1]} is missing; add it to the recipe."
    if found := re.search(r"unrecognized arguments: --([\w-]+)([\w.-]*)", text):
        group, key = found[1], found[2].lstrip(".")
        near = [f"--{group}.{name}" for name in difflib.get_close_matches(key, _names_in_group(group, parser), 2)]
        return f"--{group}{found[2]} is no option{hint(near)}; `synfire train --all-options` shows every key of a recipe."
    if found := re.search(r"Import path ([\w.]+) does not correspond to a subclass of (\w+)", text):
        return f"{at}{found[1]} is no {found[2]}; name a class that is one, or a function that returns one."
    if found := re.search(r"Not a valid subclass of (\w+)\. Got value: (.+)", text):
        return f"{at}the value is {found[2]}, but the path of a {found[1]} was expected, such as package.Class."
    given = re.findall(r"(?:Given value|Got value): (?:NestedArg\(key='\w+', val=)?(.+?)\)?$", text, re.MULTILINE)
    expected = [_readable(e) for e in re.findall(r"[Ee]xpected an? (.+?)(?:\. Got value.*)?$", text, re.MULTILINE)]
    kinds = dict.fromkeys(kind for kind in expected if not kind.startswith("path but"))
    if given and kinds:
        return f"{at}the value is {given[-1]}, but {' or '.join(kinds)} was expected."
    return at + " ".join(re.sub(r'Parser key "[^"]+":', "", text).split())


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


def _readable(kind: str) -> str:
    """Turn "<class 'int'>" into "int" and "typing.Literal['a', 'b']" into "'a', 'b'"."""
    if found := re.fullmatch(r"<class '(?:\w+\.)*(\w+)'>", kind):
        return {"NoneType": "null"}.get(found[1], found[1])
    if found := re.fullmatch(r"typing\.Literal\[(.+)\]", kind):
        return f"one of {found[1]}"
    return kind
