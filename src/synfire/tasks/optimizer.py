"""Which parameters decay and at which rate they learn, and how the learning rate runs over the steps."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from synfire.base import ConfigError
from synfire.tasks.activity import NEURONS

SCHEDULES = ("cosine", "constant")


def parameter_groups(module: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Split the trainable parameters into "weights" (of convolutions and linear layers), "neurons" and "others".

    Only weights should decay: a threshold that decays saturates its layer, and norms and biases gain nothing from it.
    Neurons' own parameters (thresholds, leaks) get the summed gradient of all values of a layer.
    """
    weights = {id(m.weight) for m in module.modules() if isinstance(m, _ConvNd | nn.Linear)}
    neurons = {id(p) for m in module.modules() if isinstance(m, NEURONS) for p in m.parameters()}
    groups: dict[str, list[nn.Parameter]] = {"weights": [], "neurons": [], "others": []}
    for p in module.parameters():
        if p.requires_grad:
            groups["weights" if id(p) in weights else "neurons" if id(p) in neurons else "others"].append(p)
    return groups


def make_optimizer(module: nn.Module, make: Callable[[Iterable], Optimizer], neuron_rate: float) -> Optimizer:
    """Build an optimizer over the groups: no decay but for weights, the neurons' learning rate times `neuron_rate`."""
    groups = {name: parameters for name, parameters in parameter_groups(module).items() if parameters}
    optimizer = make([_group(name, parameters) for name, parameters in groups.items()])
    for name, group in zip(groups, optimizer.param_groups, strict=True):
        if name == "neurons":
            group["lr"] *= neuron_rate
    return optimizer


def _group(name: str, parameters: list[nn.Parameter]) -> dict[str, Any]:
    return {"params": parameters} if name == "weights" else {"params": parameters, "weight_decay": 0.0}


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
    return LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, schedule=schedule, total=total, warm_up=warm_up)
    )
