import lightning.pytorch as L
import pytest
import torch
from torch import nn
from torch.nn import functional

from synfire.base import ConfigError, DataError, DtypeError, NumericsError
from synfire.layers import Direct, Frames, TokenSequence
from synfire.models import sparse_resnet_narrow, spiking_ssm
from synfire.neurons import QuantisedReLU, ReLU
from synfire.tasks import Classification
from synfire.tasks.account import _picture


def test_the_loss_is_that_of_the_mean_over_steps(net) -> None:
    task = Classification(net.eval(), Direct(3), label_smoothing=0.2)
    images, labels = torch.randn(2, 1, 4, 4), torch.tensor([0, 2])
    logits = task(images)
    torch.testing.assert_close(logits, net(images.expand(3, 2, 1, 4, 4)).mean(0))
    assert task.loss(logits, labels) == functional.cross_entropy(logits, labels, label_smoothing=0.2)
    assert task.steps == 3


def test_it_learns_a_batch_by_heart_and_tests_it(net, batches, trainer) -> None:
    task, data = Classification(net), batches(count=60)
    run = trainer()
    run.fit(task, datamodule=data)
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
    [results] = run.test(task, datamodule=data, verbose=False)
    assert results["test/accuracy"] == 1.0
    assert results["test/loss"] < 0.2
    assert results["test/ms_per_image"] > 0
    with torch.no_grad():
        spikes = net.eval()[:3](task.encode(data.images))
    assert results["test/non_zeros_per_image"] == pytest.approx(spikes.count_nonzero().item() / 6)
    assert results["test/spikes_per_image"] == pytest.approx(spikes.sum().item() / 6)


@pytest.mark.parametrize(("kind", "rectifier"), [("relu", ReLU), ("quantised", QuantisedReLU)])
def test_twins(kind, rectifier, net, batches, trainer) -> None:
    task = Classification(net, twin=kind)
    assert isinstance(task.model[2], rectifier)
    run = trainer()
    run.fit(task, datamodule=batches())
    [results] = run.test(task, datamodule=batches(), verbose=False)
    assert ("test/spikes_per_image" in results) == (kind == "quantised")


def test_channels_last_changes_no_number(batches, trainer) -> None:
    results = []
    for channels_last in (False, True):
        torch.manual_seed(0)
        task = Classification(
            sparse_resnet_narrow(3, widths=(4,), depths=(1,), in_channels=3), channels_last=channels_last
        )
        data = batches(torch.randn(6, 3, 8, 8))
        x = task.encode(data.images)
        assert x[0].is_contiguous(memory_format=torch.channels_last) == channels_last
        results.append(task(data.images))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # this and the next are of Dynamo's own doing
@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated:DeprecationWarning")
def test_compiled_training_and_a_test_that_still_counts(net, batches, trainer, monkeypatch) -> None:
    compile = nn.Module.compile
    # The back end "eager" needs no C++ compiler, which takes long and may be missing.
    monkeypatch.setattr(nn.Module, "compile", lambda module: compile(module, backend="eager"))
    task = Classification(net, compile=True)
    run = trainer()
    run.fit(task, datamodule=batches())
    assert task.model._compiled_call_impl is not None
    [results] = run.test(task, datamodule=batches(), verbose=False)
    assert results["test/non_zeros_per_image"] > 0


def test_bfloat16(net, batches, trainer) -> None:
    task = Classification(net)
    run = trainer(precision="bf16-mixed")
    run.fit(task, datamodule=batches())
    assert run.callback_metrics["train/loss"].isfinite()


def test_a_loss_that_is_no_number_names_step_and_mend(net, batches, trainer) -> None:
    nn.init.constant_(net[-1].bias, torch.inf)
    with pytest.raises(
        NumericsError, match=r"loss is nan at step 0 \(epoch 0\), .*32-true and learning rate 0\.1; .*Lower"
    ):
        trainer(num_sanity_val_steps=0).fit(Classification(net), datamodule=batches())


