"""What every task shares: a network, an encoder, an optimizer, and a look at every number on the way."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Literal

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from synfire.base import ConfigError, DataError, NumericsError
from synfire.layers import Direct, Encoder
from synfire.metering import energy_is_counted, measure_energy
from synfire.metering.trace import EMITTERS
from synfire.models import twin as twin_of
from synfire.ops.saving import compact as keep_less
from synfire.tasks.account import Account
from synfire.tasks.optimizer import check_schedule, scheduler, weight_groups

OptimizerFactory = Callable[[Iterable], Optimizer]

# Reading a number back from a GPU waits for it, so there loss and batch are looked at once in so many steps.
CHECK_EVERY = 32
# A clock needs a few batches; more would only make the test longer.
TIMED_BATCHES = 5
_NEVER = 2**62  # later than any step


class Task(L.LightningModule):
    """Base of the tasks; write `objective`, and what else differs, to make your own.

    A batch is a tuple whose first part is what the network sees, encoded. Logs `<part>/<measure>` for every entry of
    `measures`; the test also counts spikes and takes the time, per `unit`.

    Args:
        model: maps a sequence (T, B, ...) to a sequence; see `synfire list models`.
        encoder: makes the time axis, such as synfire.layers.Direct with steps: 4; by default one step.
        optimizer: a class of torch.optim and its options; by default SGD with learning rate 0.1, momentum 0.9 and
            weight decay 0.0005. Weight decay applies to weights of convolutions and linear layers alone.
        schedule: how the learning rate goes on after the warm-up: "cosine" down to 0, or "constant".
        warm_up_epochs: epochs over which the learning rate rises from 0 in a straight line.
        twin: train the conventional twin instead: "relu", "gelu", or "quantised" for ReLU with the neurons' levels.
        compile: run the network through torch.compile.
        compact: keep spikes as bytes for backward and make the outputs of norms again, see `synfire.compact`; the same
            gradients with about half the memory. Without effect if compiled.
        channels_last: keep images and convolutions with the channels innermost, which is faster on most GPUs.

    Raises:
        ConfigError: an option is out of its range.
    """

    unit: ClassVar[str] = "image"  # what activity and time are told of
    best: ClassVar[tuple[str, Literal["highest", "lowest"]]] = ("accuracy", "highest")  # how epochs are compared

    def __init__(
        self,
        model: nn.Module,
        encoder: Encoder | None = None,
        optimizer: OptimizerFactory | None = None,
        *,
        schedule: Literal["cosine", "constant"] = "cosine",
        warm_up_epochs: float = 0.0,
        twin: Literal["relu", "gelu", "quantised"] | None = None,
        compile: bool = False,
        compact: bool = True,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        check_schedule(schedule, warm_up_epochs)
        self.model = model if twin is None else twin_of(model, twin)
        self.encoder = encoder if encoder is not None else Direct(1)
        self._optimizer = optimizer if optimizer is not None else _sgd
        self.schedule, self.warm_up_epochs = schedule, warm_up_epochs
        self.compile_model, self.compact, self.channels_last = compile, compact and not compile, channels_last
        # First steps whose loss, and whose inputs, were not finite; kept on the device until the epoch ends.
        self._first_bad: Tensor | None = None
        self._seconds: list[float] = []
        self._joules: float | None = None
        self._account: Account | None = None  # only during a test, so that the task can be copied and sent
        self._records: dict[str, dict[str, Any]] = {}
        self._make_optimizer()  # so that bad options are told before anything has begun
        if channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def objective(self, output: Tensor, batch: Any) -> Tensor:
        """Return what training makes small, from what the network makes of a batch."""
        raise NotImplementedError

    def measures(self, output: Tensor, batch: Any) -> Mapping[str, Tensor]:
        """Return the means over a batch that are logged, "loss" among them."""
        raise NotImplementedError

    def derived(self, part: str, means: Mapping[str, float]) -> dict[str, float]:
        """Return what follows from the means over all batches of "train", "val" or "test", such as perplexity."""
        return {}

    def check(self, output: Tensor, batch: Any) -> None:
        """Raise unless a batch is fit for training; on a GPU this may wait for the device."""

    def count(self, batch: Any) -> int:
        """Return how many units a batch holds."""
        return len(batch[0])

    def account(self) -> Account:
        """Return what collects over a test."""
        return Account(self.model)

    @property
    def steps(self) -> int:
        """T, the number of time steps."""
        return self.encoder.steps

    def encode(self, inputs: Tensor) -> Tensor:
        """Turn inputs, such as images (B, C, H, W), into the input of the network, (T, B, ...)."""
        if not self.channels_last:
            return self.encoder(inputs)
        if inputs.dim() != 5:
            return self.encoder(inputs.contiguous(memory_format=torch.channels_last))
        x = self.encoder(inputs)  # frames, of which each is an image
        return x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])

    def respond(self, batch: Any) -> Tensor:
        """Return what the network makes of a batch in training and validation, as `objective` takes it."""
        return self.model(self.encode(batch[0]))

    def setup(self, stage: str) -> None:
        """Compile the network before training."""
        self._first_bad = None
        if self.compile_model and stage == "fit":
            self.model.compile()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            NumericsError: the loss is not a finite number.
            DataError: the batch is unfit.
        """
        with keep_less() if self.compact else nullcontext():
            output = self.respond(batch)
        self._check(output, batch, batch_idx)
        loss = self.objective(output, batch)
        if self._looks(batch_idx):
            self._check_loss(loss, output, batch)
        else:
            self._note(loss, batch)
        self._log_measures("train", {**self.measures(output, batch), "loss": loss.detach()}, batch)
        self.log("loss", loss, prog_bar=True, logger=False)
        return loss

    def on_validation_start(self) -> None:
        """Look at the steps before, since a network of NaN may be refused for another reason; errors as below."""
        self.on_train_epoch_end()

    def on_train_epoch_end(self) -> None:
        """Read what was noted of the steps at which nobody looked; several processes stop together.

        Raises:
            NumericsError: a loss was not a finite number.
            DataError: inputs of a batch were not.
        """
        loss, inputs = (_NEVER, _NEVER) if self._first_bad is None else self._first_bad.tolist()
        self._first_bad = None
        if self.trainer.strategy.reduce_boolean_decision(loss == inputs == _NEVER, all=True):
            return
        if inputs < _NEVER and inputs <= loss:
            raise DataError(
                f"the {self.unit}s of step {inputs} (epoch {self.current_epoch}) hold NaN or infinity; finite numbers "
                "were expected. Look at the files they came from, and at augmentations that divide by a deviation. The "
                "epochs before are kept."
            )
        raise self._diverged("not finite", f"step {loss}" if loss < _NEVER else "a step of another process")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Measure a batch."""
        output = self.respond(batch)
        self._check(output, batch, batch_idx)
        self._log_measures("val", self.measures(output, batch), batch)

    def on_test_start(self) -> None:
        """Forget an earlier test."""
        self._joules = None
        self._seconds.clear()
        self._records.clear()
        self._account = self.account()

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Measure a batch, its spikes and time, and its joules where the machine counts them."""
        assert self._account is not None, "on_test_start comes first"
        x = self.encode(batch[0])
        output = self._account.run(x) if self._account.wants(x) else self.respond(batch)
        self._check(output, batch, batch_idx)
        self._log_measures("test", self.measures(output, batch), batch)
        self._account.add(x, output, batch)
        if len(self._seconds) < TIMED_BATCHES:
            self._seconds.append(self._clock(batch))
        if batch_idx == 0 and self.trainer.world_size == 1 and energy_is_counted():
            spent = measure_energy(lambda: self._infer(batch), seconds=1.0)
            self._joules = sum(spent.joules.values()) / self.count(batch)

    def on_test_epoch_end(self) -> None:
        """Log the activity, if there are neurons, and the time of encoder and network, per unit.

        The time is the median over the first batches, without counting.
        """
        assert self._account is not None, "on_test_start comes first"
        activity, share = self._account.trace(), self._account.units_per_sample
        emits = bool(activity.of_kind(*EMITTERS.values()))
        if emits:
            self._log_mean(f"test/non_zeros_per_{self.unit}", activity.events / share, 1)
        if emits and activity.emits_whole_numbers:
            self._log_mean(f"test/spikes_per_{self.unit}", activity.spikes / share, 1)
        self._log_mean(f"test/ms_per_{self.unit}", 1000 * statistics.median(self._seconds), 1)
        if self._joules is not None:
            self._log_mean(f"test/joules_per_{self.unit}", self._joules, 1)
        self._records = self._account.records(getattr(self.trainer, "datamodule", None))
        self._account = None

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """What the last test left beside its means, as plain records, such as "trace"."""
        return self._records

    def configure_optimizers(self) -> Any:
        """Return the optimizer and a schedule that steps with every batch."""
        optimizer = self._make_optimizer()
        total = self.trainer.estimated_stepping_batches
        epochs = self.trainer.max_epochs or 1
        rate = scheduler(optimizer, schedule=self.schedule, total=total, warm_up=self.warm_up_epochs * total / epochs)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def _make_optimizer(self) -> Optimizer:
        try:
            return self._optimizer(weight_groups(self.model))
        except (TypeError, ValueError) as err:
            raise ConfigError(f"the optimizer refuses its options: {err}. Change task.optimizer.") from err

    def _log_measures(self, part: str, measures: Mapping[str, Tensor], batch: Any) -> None:
        for name, value in measures.items():
            shown = part == "val" and name == self.best[0]
            self._log_mean(f"{part}/{name}", value, self.count(batch), prog_bar=shown)

    def _log_mean(self, name: str, value: Tensor | float, count: int, prog_bar: bool = False) -> None:
        """Log the mean over the units of an epoch, on all processes."""
        self.log(name, value, batch_size=count, on_step=False, on_epoch=True, sync_dist=True, prog_bar=prog_bar)

    def _looks(self, batch_idx: int) -> bool:
        return self.device.type == "cpu" or batch_idx % CHECK_EVERY == 0

    def _check(self, output: Tensor, batch: Any, batch_idx: int) -> None:
        if self._looks(batch_idx):
            self.check(output, batch)

    def _check_loss(self, loss: Tensor, output: Tensor, batch: Any) -> None:
        if loss.isfinite():
            return
        self.check(output, batch)  # if the data is to blame, it says so
        raise self._diverged(str(loss.item()), f"step {self.global_step}")

    def _diverged(self, loss: str, where: str) -> NumericsError:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        return NumericsError(
            f"the loss is {loss} at {where} (epoch {self.current_epoch}), with precision {self.trainer.precision} and "
            f"learning rate {rate:g}; a finite number was expected. Lower the learning rate or add warm-up epochs, or "
            "train with trainer.precision 32-true. The epochs before are kept."
        )

    def _note(self, loss: Tensor, batch: Any) -> None:
        """Keep the first step with a loss or inputs that are not finite, without waiting for the device."""
        fine = torch.stack([loss.detach().isfinite(), batch[0].isfinite().all()])
        steps = torch.where(fine, _NEVER, self.global_step)
        self._first_bad = steps if self._first_bad is None else torch.minimum(self._first_bad, steps)

    def _clock(self, batch: Any) -> float:
        """Return the seconds per unit of a batch that the network has just seen."""
        if self.compile_model:
            self._infer(batch)  # the counted run was not the compiled one, which is made at its first call
        self._wait()
        start = time.perf_counter()
        self._infer(batch)
        self._wait()
        return (time.perf_counter() - start) / self.count(batch)

    def _infer(self, batch: Any) -> Tensor:
        return self.model(self.encode(batch[0]))

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _sgd(parameters: Iterable) -> Optimizer:
    return SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)
