"""SpikingSSM: published sizes, streaming, norms, twins, energy of the mixing layers."""

import math

import pytest
import torch
from torch import nn

import synfire
from synfire import MultiLevelLIF, SequenceLIF
from synfire.base import ConfigError, ShapeError, save_weights
from synfire.metering.pricers import Operations
from synfire.models import PUBLISHED, spiking_ssm, twin

# Backbones, by arithmetic: depth * (H N (1 + directions, + 1 if B is learned) + 2 H^2 + 7 H).
BACKBONES = {
    "listops": 821_760, "text": 821_760, "retrieval": 1_092_096, "image": 3_757_056, "pathfinder": 1_092_096,
    "path_x": 1_190_400, "smnist": 748_000, "psmnist": 662_528, "wikitext103": 35_766_272,
    "speech_commands": 251_136, "dvs_gesture": 3_363_840,
}  # fmt: skip


def small(**options):
    torch.manual_seed(0)
    return spiking_ssm(5, channels=16, depth=4, modes=8, in_channels=3, **options).eval()


def sequence(steps=100, batch=2):
    return torch.randn(steps, batch, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("config", PUBLISHED)
def test_backbones_have_the_published_parameters(config):
    with torch.device("meta"):
        net = spiking_ssm(config=config)
    assert sum(p.numel() for p in net.blocks.parameters()) == BACKBONES[config]


def test_spikes_are_zero_or_one_and_logits_come_at_every_step():
    net, x = small(), sequence()
    seen = []
    net.blocks[2].neuron.register_forward_hook(lambda m, i, out: seen.append(out))
    assert net(x).shape == (100, 2, 5)
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("options", [{}, {"levels": 4}, {"norm": "batch"}, {"place": "pre", "shift": True}], ids=str)
def test_steps_chunks_and_the_whole_sequence_agree(options):
    net, x = small(**options).double(), sequence(2048).double()
    with torch.no_grad():
        whole = net(x)
        run = synfire.stream(net)
        parts = [run.run(part) for part in x[:1100].split([1, 1, 7, 300, 791])]
        saved = {name: state.clone() for name, state in run.state_dict().items()}
        other = synfire.stream(net)
        other.load_state_dict(saved)  # in the middle
        parts += [torch.stack([other(step) for step in x[1100:1200]]), other.run(x[1200:])]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-9)


def test_token_by_token_in_single_precision():
    net, x = small(), sequence(2048, 1)
    spikes = {"whole": [], "stream": []}
    with torch.no_grad():
        for kind in spikes:
            hooks = [
                b.neuron.register_forward_hook(lambda m, i, out, kind=kind: spikes[kind].append(out))
                for b in net.blocks
            ]
            run = synfire.stream(net)
            logits = net(x) if kind == "whole" else torch.stack([run(step) for step in x])
            if kind == "whole":
                whole = logits
            for hook in hooks:
                hook.remove()
    streamed = [torch.cat(spikes["stream"][block::4]) for block in range(4)]
    equal = torch.cat([(a == b).flatten() for a, b in zip(spikes["whole"], streamed, strict=True)]).float().mean()
    assert equal >= 0.99999
    torch.testing.assert_close(logits, whole, rtol=0, atol=1e-4)


def test_a_bidirectional_one_has_no_stream():
    net = small(bidirectional=True)
    assert net(sequence()).shape == (100, 2, 5)
    with pytest.raises(ConfigError, match="needs the whole sequence"):
        synfire.stream(net)(sequence()[0])


def test_a_later_input_never_changes_an_earlier_output():
    net, x = small(), sequence()
    changed = x.clone()
    changed[60:] += 1
    with torch.no_grad():
        before, after = net(x), net(changed)
    assert torch.equal(before[:60], after[:60]) or (before[:60] - after[:60]).abs().max() < 1e-5
    assert (before[60:] - after[60:]).abs().max() > 1e-2


def test_the_norm_behind_the_sum_changes_the_output():
    x = sequence()
    with torch.no_grad():
        outputs = [small(place="post", norm=norm)(x) for norm in ("layer", "none")]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-2


