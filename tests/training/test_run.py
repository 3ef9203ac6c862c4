import errno
import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from synfire.base import ConfigError, DataError, NumericsError, RunError, read_tensors, save_weights
from synfire.data import Digits, ImageData
from synfire.models import sparse_resnet_narrow
from synfire.tasks import Classification
from synfire.training import InitThresholds, RunFolder, evaluate, seed_all, train
from synfire.training.checkpoint import read_state, write_state

Train = Callable[..., RunFolder]
build: Callable[..., Any] = sparse_resnet_narrow  # tests put other networks in its place


@pytest.fixture
def small(tmp_path: Path) -> Train:
    """Train a small network on digits for two epochs, in tmp_path/run."""

    def run(data: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **options: Any) -> RunFolder:
        seed_all(0)
        net = build(in_channels=1, widths=(4,), depths=(1,), learn_threshold=True)
        batches = {"batch_size": 32, "limit_train": 96, "limit_test": 32, "val_fraction": 0.1, **(data or {})}
        chosen = {"open_folder": partial(RunFolder.at, tmp_path / "run"), "show": lambda text: None, **options}
        chosen["options"] = {
            "max_epochs": 2,
            "accelerator": "cpu",
            "num_sanity_val_steps": 0,
            **chosen.get("options", {}),
        }
        return train(Classification(net, **(task or {})), ImageData(Digits(), **batches), **chosen)

    return run


def test_a_run_folder_holds_everything(small: Train) -> None:
    shown: list[str] = []
    folder = small(recipe="seed: 0\n", show=shown.append)
    files = {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}
    expected = "recipe.yaml environment.json health.json metrics.jsonl weights.safetensors summary.json"
    assert set(expected.split()) | {"checkpoint/last.safetensors"} <= files
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 3), (2, 6)]
    assert {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "learning_rate", "seconds"} <= lines[0].keys()
    summary = folder.read_summary() or {}
    assert (summary["epochs"], summary["steps"], summary["seed"]) == (2, 1, 0)
    assert {"accuracy", "loss", "non_zeros_per_image", "spikes_per_image", "ms_per_image"} <= summary.keys()
    assert shown[0] == f"run folder: {folder.path}"
    assert shown[1].startswith("health: 4 of 4 neuron layers healthy")
    assert shown[2].startswith("epoch 1/2: train loss")
    layers = json.loads((folder.path / "health.json").read_text())["layers"]
    assert [layer["verdict"] for layer in layers] == ["healthy"] * 4
    curves = EventAccumulator(str(folder.path / "tensorboard")).Reload()
    assert {"train/loss", "val/accuracy"} <= set(curves.Tags()["scalars"])


def test_the_health_check_changes_no_weight(small: Train, tmp_path: Path) -> None:
    weights = []
    for health in (True, False):
        folder = small(open_folder=partial(RunFolder.at, tmp_path / str(health)), health=health)
        assert (folder.path / "health.json").exists() == health
        weights.append(folder.weights.read_bytes())
    assert weights[0] == weights[1]


def test_a_stopped_run_goes_on_bit_for_bit(small: Train, tmp_path: Path) -> None:
    data, callbacks = {"augment": ["crop1"]}, [InitThresholds()]
    whole = small(data, open_folder=partial(RunFolder.at, tmp_path / "whole"), options={"callbacks": callbacks})
    with pytest.raises(KeyboardInterrupt):
        small(data, options={"callbacks": [*callbacks, Interrupt(epoch=1)]})
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning leaves it ignored
    stopped = RunFolder(tmp_path / "run")
    assert (len(stopped.metrics.read_text().splitlines()), stopped.summary.exists()) == (1, False)
    resumed = small(data, open_folder=lambda: stopped, resume_from=stopped.checkpoint, options={"callbacks": callbacks})
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert [_timeless(line) for line in _lines(resumed)] == [_timeless(line) for line in _lines(whole)]
    ended, other = (read_state(folder.checkpoint) for folder in (resumed, whole))
    for one, two in zip(ended["optimizer_states"], other["optimizer_states"], strict=True):
        assert all(
            torch.equal(one["state"][k]["momentum_buffer"], two["state"][k]["momentum_buffer"]) for k in two["state"]
        )
    assert ended["lr_schedulers"] == other["lr_schedulers"]


