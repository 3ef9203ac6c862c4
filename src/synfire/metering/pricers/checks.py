"""What every energy of a price list must be."""

import sys

from synfire.base import ConfigError


def check_energies(name: str, **picojoules: float) -> None:
    """Raise a ConfigError that names the first energy that is not finite or below zero."""
    for key, value in picojoules.items():
        if not 0 <= value <= sys.float_info.max:
            raise ConfigError(
                f"{name}: {key} is {value} pJ, but a finite number that is not negative was expected; give the energy "
                "of the data sheet, in pJ."
            )
