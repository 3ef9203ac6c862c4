"""Which parameters decay, and how the learning rate runs over the steps."""

import math
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from synfire.base import ConfigError

SCHEDULES = ("cosine", "constant")


def weight_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Split the trainable parameters in two groups: weights of convolutions and linear layers, and all others.

    The second group has no weight decay: a threshold that decays saturates its layer, norms and biases gain nothing.
    """
    weights = {id(m.weight) for m in module.modules() if isinstance(m, _ConvNd | nn.Linear)}
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) in weights]},
        {"params": [p for p in trained if id(p) not in weights], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def check_schedule(schedule: str, warm_up_epochs: float) -> None:
    """Raise a ConfigError for a schedule that does not exist or a warm-up of negative length."""
    if schedule not in SCHEDULES:
        raise ConfigError(f"schedule is {schedule!r}; choose one of {', '.join(SCHEDULES)}.")
    if not 0 <= warm_up_epochs < math.inf:
        raise ConfigError(f"warm_up_epochs is {warm_up_epochs}; give a number of epochs of at least 0.")


def learning_rate_factor(step: int, *, schedule: str, total: float, warm_up: float) -> float:
    """Factor of the learning rate at a step: (step + 1) / warm_up while that is below 1, then the schedule's.

    "constant" stays at 1; "cosine" is (1 + cos(pi (step - warm_up) / (total - warm_up))) / 2.
    """
    if step < warm_up:
        return min(1.0, (step + 1) / warm_up)
    if schedule == "constant" or total <= warm_up:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / (total - warm_up))))


def scheduler(optimizer: Optimizer, *, schedule: str, total: float, warm_up: float) -> LambdaLR:
    """Return the scheduler of `learning_rate_factor`, to be stepped after every batch.

    Raises:
        ConfigError: the cosine has no end, because the number of steps is unlimited.
    """
    if schedule == "cosine" and not math.isfinite(total):
        raise ConfigError(
            "the cosine schedule needs an end, but max_epochs and max_steps are both unlimited. "
            "Set trainer.max_epochs, or schedule: constant."
        )
    return LambdaLR(optimizer, lambda step: learning_rate_factor(step, schedule=schedule, total=total, warm_up=warm_up))
