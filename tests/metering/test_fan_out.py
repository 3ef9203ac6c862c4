"""Synaptic operations: what each event meets, counted against brute force."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import synfire
from synfire.layers import AvgPool2d, BatchNorm2d, Conv2d, Direct, Linear, MaxPool2d
from synfire.metering import trace
from synfire.metering.pricers import pricer


def brute_force(layer: nn.Module, x: Tensor, amplitudes: bool = False, dense: bool = False) -> float:
    """Count pairs of an event and a live weight by running the layer on their indicators, in float64."""
    indicator = torch.ones_like(x) if dense else (x.abs() if amplitudes else (x != 0))
    weight = torch.ones_like(layer.weight) if dense else (layer.weight != 0)
    flat = indicator.double().flatten(0, 1)
    if isinstance(layer, nn.Conv2d):
        out = nn.functional.conv2d(
            flat, weight.double(), None, layer.stride, layer.padding, layer.dilation, layer.groups
        )
    else:
        out = nn.functional.linear(flat, weight.double())
    return out.sum().item() / x.shape[1]


convolutions = st.builds(
    dict,
    groups=st.sampled_from([1, 2]),
    kernel_size=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(options=convolutions, seed=st.integers(0, 1000), steps=st.integers(1, 3))
def test_synops_of_a_convolution(options, seed, steps):
    torch.manual_seed(seed)
    layer = Conv2d(4, 6, **options)
    layer.weight.data *= torch.rand_like(layer.weight) < 0.7
    x = torch.randint(0, 4, (steps, 3, 4, 9, 8)).float() * (torch.rand(steps, 3, 4, 9, 8) < 0.3)
    (row,) = trace(layer, x).rows
    assert row.synops == pytest.approx(brute_force(layer, x), rel=1e-12)
    assert row.unary_synops == pytest.approx(brute_force(layer, x, amplitudes=True), rel=1e-12)
    assert row.dense_macs == brute_force(layer, x, dense=True)


def test_synops_of_a_linear_layer_by_hand():
    layer = Linear(3, 4, bias=False)
    layer.weight.data = torch.tensor([[0.5, 0, 2], [0, -1, 0], [3, 1, 0], [0, 0, 4]])
    (row,) = trace(layer, torch.tensor([[[1.0, 0, 1]]])).rows
    assert (row.synops, row.dense_macs, row.arithmetic) == (4, 12, "accumulate")
    (row,) = trace(layer, torch.tensor([[[0.7, 0, 1]]])).rows
    assert (row.synops, row.arithmetic) == (4, "real")
    (row,) = trace(layer, torch.tensor([[[3.0, 0, 1]]])).rows
    assert (row.synops, row.unary_synops, row.arithmetic) == (4, 8, "graded")


@pytest.mark.parametrize(("place", "reached"), [((0, 0), 4), ((1, 1), 9)])
def test_an_event_in_the_corner_meets_fewer_weights(place, reached):
    layer = Conv2d(1, 1, 3, padding=1)
    x = torch.zeros(1, 1, 1, 4, 4)
    x[(0, 0, 0, *place)] = 1
    (row,) = trace(layer, x).rows
    assert (row.synops, row.dense_macs, row.products) == (reached, 100, 144)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_counting_works_in_every_mode_of_autograd(mode):
    net = nn.Sequential(Conv2d(1, 2, 3), synfire.IF(), Conv2d(2, 1, 3))
    with mode(), synfire.metering.counting(net) as meter:
        net(torch.ones(1, 1, 1, 6, 6))
    assert meter.trace().rows[0].dense_macs == 2 * 16 * 9


def test_the_rate_is_exact_without_borders_and_with_even_activity():
    layer = Conv2d(2, 3, 1)
    x = torch.zeros(2, 4, 2, 6, 6)
    x[:, :, :, ::2] = 1
    (row,) = trace(layer, x).rows
    assert row.synops_by_rate == row.synops


def test_a_held_frame_meets_the_weights_once():
    layer = Conv2d(1, 2, 3)
    image = torch.rand(3, 1, 6, 6)
    (once,), (held,) = trace(layer, Direct(1)(image)).rows, trace(layer, Direct(4)(image)).rows
    assert (held.steps, held.computed_steps) == (4, 1)
    assert (held.synops, held.dense_macs) == (once.synops, once.dense_macs)
    assert held.events == 4 * once.events
    (shown,) = trace(layer, Direct(4)(image).contiguous()).rows
    assert (shown.computed_steps, shown.synops) == (4, 4 * once.synops)


def test_a_norm_gives_its_layer_a_bias_and_the_neuron_knows_its_layer():
    net = nn.Sequential(
        Conv2d(1, 2, 3, bias=False),
        BatchNorm2d(2),
        AvgPool2d(2),
        synfire.LIF(),
        MaxPool2d(2),
        Conv2d(2, 3, 1, bias=False),
    ).eval()
    conv, neuron, last = trace(net, torch.rand(2, 2, 1, 10, 10)).rows
    assert (conv.synapse.biases, last.synapse.biases) == (2, 0)
    assert (neuron.fed_by, neuron.leaks, neuron.arriving) == ("0", True, 0)


def test_a_barrier_pays_for_what_arrives():
    net = synfire.models.sparse_resnet_narrow(in_channels=1, depths=(1,), widths=(4,)).eval()
    rows = {row.name: row for row in trace(net, torch.randn(1, 2, 1, 8, 8) * 3).rows}
    barrier = rows["stages.0.0.join.after_merge"]
    assert barrier.fed_by == "stages.0.0.join"
    assert barrier.arriving >= barrier.events > 0


def test_streamed_steps_count_as_the_whole_sequence():
    torch.manual_seed(0)
    net = synfire.models.cnn4(levels=1, neuron=synfire.LIF, image_size=12)
    x = torch.randn(5, 3, 1, 12, 12)
    net(x)
    net.eval()
    whole = trace(net, [x, x])
    with torch.no_grad(), synfire.metering.counting(net) as meter:
        run = synfire.stream(net)
        for _ in range(2):
            run.reset()
            for step in x:
                run(step)
    assert meter.trace().record() == whole.record()
    with torch.no_grad(), synfire.metering.counting(net) as meter:
        synfire.stream(net).run(x)
        run = synfire.stream(net)
        run.run(x[:2])
        run.run(x[2:])
    assert meter.trace().record() == whole.record()


def test_a_module_of_the_users_declares_how_it_counts():
    class Diagonal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.tensor([1.0, 0.0, 2.0]))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.gain

        def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
            return torch.ones(shape, dtype=torch.long) if dense else (self.gain != 0).long()

    row, neuron = trace(nn.Sequential(Diagonal(), synfire.IF()), torch.ones(2, 1, 3)).rows
    assert (row.kind, row.synops, row.dense_macs, row.products) == ("synapse", 4, 6, 6)
    assert neuron.fed_by == "0"


@pytest.mark.parametrize("twin", [None, "relu", "quantised"])
def test_a_held_frame_counts_once_also_in_a_stream(twin):
    torch.manual_seed(0)
    net = synfire.models.cnn4(levels=2, image_size=12).eval()
    net = net if twin is None else synfire.models.twin(net, twin)
    image = (torch.rand(3, 1, 12, 12) < 0.5).float()
    with torch.no_grad():
        whole = trace(net, synfire.layers.Direct(4)(image))
        with synfire.metering.counting(net) as meter:
            run = synfire.stream(net)
            for _ in range(4):
                run(image)
    first, again = whole.rows[0], meter.trace().rows[0]
    assert again.record() == first.record()
    assert (first.steps, first.computed_steps, meter.trace().steps) == (4, 1, 4)
    if twin is None:
        assert whole.traffic()[first.name].weights == first.synops  # held spikes arrive once
    assert meter.trace().spikes == whole.spikes


def test_what_is_changed_in_place_is_counted_as_it_is():
    class Shifts(nn.Module):
        def __init__(self):
            super().__init__()
            self.neuron, self.head = synfire.IF(), synfire.layers.Linear(4, 2)

        def forward(self, x):
            y = self.neuron(x)
            y += 1
            return self.head(y)

    found = trace(Shifts(), torch.zeros(1, 1, 4))
    neuron, head = found.rows
    assert (neuron.events, head.events, head.synops) == (0, 4, 8)


def test_what_has_weights_and_is_not_counted_is_named():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 4))

        def forward(self, x):
            return x @ self.weight

    net = nn.Sequential(nn.Linear(8, 4), synfire.IF(), Own(), synfire.IF())
    found = trace(net, torch.ones(2, 1, 8))
    assert found.rows[0].synops == 2 * 8 * 4  # a plain linear layer counts
    assert found.uncounted == ("2",)
    assert "NOT counted" in str(found)
    assert "2" in str(found).splitlines()[-1]
    assert synfire.metering.Trace.read(found.record()).uncounted == ("2",)
    bill = pricer("operations-45nm-int8")(found)
    assert any("not counted" in said and "2" in said for said in bill.assumptions)


class ByHand(nn.Module):
    """Two layers whose neurons are called, run over the whole sequence, or run in a loop over the steps."""

    def __init__(self, how: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.how = how
        self.first, self.hidden = Linear(8, 6), synfire.LIF(0.7, 0.5)
        self.last, self.out = Linear(6, 4), synfire.MultiLevelIF(3, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "called":
            return self.out(self.last(self.hidden(self.first(x))))
        if self.how == "whole":
            hidden = self.hidden.run(self.first(x), None)[0]
            return self.out.run(self.last(hidden), None, keep=False)[0]
        if self.how == "neurons in a loop":
            return self._loop(self.out, self.last(self._loop(self.hidden, self.first(x))))
        held, out, spikes = None, torch.zeros_like(self.last.weight[:, :1].T.expand(x.shape[1], -1)), []
        for step in x.split(1):
            hidden, held = self.hidden.run(self.first(step), held)
            emitted, out = self.out.run(self.last(hidden), out)
            spikes.append(emitted)
        return torch.cat(spikes)

    def _loop(self, neuron: synfire.Neuron, x: Tensor) -> Tensor:
        state, spikes = None, []
        for step in x.split(1):
            emitted, state = neuron.run(step, state)
            spikes.append(emitted)
        return torch.cat(spikes)


def test_a_neuron_that_is_run_counts_as_one_that_is_called():
    batches = [3 * torch.rand(4, 2, 8), 3 * torch.rand(4, 5, 8)]
    called, found = trace(ByHand("called"), batches), trace(ByHand("whole"), batches)
    assert called.events > 0
    assert found.record() == called.record()
    assert found.uncounted == ()


def test_a_neuron_that_is_run_in_a_loop_has_the_same_counts():
    batches = [3 * torch.rand(4, 2, 8), 3 * torch.rand(4, 5, 8)]
    called, found = (trace(ByHand(how), batches) for how in ("called", "neurons in a loop"))
    for row, theirs in zip(found.rows, called.rows, strict=True):
        assert row.record()["per_sample"] | {"arithmetic": None} == theirs.record()["per_sample"] | {"arithmetic": None}
        assert (row.name, row.samples, row.events_by_step) == (theirs.name, theirs.samples, theirs.events_by_step)
    assert [row.fed_by for row in found.of_kind("neuron")] == ["", ""]  # slices of what a layer gave are new tensors


def test_a_loop_over_the_steps_costs_what_the_whole_sequence_does():
    x = 3 * torch.rand(4, 3, 8)
    called, looped = ByHand("called"), ByHand("steps in a loop")
    for net in (called, looped):
        net.out = synfire.MultiLevelIF(3, 0.2, initial=0.0)  # whose rest is the zeros that the loop begins with
    called, looped = trace(called, x), trace(looped, x)
    neurons = [[row.record() for row in found.of_kind("neuron")] for found in (called, looped)]
    assert neurons[0] == neurons[1]
    for total in ("events", "spikes", "arriving_events", "effective_acs", "effective_macs", "dense_macs"):
        assert getattr(looped, total) == pytest.approx(getattr(called, total), rel=1e-12), total  # sums of means
    assert [row.name for row in looped.of_kind("synapse")][:3] == ["first", "last", "first#2"]
    for name in ("operations-45nm-int8", "memory-fit-8bit"):
        assert pricer(name)(looped).picojoules == pytest.approx(pricer(name)(called).picojoules, rel=1e-12)


def test_observing_a_neuron_leaves_no_trace():
    net = ByHand("whole")
    with synfire.metering.counting(net) as outer:
        with synfire.metering.counting(net) as inner:
            net(torch.ones(2, 1, 8))
        net(torch.ones(2, 1, 8))
        with pytest.raises(synfire.base.ShapeError):
            net(torch.ones(2, 1, 7))
    assert (outer.trace().rows[0].samples, inner.trace().rows[0].samples) == (2, 1)
    assert all("run" not in vars(module) for module in net.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_a_width_is_that_of_what_may_come():
    net = nn.Sequential(synfire.MultiLevelIF(4, initial=0.0), synfire.layers.Flatten(), synfire.layers.Linear(4, 2))
    quiet = trace(net, torch.ones(1, 1, 4)).rows[1]
    assert (quiet.largest, quiet.levels, quiet.arithmetic) == (1, 4, "graded")
    block = synfire.models.sew_resnet18(levels=1).eval()
    rows = {row.name: row for row in trace(block, torch.randn(1, 1, 3, 8, 8)).rows}
    assert rows["stages.0.0.branch.0.0"].levels == 1
    assert rows["stages.0.1.branch.0.0"].levels == 2  # a sum of two


def test_counting_leaves_the_statistics_of_norms_alone():
    net = synfire.models.cnn4(image_size=12)
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    trace(net, torch.randn(2, 3, 1, 12, 12))
    assert net.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in net.named_buffers())


def test_groups_and_own_layers_in_the_nominal_account():
    class Diagonal(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(100))

        def forward(self, x):
            return x * self.scale

        def fan_out(self, shape, dense=False):
            return torch.ones(shape, dtype=torch.int64) if dense else (self.scale != 0).long()

    nominal = synfire.metering.Machine(fan_out="nominal")
    depthwise = nn.Sequential(synfire.IF(), Conv2d(8, 8, 3, padding=1, groups=8, bias=False))
    found = trace(depthwise, torch.ones(1, 1, 8, 9, 9))
    assert found.traffic(nominal)["1"].weights == 8 * 81 * 9
    assert found.traffic()["1"].weights == 8 * 25**2
    own = trace(nn.Sequential(synfire.IF(), Diagonal()), torch.ones(1, 1, 100))
    assert own.traffic(nominal)["1"].weights == own.traffic()["1"].weights == 100
    assert own.rows[1].synapse.weights == 100
    assert own.connection_sparsity == 0


def test_the_table_holds_every_count_of_every_row():
    net = nn.Sequential(Conv2d(1, 2, 3, padding=1), synfire.IF(), synfire.layers.Flatten(), Linear(32, 3))
    found = trace(net, torch.ones(2, 3, 1, 4, 4))
    conv, neuron, head = found.table()
    assert (conv["shape"], conv["out_shape"], conv["weights"], conv["bytes"]) == ((1, 4, 4), (2, 4, 4), 18, 80)
    assert conv["reads_weights"] == found.rows[0].synops == 2 * 100 * 2
    assert conv["density_by_step"] == [1.0, 1.0]
    assert neuron["updates"] == 2 * 32
    assert neuron["resets"] == neuron["events"] == found.rows[1].events
    assert head["writes_potentials"] == head["reads_potentials"] == found.traffic()["3"].potentials


def test_a_layer_that_is_used_twice_has_its_weights_once():
    layer = Linear(4, 4, bias=False)
    with torch.no_grad():
        layer.weight[0] = 0
    found = trace(nn.Sequential(layer, synfire.IF(), layer), torch.ones(1, 1, 4))
    assert [row.name for row in found.of_kind("synapse")] == ["0", "0#2"]
    assert found.connection_sparsity == 0.25


@pytest.mark.parametrize("in_place", [False, True])
def test_a_compiled_network_counts_as_it_was_before(in_place):
    torch.manual_seed(0)
    net = nn.Sequential(Conv2d(1, 2, 3), synfire.IF(), synfire.layers.Flatten(), Linear(8, 3)).eval()
    x = torch.rand(2, 3, 1, 4, 4)
    expected = trace(net, x).record()
    compiled = net
    if in_place:
        net.compile(backend="aot_eager")
    else:
        compiled = torch.compile(net, backend="aot_eager")
    with torch.no_grad():
        compiled(x)
    assert trace(compiled, x).record() == expected
