"""The callback that writes a run folder while Lightning trains."""

import time
from collections.abc import Callable
from typing import Any, Literal

import lightning.pytorch as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from synfire.base import NumericsError, append_json_line, save_weights
from synfire.report import show_measure
from synfire.training.run_folder import RunFolder

Keep = Literal["last", "best"]


class RunRecorder(Checkpoint):
    """Writes metrics, weights and the whole training state after every epoch, and prints a line.

    It is a `Checkpoint`, which Lightning calls after all other callbacks and the task, so that the state it writes is
    whole. Of several processes, the first one writes.

    Args:
        open_folder: makes or finds the folder; called once, by the first process, when the data has been found good.
        keep: which epoch's weights stay in weights.safetensors: of the last, or of the one that validated best by the
            measure that the task compares by, such as accuracy; before the first that validated, of the last.
        show: prints a line.
    """

    def __init__(
        self, open_folder: Callable[[], RunFolder], keep: Keep = "last", show: Callable[[str], object] = print
    ) -> None:
        self.open_folder, self.keep, self.show = open_folder, keep, show
        self.epochs, self.seconds, self.best = 0, 0.0, float("-inf")
        self._opened: RunFolder | None = None
        self._since = 0.0
        self._validated = False  # in this epoch
        self._infinite: frozenset[str] = frozenset()  # buffers that hold infinities by design, such as masks

    @property
    def folder(self) -> RunFolder:
        """The folder, from the start of training."""
        assert self._opened is not None, "the folder is opened when training starts"
        return self._opened

    def setup(self, trainer: L.Trainer, pl_module: Any, stage: str) -> None:
        """Open the folder on the first process, tell the others, and add the curves for TensorBoard."""
        if stage != "fit":
            return
        opened = self.open_folder() if trainer.is_global_zero else None
        self._opened = trainer.strategy.broadcast(opened)
        curves = TensorBoardLogger(self.folder.path, name=self.folder.curves.name, version="", default_hp_metric=False)
        trainer.loggers = [*trainer.loggers, curves]

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Forget what an interrupted epoch wrote, and start the clock."""
        if trainer.is_global_zero:
            self.folder.keep_epochs(self.epochs)
        self._infinite = frozenset(name for name, value in pl_module.model.named_buffers() if value.isinf().any())
        self._since = time.perf_counter()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Wait for the validation of this epoch, if there is one."""
        self._validated = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Take the measures of validation for those of this epoch."""
        self._validated = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Write the epoch's metrics, then the weights, then the state that a resumed run starts from.

        Raises:
            NumericsError: a weight is not a finite number; nothing of this epoch is written.
        """
        # The network of the first process is the one that is written, and all of them must stop alike.
        if bad := trainer.strategy.broadcast(_first_bad(pl_module.model, self._infinite)):
            raise NumericsError(
                f"{bad} of the network holds NaN or infinity after epoch {trainer.current_epoch + 1}, with precision "
                f"{trainer.precision}; finite numbers were expected. Lower the learning rate, clip gradients with "
                "trainer.gradient_clip_val, or train with trainer.precision 32-true. The epochs before are kept."
            )
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        self.epochs = trainer.current_epoch + 1
        # Lightning goes on showing the last validation in epochs that have none.
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name != "loss" and (self._validated or not name.startswith("val/"))
        }
        for part in ("train", "val"):
            means = {key.removeprefix(f"{part}/"): v for key, v in metrics.items() if key.startswith(f"{part}/")}
            derived = pl_module.derived(part, means) if means else {}
            metrics |= {f"{part}/{name}": value for name, value in derived.items()}
        if trainer.is_global_zero:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            record = {"epoch": self.epochs, "step": trainer.global_step, "seconds": self.seconds}
            append_json_line(self.folder.metrics, {**record, "learning_rate": rate, **metrics})
            self.show(_line(self.epochs, trainer.max_epochs, metrics, self.seconds))
        score = _score(metrics, *pl_module.best)
        if (self.keep == "last" or self.best == float("-inf") or score > self.best) and trainer.is_global_zero:
            save_weights(pl_module.model, self.folder.weights)
        self.best = max(self.best, score)
        trainer.save_checkpoint(self.folder.checkpoint)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        return {"epochs": self.epochs, "seconds": self.seconds, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.epochs, self.seconds, self.best = (state_dict[key] for key in ("epochs", "seconds", "best"))


def _first_bad(net: nn.Module, infinite: frozenset[str]) -> str | None:
    """Return the name of the first parameter or buffer with NaN or infinity, but for the infinities that belong."""
    for name, value in [*net.named_parameters(), *net.named_buffers()]:
        bad = value.isnan() if name in infinite else ~value.isfinite()
        if bad.any():
            return name
    return None


def _score(metrics: dict[str, float], name: str, which: Literal["highest", "lowest"]) -> float:
    """Return what is the higher the better an epoch validated, or minus infinity if it did not."""
    value = metrics.get(f"val/{name}")
    return float("-inf") if value is None else value if which == "highest" else -value


def _line(epoch: int, epochs: int | None, metrics: dict[str, float], seconds: float) -> str:
    of = f"/{epochs}" if epochs and epochs > 0 else ""
    parts = {
        part: [_said(name, value) for key, value in metrics.items() for p, name in [key.split("/", 1)] if p == part]
        for part in ("train", "val")
    }
    shown = [f"{part} {', '.join(measures)}" for part, measures in parts.items() if measures]
    return f"epoch {epoch}{of}: {'; '.join([*shown, f'{seconds:.0f} s'])}"


def _said(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {show_measure(name, value, places=1 if name == 'accuracy' else None)}"
