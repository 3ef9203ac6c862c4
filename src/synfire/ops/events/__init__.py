"""Events, many recordings at once."""

from synfire.ops.events.batch import EventBatch

__all__ = ["EventBatch"]
