"""The counts of the package neurobench, on networks that it can read, are ours.

It asks for packages that synfire does not want; `pip install --no-deps neurobench` and `pip install snntorch` do.
"""

import pytest
import torch
from torch import Tensor, nn

import synfire
from synfire.layers import Conv2d, Flatten, Linear
from synfire.metering import Trace, trace

pytest.importorskip("neurobench", reason="neurobench is not installed")
workload = pytest.importorskip("neurobench.metrics.workload", reason="a package that neurobench needs is missing")
static = pytest.importorskip("neurobench.metrics.static")
models = pytest.importorskip("neurobench.models")


class Step(nn.Module):
    """A neuron of ours for one step at a time, as neurobench wants it."""

    def __init__(self, neuron: synfire.Neuron) -> None:
        super().__init__()
        self.neuron, self.state = [neuron], None  # in a list, so that it is no submodule of its own

    def forward(self, x: Tensor) -> Tensor:
        spikes, self.state = self.neuron[0].run(x[None], self.state)
        return spikes[0]


class Unrolled(nn.Module):
    """A network of ours as plain layers in a loop over the steps: (B, T, ...) to (B, classes)."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.steps = [plain(layer) for layer in net]
        self.layers = nn.Sequential(*self.steps)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.steps:
            if isinstance(layer, Step):
                layer.state = None
        return torch.stack([self.layers(frame) for frame in x.unbind(1)]).mean(0)


def plain(layer: nn.Module) -> nn.Module:
    if isinstance(layer, Conv2d):
        copy: nn.Module = nn.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
            bias=layer.bias is not None,
        )  # fmt: skip
    elif isinstance(layer, Linear):
        copy = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    elif isinstance(layer, Flatten):
        return nn.Flatten()
    else:
        return Step(layer)
    copy.load_state_dict(layer.state_dict())
    return copy


def theirs(net: nn.Sequential, x: Tensor) -> dict[str, float]:
    model = models.TorchModel(Unrolled(net))
    for module in model.net.modules():
        if isinstance(module, Step):
            model.add_activation_module(Step)
            break
    model.register_hooks()
    operations, sparsity = workload.SynapticOperations(), workload.ActivationSparsity()
    batch = x.transpose(0, 1)
    with torch.no_grad():
        predictions = model(batch)
        data = (batch, torch.zeros(len(batch)))
        found = {**operations(model, predictions, data), "activation": sparsity(model, predictions, data)}
    return {**found, "connection": static.ConnectionSparsity()(model)}


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        Conv2d(2, 4, 3, padding=1, bias=False), synfire.IF(0.3), Conv2d(4, 3, 3, stride=2, padding=1, bias=False),
        synfire.LIF(0.5, 0.2), Flatten(), Linear(75, 5, bias=False),
    )  # fmt: skip


def dense() -> nn.Sequential:
    return nn.Sequential(Linear(12, 20, bias=False), synfire.MultiLevelIF(4, 0.3), Linear(20, 7, bias=False))


@pytest.mark.parametrize("held", [False, True], ids=["new frames", "held frame"])
@pytest.mark.parametrize("binary", [True, False], ids=["events in", "real numbers in"])
@pytest.mark.parametrize(("make", "shape"), [(convolutional, (2, 10, 10)), (dense, (12,))])
def test_counts_are_equal(make, shape, binary, held):
    torch.manual_seed(0)
    net = make().eval()
    for layer in net:
        if isinstance(layer, Conv2d | Linear):
            layer.weight.data *= torch.rand_like(layer.weight) < 0.8
    x = torch.rand(4, 3, *shape)
    x = (x < 0.3).float() if binary else x
    x = x[:1].expand(4, *x.shape[1:]) if held else x
    found: Trace = trace(net, x)
    ours = found.neurobench()
    counted = theirs(net, x)
    assert counted["Dense"] == ours["Dense"]
    total = ours["Effective_MACs"] + ours["Effective_ACs"]
    assert counted["Effective_MACs"] + counted["Effective_ACs"] == pytest.approx(total, rel=1e-6)
    if make is convolutional:  # it decides MAC or AC per step, so graded spikes that happen to be 0 and 1 differ
        assert counted["Effective_ACs"] == pytest.approx(ours["Effective_ACs"], rel=1e-6)
    assert counted["activation"] == pytest.approx(ours["activation_sparsity"], rel=1e-6)
    assert counted["connection"] == pytest.approx(ours["connection_sparsity"], abs=5e-5)  # it rounds to 4 places
