"""Energy models against the figures that their sources give or that follow from them by hand."""

import math
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

import synfire
from synfire.base import ConfigError
from synfire.layers import Conv2d, Linear
from synfire.metering import Machine, Row, Synapse, Trace, Traffic, trace
from synfire.metering.pricers import (
    Memory,
    Operations,
    access_energy,
    break_even,
    break_evens,
    conventional,
    operation_energy,
    price_lists,
    pricer,
    verdicts,
)

EXACT = {"rel": 1e-6}

# The worked example: convolution 16 to 32 channels, 16x16, kernel 3, stride 1, bias.
MADE = Synapse(
    out_shape=(32, 16, 16), fan_out=torch.zeros(16, 16, 16), dense_fan_out=0, products=1_179_648, linear=False,
    kernel=9, strided_kernel=9, out_channels=32, weights=4608, live_weights=4608, biases=32,
)  # fmt: skip


def layer(events: float, steps: int = 1, largest: float = 1.0, mean: float = 1.0, made: Synapse = MADE) -> Row:
    return Row(
        "conv", "synapse", (16, 16, 16), synapse=made, samples=1, computed_steps=steps, event_count=events,
        spike_total=events * mean, largest=largest, events_by_step=[0] * steps,
    )  # fmt: skip


def neuron(events: float, steps: int, mean: float = 1.0, fed_by: str = "conv", leaks: bool = False) -> Row:
    return Row(
        "neuron", "neuron", (32, 16, 16), samples=1, computed_steps=steps, event_count=events, levels=1,
        spike_total=events * mean, events_by_step=[0] * steps, resets=True, fed_by=fed_by, leaks=leaks,
    )  # fmt: skip


def spiking(theta_in: float = 2457.6, theta_out: float = 3276.8, steps: int = 4, **row) -> Trace:
    return Trace((layer(theta_in, steps, **row), neuron(theta_out, steps)))


FORMAL = Trace((replace(layer(4096.0), whole=False),))
EXAMPLE = Memory(bits=8, access="fit", fifo_depth=0, fan_out="nominal")


@pytest.mark.parametrize(("elements", "expected"), [(0, 13.200), (8192, 13.914), (32768, 16.057), (1048576, 104.636)])
def test_access_energy_fit(elements, expected):
    assert access_energy(elements, 8, "fit") == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("bits", "expected"), [(4, 0.625), (8, 1.25), (16, 2.5), (32, 5.0)])
def test_access_energy_packed(bits, expected):
    assert access_energy(1, bits, "packed") == expected


@pytest.mark.parametrize(
    ("bits", "add", "multiply"),
    [(4, 0.018333333, 0.052083333), (8, 0.03, 0.2), (16, 0.053333333, 0.783333333), (32, 0.1, 3.1)],
)
def test_operation_energy(bits, add, multiply):
    assert operation_energy(0.03, 0.1, bits, "linear") == pytest.approx(add, **EXACT)
    assert operation_energy(0.2, 3.1, bits, "quadratic") == pytest.approx(multiply, **EXACT)


