"""Train and test a task with everything that a run is to leave behind."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import RichProgressBar

from synfire.base import ConfigError, RunError, SynfireError, load_weights, write_json
from synfire.training.checkpoint import SafeCheckpointIO
from synfire.training.health import HealthCheck
from synfire.training.recorder import Keep, RunRecorder
from synfire.training.run_folder import RunFolder, describe_environment
from synfire.training.seeding import SeedSteps

Show = Callable[[str], object]

# Where our defaults differ from Lightning's: one device, no check before training beside our own, no warning about it.
TRAINER_DEFAULTS = {"devices": 1, "num_sanity_val_steps": 0, "enable_model_summary": False, "log_every_n_steps": 1}

# Warnings of Lightning's own code against newer libraries; each can go when Lightning has mended it.
_NOT_FOR_USERS = (r".*isinstance\(treespec, LeafSpec\)` is deprecated",)


def train(
    task: Any,
    data: L.LightningDataModule,
    open_folder: Callable[[], RunFolder],
    *,
    seed: int = 0,
    recipe: str = "",
    options: Mapping[str, Any] | None = None,
    keep: Keep = "last",
    resume_from: Path | None = None,
    health: bool = True,
    show: Show = print,
) -> RunFolder:
    """Train a task, test it, and write its run folder.

    Args:
        task: a synfire.tasks.Task, such as synfire.tasks.Classification.
        data: its batches.
        open_folder: makes the folder of a new run, or finds the one to resume; see `RunFolder`.
        seed: seeds dropout and random encoders step by step; seed the weights with `seed_all` before building them.
        recipe: text for recipe.yaml.
        options: options of lightning.pytorch.Trainer, on top of `TRAINER_DEFAULTS`.
        keep: "last" tests and keeps the weights of the last epoch, "best" those that validated best.
        resume_from: checkpoint to continue from, bit for bit (on a GPU, with the option deterministic); or None.
        health: check every neuron layer on the first batch.
        show: prints a text.

    Returns:
        The folder. Its summary holds the means over the test set (accuracy, loss, ...), steps, parameters, epochs,
        seconds of training and seed.

    Raises:
        ConfigError: an option is out of its range, or Lightning refuses it.
        RunError: the folder cannot be written or the checkpoint not be read.
        DataError: a batch is unfit. If it is the first, the folder of a new run is taken away again.
        NumericsError: the loss or a weight is not a finite number.
        KeyboardInterrupt: it was stopped by the user; the last finished epoch is kept.
    """
    fresh: list[RunFolder] = []  # the folder, on the process that made it for a run that had not begun

    def begin() -> RunFolder:
        folder = open_folder()
        if not folder.recipe.exists():
            fresh.append(folder)
        folder.begin(recipe, describe_environment(seed))
        show(f"run folder: {folder.path}")
        return folder

    recorder = RunRecorder(begin, keep, show)
    callbacks: list[L.Callback] = [SeedSteps(seed), recorder]
    if health:
        callbacks.insert(1, HealthCheck(lambda: recorder.folder.path, show))
    with _calm():
        trainer = make_trainer(options, callbacks, task)
        try:
            _fit(trainer, task, data, resume_from)
        except SynfireError:
            for folder in fresh if trainer.global_step == 0 else []:
                folder.discard()
            raise
        if recorder.epochs == 0:
            raise RunError("no epoch was finished, so there is nothing to test. Set trainer.max_epochs to at least 1.")
        if keep == "best":
            load_weights(task.model, recorder.folder.weights)
        summary = {**_test(trainer, task, data), "epochs": recorder.epochs, "seconds": recorder.seconds, "seed": seed}
    if trainer.is_global_zero:
        for name, record in task.records.items():
            write_json(recorder.folder.record(name), record, indent=None)
        write_json(recorder.folder.summary, summary)
    return recorder.folder


def evaluate(
    task: Any,
    data: L.LightningDataModule,
    folder: RunFolder,
    *,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Test a task with the weights of a run; nothing is written.

    Returns:
        The means over the test set, steps and parameters, as in `train`.

    Raises:
        RunError: the weights are missing, damaged or of another network.
    """
    load_weights(task.model, folder.weights)
    with _calm():
        return _test(make_trainer(options, [SeedSteps(seed)]), task, data)


def make_trainer(
    options: Mapping[str, Any] | None, callbacks: list[L.Callback], task: L.LightningModule | None = None
) -> L.Trainer:
    """Return a Trainer with the user's options and callbacks, then ours; checkpoints go through safetensors.

    Checkpoints of another network than that of `task` are refused.

    Raises:
        ConfigError: Lightning refuses an option, such as a GPU where there is none, or nothing would be tested.
    """
    chosen = {**TRAINER_DEFAULTS, **(options or {})}
    theirs = {key: _as_list(chosen.pop(key, None)) for key in ("callbacks", "plugins", "logger")}
    wanted = sys.stdout.isatty() and chosen.get("enable_progress_bar") is not False
    bar = [RichProgressBar(leave=False)] if wanted else []
    chosen.update(
        callbacks=[*theirs["callbacks"], *callbacks, *bar],
        plugins=[*theirs["plugins"], SafeCheckpointIO(task)],
        logger=theirs["logger"] or False,
        enable_progress_bar=wanted,
    )
    try:
        trainer = L.Trainer(**chosen)
    except (MisconfigurationException, TypeError, ValueError) as err:
        raise ConfigError(f"trainer: {_one_line(err)} Change this option under trainer.") from err
    if trainer.limit_test_batches == 0:
        raise ConfigError(
            "trainer.limit_test_batches is 0, but every run ends with a test; give at least 1 batch, or leave it out."
        )
    return trainer


def _fit(trainer: L.Trainer, task: Any, data: L.LightningDataModule, resume_from: Path | None) -> None:
    try:
        with _refusals():
            trainer.fit(task, datamodule=data, ckpt_path=resume_from)
    except SystemExit as stop:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from stop


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what Lightning, the disk or the system refuses on the way into errors of ours."""
    try:
        yield
    except (SynfireError, BrokenPipeError):  # some of ours are errors of the system too
        raise
    except MisconfigurationException as err:
        raise ConfigError(f"trainer: {_one_line(err)} Change this option under trainer.") from err
    except OSError as err:
        at = "" if err.filename is None else f" at {err.filename}"
        raise RunError(
            f"the system refused a file{at}: {err.strerror or _one_line(err)}. The epochs before are kept; mend this, "
            "such as by freeing some space, and continue with --resume."
        ) from err


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split())


def _test(trainer: L.Trainer, task: Any, data: L.LightningDataModule) -> dict[str, Any]:
    with _refusals():
        results = trainer.test(task, datamodule=data, verbose=False)
    if not results:
        raise RunError("the test set holds no batch, so there is nothing to test. Give the data a test set.")
    means = {name.removeprefix("test/"): value for name, value in results[0].items()}
    parameters = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
    return {
        **means,
        **task.derived("test", means),
        "steps": task.steps,
        **_sensor_time(data),
        "parameters": parameters,
    }


def _sensor_time(data: Any) -> dict[str, float]:
    """Return what a step means on the sensor, where the data tells: T of these is what a network waits for."""
    told = getattr(data, "sensor_ms_per_step", None)
    return {} if told is None else {"sensor_ms_per_step": float(told)}


def _as_list(value: Any) -> list[Any]:
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@contextmanager
def _calm() -> Iterator[None]:
    """Keep from the terminal what Lightning says of itself and no user of ours can act on."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in _NOT_FOR_USERS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
