"""What is solved: Lightning modules with their loss and metrics."""

from synfire.base import need

need("lightning.pytorch", extra="train", purpose="synfire.tasks")

from synfire.tasks.classification import Classification  # noqa: E402 (the check above names the extra that is missing)

__all__ = ["Classification"]
