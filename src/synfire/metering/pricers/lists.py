"""Price lists: small TOML files, those of the package and the user's own."""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from synfire.base import ConfigError
from synfire.metering.pricers.bill import Bill
from synfire.metering.pricers.memory import Memory
from synfire.metering.pricers.operations import Operations
from synfire.metering.trace import Trace

Pricer = Callable[[Trace], Bill]
MODELS: dict[str, type[Operations] | type[Memory]] = {"operations": Operations, "memory": Memory}
FOLDER = Path(__file__).parent / "lists"
SKIPPING = ", skipping zeros"  # what the second bill of a conventional network adds to the name of its list


def price_lists() -> dict[str, Path]:
    """Return the price lists of the package by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)}


def pricer(name: str | Path, **options: Any) -> Pricer:
    """Return the pricer of a price list.

    A list names its `model` ("operations" or "memory") and that model's arguments, see `Operations` and `Memory`. It
    goes by its file's name, or by a `name` of its own, which must not be that of a list of the package:

        model = "operations"
        source = "data sheet of our chip, 28 nm"
        mac = 1.2
        ac = 0.3

    Args:
        name: one of `price_lists()`, or the path of a TOML file.
        **options: arguments that go before those of the list.

    Raises:
        ConfigError: the list is unknown, no TOML, has keys or values that its model does not take, or the name of a
            list of the package.
    """
    path = _find(name)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise ConfigError(f"price list {path} cannot be read: {err}.") from err
    model = values.pop("model", None)
    if not isinstance(model, str) or model not in MODELS:
        raise ConfigError(f"price list {path}: model is {model!r}; choose one of {', '.join(MODELS)}.")
    kinds = {field.name: field.type for field in fields(MODELS[model])}
    given = {"name": path.stem, **values, **options}
    for key, value in given.items():
        if key not in kinds:
            raise ConfigError(f"price list {path}: {key!r} is no key of {model}; there are {', '.join(kinds)}.")
        wanted: Any = kinds[key]
        if isinstance(value, bool) != (wanted is bool) or not isinstance(
            value, (int, float) if wanted is float else wanted
        ):
            raise ConfigError(f"price list {path}: {key} is {value!r}, but {wanted.__name__} was expected.")
    if given["name"].endswith(SKIPPING):
        raise ConfigError(f"price list {path}: names that end in {SKIPPING!r} are taken; rename the file or its name.")
    built_in = price_lists().get(given["name"])
    if built_in is not None and not path.samefile(built_in):
        raise ConfigError(
            f"price list {path}: {given['name']} is the name of a list of the package ({built_in}); rename the file "
            "or its name."
        )
    try:
        return MODELS[model](**given)
    except TypeError as err:
        missing = [f.name for f in fields(MODELS[model]) if f.name in ("mac", "ac") and f.name not in given]
        raise ConfigError(f"price list {path}: {' and '.join(missing)} are missing; give them in pJ.") from err


def bills(trace: Trace, lists: Iterable[str | Path] | None = None) -> dict[str, Bill]:
    """Return the bill of a trace under several price lists, by name.

    A conventional network, which is priced as it is computed densely, has a second bill under each list, "<name>,
    skipping zeros": the fair rival of an event-driven network.

    Args:
        trace: of any network.
        lists: names or paths, see `pricer`; by default all of the package. One that is given twice counts once.

    Raises:
        ConfigError: a list is unknown or invalid, or two files go by one name.
    """
    made: dict[str, Bill] = {}
    files: dict[str, Path] = {}
    for name in price_lists() if lists is None else lists:
        path, price = _find(name), pricer(name)
        bill = price(trace)
        first = files.setdefault(bill.pricer, path)
        if not path.samefile(first):
            raise ConfigError(
                f"price lists {first} and {path} both go by the name {bill.pricer!r}; rename one of the files or "
                "its name."
            )
        made[bill.pricer] = bill
        if not trace.spiking and isinstance(price, Operations | Memory):
            made[f"{bill.pricer}{SKIPPING}"] = replace(price, zero_skipping=True)(trace)
    return made


def _find(name: str | Path) -> Path:
    known = price_lists()
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    raise ConfigError(f"price list {str(name)!r} is unknown; there are {', '.join(known)}, or give a TOML file's path.")
