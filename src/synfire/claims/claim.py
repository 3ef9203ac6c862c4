"""What a claim is made of; running it is in `running`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

Measured = Mapping[str, Any]  # what one run of one arm gave, see `running.measure`
IMAGES = 1000  # test images to count activity on, where nobody says how many
LEARNED = 2.0  # a run has learned something if its accuracy is above so many times chance


def has_learned(run: Measured) -> bool:
    """Return whether a run is clearly above chance."""
    return run["accuracy"] > LEARNED * run["chance"]


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Attributes:
        name: what it is, such as "spikes 0..4, T = 1".
        recipes: the recipe for each data set.
    """

    name: str
    recipes: Mapping[str, str]


@dataclass(frozen=True)
class Check:
    """One figure of a claim.

    Attributes:
        says: what is compared, with its unit.
        value: computes it from the runs of all arms with one seed, in the claim's order.
        bound: limit of the mean over the seeds, or None where a figure is only reported.
        at_most: whether the limit is an upper one.
        published: the same figure in the source, or None.
        published_on: network and data set of the published figure.
    """

    says: str
    value: Callable[[Sequence[Measured]], float]
    bound: float | None = None
    at_most: bool = True
    published: float | None = None
    published_on: str = ""

    def holds(self, value: float) -> bool | None:
        """Return whether a value keeps within the bound; None where there is none."""
        if self.bound is None:
            return None
        return value <= self.bound if self.at_most else value >= self.bound


@dataclass(frozen=True)
class Claim:
    """A published comparison.

    Attributes:
        name: of the command `synfire claim NAME`.
        says: the claim in one sentence.
        source: paper.
        arms: the networks that are compared, all trained with the same seeds and budget.
        checks: the figures; the claim holds if all that have a bound do; nothing is decided where a run learned
            nothing.
    """

    name: str
    says: str
    source: str
    arms: tuple[Arm, ...]
    checks: tuple[Check, ...]

    @property
    def data_sets(self) -> tuple[str, ...]:
        """Names of the data sets that every arm has a recipe for, the smallest first."""
        return tuple(name for name in self.arms[0].recipes if all(name in arm.recipes for arm in self.arms))

    def judge(self, runs: Sequence[Sequence[Measured]]) -> tuple["Finding", ...]:
        """Compute every check; runs has an entry per seed, with one run of each arm."""
        decided = all(has_learned(run) for seed in runs for run in seed)
        return tuple(Finding.of(check, [check.value(seed) for seed in runs], decided) for check in self.checks)

    @staticmethod
    def verdict(findings: Sequence["Finding"]) -> bool | None:
        """Return whether the claim holds by its findings; None where nothing is decided."""
        bounded = [finding.holds for finding in findings if finding.check.bound is not None]
        return None if None in bounded else all(bounded)


@dataclass(frozen=True)
class Finding:
    """One check with its figures.

    Attributes:
        check: what was checked.
        values: one per seed.
        mean: of the values.
        spread: largest minus smallest.
        holds: whether the mean keeps within the bound; None where there is no bound, or where a run learned nothing.
    """

    check: Check
    values: tuple[float, ...]
    mean: float
    spread: float
    holds: bool | None

    @classmethod
    def of(cls, check: Check, values: Sequence[float], decided: bool = True) -> "Finding":
        """Judge the values of all seeds, if they decide anything."""
        middle = mean(values)
        return cls(check, tuple(values), middle, max(values) - min(values), check.holds(middle) if decided else None)

    def record(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        check = self.check
        return {
            "says": check.says,
            "published": check.published,
            "published_on": check.published_on,
            "values": list(self.values),
            "mean": self.mean,
            "spread": self.spread,
            "bound": check.bound,
            "at_most": check.at_most,
            "holds": self.holds,
        }
