import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from synfire.layers import BatchNorm2d, Conv2d, Flatten, Linear
from synfire.models import sparse_resnet_narrow, twin
from synfire.neurons import IF, LIF, MultiLevelIF, Neuron, Surrogate
from synfire.training import check_health
from synfire.training.health import describe


def loss(out: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(out.mean(0), torch.arange(out.shape[1]) % out.shape[2])


def judge(neuron: nn.Module, scale: float = 1.0):
    torch.manual_seed(0)
    net = nn.Sequential(neuron, Flatten(), Linear(16, 3))
    [layer] = check_health(net, scale * torch.randn(2, 8, 4, 4), loss)
    return layer


@pytest.mark.parametrize(
    ("neuron", "scale", "verdict", "advice"),
    [
        pytest.param(LIF(threshold=1.0), 1.0, "healthy", "", id="healthy"),
        pytest.param(LIF(threshold=100.0), 1.0, "silent", "divide its threshold by", id="threshold too high"),
        pytest.param(LIF(), 0.01, "silent", "divide its threshold by", id="currents too small"),
        pytest.param(MultiLevelIF(2, threshold=0.001), 1.0, "healthy", "", id="half of the currents are negative"),
        pytest.param(
            IF(surrogate=Surrogate("rectangle", width=1e-6)),
            1.0,
            "no gradient",
            "widen rectangle(1e-06)",
            id="surrogate too narrow",
        ),
    ],
)
def test_verdicts(neuron: nn.Module, scale: float, verdict: str, advice: str) -> None:
    layer = judge(neuron, scale)
    assert (layer.verdict, layer.advice[: len(advice)]) == (verdict, advice)


def test_following_the_advice_wakes_a_silent_layer() -> None:
    layer = judge(IF(threshold=50.0))
    factor = float(layer.advice.rpartition(" ")[2])
    assert judge(IF(threshold=50.0 / factor)).density > 0.03


def test_saturated_and_negative() -> None:
    net = nn.Sequential(MultiLevelIF(4), Flatten(), Linear(16, 3))
    [layer] = check_health(net, torch.full((2, 8, 4, 4), 40.0), loss)
    assert (layer.verdict, layer.saturation, layer.density) == ("saturated", 1.0, 1.0)
    assert layer.advice.startswith("multiply its threshold by 10")
    [layer] = check_health(net, torch.full((2, 8, 4, 4), -40.0), loss)
    assert (layer.verdict, layer.advice[:26]) == ("silent", "its currents are negative:")


def test_it_leaves_no_trace() -> None:
    net = nn.Sequential(Conv2d(1, 2, 3), BatchNorm2d(2), LIF(), nn.Dropout(0.5), Flatten(), Linear(8, 3))
    net.eval()
    net[0].requires_grad_(False)
    x, before = torch.randn(2, 6, 1, 4, 4), copy.deepcopy(net.state_dict())
    random = torch.get_rng_state()
    [layer] = check_health(net, x, loss)
    assert layer.gradient > 0  # also behind a frozen layer
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in net.parameters())
    assert not any(module.training for module in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


class Square(Neuron):
    """A user's neuron, which has neither threshold nor levels."""

    def charge(self, v: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return v + x**2


def test_users_neurons_and_whole_models() -> None:
    assert judge(Square()).verdict == "healthy"
    assert judge(Square(), 0.001).verdict == "silent"
    net = sparse_resnet_narrow(3, widths=(4, 8), depths=(1, 1), in_channels=1)
    for each in (net, twin(net, "relu"), twin(net, "quantised")):
        report = check_health(each, torch.randn(1, 12, 1, 8, 8), loss)
        assert len(report) == 8
        assert {layer.verdict for layer in report} == {"healthy"}
        assert describe(report).startswith("health: 8 of 8 neuron layers healthy on the first batch")


def test_the_table_names_what_to_change() -> None:
    net = nn.Sequential(LIF(threshold=100.0), Flatten(), Linear(16, 3))
    text = describe(check_health(net, torch.randn(1, 8, 4, 4), loss))
    assert "0 of 1 neuron layers healthy" in text
    assert "silent" in text.splitlines()[-1]
    assert "divide its threshold by" in text.splitlines()[-1]
    assert describe([]) == "health: no neuron layers to look at"
