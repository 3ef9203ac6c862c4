"""Layers without memory: the same as PyTorch's on each step."""

import pytest
import torch
from torch import Tensor, nn

from synfire import layers
from synfire.base import ShapeError

# Each layer beside PyTorch's own with the same arguments.
FOLDED = {
    "Conv2d": (lambda: layers.Conv2d(4, 6, 3, stride=2, padding=1), lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1)),
    "BatchNorm2d": (lambda: layers.BatchNorm2d(4), lambda: nn.BatchNorm2d(4)),
    "MaxPool2d": (lambda: layers.MaxPool2d(2), lambda: nn.MaxPool2d(2)),
    "AvgPool2d": (lambda: layers.AvgPool2d(2), lambda: nn.AvgPool2d(2)),
    "Linear": (lambda: layers.Linear(6, 5), lambda: nn.Linear(6, 5)),
    "BatchNorm1d": (lambda: layers.BatchNorm1d(6), lambda: nn.BatchNorm1d(6)),
}


def pair(name: str) -> tuple[nn.Module, nn.Module, Tensor]:
    """Return our layer, PyTorch's with the same weights, and a sequence that fits."""
    torch.manual_seed(0)
    ours, theirs = (make() for make in FOLDED[name])
    theirs.load_state_dict(ours.state_dict())
    shape = (3, 2, 6) if name in ("Linear", "BatchNorm1d") else (3, 2, 4, 8, 8)
    return ours, theirs, torch.randn(shape)


def test_every_folded_layer_is_in_the_table():
    folded = {n for n, c in vars(layers).items() if isinstance(c, type) and issubclass(c, layers.folding._Folded)}
    assert folded == FOLDED.keys()


@pytest.mark.parametrize("name", FOLDED)
def test_every_step_is_what_pytorch_computes(name):
    ours, theirs, x = pair(name)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(x), torch.stack([theirs(one) for one in x]))


@pytest.mark.parametrize("name", FOLDED)
def test_one_step_is_bit_identical_to_pytorch(name):
    ours, theirs, x = pair(name)
    assert torch.equal(ours(x[:1])[0], theirs(x[0]))


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_statistics_run_over_time_and_batch_together(name):
    ours, theirs, x = pair(name)
    torch.testing.assert_close(ours(x).flatten(0, 1), theirs(x.flatten(0, 1)), rtol=0, atol=0)
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("training", [False, True])
def test_a_held_frame_gives_what_its_copies_give(name, training):
    ours, _, x = pair(name)
    ours.train(training)
    frame = x[0].clone().requires_grad_()
    held, copied = ours(frame.expand(4, *frame.shape)), ours(frame.repeat(4, *[1] * frame.dim()))
    torch.testing.assert_close(held, copied)
    upstream = torch.randn_like(copied)
    torch.testing.assert_close(
        *(torch.autograd.grad(y, frame, upstream)[0] for y in (held, copied)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", FOLDED)
def test_a_held_frame_is_computed_once(name):
    ours, _, x = pair(name)
    seen = []
    base = next(c for c in type(ours).__mro__ if c.__module__.startswith("torch"))
    forward, frame = base.forward, x[0]

    def count(self, y):
        seen.append(tuple(y.shape))
        return forward(self, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "forward", count)
        y = ours(frame.expand(4, *frame.shape))
    assert seen == [tuple(frame.shape)]
    assert y.stride(0) == 0


@pytest.mark.parametrize("name", ["Conv2d", "BatchNorm2d", "MaxPool2d", "AvgPool2d"])
def test_channels_last_stays_channels_last(name):
    ours, _, x = pair(name)
    ours.eval()
    y = ours(x.movedim(2, -1).contiguous().movedim(-1, 2))
    torch.testing.assert_close(y, ours(x))
    assert y[0].is_contiguous(memory_format=torch.channels_last)


def test_flatten_and_global_pools_by_hand():
    x = torch.arange(16.0).view(1, 2, 2, 2, 2)
    assert layers.Flatten()(x).tolist() == [[[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]]
    assert layers.GlobalSumPool2d()(x).tolist() == [[[6, 22], [38, 54]]]
    assert layers.GlobalAvgPool2d()(x).tolist() == [[[1.5, 5.5], [9.5, 13.5]]]


def test_gradients_flow_through_time_and_batch():
    ours, theirs, x = pair("Conv2d")
    ours(x).sum().backward()
    theirs(x.flatten(0, 1)).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        pytest.param(
            layers.Conv2d(3, 4, 3),
            (1, 2, 1, 8, 8),
            "Conv2d: .* that is 1 channels, but 3 were expected",
            id="convolution",
        ),
        pytest.param(layers.Linear(3, 4), (1, 2, 5), "Linear: .* that is 5 features, but 3 were expected", id="linear"),
        pytest.param(
            layers.BatchNorm2d(3), (1, 2, 5, 4, 4), "BatchNorm2d: .* that is 5 channels, but 3 were", id="norm"
        ),
        pytest.param(
            layers.BatchNorm1d(3), (1, 2, 5), "BatchNorm1d: .* 5 features, but 3 .* num_features=5", id="dense norm"
        ),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_a_wrong_number_of_channels_is_named(layer, shape, says, training):
    with pytest.raises(ShapeError, match=says):
        layer.train(training)(torch.zeros(shape))


@pytest.mark.parametrize("held", [False, True])
def test_a_norm_cannot_train_on_one_number_per_channel(held):
    norm, x = layers.BatchNorm2d(3), torch.randn(1, 1, 3, 1, 1)
    x = x.expand(4, 1, 3, 1, 1) if held else x
    with pytest.raises(ShapeError, match=r"one number per channel.* has no variance"):
        norm(x)
    assert norm.num_batches_tracked == 0
    assert norm.eval()(x).shape == x.shape
    assert norm.train()(torch.randn(2, 1, 3, 1, 1)).isfinite().all()