def test_best_weights_are_those_of_the_best_epoch(small: Train) -> None:
    folder = small(keep="best", options={"max_epochs": 4}, task={"schedule": "constant"})
    accuracies = [line["val/accuracy"] for line in _lines(folder)]
    state = read_state(folder.checkpoint)["callbacks"]
    [recorder] = [value for value in state.values() if "best" in value]
    assert recorder["best"] == pytest.approx(max(accuracies))


def test_epochs_without_validation_are_not_scored(small: Train, tmp_path: Path) -> None:
    shown: list[str] = []
    options = {"max_epochs": 4, "check_val_every_n_epoch": 2}
    folder = small(keep="best", show=shown.append, options={**options, "callbacks": [WriteWeights(tmp_path)]})
    lines = _lines(folder)
    assert [any(key.startswith("val/") for key in line) for line in lines] == [False, True, False, True]
    assert ["val loss" in line for line in shown if line.startswith("epoch")] == [False, True, False, True]
    best = max((1, 3), key=lambda epoch: lines[epoch]["val/accuracy"])
    assert folder.weights.read_bytes() == (tmp_path / f"{best}.safetensors").read_bytes()


def test_without_validation_the_last_weights_are_kept(small: Train, tmp_path: Path) -> None:
    options = {"limit_val_batches": 0, "callbacks": [WriteWeights(tmp_path)]}
    folder = small(keep="best", options=options)
    assert folder.weights.read_bytes() == (tmp_path / "1.safetensors").read_bytes()


@pytest.mark.parametrize("part", ["branch.0.0.weight", "running_mean"])
def test_weights_that_are_no_numbers_are_not_kept(small: Train, tmp_path: Path, part: str) -> None:
    with pytest.raises(NumericsError, match=rf"{part}\S* of the network holds NaN or infinity after epoch 2, with"):
        small(options={"callbacks": [Poison(part)]})
    folder = RunFolder(tmp_path / "run")
    assert len(_lines(folder)) == 1
    assert read_state(folder.checkpoint)["global_step"] == 3
    assert all(value.isfinite().all() for value in read_tensors(folder.weights)[0].values())


