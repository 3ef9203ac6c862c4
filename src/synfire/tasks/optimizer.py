"""Which parameters decay, and how the learning rate runs over the steps."""

import math
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from synfire.base import ConfigError

SCHEDULES = ("cosine", "constant")


def weight_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Split the trainable parameters in groups of equal options; weights of convolutions and linear layers come first.

    All others have no weight decay: a threshold that decays saturates its layer, norms and biases gain nothing. A
    module with a method `optimizer_options` says what sets single parameters of its own apart, such as
    {self.log_step: {"lr": 1e-3, "weight_decay": 0.0}}; empty options put one with the weights.
    """
    options: dict[int, dict[str, Any]] = {}
    for m in module.modules():
        if isinstance(m, _ConvNd | nn.Linear):
            options[id(m.weight)] = {}
        own: Callable[[], dict[nn.Parameter, dict[str, Any]]] | None = getattr(m, "optimizer_options", None)
        if own is not None:
            options |= {id(parameter): chosen for parameter, chosen in own().items()}
    groups: dict[str, dict[str, Any]] = {str({}): {"params": []}}
    for parameter in module.parameters():
        if parameter.requires_grad:
            chosen = options.get(id(parameter), {"weight_decay": 0.0})
            groups.setdefault(str(chosen), {"params": [], **chosen})["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


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
