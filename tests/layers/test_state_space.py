"""Layers of long sequences: S4D, the shift of tokens, dropout of channels."""

import math

import pytest
import torch

import synfire
from synfire.layers import S4D, SequenceDropout, TokenShift
from synfire.tasks.optimizer import weight_groups


@pytest.mark.parametrize("initial", ["lin", "inv"])
def test_parameters_at_the_start(initial):
    layer = S4D(100, 64, initial=initial, step=(1e-3, 0.1))
    n = torch.arange(32)
    expected = torch.pi * n if initial == "lin" else 64 / torch.pi * (64 / (2 * n + 1) - 1)
    torch.testing.assert_close(layer.frequency[7].detach(), expected.float())
    torch.testing.assert_close(-layer.log_decay.exp(), torch.full((100, 32), -0.5))
    steps = layer.log_step.exp()
    assert steps.min().item() >= 1e-3 - 1e-9
    assert steps.max().item() <= 0.1 + 1e-9
    assert layer.output.std().item() == pytest.approx(math.sqrt(0.5), rel=0.1)
    assert layer.input is None
    assert S4D(4, 2, learn_input=True).input.tolist() == [[[1.0, 0.0]]] * 4


def test_the_input_passes_through_d():
    layer, x = S4D(4, 2), torch.randn(6, 1, 4)
    with torch.no_grad():
        layer.output.zero_()
        torch.testing.assert_close(layer(x), layer.skip * x)


def test_autocast_leaves_it_in_single_precision():
    layer, x = S4D(4), torch.randn(300, 2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x), layer(x.clone()))
        y = layer(x)
    assert y.dtype == torch.float32
    assert torch.equal(y, layer(x))


def test_the_dynamics_learn_slowly_and_never_decay():
    groups = weight_groups(torch.nn.Sequential(S4D(4, learn_input=True), torch.nn.Linear(4, 4)))
    assert [len(g["params"]) for g in groups] == [2, 4, 2]  # C and W; step, A, B; D and the bias
    assert "weight_decay" not in groups[0]
    assert (groups[1]["lr"], groups[1]["weight_decay"]) == (1e-3, 0.0)
    assert "lr" not in groups[2]


def test_the_shift_looks_one_step_back_with_half_of_the_channels():
    net, x = torch.nn.Sequential(TokenShift()), torch.randn(5, 2, 4)
    y = net(x)
    assert torch.equal(y[:, :, 2:], x[:, :, 2:])
    assert torch.equal(y[1:, :, :2], x[:-1, :, :2])
    assert not y[0, :, :2].any()
    run = synfire.stream(net)
    assert torch.equal(torch.cat([run.run(x[:2]), run.run(x[2:3]), run.run(x[3:])]), y)


def test_dropout_takes_whole_channels_and_keeps_the_mean():
    layer, x = SequenceDropout(0.25), torch.ones(50, 40, 30)
    y = layer(x)
    assert torch.equal(y, y[:1].expand_as(y))
    torch.testing.assert_close(y.unique(), torch.tensor([0.0, 1 / 0.75]))
    assert y.mean().item() == pytest.approx(1, abs=0.1)
    assert torch.equal(layer.eval()(x), x)


def test_a_stream_makes_the_discrete_system_once_and_sees_its_parameters_change(monkeypatch):
    torch.manual_seed(0)
    layer, x = S4D(3, 4).double(), torch.randn(6, 2, 3, dtype=torch.float64)
    made = []
    system = S4D.system
    monkeypatch.setattr(S4D, "system", lambda self: made.append(1) or system(self))
    run = synfire.stream(layer)
    with torch.no_grad():
        whole = layer(x)
        made.clear()
        torch.testing.assert_close(torch.stack([run(step) for step in x]), whole)
        assert len(made) == 1
        layer.log_step += 0.5
        run.reset()
        torch.testing.assert_close(torch.stack([run(step) for step in x]), layer(x))
        assert len(made) == 3
    run.reset()
    run(x[0]).sum().backward()
    assert layer.output.grad.abs().max() > 0