def test_a_buffer_may_hold_infinities_from_the_start(small: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def masked(**options: Any) -> torch.nn.Module:
        net = sparse_resnet_narrow(**options)
        net.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
        return net

    monkeypatch.setitem(globals(), "build", masked)
    assert (small().read_summary() or {})["epochs"] == 2


def test_losses_between_looks_are_noted(small: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classification, "_looks", lambda task, batch_idx: batch_idx == 0)  # as on a GPU
    spoilt = Spoil(at=2)
    with pytest.raises(DataError, match=r"the images of step 2 \(epoch 0\) hold NaN or infinity; finite numbers"):
        small(data={"augment": [spoilt]}, health=False)
    folder = RunFolder(tmp_path / "run")
    assert not folder.metrics.exists()
    assert not folder.weights.exists()


def test_a_checkpoint_of_another_network_is_refused(small: Train, tmp_path: Path) -> None:
    folder = small()
    state = read_state(folder.checkpoint)
    name = next(iter(state["state_dict"]))
    torn = {**state, "state_dict": {**state["state_dict"], name: torch.zeros(1, 2, 3)}}
    write_state(tmp_path / "shape.safetensors", torn)
    with pytest.raises(
        RunError, match=r"shape.safetensors belongs to another network: \S+ has shape \(1, 2, 3\) there"
    ):
        small(open_folder=lambda: folder, resume_from=tmp_path / "shape.safetensors")
    del torn["state_dict"][name]
    write_state(tmp_path / "names.safetensors", torn)
    with pytest.raises(RunError, match=r"another network: 1 missing \(\S+\). Resume with the checkpoint of this run"):
        small(open_folder=lambda: folder, resume_from=tmp_path / "names.safetensors")
    assert folder.weights.exists()


def test_whole_training_in_half_the_bits(small: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = partial(sparse_resnet_narrow, in_channels=1, widths=(9,), depths=(1,))  # places that bfloat16 cannot tell
    monkeypatch.setitem(globals(), "build", lambda **_: wide())
    folder = small(options={"max_epochs": 1, "precision": "bf16-true"})
    assert json.loads(folder.record("test").read_text())["examples"]["layers"]


def test_a_test_of_nothing_is_refused_before_training(small: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="limit_test_batches is 0, but every run ends with a test; give at least 1"):
        small(options={"limit_test_batches": 0})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_under_tensorboard_is_told(small: Train, tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"refused a file at curves: No space left on device. The epochs before are kept"
    ):
        small(options={"callbacks": [FullDisk()]})
    assert RunFolder(tmp_path / "run").checkpoint.exists()


def test_evaluate_repeats_the_test(small: Train) -> None:
    folder = small()
    net = sparse_resnet_narrow(in_channels=1, widths=(4,), depths=(1,), learn_threshold=True)
    data = ImageData(Digits(), batch_size=32, limit_train=96, limit_test=32, val_fraction=0.1)
    again = evaluate(Classification(net), data, folder, options={"accelerator": "cpu"})
    summary = folder.read_summary() or {}
    for key in ("accuracy", "loss", "non_zeros_per_image", "spikes_per_image", "steps", "parameters"):
        assert again[key] == summary[key]


def test_a_disk_that_fills_up_leaves_the_last_whole_epoch(
    small: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, writes = os.fsync, iter(range(99))

    def fill_up(descriptor: int) -> None:
        if next(writes) >= 6:  # recipe, environment, health, weights, state; then the weights of the second epoch
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr("synfire.base.records.os.fsync", fill_up)
    with pytest.raises(RunError, match=r"cannot write .*last.safetensors: No space left on device"):
        small()
    monkeypatch.undo()
    folder = RunFolder(tmp_path / "run")
    assert read_state(folder.checkpoint)["global_step"] == 3
    assert not [path for path in folder.path.rglob(".*")]
    small(open_folder=lambda: folder, resume_from=folder.checkpoint)
    assert len(_lines(folder)) == 2


def test_bad_data_leaves_no_folder(small: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="val_fraction"):
        small(data={"val_fraction": 0.0001})
    assert list(tmp_path.iterdir()) == []
    shown: list[str] = []
    for health in (True, False):
        with pytest.raises(DataError, match="image 0 of the batch holds NaN"):
            small(data={"augment": [Spoil()]}, health=health, show=shown.append)
        assert list(tmp_path.iterdir()) == []
    assert not [line for line in shown if line.startswith("health")]


def test_the_folder_keeps_what_is_not_its_own(small: Train, tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path / "run")
    for _ in range(2):
        with pytest.raises(DataError):
            small(data={"augment": [Spoil()]}, open_folder=lambda: folder)
        folder.path.mkdir(exist_ok=True)
        (folder.path / "notes.txt").touch()
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


def test_labels_beyond_the_classes_are_named(small: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(**options: Any) -> torch.nn.Module:
        return sparse_resnet_narrow(num_classes=5, **options)

    monkeypatch.setitem(globals(), "build", narrow)
    with pytest.raises(DataError, match="but labels 0 to 4 were expected"):
        small()
    assert list(tmp_path.iterdir()) == []


def test_no_epoch_is_an_error(small: Train) -> None:
    with pytest.raises(RunError, match="no epoch was finished"):
        small(options={"max_epochs": 0})


class Spoil(torch.nn.Module):
    """An augmentation that divides by zero, from the first batch or in a single one."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__()
        self.at, self.calls = at, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return images * torch.nan if self.at in (None, self.calls - 1) else images


class Poison(L.Callback):
    """Makes one number of a tensor NaN, at the end of the second epoch, where spikes hide it from the loss."""

    def __init__(self, part: str) -> None:
        self.part = part

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            state = pl_module.model.state_dict()
            next(value for name, value in state.items() if self.part in name).view(-1)[0] = torch.nan


class WriteWeights(L.Callback):
    """Writes the weights of every epoch to <epoch>.safetensors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        save_weights(pl_module.model, self.folder / f"{trainer.current_epoch}.safetensors")


class FullDisk(L.Callback):
    """Stands in for TensorBoard's writer on a full disk, in the second epoch."""

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.current_epoch == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "curves")


class Interrupt(L.Callback):
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if (trainer.current_epoch, batch_idx) == (self.epoch, 1):
            raise KeyboardInterrupt


def _lines(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def _timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "seconds"}