def test_policies():
    assert operation_energy(0.2, 3.1, 16, "linear") == pytest.approx(1.166666667, **EXACT)
    assert operation_energy(0.2, 3.1, 4, "iconip") == 3.1
    assert [operation_energy(0.2, 3.1, bits, "saturation") for bits in (8, 9)] == [0.2, 3.1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: operation_energy(0.2, 3.1, 4, "linear"), "gives -0.283 pJ at 4 bits"),
        (lambda: operation_energy(0.2, 3.1, 33, "linear"), "33 bits"),
        (lambda: operation_energy(0.2, 3.1, 8, "cubic"), "'cubic' is unknown"),
        (lambda: access_energy(1, 65, "packed"), "65 bits do not fit"),
        (lambda: access_energy(1, 8, "free"), "'free' is unknown"),
        (lambda: Memory(bits=4, multiply="linear"), "at 4 bits"),
        (lambda: Memory(events="spikes"), "events is 'spikes'"),
        (lambda: Memory(fan_out="some"), "fan_out is 'some'"),
        (lambda: Memory(fifo_depth=-1), "fifo_depth is -1"),
        (lambda: Operations(-1, 0), "not negative"),
        (lambda: Operations(1, 1, events="x"), "events is 'x'"),
        (lambda: Operations(1, 1, count="x"), "count is 'x'"),
        (lambda: pricer("free-energy"), "'free-energy' is unknown; there are memory-"),
        (lambda: pricer("operations-45nm-int8", macs=3), "'macs' is no key of operations"),
        (lambda: pricer("operations-45nm-int8", mac="3"), "mac is '3', but float was expected"),
        (lambda: pricer("operations-45nm-int8", mac=True), "mac is True, but float was expected"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        call()


def test_worked_example_of_a_formal_layer():
    (line,) = EXAMPLE(FORMAL).lines
    assert line.memory == pytest.approx(32_260_190.37, **EXACT)
    assert line.compute == pytest.approx(271_564.80, **EXACT)
    assert line.addressing == pytest.approx(377.28, **EXACT)
    assert line.total == pytest.approx(32_532_132.45, **EXACT)


def test_worked_example_of_a_spiking_layer():
    bill = EXAMPLE(spiking())
    assert sum(line.memory for line in bill.lines) == pytest.approx(30_744_259.04, **EXACT)
    assert sum(line.compute for line in bill.lines) == pytest.approx(22_315.01, **EXACT)
    assert sum(line.addressing for line in bill.lines) == pytest.approx(1_794.05, rel=3e-6)  # given to 2 decimals
    assert bill.picojoules == pytest.approx(30_768_368.09, **EXACT)


def test_traffic_of_the_worked_example():
    layer_of_weights, neurons = spiking().traffic(Machine(fan_out="nominal")).values()
    expected = Traffic(
        inputs=2457.6, weights=707_788.8, biases=32_768, potentials=740_556.8,
        address_additions=2457.6 * 9, address_products=4915.2,
    )  # fmt: skip
    assert asdict(layer_of_weights) == pytest.approx(asdict(expected), **EXACT)
    assert neurons == Traffic(outputs=3276.8)
    [formal] = FORMAL.traffic(Machine(fan_out="nominal")).values()
    assert (formal.inputs, formal.weights, formal.outputs) == (1_179_648, 1_179_648, 8192)


def test_traffic_of_a_real_network_is_that_of_its_events():
    torch.manual_seed(0)
    net = nn.Sequential(Conv2d(2, 4, 3, padding=1), synfire.IF(), Conv2d(4, 4, 3, stride=2), synfire.IF())
    found = trace(net, (torch.rand(3, 5, 2, 9, 9) < 0.4).float())
    traffic = found.traffic()
    for row in found.of_kind("synapse"):
        assert traffic[row.name].inputs == pytest.approx(row.events, rel=1e-12)
        assert traffic[row.name].weights == row.synops
    assert [row["traffic"]["weights"] for row in found.record()["rows"]] == [t.weights for t in traffic.values()]


def test_break_even_of_the_worked_example():
    formal = EXAMPLE(FORMAL).picojoules
    low, high = 0.0, 4096.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if EXAMPLE(spiking(middle)).picojoules < formal else (low, middle)
    assert low / 4096 == pytest.approx(0.6360, abs=5e-5)


def test_energy_is_linear_in_events_and_adds_up_over_layers():
    silent = EXAMPLE(spiking(0.0, 0.0)).picojoules
    once, twice = EXAMPLE(spiking()).picojoules, EXAMPLE(spiking(2 * 2457.6, 2 * 3276.8)).picojoules
    assert twice - silent == pytest.approx(2 * (once - silent), rel=1e-12)
    # Without events only what every step costs is left: potentials, thresholds, biases.
    access = access_energy
    expected = 4 * 8192 * (2 * access(8192, 8, "fit") + access(32, 8, "fit") + 0.03)
    assert silent == pytest.approx(expected, rel=1e-12)
    both = Trace(
        (
            *spiking().rows,
            *(replace(row, name=f"{row.name}2", fed_by="conv2" if row.fed_by else "") for row in spiking().rows),
        )
    )
    assert EXAMPLE(both).picojoules == pytest.approx(2 * once, rel=1e-12)


@pytest.mark.parametrize("price", [EXAMPLE, Operations(4.6, 0.9)], ids=["memory", "operations"])
def test_graded_unary_and_burst_agree_on_binary_spikes(price):
    x = (torch.rand(4, 2, 3, 8, 8) < 0.3).float()
    found = trace(nn.Sequential(Conv2d(3, 4, 3), synfire.IF(), Conv2d(4, 2, 3)), x)
    energies = {replace(price, events=events)(found).picojoules for events in ("graded", "unary", "burst")}
    assert len(energies) == 1


def test_graded_and_burst_touch_memory_once_and_unary_each_time():
    found = spiking(mean=2.0, largest=4.0)
    bills = {events: replace(EXAMPLE, events=events)(found) for events in ("graded", "unary", "burst")}
    memory = {events: bill.lines[0].memory for events, bill in bills.items()}
    compute = {events: bill.lines[0].compute for events, bill in bills.items()}
    assert memory["graded"] == memory["burst"] < memory["unary"]
    assert compute["burst"] == pytest.approx(compute["unary"], rel=1e-12)


def test_leak_is_a_multiplication_per_neuron_and_step():
    plain, leaky = (Trace((layer(100.0, 4), neuron(10.0, 4, leaks=leaks))) for leaks in (False, True))
    assert EXAMPLE(leaky).picojoules - EXAMPLE(plain).picojoules == pytest.approx(4 * 8192 * 0.23)


def test_operations_price_what_neurobench_counts_on_a_binary_network():
    torch.manual_seed(0)
    net = nn.Sequential(Conv2d(2, 4, 3, padding=1), synfire.IF(), Conv2d(4, 4, 3, stride=2), synfire.IF())
    found = trace(net, (torch.rand(3, 5, 2, 9, 9) < 0.4).float())
    assert found.effective_macs == 0
    assert Operations(4.6, 0.9)(found).picojoules == pytest.approx(0.9 * found.effective_acs, rel=1e-12)


def test_operations_of_a_first_layer_and_of_the_conventional_twin():
    net = synfire.models.cnn4(levels=2, image_size=12).eval()
    x = torch.randn(1, 4, 1, 12, 12)
    found, twin = trace(net, x), trace(synfire.models.twin(net), x)
    price = Operations(4.6, 0.9)
    usual = replace(price, count="rate")
    assert price(found).lines[0].compute == pytest.approx(4.6 * found.rows[0].dense_macs)
    assert usual(found).lines[0].compute == pytest.approx(4.6 * found.rows[0].products)
    assert price(twin).picojoules == pytest.approx(4.6 * twin.dense_macs)
    assert usual(twin).picojoules == pytest.approx(4.6 * sum(row.products for row in twin.rows))
    skipping = replace(price, zero_skipping=True)(twin)
    assert skipping.picojoules == pytest.approx(4.6 * (twin.effective_macs + twin.effective_acs))
    assert skipping.picojoules < price(twin).picojoules


def test_the_reference_network_of_the_multi_level_figures():
    net = synfire.models.twin(synfire.models.vgg16()).eval()
    found = trace(net, torch.randn(1, 1, 3, 32, 32))
    assert sum(row.products for row in found.rows) == pytest.approx(313.7e6, rel=1e-3)
    bill = pricer("memory-constant-16bit-nominal")(found)
    assert bill.millijoules == pytest.approx(12.81, rel=0.01)


def test_a_barrier_is_charged_for_its_potentials():
    alone = Trace((replace(neuron(5.0, 2, fed_by=""), arriving_count=40),))
    expected = 5 * 13.2 + 5 * 0.03 + 40 * 13.2 + (2 * access_energy(8192, 8, "fit") + 0.03) * (40 + 2 * 8192)
    assert EXAMPLE(alone).picojoules == pytest.approx(expected, rel=1e-12)


def test_exact_fan_out_is_less_at_borders():
    torch.manual_seed(0)
    net = nn.Sequential(Conv2d(2, 4, 3, padding=1), synfire.IF())
    found = trace(net, (torch.rand(3, 5, 2, 9, 9) < 0.4).float())
    exact = replace(EXAMPLE, fan_out="exact")
    assert exact(found).picojoules < EXAMPLE(found).picojoules
    assert any("fan-out is that of every event" in said for said in exact(found).assumptions)
    assert any("fan-out is nominal" in said for said in EXAMPLE(found).assumptions)


def test_skipping_zeros_makes_a_conventional_network_cheaper():
    net = synfire.models.twin(synfire.models.sparse_resnet_narrow(in_channels=1, depths=(1, 1)), "quantised").eval()
    found = trace(net, torch.randn(1, 2, 1, 12, 12))
    dense, skipping = EXAMPLE(found), replace(EXAMPLE, zero_skipping=True)(found)
    assert skipping.picojoules < dense.picojoules
    assert {line.kind for line in dense.lines} == {"synapse", "merge"}


@pytest.mark.parametrize("name", price_lists())
def test_every_price_list_prices_and_says_how(name):
    net = nn.Sequential(Linear(6, 5), synfire.MultiLevelLIF(3), Linear(5, 2))
    bill = pricer(name)(trace(net, torch.randn(3, 2, 6)))
    assert bill.picojoules > 0
    assert math.isfinite(bill.picojoules)
    assert bill.pricer == name
    assert "Horowitz" in bill.source
    assert len(bill.assumptions) >= 3
    assert f"{name}: " in str(bill)
    assert bill.record()["picojoules"] == bill.picojoules


def test_a_price_list_of_the_users(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text('model = "operations"\nsource = "our chip"\nmac = 2\nac = 1.0\n')
    conventional = trace(Linear(3, 2), torch.ones(1, 1, 3))
    assert (pricer(path)(conventional).picojoules, pricer(path)(conventional).source) == (12, "our chip")
    spiking = trace(nn.Sequential(Linear(3, 2), synfire.IF()), torch.ones(1, 1, 3))
    assert pricer(str(path))(spiking).picojoules == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = ", "cannot be read"),
        ('model = "free"', "model is 'free'; choose one of operations, memory"),
        ("mac = 1.0", "model is None"),
        ('model = "operations"\nmac = 1.0', "ac are missing"),
        ('model = "memory"\nbits = 8.5', "bits is 8.5, but int was expected"),
    ],
)
def test_a_broken_price_list_is_refused(tmp_path, text, message):
    path = tmp_path / "chip.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        pricer(path)


