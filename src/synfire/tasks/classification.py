"""Classification: images in, one class each."""

import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, Literal

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Optimizer

from synfire.base import ConfigError, DataError, NumericsError
from synfire.data import check_batch
from synfire.layers import Direct, Encoder
from synfire.metering import energy_is_counted, measure_energy
from synfire.models import twin as twin_of
from synfire.ops.saving import compact as keep_less
from synfire.tasks.account import TestAccount
from synfire.tasks.optimizer import check_schedule, scheduler, weight_groups

OptimizerFactory = Callable[[Iterable], Optimizer]

# Reading a number back from a GPU waits for it, so there loss and batch are looked at once in so many steps.
CHECK_EVERY = 32
# A clock needs a few batches; more would only make the test longer.
TIMED_BATCHES = 5
_NEVER = 2**62  # later than any step


class Classification(L.LightningModule):
    """Trains a network to name the class of an image: cross entropy of the mean of its logits over T.

    A batch is (images, labels): float (B, C, H, W) and int64 (B,). Logs `<part>/loss` and `<part>/accuracy`; the test
    also counts spikes per image and takes the time per image.

    Args:
        model: maps currents (T, B, C, H, W) to logits per step, (T, B, classes); see `synfire list models`.
        encoder: makes the time axis, such as synfire.layers.Direct with steps: 4; by default one step.
        optimizer: a class of torch.optim and its options; by default SGD with learning rate 0.1, momentum 0.9 and
            weight decay 0.0005. Weight decay applies to weights of convolutions and linear layers alone.
        schedule: how the learning rate goes on after the warm-up: "cosine" down to 0, or "constant".
        warm_up_epochs: epochs over which the learning rate rises from 0 in a straight line.
        label_smoothing: share of the label that is spread over all classes, 0 to 1.
        twin: train the conventional twin instead: "relu", "gelu", or "quantised" for ReLU with the neurons' levels.
        compile: run the network through torch.compile.
        compact: keep spikes as bytes for backward and make the outputs of norms again, see `synfire.compact`; the same
            gradients with about half the memory. Without effect if compiled.
        channels_last: keep images and convolutions with the channels innermost, which is faster on most GPUs.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        model: nn.Module,
        encoder: Encoder | None = None,
        optimizer: OptimizerFactory | None = None,
        *,
        schedule: Literal["cosine", "constant"] = "cosine",
        warm_up_epochs: float = 0.0,
        label_smoothing: float = 0.0,
        twin: Literal["relu", "gelu", "quantised"] | None = None,
        compile: bool = False,
        compact: bool = True,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        check_schedule(schedule, warm_up_epochs)
        if not 0 <= label_smoothing <= 1:
            raise ConfigError(f"label_smoothing is {label_smoothing}; it is a share of the label, so give 0 to 1.")
        self.model = model if twin is None else twin_of(model, twin)
        self.encoder = encoder if encoder is not None else Direct(1)
        self._optimizer = optimizer if optimizer is not None else _sgd
        self.schedule, self.warm_up_epochs, self.label_smoothing = schedule, warm_up_epochs, label_smoothing
        self.compile_model, self.compact, self.channels_last = compile, compact and not compile, channels_last
        # First steps whose loss, and whose images, were not finite; kept on the device until the epoch ends.
        self._first_bad: Tensor | None = None
        self._seconds_per_image: list[float] = []
        self._joules_per_image: float | None = None
        self._account: TestAccount | None = None  # only during a test, so that the task can be copied and sent
        self._records: dict[str, dict[str, Any]] = {}
        self._make_optimizer()  # so that bad options are told before anything has begun
        if channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def steps(self) -> int:
        """T, the number of time steps."""
        return self.encoder.steps

    def encode(self, images: Tensor) -> Tensor:
        """Turn images (B, C, H, W) into the input of the network, (T, B, C, H, W)."""
        return self.encoder(images.contiguous(memory_format=torch.channels_last) if self.channels_last else images)

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean of the logits over T, float32, (B, classes)."""
        return self.model(self.encode(images)).float().mean(0)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross entropy of logits (B, classes) and labels (B,), with label smoothing."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)

    def setup(self, stage: str) -> None:
        """Compile the network before training."""
        self._first_bad = None
        if self.compile_model and stage == "fit":
            self.model.compile()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            NumericsError: the loss is not a finite number.
            DataError: images or labels of the batch are unfit.
        """
        images, labels = batch
        with keep_less() if self.compact else nullcontext():
            logits = self(images)
        self._check_batch(images, labels, logits, batch_idx)
        loss = self.loss(logits, labels)
        if self._looks(batch_idx):
            self._check_loss(loss, images, labels, logits)
        else:
            self._note(loss, images)
        self._log_accuracy("train", loss, logits, labels)
        self.log("loss", loss, prog_bar=True, logger=False)
        return loss

    def on_validation_start(self) -> None:
        """Look at the steps before, since a network of NaN may be refused for another reason; errors as below."""
        self.on_train_epoch_end()

    def on_train_epoch_end(self) -> None:
        """Read what was noted of the steps at which nobody looked; several processes stop together.

        Raises:
            NumericsError: a loss was not a finite number.
            DataError: images of a batch were not.
        """
        loss, images = (_NEVER, _NEVER) if self._first_bad is None else self._first_bad.tolist()
        self._first_bad = None
        if self.trainer.strategy.reduce_boolean_decision(loss == images == _NEVER, all=True):
            return
        if images < _NEVER and images <= loss:
            raise DataError(
                f"the images of step {images} (epoch {self.current_epoch}) hold NaN or infinity; finite numbers were "
                "expected. Look at the files they came from, and at augmentations that divide by a deviation. The "
                "epochs before are kept."
            )
        raise self._diverged("not finite", f"step {loss}" if loss < _NEVER else "a step of another process")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Measure loss and accuracy of a batch."""
        images, labels = batch
        logits = self(images)
        self._check_batch(images, labels, logits, batch_idx)
        self._log_accuracy("val", functional.cross_entropy(logits, labels), logits, labels)

    def on_test_start(self) -> None:
        """Forget an earlier test."""
        self._joules_per_image = None
        self._seconds_per_image.clear()
        self._records.clear()
        self._account = TestAccount(self.model)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Measure loss, accuracy, spikes and time of a batch, and its joules where the machine counts them."""
        assert self._account is not None, "on_test_start comes first"
        images, labels = batch
        x = self.encode(images)
        logits = self._account.run(x).float().mean(0)
        self._check_batch(images, labels, logits, batch_idx)
        self._log_accuracy("test", functional.cross_entropy(logits, labels), logits, labels)
        self._account.add(x, images, logits, labels)
        if len(self._seconds_per_image) < TIMED_BATCHES:
            self._seconds_per_image.append(self._clock(images))
        if batch_idx == 0 and self.trainer.world_size == 1 and energy_is_counted():
            spent = measure_energy(lambda: self(images), seconds=1.0)
            self._joules_per_image = sum(spent.joules.values()) / len(images)

    def on_test_epoch_end(self) -> None:
        """Log the activity, and the time per image of encoder and network.

        The time is the median over the first batches, without counting.
        """
        assert self._account is not None, "on_test_start comes first"
        activity = self._account.trace()
        self._log_mean("test/non_zeros_per_image", activity.events, 1)
        if activity.emits_whole_numbers:
            self._log_mean("test/spikes_per_image", activity.spikes, 1)
        self._log_mean("test/ms_per_image", 1000 * statistics.median(self._seconds_per_image), 1)
        if self._joules_per_image is not None:
            self._log_mean("test/joules_per_image", self._joules_per_image, 1)
        self._records = self._account.records(getattr(getattr(self.trainer, "datamodule", None), "classes", ()))
        self._account = None

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """What the last test left beside its means, as plain records: "trace" and "test"."""
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

    def _log_accuracy(self, part: str, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        right = (logits.argmax(1) == labels).float().mean()
        self._log_mean(f"{part}/loss", loss, len(labels))
        self._log_mean(f"{part}/accuracy", right, len(labels), prog_bar=part == "val")

    def _log_mean(self, name: str, value: Tensor | float, count: int, prog_bar: bool = False) -> None:
        """Log the mean over the images of an epoch, on all processes."""
        self.log(name, value, batch_size=count, on_step=False, on_epoch=True, sync_dist=True, prog_bar=prog_bar)

    def _looks(self, batch_idx: int) -> bool:
        return self.device.type == "cpu" or batch_idx % CHECK_EVERY == 0

    def check_batch(self, images: Tensor, labels: Tensor, logits: Tensor) -> None:
        """Raise unless a batch is fit for training, by the logits (B, classes) of its images; on a GPU this waits.

        Raises:
            ShapeError: the number of axes is wrong, or the counts of images and labels differ.
            DataError: images or labels are unfit.
        """
        check_batch(images, labels, logits.shape[-1])

    def _check_batch(self, images: Tensor, labels: Tensor, logits: Tensor, batch_idx: int) -> None:
        if self._looks(batch_idx):
            self.check_batch(images, labels, logits)

    def _check_loss(self, loss: Tensor, images: Tensor, labels: Tensor, logits: Tensor) -> None:
        if loss.isfinite():
            return
        check_batch(images, labels, logits.shape[-1])  # if the data is to blame, it says so
        raise self._diverged(str(loss.item()), f"step {self.global_step}")

    def _diverged(self, loss: str, where: str) -> NumericsError:
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        return NumericsError(
            f"the loss is {loss} at {where} (epoch {self.current_epoch}), with precision {self.trainer.precision} and "
            f"learning rate {rate:g}; a finite number was expected. Lower the learning rate or add warm-up epochs, or "
            "train with trainer.precision 32-true. The epochs before are kept."
        )

    def _note(self, loss: Tensor, images: Tensor) -> None:
        """Keep the first step with a loss or images that are not finite, without waiting for the device."""
        fine = torch.stack([loss.detach().isfinite(), images.isfinite().all()])
        steps = torch.where(fine, _NEVER, self.global_step)
        self._first_bad = steps if self._first_bad is None else torch.minimum(self._first_bad, steps)

    def _clock(self, images: Tensor) -> float:
        """Return the seconds per image of a batch that the network has just seen."""
        if self.compile_model:
            self(images)  # the counted run was not the compiled one, which is made at its first call
        self._wait()
        start = time.perf_counter()
        self(images)
        self._wait()
        return (time.perf_counter() - start) / len(images)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _sgd(parameters: Iterable) -> Optimizer:
    return SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)
