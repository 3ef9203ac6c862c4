"""Classification: images, sequences of tokens or frames of events in, one class each."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError
from synfire.data import check_batch
from synfire.layers import Encoder
from synfire.tasks.account import ClassAccount
from synfire.tasks.task import OptimizerFactory, Task


class Classification(Task):
    """Trains a network to name the class of an image: cross entropy of the mean of its logits over T.

    A batch is (images, labels): float (B, C, H, W) and int64 (B,), or for images tokens, int64 (B, L), or frames, float
    (B, T, C, H, W). Labels may also be shares of classes, float (B, classes), as mixing makes them. Logs `<part>/loss`
    and `<part>/accuracy`; the test also counts spikes per image and takes the time per image.

    Args:
        model: maps currents (T, B, C, H, W) to logits per step, (T, B, classes); see `synfire list models`.
        encoder: makes the time axis, such as synfire.layers.Direct with steps: 4; by default one step.
        optimizer: a class of torch.optim and its options; see `synfire.tasks.Task`.
        label_smoothing: share of the label that is spread over all classes, 0 to 1.
        padding: token that fills up short sequences; its steps are left out of the mean over T. None for none.
        options: of every task, see `synfire.tasks.Task`.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        model: nn.Module,
        encoder: Encoder | None = None,
        optimizer: OptimizerFactory | None = None,
        *,
        label_smoothing: float = 0.0,
        padding: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, encoder, optimizer, **options)
        if not 0 <= label_smoothing <= 1:
            raise ConfigError(f"label_smoothing is {label_smoothing}; it is a share of the label, so give 0 to 1.")
        self.label_smoothing, self.padding = label_smoothing, padding

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean of the logits over T, float32, (B, classes)."""
        return self.read_out(self.model(self.encode(images)), images)

    def read_out(self, logits: Tensor, images: Tensor) -> Tensor:
        """Return the mean of logits (T, B, classes) over T, float32; steps of padding, if there is any, left out.

        Raises:
            ConfigError: there is a padding, but the images are no sequences of tokens.
        """
        if self.padding is None:
            return logits.float().mean(0)
        if images.dim() != 2 or images.is_floating_point():
            raise ConfigError(
                f"padding is {self.padding}, but the network takes {images.dtype} of shape {tuple(images.shape)} and "
                "no tokens (B, L), so no step is padding. Leave task.padding out, or give sequences of tokens."
            )
        told = (images != self.padding).t().unsqueeze(2)
        return logits.float().masked_fill(~told, 0).sum(0) / told.sum(0).clamp_min(1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross entropy of logits (B, classes) and labels (B,) or (B, classes), with label smoothing."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)

    def objective(self, output: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of the mean over T of logits (T, B, classes)."""
        return self.loss(self.read_out(output, batch[0]), batch[1])

    def measures(self, output: Tensor, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Return the loss, without smoothing, and the accuracy; of shares, the largest is the class."""
        logits, labels = self.read_out(output, batch[0]), batch[1]
        right = (logits.argmax(1) == (labels.argmax(1) if labels.dim() == 2 else labels)).float().mean()
        return {"loss": functional.cross_entropy(logits, labels), "accuracy": right}

    def check(self, output: Tensor, batch: tuple[Tensor, Tensor]) -> None:
        """Raise unless a batch is fit for training, by the logits (T, B, classes) of its images.

        Raises:
            ShapeError: the number of axes is wrong, or the counts of images and labels differ.
            DataError: images or labels are unfit.
        """
        check_batch(*batch, output.shape[-1])

    def account(self) -> ClassAccount:
        """Return what collects a confusion matrix and examples over a test."""
        return ClassAccount(self.model, self.read_out)
