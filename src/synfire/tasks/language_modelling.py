"""Language modelling: text in, at every step the next token."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ShapeError
from synfire.layers import check_tokens
from synfire.tasks.account import Account
from synfire.tasks.task import OptimizerFactory, Task

COUNTED = 4  # batches; activity is the same all over a text, and counting makes the logits of all tokens


class LanguageModelling(Task):
    """Trains a network to tell the next token of a text: cross entropy, in the mean over all tokens.

    A batch is (tokens,), whole numbers (B, T + 1), as `synfire.data.TextData` gives them; every token but the first
    is predicted from those before it. Logs `<part>/loss` in nats; perplexity is its exponential. The test counts
    spikes, and takes the time, per token. Spikes are counted over its first 4 batches.

    Args:
        model: maps tokens (T, B) to logits of the next one, (T, B, V), such as synfire.models.spiking_ssm_language. A
            method nll(tokens, targets), if it has one, gives the losses (T, B) without the logits of all tokens.
        optimizer: a class of torch.optim and its options; see `synfire.tasks.Task`.
        options: of every task, see `synfire.tasks.Task`.
    """

    unit: ClassVar[str] = "token"
    best: ClassVar[tuple[str, Literal["highest", "lowest"]]] = ("loss", "lowest")

    def __init__(self, model: nn.Module, optimizer: OptimizerFactory | None = None, **options: Any) -> None:
        super().__init__(model, None, optimizer, **options)
        self._steps = 0

    @property
    def steps(self) -> int:
        """T of the longest window seen so far."""
        return self._steps

    def encode(self, inputs: Tensor) -> Tensor:
        """Turn tokens (B, T + 1) into what the network sees, (T, B): all but the last.

        Raises:
            ShapeError: the shape is another one.
        """
        if inputs.dim() != 2 or inputs.shape[1] < 2:
            raise ShapeError(
                f"the tokens have shape {tuple(inputs.shape)}, but (B, T + 1) was expected, at least 2 tokens each."
            )
        self._steps = max(self._steps, inputs.shape[1] - 1)
        return inputs[:, :-1].t()

    def respond(self, batch: tuple[Tensor]) -> Tensor:
        """Return the loss of every token, (T, B), or logits (T, B, V) of a model without `nll`."""
        nll = getattr(self.model, "nll", None)
        x = self.encode(batch[0])
        return self.model(x) if nll is None else nll(x, _targets(batch))

    def objective(self, output: Tensor, batch: tuple[Tensor]) -> Tensor:
        """Return the mean of the losses (T, B), or of those of logits (T, B, V)."""
        if output.dim() == 2:
            return output.mean()
        return functional.cross_entropy(output.flatten(0, 1).float(), _targets(batch).flatten())

    def measures(self, output: Tensor, batch: tuple[Tensor]) -> Mapping[str, Tensor]:
        """Return the loss."""
        return {"loss": self.objective(output.detach(), batch)}

    def derived(self, part: str, means: Mapping[str, float]) -> dict[str, float]:
        """Return the perplexity, and the bits per character where the data knows how many a token stands for."""
        loss = means["loss"]
        found = {"perplexity": math.exp(loss) if loss < 700 else math.inf}
        counted = getattr(getattr(self.trainer, "datamodule", None), "characters_per_token", None)
        if counted is not None:
            found["bits_per_character"] = loss / math.log(2) / counted(part)
        return found

    def count(self, batch: tuple[Tensor]) -> int:
        """Return the number of tokens that are predicted."""
        rows, length = batch[0].shape
        return rows * (length - 1)

    def check(self, output: Tensor, batch: tuple[Tensor]) -> None:
        """Raise unless all targets are tokens that the network knows.

        Raises:
            DtypeError: the tokens are no whole numbers.
            DataError: one is outside the vocabulary.
        """
        size = getattr(self.model, "vocabulary", output.shape[-1] if output.dim() == 3 else None)
        if size is not None:
            check_tokens(_targets(batch), size, "LanguageModelling")

    def account(self) -> "TextAccount":
        """Return what counts per token."""
        return TextAccount(self.model)


class TextAccount(Account):
    """Counts a few batches of whole windows, and keeps the vocabulary."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self._batches = 0

    def wants(self, x: Tensor) -> bool:
        """Whether tokens (T, B) are of the first batches, and their windows of one length."""
        return not self._batches or (self._batches < COUNTED and len(x) == self.units_per_sample)

    def run(self, x: Tensor) -> Tensor:
        """Return what the network makes of tokens (T, B), counted."""
        self._batches += 1
        self.units_per_sample = len(x)
        return super().run(x)

    def records(self, data: Any) -> dict[str, dict[str, Any]]:
        """Return the records "trace" and, where the data has one, "vocabulary"."""
        found = super().records(data)
        vocabulary = getattr(data, "vocabulary", None)
        return found if vocabulary is None else {**found, "vocabulary": vocabulary.record()}


def _targets(batch: tuple[Tensor]) -> Tensor:
    return batch[0][:, 1:].t().contiguous()