@pytest.mark.parametrize("spoilt", ["loss", "images"])
def test_what_nobody_looked_at_is_told_at_the_end_of_the_epoch(spoilt, net, batches, trainer, monkeypatch) -> None:
    class Spoil(L.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
            if batch_idx == 3 and spoilt == "images":
                batch[0][1, 0, 2, 2] = torch.nan
            elif batch_idx == 3:
                nn.init.constant_(net[-1].bias, torch.inf)

    monkeypatch.setattr(Classification, "_looks", lambda task, batch_idx: batch_idx == 0)  # as on a GPU
    error, message = {
        "loss": (NumericsError, r"the loss is not finite at step 3 \(epoch 0\), with precision 32-true and learning"),
        "images": (DataError, r"the images of step 3 \(epoch 0\) hold NaN or infinity; finite numbers were expected"),
    }[spoilt]
    with pytest.raises(error, match=message):
        trainer(callbacks=[Spoil()], limit_val_batches=0).fit(Classification(net), datamodule=batches(count=6))


def test_the_clock_does_not_count_the_first_call_of_a_compiled_network(net, monkeypatch) -> None:
    calls: list[str] = []
    task = Classification(net, compile=True)
    monkeypatch.setattr(task, "_infer", lambda batch: calls.append("run"))
    monkeypatch.setattr("synfire.tasks.task.time.perf_counter", lambda: calls.append("clock") or 0.0)
    task._clock((torch.zeros(2, 1, 4, 4), torch.zeros(2)))
    assert calls == ["run", "clock", "run", "clock"]


def test_bad_batches(net, batches, trainer) -> None:
    def fit(images=None, labels=None) -> None:
        trainer().fit(Classification(net), datamodule=batches(images, labels))

    images = torch.randn(6, 1, 4, 4)
    with pytest.raises(DataError, match="label 3 at row 5, but labels 0 to 2 were expected"):
        fit(labels=torch.tensor([0, 1, 2, 0, 1, 3]))
    with pytest.raises(DtypeError, match=r"dtype torch.uint8.*images.float\(\) / 255"):
        fit(images.to(torch.uint8))
    images[2, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="image 2 of the batch holds NaN"):
        fit(images)


def test_bad_options(net) -> None:
    with pytest.raises(ConfigError, match=r"label_smoothing is 1\.5"):
        Classification(net, label_smoothing=1.5)
    with pytest.raises(ConfigError, match="kind 'rely' is unknown"):
        Classification(net, twin="rely")  # type: ignore[arg-type]


def test_padded_steps_are_left_out_of_the_mean(batches, trainer) -> None:
    net = spiking_ssm(3, channels=8, depth=1, modes=4, vocabulary=6, padding=0)
    task = Classification(net.eval(), TokenSequence(7), padding=0)
    tokens = torch.tensor([[1, 2, 3, 0, 0, 0, 0], [5, 4, 3, 2, 1, 5, 4]])
    steps = net(tokens.t())
    torch.testing.assert_close(task(tokens), torch.stack([steps[:3, 0].mean(0), steps[:, 1].mean(0)]))
    task.encoder = TokenSequence(3)
    torch.testing.assert_close(task(tokens[:1, :3])[0], steps[:3, 0].mean(0))  # as if it had never been filled up


def test_a_run_over_tokens_is_tested_and_drawn(batches, trainer) -> None:
    net = spiking_ssm(3, channels=8, depth=1, modes=4, vocabulary=6, padding=0)
    task = Classification(net, TokenSequence(7), padding=0)
    tokens = torch.randint(1, 6, (6, 7), generator=torch.Generator().manual_seed(0))
    tokens[:, 5:] = 0
    run, data = trainer(), batches(tokens, count=3)
    run.fit(task, datamodule=data)
    [results] = run.test(task, datamodule=data, verbose=False)
    assert results["test/spikes_per_image"] > 0
    examples = task.records["test"]["examples"]
    assert len(examples["pictures"]) == 3
    picture = torch.tensor(examples["pictures"][0])
    assert picture.shape == (3, 3, 1)  # 7 tokens in a square of 9
    assert picture.flatten()[5:].eq(0).all()
    assert picture.max() == 255


def test_padding_needs_tokens(net, batches, trainer) -> None:
    with pytest.raises(ConfigError, match=r"padding is 0, but the network takes torch.float32 of shape \(6, 1, 4, 4\)"):
        trainer().fit(Classification(net, padding=0), datamodule=batches())


def test_labels_may_be_shares_of_classes():
    task = Classification(nn.Linear(1, 1), Frames(2))
    logits, labels = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1])
    frames, shares = torch.zeros(4, 2, 1, 5, 5), functional.one_hot(labels, 3).float()
    mixed = 0.7 * shares + 0.3 * shares.roll(1, 0)
    task.check(logits, (frames, mixed))
    both = (0.7 * task.loss(logits.mean(0), labels) + 0.3 * task.loss(logits.mean(0), labels.roll(1))).item()
    assert task.objective(logits, (frames, mixed)).item() == pytest.approx(both)
    hard, soft = (task.measures(logits, (frames, each)) for each in (labels, shares))
    assert soft["accuracy"] == hard["accuracy"]
    assert soft["loss"].item() == pytest.approx(hard["loss"].item())


def test_frames_are_laid_out_as_images_are():
    frames = torch.rand(3, 2, 4, 5, 6)
    x = Classification(nn.Linear(1, 1), Frames(2), channels_last=True).encode(frames)
    assert torch.equal(x, frames.transpose(0, 1))
    assert x.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_pictures_of_frames():
    frames = torch.zeros(3, 2, 1, 2)
    frames[0, 0, 0, 0], frames[2, 1, 0, 1] = 2, 1
    assert _picture(frames) == [[[0, 0, 255], [128, 0, 0]]]
    assert _picture(frames.sum(1, keepdim=True)) == [[[255], [0]]]  # from the darkest to the brightest