def test_verdicts_name_every_limit_and_choose_none():
    found = spiking(theta_in=0.3 * 4096, steps=5)
    sides = {verdict.band.source.split(",")[0].split(" (")[0]: verdict.verdict for verdict in verdicts(found)}
    assert len(verdicts(found)) == 7
    assert sides["memory model"] == "below"
    per_step = [v for v in verdicts(found) if v.band.says.endswith("step")]
    assert [v.verdict for v in per_step] == ["below", "above", "no statement", "no statement"]
    assert {v.verdict for v in verdicts(FORMAL)} == {"no statement"}


# --- break-even ---


@pytest.mark.parametrize(
    ("name", "limit"),
    [("operations-45nm-float32", 4.6 / 0.9), ("operations-45nm-int32", 32.0), ("operations-45nm-int8", 0.23 / 0.03)],
)
def test_break_even_of_operation_counting_is_the_ratio_of_the_operations(name, limit):
    torch.manual_seed(0)
    net = nn.Sequential(synfire.IF(), Linear(50, 20)).eval()
    x = (torch.rand(4, 3, 50) < 0.3).float()
    found, rival = trace(net, x), trace(nn.Sequential(synfire.ReLU(), Linear(50, 20)), x[:1])
    at = break_even(found, rival, pricer(name))
    assert at.events_per_neuron == pytest.approx(limit, rel=1e-6)
    assert at.now == pytest.approx(found.rows[1].events / 50)
    assert at.factor == pytest.approx(limit / at.now)


