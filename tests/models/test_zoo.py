"""Every model of the table: it builds, runs, streams, learns in every layer, and has its twins."""

import pytest
import torch
from torch import Tensor, nn

import synfire
from synfire import LIF, Neuron, QuantisedReLU, ReLU, models
from synfire.base import DtypeError, ShapeError
from synfire.layers import fold_norms
from synfire.models import ZOO, twin

STEPS, BATCH, CLASSES = 2, 2, 5
# Channels and size of the smallest image that a model takes with a few numbers left in its last stage.
IMAGES = {"cnn4": (1, 8), "vgg16": (3, 32)}
BUILT_FOR = {"cnn4": {"image_size": 8}}
OF_SEQUENCES = {"spiking_ssm", "spiking_ssm_language"}  # tested in files of their own
OF_IMAGES = sorted(ZOO.keys() - OF_SEQUENCES)


@pytest.fixture(scope="module", params=OF_IMAGES)
def model(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    """Build a model whose norms know their inputs, so that its neurons fire; and a sequence for it."""
    torch.manual_seed(0)
    net = ZOO[request.param](num_classes=CLASSES, learn_threshold=True, **BUILT_FOR.get(request.param, {}))
    channels, size = IMAGES.get(request.param, (3, 8))
    x = torch.randn(STEPS, BATCH, channels, size, size)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # keep what the one pass sees
    with torch.no_grad():
        net(x)
    return net.eval(), x


def spikes_of(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Run a network and return what each of its neurons emitted."""
    seen: dict[str, Tensor] = {}
    hooks = [
        m.register_forward_hook(lambda m, i, out, name=name: seen.update({name: out}))
        for name, m in net.named_modules()
        if isinstance(m, Neuron)
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return seen


def test_every_builder_is_in_the_table():
    builders = {n for n in models.__all__ if callable(getattr(models, n)) and n.islower()} - {"twin", "generate"}
    assert builders == ZOO.keys()


def test_it_maps_currents_to_logits_of_every_step_and_is_alive(model):
    net, x = model
    assert net(x).shape == (STEPS, BATCH, CLASSES)
    spikes = spikes_of(net, x)
    assert len(spikes) > 3
    for name, s in spikes.items():
        assert torch.equal(s, s.round()), name
        assert 0.005 < (s > 0).float().mean() < 0.995, name


def test_streaming_equals_the_sequence(model):
    net, x = model
    net, x = net.double(), x.double()  # the sizes of a batch change the order of sums; in float64 no spike hangs on it
    try:
        with torch.no_grad():
            whole = net(x)
            run = synfire.stream(net)
            steps = torch.cat([run(x[0])[None], run.run(x[1:])])  # one step, then a chunk
            assert len(run.state_dict()) == sum(isinstance(m, Neuron) for m in net.modules())
    finally:
        net.float()
    torch.testing.assert_close(steps, whole, rtol=1e-9, atol=1e-12)
    assert not torch.equal(whole[0], whole[-1])


def test_gradients_reach_every_layer(model):
    net, x = model
    net.train()
    net.zero_grad()
    target = torch.arange(BATCH) % CLASSES
    nn.functional.cross_entropy(net(x).mean(0), target).backward()
    net.eval()
    synapses = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(synapses) > 4
    for name, module in synapses:
        assert module.weight.grad.isfinite().all(), name
        assert module.weight.grad.abs().max() > 1e-9, name
    assert all(p.grad.isfinite().all() for p in net.parameters())
    net.zero_grad()


def test_the_quantised_twin_gives_the_same_logits_at_one_step(model):
    net, x = model
    with torch.no_grad():
        other = twin(net, "quantised").eval()
        assert torch.equal(other(x[:1]), net(x[:1]))
    neurons = sum(isinstance(m, Neuron) for m in net.modules())
    assert sum(isinstance(m, QuantisedReLU) for m in other.modules()) == neurons
    assert not any(isinstance(m, Neuron) for m in other.modules())
    assert sum(p.numel() for p in other.parameters()) == sum(p.numel() for p in net.parameters())


def test_the_relu_twin_has_the_same_weights(model):
    net, x = model
    other = twin(net, "relu").eval()
    neurons = {name for name, m in net.named_modules() if isinstance(m, Neuron)}
    assert {name for name, m in other.named_modules() if isinstance(m, ReLU)} == neurons
    thresholds = {f"{name}._threshold" for name in neurons}
    weights = {k: v for k, v in net.state_dict().items() if k not in thresholds}
    assert len(weights) == len(net.state_dict()) - len(neurons)
    assert other.state_dict().keys() == weights.keys()
    assert all(torch.equal(v, weights[k]) for k, v in other.state_dict().items())
    with torch.no_grad():
        assert other(x[:1]).isfinite().all()


def test_a_batch_without_time_is_refused(model):
    net, x = model
    shape = rf"x has shape \({BATCH}, {x.shape[2]}, {x.shape[3]}, {x.shape[4]}\), but a sequence \(T, B, C, H, W\)"
    with pytest.raises(ShapeError, match=shape):
        net(x[0])


def test_integer_images_and_empty_sequences_are_refused(model):
    net, x = model
    with pytest.raises(DtypeError, match=r"x has dtype torch\.uint8"):
        net(x.to(torch.uint8))
    with pytest.raises(ShapeError, match="T = 0 steps"):
        net(x[:0])


def test_an_empty_batch_passes(model):
    net, x = model
    assert net(x[:, :0]).shape == (STEPS, 0, CLASSES)


# --- sizes ---

COUNTS = {
    "cnn4": ("cnn4", {}, 96_554),
    "Sparse-ResNet-18": ("sparse_resnet18", {}, 11_173_962),
    "Sparse-ResNet-18, 100 classes": ("sparse_resnet18", {"num_classes": 100}, 11_173_962 + 90 * 513),
    "Sparse-ResNet-18, a threshold per neuron layer": ("sparse_resnet18", {"learn_threshold": True}, 11_173_962 + 28),
    "the same without inner neurons": (
        "sparse_resnet18", {"learn_threshold": True, "inner_neuron": False}, 11_173_962 + 20,
    ),
    "SEW-ResNet-18": ("sew_resnet18", {}, 11_173_962),
    "SEW-ResNet-18, a threshold per neuron layer": ("sew_resnet18", {"learn_threshold": True}, 11_173_962 + 20),
    "Sparse-ResNet-34": ("sparse_resnet34", {}, 21_282_122),
    "SEW-ResNet-34": ("sew_resnet34", {}, 21_282_122),
    "Sparse-ResNet-narrow": ("sparse_resnet_narrow", {}, 89_690),
    "SpikingSSM, sequential MNIST": ("spiking_ssm", {}, 748_000 + 2 * 400 + 401 * 10),
    # the published 75.40 M: blocks, last norm, tables, projections, the read-out's own, biases, groups of rare words
    "SpikingSSM, WikiText-103": (
        "spiking_ssm_language",
        {"vocabulary": 267_735, "cutoffs": (19_997, 39_997, 199_997)},
        35_766_272 + 2048 + 36_920_736 + 1_392_640 + 1_048_576 + 267_735 + 3075,
    ),
    "VGG-16, norms not folded": ("vgg16", {}, 15_245_130 + 4224),
}  # fmt: skip


def test_every_model_is_counted():
    assert {name for name, _, _ in COUNTS.values()} == ZOO.keys()


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts(name):
    model, options, want = COUNTS[name]
    with torch.device("meta"):
        assert count(ZOO[model](**options)) == want


def test_vgg16_with_folded_norms_has_the_published_count():
    with torch.device("meta"):
        net = ZOO["vgg16"]()
    assert count(fold_norms(net.eval())) == 15_245_130


@pytest.mark.parametrize("kind", models.TWINS)
def test_twins_have_the_counts_of_the_table(kind):
    with torch.device("meta"):
        net = ZOO["sparse_resnet18"](learn_threshold=True)
        assert count(twin(net, kind)) == 11_173_962 + (28 if kind == "quantised" else 0)


# --- options that every builder takes ---


@pytest.mark.parametrize("name", OF_IMAGES)
def test_neurons_channels_and_levels_can_be_chosen(name):
    _, size = IMAGES.get(name, (3, 8))
    options = {"in_channels": 2, **BUILT_FOR.get(name, {})}
    with torch.device("meta"):
        own = ZOO[name](7, 2, neuron=LIF, **options, **({"barriers": False} if "sparse" in name else {}))
        plain = ZOO[name](7, 2, **options)
        assert own(torch.empty(2, 1, 2, size, size)).shape == (2, 1, 7)
    assert {type(m) for m in own.modules() if isinstance(m, Neuron)} == {LIF}
    assert {m.levels for m in plain.modules() if isinstance(m, Neuron)} == {2}
