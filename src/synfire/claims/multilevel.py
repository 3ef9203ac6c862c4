"""Claims of "All in one timestep" (A. Castagnetti et al., arXiv:2510.24637): multi-level neurons, Sparse-ResNet."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from synfire.claims.claim import Arm, Check, Claim, Measured

SOURCE = "A. Castagnetti et al., arXiv:2510.24637"
FOLDER = "multilevel_sparse_resnet"
VGG = "VGG-16, CIFAR-10"
# The widths and accesses that fit the energies of the paper, see docs/energy.md; with the fan-out that events have.
THEIRS = "memory-constant-16bit"
NOMINAL = f"{THEIRS}-nominal"  # with the fan-out of the paper's formulas


def _recipes(digits: str, fashion: str, cifar10: str) -> dict[str, str]:
    return {"digits": digits, "fashion": f"{FOLDER}/{fashion}", "cifar10": f"{FOLDER}/{cifar10}"}


MULTI_LEVEL = Arm("spikes 0..4, T = 1", _recipes("digits", "fashion-cnn4", "cifar10-vgg16"))
BINARY = Arm("binary, T = 4", _recipes("digits-binary", "fashion-cnn4-binary", "cifar10-vgg16-binary"))
QUANTISED = Arm(
    "ReLU of 0..4", _recipes("digits-quantised-ann", "fashion-cnn4-quantised-ann", "cifar10-vgg16-quantised-ann")
)
BARRIERS = Arm("with barriers", _recipes("digits-barriers", "fashion-narrow", "cifar10-sparse-resnet18"))
NO_BARRIERS = Arm(
    "without barriers",
    _recipes("digits-no-barriers", "fashion-narrow-no-barriers", "cifar10-sparse-resnet18-no-barriers"),
)


def points(runs: Sequence[Measured]) -> float:
    """Accuracy of the first arm minus that of the second, in percentage points."""
    return runs[0]["accuracy"] - runs[1]["accuracy"]


def ratio(key: str) -> Callable[[Sequence[Measured]], float]:
    """Return the ratio of the first arm to the second in one figure; NaN where the second is silent."""
    return lambda runs: runs[0][key] / runs[1][key] if runs[1][key] else math.nan


def energy(pricer: str, theirs: str = "") -> Callable[[Sequence[Measured]], float]:
    """Return the ratio of energies under a price list; `theirs` names another one for the second arm.

    NaN where that spends nothing.
    """

    def value(runs: Sequence[Measured]) -> float:
        ours, rival = runs[0]["picojoules"][pricer], runs[1]["picojoules"][theirs or pricer]
        return ours / rival if rival else math.nan

    return value


def grows(arm: int) -> Callable[[Sequence[Measured]], float]:
    """Return the share of steps from block to block inside a stage at which the mean activity of an arm grows."""

    def share(runs: Sequence[Measured]) -> float:
        steps = [b > a for stage in runs[arm]["merges"].values() for a, b in pairwise(stage)]
        return sum(steps) / len(steps)

    return share


ONE_STEP = Claim(
    "multilevel-one-step",
    "A network whose neurons fire 0..4 answers in one step as accurately as a binary one in four, for half the energy.",
    SOURCE,
    (MULTI_LEVEL, BINARY),
    (
        Check("accuracy difference, points", points, -1.0, at_most=False, published=-0.06, published_on=VGG),
        Check(f"energy ratio, {THEIRS}", energy(THEIRS), 0.55, published=0.52, published_on=VGG),
        Check(f"energy ratio, {NOMINAL}", energy(NOMINAL), published=0.52, published_on=VGG),
        Check("energy ratio, memory-fit-8bit", energy("memory-fit-8bit")),
        Check("energy ratio, operations-45nm-int8", energy("operations-45nm-int8")),
        Check("non-zero events ratio", ratio("events"), 0.75),
        Check("sum of spikes ratio", ratio("spikes")),
    ),
)
BARRIER = Claim(
    "barriers",
    "Barrier neurons after the additions of a residual network lower its activity by a fifth at equal accuracy.",
    SOURCE,
    (BARRIERS, NO_BARRIERS),
    (
        Check("accuracy difference, points", points, -1.0, at_most=False),
        Check("events that arrive at weights, ratio", ratio("arriving_events"), 0.85, published=0.8,
              published_on="spiking ResNets, image sets (an upper limit)"),
        Check("sum of spikes that arrive at weights, ratio", ratio("arriving_spikes"), 0.85),
        Check("events that leave neurons, ratio", ratio("events")),
        Check("sum of spikes that leave neurons, ratio", ratio("spikes")),
        Check(f"energy ratio, {THEIRS}", energy(THEIRS)),
        Check("activity grows inside stages without barriers, share of blocks", grows(1), 1.0, at_most=False),
        Check("activity grows inside stages with barriers, share of blocks", grows(0)),
    ),
)  # fmt: skip
QUANTISED_TWIN = Claim(
    "quantised-twin",
    "At one step a multi-level network computes what a ReLU network quantised to the same levels does; executed event "
    "by event it costs less than that network computed densely.",
    SOURCE + " (the comparison with this rival is ours)",
    (MULTI_LEVEL, QUANTISED),
    (
        Check("accuracy difference, points", points, -1.0, at_most=False),
        Check("non-zero events ratio", ratio("events")),
        Check(f"energy ratio, {THEIRS}, rival computed densely", energy(THEIRS), 1.0),
        Check(f"energy ratio, {THEIRS}, rival skips zeros", energy(THEIRS, f"{THEIRS}, skipping zeros")),
        Check("energy ratio, operations-45nm-int8, rival skips zeros",
              energy("operations-45nm-int8", "operations-45nm-int8, skipping zeros")),
    ),
)  # fmt: skip
