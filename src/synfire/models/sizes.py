"""A check that the models share."""

from collections.abc import Sequence
from numbers import Integral

from synfire.base import ConfigError


def check_sizes(who: str, **sizes: int | Sequence[int]) -> None:
    """Raise ConfigError unless every size, and every one of a list of sizes, is a whole number of at least 1."""
    for name, size in sizes.items():
        several = isinstance(size, Sequence)
        if not all(isinstance(one, Integral) and one >= 1 for one in (size if several else [size])):
            raise ConfigError(f"{who}: {name} {'are' if several else 'is'} {size}; give at least 1.")
