"""The choices that make a neuron of the family, apart from the numbers that may be learned."""

import json
import math
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from numbers import Real

from synfire.base import ConfigError
from synfire.ops.spike import Surrogate
from synfire.ops.spike.checks import check_levels

RESETS = ("subtract", "zero", "none")


@dataclass(frozen=True, kw_only=True)
class NeuronSpec:
    """How a neuron fires, resets, starts and passes gradients. Its leak and threshold are numbers beside it.

    Attributes:
        levels: ascending positions of the firing levels, in units of the threshold; (1.0,) is a binary neuron,
            (1.0, ..., N) the uniform multi-level one.
        signed: also fire negative spikes, mirrored.
        reset: "subtract" takes the potential of the level that fired away, "zero" clears it, "none" keeps it.
        detach_reset: whether the gradient ignores the path through the reset.
        through_time: whether the gradient follows the potential back to earlier steps; without, each step learns from
            its own spikes alone (spatial learning through time, arXiv:2302.14311).
        floor_at_zero: whether a negative potential is raised to zero after each step.
        initial: potential before the first step, in units of the threshold; 0.5 makes levels round, 0 truncate.
        surrogate: slope that stands in for the derivative of the firing steps.
        key: all of the above as text, for operators that take no objects; `spec_of` reads it.

    Raises:
        ConfigError: a value is out of its range.
    """

    levels: tuple[float, ...] = (1.0,)
    signed: bool = False
    reset: str = "subtract"
    detach_reset: bool = True
    through_time: bool = True
    floor_at_zero: bool = False
    initial: float = 0.0
    surrogate: Surrogate = field(default_factory=Surrogate)
    key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", check_levels(self.levels, "NeuronSpec"))
        if self.reset not in RESETS:
            raise ConfigError(f"NeuronSpec: reset {self.reset!r} is unknown; choose one of {', '.join(RESETS)}.")
        if not math.isfinite(self.initial):
            raise ConfigError(
                f"NeuronSpec: initial is {self.initial}; give a finite number of thresholds, such as 0.5."
            )
        if self.floor_at_zero and self.signed:
            raise ConfigError("NeuronSpec: floor_at_zero removes what a signed neuron fires on; choose one of them.")

        object.__setattr__(self, "key", json.dumps({k: v for k, v in asdict(self).items() if k != "key"}))

    @property
    def uniform(self) -> bool:
        """Whether the levels are 1, 2, ..., N."""
        return self.levels == tuple(float(k) for k in range(1, len(self.levels) + 1))


@lru_cache(maxsize=1024)
def spec_of(key: str) -> NeuronSpec:
    """Return the spec whose `key` this is."""
    values = json.loads(key)
    return NeuronSpec(**{**values, "levels": tuple(values["levels"]), "surrogate": Surrogate(**values["surrogate"])})


def uniform_levels(count: int) -> tuple[float, ...]:
    """Return the positions 1, ..., count of equally spaced levels.

    Raises:
        ConfigError: count is no whole number, or below 1.
    """
    if not isinstance(count, Real) or not 1 <= count < math.inf or count != int(count):
        raise ConfigError(f"levels is {count!r}; a neuron needs a whole number of levels, at least 1 (binary).")
    return tuple(float(k) for k in range(1, int(count) + 1))
