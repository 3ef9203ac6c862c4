"""What is solved: Lightning modules with their loss and metrics."""

from synfire.base import need

need("lightning.pytorch", extra="train", purpose="synfire.tasks")

from synfire.tasks.classification import Classification  # noqa: E402 (the check above names the extra that is missing)
from synfire.tasks.dynamics_fit import DynamicsFit  # noqa: E402
from synfire.tasks.language_modelling import LanguageModelling  # noqa: E402
from synfire.tasks.task import Task  # noqa: E402

__all__ = ["Classification", "DynamicsFit", "LanguageModelling", "Task"]
