"""Counting what leaves neurons and arrives at synapses."""

import pytest
import torch
from torch import nn

import synfire
from synfire.base import ShapeError
from synfire.layers import Conv2d, Join, Linear
from synfire.metering import Activity, count, counting
from synfire.ops.tally import op


def test_counts_by_hand():
    net = nn.Sequential(synfire.MultiLevelIF(levels=4, initial=0.0), Linear(3, 2))
    x = torch.tensor([[[2.5, 0.5, 9.0]], [[0.0, 0.5, 0.0]]])  # spikes 2, 0, 4; then 0, 1, 4 (0.5 + 5 left over)
    neuron, synapse = synfire.trace(net, x).rows
    assert (neuron.kind, neuron.name, neuron.neurons, neuron.steps) == ("neuron", "0", 3, 2)
    assert (neuron.events, neuron.spikes, neuron.largest, neuron.events_by_step) == (4, 11, 4, [2, 2])
    assert neuron.density == 4 / 6
    assert (synapse.kind, synapse.events, synapse.spikes, synapse.whole) == ("synapse", 4, 11, True)


def test_counts_do_not_depend_on_the_batch_size():
    torch.manual_seed(0)
    net = synfire.models.sparse_resnet_narrow(in_channels=1, depths=(2, 2))
    x = torch.randn(2, 6, 1, 8, 8)
    net(x)
    net.eval()
    whole, parts = synfire.trace(net, x), synfire.trace(net, [x[:, :1], x[:, 1:]])
    assert whole.record() == parts.record()
    assert whole.events > 0


def test_nothing_is_counted_outside_the_block():
    net = nn.Sequential(synfire.MultiLevelIF(4, initial=0.0), synfire.IF())
    with counting(net) as meter:
        net(torch.tensor([[[0.5, 1.0, 2.5, 9.0]]]))  # 0 1 2 4, then 0 1 1 1
        assert meter.trace().events == 6
        net(torch.ones(1, 1, 4))  # a second sample, 4 and 4 more
    net(torch.ones(1, 1, 4))
    assert (meter.trace().events, meter.trace().spikes) == (14 / 2, (10 + 8) / 2)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_negative_spikes_count_with_their_size():
    found = synfire.trace(synfire.MultiLevelIF(2, initial=0.0, signed=True), torch.tensor([[[-2.0, 1.0, 0.0]]]))
    assert (found.events, found.spikes) == (2, 3)


def test_a_relu_has_no_spikes_to_sum():
    spiking = synfire.trace(nn.Sequential(synfire.IF(), synfire.QuantisedReLU()), torch.ones(1, 1, 4))
    conventional = synfire.trace(nn.Sequential(synfire.ReLU(), synfire.IF()), torch.ones(1, 1, 4))
    assert spiking.emits_whole_numbers
    assert not conventional.emits_whole_numbers


def test_sums_above_what_float32_holds():
    activity = Activity()
    activity.add(count(torch.full((1, 1, 1), 2.0**24)))
    activity.add(count(torch.ones(1, 1, 1)))
    assert activity.read()["spike_total"] == 2**24 + 1


def test_adding_reads_nothing_from_the_device():
    x = torch.ones(3, 2, 4, device="meta")  # a device without numbers: whatever read one would fail
    activity = Activity(torch.ones(4, dtype=torch.long, device="meta"))
    activity.add(count(x))
    activity.add(count(x[:1].expand(5, 2, 4)))
    activity.add(count(x), first_step=5)
    assert (activity.samples, activity.steps, activity.computed_steps) == (4, 8, 8)
    with pytest.raises((NotImplementedError, RuntimeError)):
        activity.read()


def test_counts_of_the_reference_are_the_same(monkeypatch):
    torch.manual_seed(0)
    net = synfire.models.sparse_resnet_narrow(3, in_channels=1, depths=(1, 1)).eval()
    x = (torch.rand(3, 4, 1, 8, 8) < 0.3).float()
    expected = synfire.trace(net, x).record()
    monkeypatch.setattr(op, "KERNELS", op.KERNELS[-1:])
    assert synfire.trace(net, x).record() == expected


def test_a_trace_that_was_taken_does_not_change():
    net = synfire.IF()
    with counting(net) as meter:
        net(torch.ones(1, 1, 4))
        before = meter.trace()
        net(torch.ones(1, 3, 4))
    assert (before.rows[0].samples, before.rows[0].event_count) == (1, 4)
    assert (meter.trace().rows[0].samples, meter.trace().rows[0].event_count) == (4, 16)


def test_images_are_not_spikes():
    net = nn.Sequential(Conv2d(1, 2, 3), synfire.IF(), Conv2d(2, 1, 3))
    found = synfire.trace(net, torch.randn(1, 2, 1, 8, 8) + 3.0)
    first, _, second = found.rows
    assert (first.whole, second.whole) == (False, True)
    assert found.arriving_events == second.events


def test_a_merge_shows_the_avalanche_and_emits_nothing_itself():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron, self.join = synfire.IF(), Join()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.join(self.neuron(x + 1), x)

    found = synfire.trace(nn.Sequential(Block(), Block(), Block()), torch.zeros(1, 2, 5))
    assert [row.largest for row in found.merges()] == [1, 2, 3]
    assert found.events == 15


def test_a_neuron_used_twice_has_two_rows():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron = synfire.IF()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.neuron(self.neuron(x) * 0.5)

    found = synfire.trace(Twice(), torch.ones(1, 1, 4))
    assert [(row.name, row.events) for row in found.rows] == [("neuron", 4), ("neuron#2", 0)]


@pytest.mark.parametrize(
    ("net", "batches", "message"),
    [
        pytest.param(nn.Identity(), torch.ones(1, 1, 4), "nothing was counted", id="no neuron"),
        pytest.param(synfire.IF(), [], "nothing was counted", id="no batch"),
        pytest.param(synfire.IF(), torch.ones(1, 0, 4), "nothing was counted", id="no sample"),
        pytest.param(
            synfire.IF(), [torch.ones(1, 1, 4), torch.ones(2, 1, 4)], "saw 2 steps of shape", id="two lengths"
        ),
    ],
)
def test_mistakes_are_named(net, batches, message):
    with pytest.raises(ShapeError, match=message):
        synfire.trace(net, batches)


def test_the_table_has_a_line_per_row():
    found = synfire.trace(synfire.IF(), torch.ones(1, 1, 4))
    assert len(str(found).splitlines()) == 1 + len(found.rows) + 3
