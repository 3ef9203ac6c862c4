"""A neuron of one's own: charge and fire in plain PyTorch."""

import pytest
import torch
from torch import Tensor, nn

import synfire
from synfire import Neuron, Surrogate, fire
from synfire.layers import Linear


class OwnLIF(Neuron):
    """The leaky neuron, written by a user."""

    def charge(self, v: Tensor, x: Tensor) -> Tensor:
        return 0.5 * v + x


class Adaptive(Neuron):
    """A neuron with two variables: its threshold rises with each spike and learns by how much."""

    def __init__(self) -> None:
        super().__init__()
        self.rise = nn.Parameter(torch.tensor(0.25))

    def rest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x), torch.zeros_like(x)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        v, bias = state
        u = 0.5 * v + x
        s = fire(u - self.rise * bias, surrogate=self.surrogate)
        return s, (u - s.detach(), 0.75 * bias + s)


class Ternary(Neuron):
    """A neuron with its own firing, surrogate and reset."""

    surrogate = Surrogate("triangle", 2.0)

    def fire(self, u: Tensor) -> Tensor:
        return fire(u, 0.5, signed=True, surrogate=self.surrogate)

    def reset(self, u: Tensor, s: Tensor) -> Tensor:
        return u * (s.detach() == 0)


OWN = {"OwnLIF": OwnLIF, "Adaptive": Adaptive, "Ternary": Ternary}


def test_written_as_lif_it_equals_lif(dyadic_currents):
    x = dyadic_currents.requires_grad_()
    own, ready = OwnLIF()(x), synfire.LIF(decay=0.5)(x)
    assert torch.equal(own, ready)
    upstream = torch.linspace(-1, 1, x.numel()).view_as(x)
    torch.testing.assert_close(*(torch.autograd.grad(s, x, upstream)[0] for s in (own, ready)))


def test_by_default_it_is_integrate_and_fire(dyadic_currents):
    assert torch.equal(Neuron()(dyadic_currents), synfire.IF()(dyadic_currents))


@pytest.fixture
def dyadic_currents() -> Tensor:
    return torch.randint(-8, 24, (12, 3, 5), generator=torch.Generator().manual_seed(0)) / 16


@pytest.mark.parametrize("name", OWN)
def test_its_own_neuron_streams(name, dyadic_currents):
    torch.manual_seed(0)
    net = nn.Sequential(Linear(5, 7), OWN[name](), Linear(7, 4), OWN[name]())
    with torch.no_grad():
        whole = net(8 * dyadic_currents)
        run = synfire.stream(net)
        steps = torch.stack([run(x) for x in 8 * dyadic_currents])
    torch.testing.assert_close(steps, whole, rtol=0, atol=0)
    assert whole.any()


@pytest.mark.parametrize("name", OWN)
def test_its_own_neuron_trains(name):
    """Whether two lines of input rise or fall together over time, from spikes alone."""
    torch.manual_seed(0)
    target = torch.arange(64) % 2
    x = torch.rand(8, 64, 2)
    x[:, target == 1, 1] = x[:, target == 1, 0]
    net = nn.Sequential(Linear(2, 32), OWN[name](), Linear(32, 2))
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(net(4 * x).mean(0), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(p.grad.any() for p in net.parameters())


def test_its_own_neuron_runs_under_vmap(dyadic_currents):
    several = torch.stack([dyadic_currents, dyadic_currents / 2])
    neuron = OwnLIF()
    assert torch.equal(torch.func.vmap(neuron)(several), torch.stack([neuron(x) for x in several]))