def test_break_even_of_the_memory_model_is_where_the_bills_meet():
    price = Memory(bits=32, access="constant", multiply="iconip", add="iconip", fan_out="nominal")
    ratio = break_even(spiking(), FORMAL, price)
    grown = spiking(2457.6 * ratio.factor, 3276.8 * ratio.factor)
    price_of = [price(t).picojoules for t in (grown, FORMAL)]
    assert price_of[0] == pytest.approx(price_of[1], rel=1e-9)
    assert 0.5 < ratio.events_per_neuron < 0.75


@pytest.mark.parametrize("name", price_lists())
@pytest.mark.parametrize("steps", [1, 3])
def test_the_conventional_twin_of_a_trace_costs_what_the_traced_twin_does(name, steps):
    torch.manual_seed(0)
    net = synfire.models.sparse_resnet_narrow(levels=2, in_channels=1, widths=(4, 8), depths=(1, 1))
    x = synfire.layers.Direct(steps)(torch.randn(3, 1, 8, 8))
    net(x)
    found, rival = trace(net.eval(), x), trace(synfire.models.twin(net, "relu").eval(), x[:1])
    price = pricer(name)
    assert price(conventional(found)).picojoules == pytest.approx(price(rival).picojoules, rel=1e-12)
    at = break_evens(found)[name]
    assert at == break_even(found, conventional(found), price)
    said = at.record("its twin")
    assert said["verdict"] == ("below" if at.now < at.events_per_neuron else "above")
    assert (said["value"], said["limit"]) == (at.now, f"{at.events_per_neuron:.3g}")


def test_break_even_of_a_silent_network_is_refused():
    with pytest.raises(ConfigError, match="events cost nothing"):
        break_even(spiking(0.0, 0.0), FORMAL, EXAMPLE)
    assert break_evens(spiking(0.0, 0.0)) == {}
    assert break_even(spiking(), spiking(0.0, 0.0, 1), EXAMPLE).factor == 0
