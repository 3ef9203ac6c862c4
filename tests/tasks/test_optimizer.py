import math

import pytest
import torch
from torch import nn

from synfire.base import ConfigError
from synfire.models import sparse_resnet_narrow
from synfire.tasks.optimizer import check_schedule, learning_rate_factor, scheduler, weight_groups


def test_only_weights_of_synapses_decay() -> None:
    net = sparse_resnet_narrow(widths=(4,), depths=(1,), learn_threshold=True)
    names = {id(p): name for name, p in net.named_parameters()}
    decayed, rest = ([names[id(p)] for p in group["params"]] for group in weight_groups(net))
    assert len(decayed) + len(rest) == len(names)
    assert all(name.endswith("weight") for name in decayed)
    assert "head.1.weight" in decayed
    assert {"head.1.bias", "stem.0.1.weight", "stem.1._threshold"} <= set(rest)
    assert [group.get("weight_decay") for group in weight_groups(net)] == [None, 0.0]


def test_frozen_parameters_are_left_out() -> None:
    net = nn.Linear(2, 2).requires_grad_(False)
    assert weight_groups(net) == []


@pytest.mark.parametrize(
    ("schedule", "warm_up", "step", "factor"),
    [
        pytest.param("cosine", 0, 0, 1.0, id="starts at once"),
        pytest.param("cosine", 0, 50, 0.5, id="half way"),
        pytest.param("cosine", 0, 100, 0.0, id="ends at zero"),
        pytest.param("cosine", 20, 0, 0.05, id="first step of the warm-up"),
        pytest.param("cosine", 20, 19, 1.0, id="last step of the warm-up"),
        pytest.param("cosine", 20, 60, 0.5, id="the cosine spans what the warm-up leaves"),
        pytest.param("cosine", 100, 100, 1.0, id="nothing left after the warm-up"),
        pytest.param("constant", 10, 99, 1.0, id="constant"),
    ],
)
def test_learning_rate_by_hand(schedule: str, warm_up: float, step: int, factor: float) -> None:
    got = learning_rate_factor(step, schedule=schedule, total=100, warm_up=warm_up)
    assert got == pytest.approx(factor, abs=1e-12)


def test_bad_schedules() -> None:
    with pytest.raises(ConfigError, match="schedule is 'linear'; choose one of cosine, constant"):
        check_schedule("linear", 0)
    with pytest.raises(ConfigError, match="warm_up_epochs is -1"):
        check_schedule("cosine", -1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
    with pytest.raises(ConfigError, match=r"needs an end, .* Set trainer.max_epochs"):
        scheduler(optimizer, schedule="cosine", total=math.inf, warm_up=0)
