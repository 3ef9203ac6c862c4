"""Keeping less for backward: the same gradients bit for bit, and a fraction of the bytes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import synfire
from synfire.layers import BatchNorm1d, Conv2d, Direct, Flatten, Join, Linear, MaxPool2d
from synfire.ops import saving


class Squares(nn.Module):
    """A merge whose values exceed those of its branches."""

    def __init__(self) -> None:
        super().__init__()
        self.join = Join("and")

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, x)


NETS: dict[str, Callable[[], nn.Module]] = {
    "barriers": lambda: synfire.models.sparse_resnet_narrow(in_channels=1, depths=(2, 2)),
    "binary": lambda: synfire.models.cnn4(levels=1, neuron=synfire.LIF, image_size=12),
    "quantised twin": lambda: synfire.models.twin(synfire.models.cnn4(image_size=12), "quantised"),
    "relu twin": lambda: synfire.models.twin(synfire.models.cnn4(image_size=12)),
    "signed, pooled": lambda: nn.Sequential(
        Conv2d(1, 4, 3), synfire.MultiLevelIF(3, signed=True), MaxPool2d(2), Flatten(), Linear(100, 6), BatchNorm1d(6),
        synfire.IF(),
    ),
    "products": lambda: nn.Sequential(Conv2d(1, 4, 3), synfire.MultiLevelIF(20), Squares(), Conv2d(4, 2, 3)),
    "300 levels": lambda: nn.Sequential(Conv2d(1, 4, 3), synfire.MultiLevelIF(300), Conv2d(4, 2, 3)),
    "learned": lambda: nn.Sequential(Conv2d(1, 4, 3), synfire.MultiLevelIF(3, learn_threshold=True), Conv2d(4, 2, 3)),
}  # fmt: skip


def gradients(net: nn.Module, x: Tensor, compact: bool) -> dict[str, Tensor]:
    net.zero_grad()
    if compact:
        with synfire.compact():
            out = net(x)
    else:
        out = net(x)
    out.square().sum().backward()
    return {"out": out.detach(), **{name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", NETS)
def test_gradients_are_equal_bit_for_bit(name, training):
    torch.manual_seed(0)
    net = NETS[name]()
    x = Direct(3)(torch.randn(2, 1, 12, 12))
    net(x)
    net.train(training)
    plain, compact = gradients(net, x, False), gradients(net, x, True)
    assert plain.keys() == compact.keys()
    assert len(plain) > 3
    for key, value in plain.items():
        torch.testing.assert_close(compact[key], value, rtol=0, atol=0, msg=key)


def test_running_statistics_move_once():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 1, 12, 12)
    states = []
    for compact in (False, True):
        torch.manual_seed(1)
        net = NETS["binary"]()
        gradients(net, x, compact)
        states.append({name: value for name, value in net.named_buffers() if "running" in name})
    assert states[0]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=0, atol=0)


def kept(net: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return the bytes that autograd keeps of a forward pass without and with `compact`."""
    plain, compact = {}, {}
    pack = saving._pack

    def spy(tensor: Tensor) -> saving.Packed:
        packed = pack(tensor)
        plain[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        if isinstance(packed, Tensor):
            compact[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        elif isinstance(packed, tuple):
            compact[packed[0].data_ptr()] = packed[0].nbytes
        alive.append(tensor)
        return packed

    alive: list[Tensor] = []
    monkeypatch.setattr(saving, "_pack", spy)
    with synfire.compact():
        net(x)
    return sum(plain.values()), sum(compact.values())


@pytest.mark.parametrize("barriers", [True, False])
def test_under_half_of_the_bytes_are_kept(barriers, monkeypatch):
    net = synfire.models.sparse_resnet_narrow(in_channels=1, depths=(2, 2), barriers=barriers)
    before, after = kept(net, torch.randn(2, 8, 1, 24, 24), monkeypatch)
    assert after < 0.45 * before


def test_a_tensor_that_was_changed_is_kept_as_it_is():
    spikes = synfire.IF()(torch.full((1, 2, 3), 2.0, requires_grad=True))
    weight = torch.ones(3, requires_grad=True)
    with synfire.compact():
        saving.tell_spikes(spikes, 0, 1)
        spikes.mul_(0.5)
        out = spikes * weight
    out.sum().backward()
    assert weight.grad.tolist() == [1, 1, 1]


def test_a_neighbour_in_the_same_storage_is_kept_as_it_is():
    both = torch.tensor([[1.0, 0.0], [0.5, 0.25]], requires_grad=True) * 1.0
    weight = torch.ones(2, requires_grad=True)
    with synfire.compact():
        told = both[0]
        saving.tell_spikes(told, 0, 1)
        out = both[1] * weight + told * weight
    out.sum().backward()
    assert weight.grad.tolist() == [1.5, 0.25]


def test_vmap_runs_inside_it_and_gradients_of_torch_func_say_that_they_do_not():
    net = nn.Sequential(Linear(4, 5), synfire.IF(), Linear(5, 2))
    x = torch.randn(6, 3, 2, 4)
    with synfire.compact():
        mapped = torch.vmap(net)(x)
        torch.testing.assert_close(mapped, torch.stack([net(one) for one in x]))
        with pytest.raises(RuntimeError, match="saved tensor hooks"):
            torch.func.grad(lambda x: net(x).sum())(x[0])


def test_a_place_in_memory_that_is_used_again_is_not_taken_for_spikes():
    weight = torch.ones(1000, requires_grad=True)
    with synfire.compact():
        for _ in range(50):
            told = torch.ones(1, 1000).requires_grad_() * 1.0
            saving.tell_spikes(told, 0, 1)
            place = told.untyped_storage().data_ptr()
            del told
            other = torch.full((1, 1000), 0.5)
            if other.untyped_storage().data_ptr() == place:
                break
        else:
            pytest.skip("the allocator never used the place again")
        out = other * weight
    out.sum().backward()
    assert weight.grad.unique().tolist() == [0.5]


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # Dynamo's own, in torch 2.13
def test_compiled_networks_run_inside_it():
    net = nn.Sequential(Linear(4, 5), synfire.IF(), Linear(5, 2))
    x = torch.randn(3, 2, 4)
    plain = gradients(net, x, True)
    compiled = gradients(torch.compile(net, backend="aot_eager"), x, True)
    for value, other in zip(plain.values(), compiled.values(), strict=True):
        torch.testing.assert_close(other, value)