@pytest.mark.parametrize("gate", ["glu", "none"])
def test_gradients_reach_every_parameter(gate):
    net = small(gate=gate, shift=True, norm="layer").train()
    nn.functional.cross_entropy(net(sequence()).mean(0), torch.tensor([0, 3])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_own_neurons_and_the_real_valued_twin():
    own = small(neuron=MultiLevelLIF)
    assert {type(m) for m in own.modules() if isinstance(m, synfire.Neuron)} == {MultiLevelLIF}
    net = small()
    control = twin(net, "gelu")
    assert not any(isinstance(m, synfire.Neuron) for m in control.modules())
    thresholds = sum(m.log_threshold.numel() for m in net.modules() if isinstance(m, SequenceLIF))
    assert sum(p.numel() for p in control.parameters()) == sum(p.numel() for p in net.parameters()) - thresholds
    assert control(sequence()).shape == (100, 2, 5)


def test_the_mixing_layers_of_the_large_model_cost_what_was_published():
    """16 layers of 1024 -> 2048 over 8192 steps: 274.88 G products or 1.264 J dense; 65.4 mJ at 26.4 % spikes."""
    steps = 4
    spikes = torch.zeros(steps, 1, 1024)
    spikes.view(-1)[: round(0.26432 * spikes.numel())] = 1
    found = synfire.trace(nn.Sequential(synfire.IF(), synfire.layers.Linear(1024, 2048)), spikes)
    whole = 16 * 8192 // steps
    bill = Operations(mac=4.6, ac=0.9)(found)
    assert whole * found.dense_macs == 16 * 1024 * 2048 * 8192
    assert whole * found.dense_macs * 4.6e-12 == pytest.approx(1.264, abs=1e-3)
    assert whole * found.effective_acs == pytest.approx(72.66e9, rel=1e-3)
    assert whole * found.effective_acs * 0.9e-12 == pytest.approx(65.4e-3, rel=1e-3)
    assert whole * bill.picojoules * 1e-12 == pytest.approx(65.4e-3, rel=1e-3)


def test_bad_options_and_inputs():
    with pytest.raises(ConfigError, match="choose one of listops"):
        spiking_ssm(config="mnist")
    with pytest.raises(ConfigError, match="choose one of batch, layer, none"):
        small(norm="group")
    with pytest.raises(ShapeError, match="PixelSequence"):
        small()(torch.zeros(2, 3, 8, 8))


def test_the_network_that_predicts_potentials_serves_a_whole_model(tmp_path):
    save_weights(synfire.SurrogateDynamics(0.125), tmp_path / "weights.safetensors")
    net = small(engine="sdn", dynamics=tmp_path)
    assert net(sequence()).shape == (100, 2, 5)
    assert all(b.neuron.engine == "sdn" and b.neuron.dynamics is not None for b in net.blocks)


def test_without_s4d_and_gate_no_block_multiplies():
    torch.manual_seed(0)
    options = {"config": "smnist", "in_channels": 3, "channels": 16, "depth": 3, "norm": "none", "dropout": 0.0}
    net = spiking_ssm(5, modes=0, gate="none", shift=True, **options).eval()
    account = synfire.trace(net, sequence())
    assert not account.uncounted
    inside = [row for row in account.of_kind("synapse") if row.name.startswith("blocks.")]
    assert [row.arithmetic for row in inside] == ["accumulate"] * 3
    assert all(row.synops > 0 for row in inside)
    assert all(math.log2(block.neuron.decay).is_integer() for block in net.blocks)
    x = sequence(50)
    run = synfire.stream(net.double())
    with torch.no_grad():
        torch.testing.assert_close(torch.stack([run(step) for step in x.double()]), net(x.double()))
    rows = {row.name: row.arithmetic for row in synfire.trace(spiking_ssm(5, modes=4, **options), sequence()).rows}
    assert rows["blocks.1.memory"] != "accumulate"


def test_tokens_stream_one_at_a_time_and_are_no_currents():
    torch.manual_seed(0)
    net = spiking_ssm(5, channels=16, depth=2, modes=8, vocabulary=9, padding=0).eval().double()
    tokens = torch.randint(0, 9, (300, 2), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = net(tokens)
        run = synfire.stream(net)
        parts = torch.cat([torch.stack([run(step) for step in tokens[:100]]), run.run(tokens[100:])])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-9)
    assert net.encoder.weight[0].abs().sum() == 0
    found = synfire.trace(net, tokens)
    assert not any(row.name == "encoder" for row in found.rows)
    assert found.rows[0].name == "blocks.0.memory"
    assert not found.rows[0].whole  # rows of the table are what arrives, not the numbers of the tokens
    assert all(row.whole for row in found.rows if row.name.endswith("mix"))
    assert found.effective_acs > 0


def test_a_vocabulary_changes_the_encoder_alone():
    with torch.device("meta"):
        net = spiking_ssm(config="listops", vocabulary=16, padding=0)
    assert sum(p.numel() for p in net.blocks.parameters()) == BACKBONES["listops"]
    assert sum(p.numel() for p in net.encoder.parameters()) == 16 * 256
