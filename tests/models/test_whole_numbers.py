"""At inference only whole numbers travel: steps and norms are part of the weights."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from synfire import Neuron
from synfire.layers import GlobalAvgPool2d, GlobalSumPool2d, Join, fold_norms
from synfire.models import cnn4, sparse_resnet_narrow, vgg16

LEVELS, STEPS = 4, 2
BUILD = {
    "cnn4": partial(cnn4, in_channels=3, image_size=8),
    "sparse_resnet_narrow": partial(sparse_resnet_narrow, depths=(2, 2)),
    "without barriers": partial(sparse_resnet_narrow, depths=(2, 2), barriers=False),
    "vgg16": vgg16,
}


@pytest.fixture(scope="module", params=BUILD)
def folded(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    """Return a network as at the end of training, norms folded, with a step of its own in every neuron; and images."""
    torch.manual_seed(0)
    net = BUILD[request.param](5, LEVELS, learn_threshold=True)
    size = 32 if request.param == "vgg16" else 8
    x = torch.randn(STEPS, 4, 3, size, size)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.2, 0.5)
        if isinstance(module, Neuron):
            nn.init.uniform_(module.get_parameter("_threshold"), 0.4, 1.2)
    with torch.no_grad():
        net(x)
        net, x = net.eval().double(), x.double()
        folded = fold_norms(net)
        torch.testing.assert_close(folded(x), net(x), rtol=1e-9, atol=1e-10)
    return folded, x


def leaves(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, Neuron) or not list(m.children())]


def averages(net: nn.Module) -> bool:
    return any(isinstance(m, GlobalAvgPool2d) for m in net.modules())


def test_every_edge_carries_whole_numbers(folded):
    net, x = folded
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules())
    edges: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        m.register_forward_pre_hook(lambda m, inputs: edges.append((m, inputs[0])))
        for m in leaves(net)
        if not isinstance(m, Neuron | nn.Identity)
    ]
    hooks += [
        m.register_forward_hook(lambda m, _, out: edges.append((m, out)))
        for m in net.modules()
        if isinstance(m, Neuron | Join)
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    image, *rest = edges
    assert image[1] is x
    # What follows the mean over the image is its fraction; the next test folds the area as well.
    rest = [(m, e) for m, e in rest if not (isinstance(m, nn.Linear) and averages(net))]
    assert len(rest) > 6
    for module, edge in rest:
        assert torch.equal(edge, edge.round()), module
        assert edge.min() >= 0, module
        assert edge.max() >= 1, f"{module}: a silent edge shows nothing"


def test_the_mean_over_the_image_folds_into_the_read_out(folded):
    net, x = folded
    if not averages(net):
        pytest.skip("this network has no mean over the image")
    spikes: list[Tensor] = []
    hook = net.head[0].register_forward_pre_hook(lambda m, inputs: spikes.append(inputs[0]))
    with torch.no_grad():
        logits = net(x)
        hook.remove()
        total = GlobalSumPool2d()(spikes[0])
        area = spikes[0].shape[-2] * spikes[0].shape[-1]
        again = nn.functional.linear(total, net.head[1].weight / area, net.head[1].bias)
    assert torch.equal(total, total.round())
    torch.testing.assert_close(again, logits, rtol=1e-9, atol=1e-12)


def sources(net: nn.Module, x: Tensor) -> dict[nn.Module, Neuron]:
    """Find the neuron whose spikes each synapse reads, through pools and joins."""
    found: dict[nn.Module, Neuron] = {}

    def follow(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        source = getattr(inputs[0], "source", None)
        if isinstance(module, Neuron):
            output.source = module  # type: ignore[attr-defined]
        elif isinstance(module, nn.Conv2d | nn.Linear):
            if source is not None:
                found[module] = source
        elif source is not None:
            output.source = source  # type: ignore[attr-defined]

    hooks = [m.register_forward_hook(follow) for m in leaves(net)]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return found


def test_steps_fold_into_the_next_weights(folded):
    """A network whose neurons hand on D z equals one that hands on z, with D in the next weights."""
    net, x = folded
    if any(isinstance(m, Join) and m.after_merge is None for m in net.modules()):
        pytest.skip("sums of two neurons' spikes have no one step")
    read = sources(net, x)
    synapses = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert read.keys() == set(synapses[1:]), "all but the first read spikes"
    steps = {synapse: neuron.threshold.item() for synapse, neuron in read.items()}
    assert len(set(steps.values())) > 3
    hooks = [s.register_forward_pre_hook(lambda m, inputs: steps[m] * inputs[0]) for s in read]
    with torch.no_grad():
        scaled = net(x)
        for hook in hooks:
            hook.remove()
        unscaled = net(x)
        for synapse, step in steps.items():
            synapse.weight *= step
        whole = net(x)
        for synapse, step in steps.items():
            synapse.weight /= step
    error = (whole - scaled).abs().max() / scaled.abs().max()
    assert error < 1e-5
    assert (unscaled - scaled).abs().max() > 1e-2 * scaled.abs().max(), "the steps matter"
