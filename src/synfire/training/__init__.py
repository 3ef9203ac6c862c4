"""How a task is trained and kept: run folders, exact resume, health checks; Lightning does the loops."""

from synfire.base import need

need("lightning.pytorch", extra="train", purpose="synfire.training")

from synfire.training.checkpoint import SafeCheckpointIO  # noqa: E402 (the check above names the missing extra)
from synfire.training.health import HealthCheck, LayerHealth, check_health  # noqa: E402
from synfire.training.run import TRAINER_DEFAULTS, evaluate, train  # noqa: E402
from synfire.training.run_folder import RunFolder  # noqa: E402
from synfire.training.seeding import SeedSteps, seed_all  # noqa: E402
from synfire.training.thresholds import InitThresholds, init_thresholds  # noqa: E402

__all__ = [
    "TRAINER_DEFAULTS",
    "HealthCheck",
    "InitThresholds",
    "LayerHealth",
    "RunFolder",
    "SafeCheckpointIO",
    "SeedSteps",
    "check_health",
    "evaluate",
    "init_thresholds",
    "seed_all",
    "train",
]
