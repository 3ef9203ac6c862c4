"""Fitting surrogate dynamics: currents in, the potential that each step of an exact neuron finds."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor
from torch.nn import functional

from synfire.base import ConfigError, DataError
from synfire.neurons import SurrogateDynamics
from synfire.ops.spike import fire
from synfire.tasks.task import OptimizerFactory, Task

LOSSES = {"smooth_l1": functional.smooth_l1_loss, "mse": functional.mse_loss}

Batch = tuple[Tensor, Tensor, Tensor]


class DynamicsFit(Task):
    """Fits a surrogate dynamic network to the decayed potential m_t before each step of an exact neuron.

    A batch is (currents, carried, spikes), each (B, T), as `synfire.data.RandomCurrents` makes them. Logs
    `<part>/loss` and, but for training, `<part>/mse`, `<part>/agreement`, the share of steps at which the neuron spikes
    by the prediction if and only if it spikes exactly, and `<part>/zero_agreement`, the same by the rule "always
    m = 0", which a fit has to beat. The run folder can be given to engine "sdn" of `synfire.SequenceLIF` as dynamics.
    Source: arXiv:2408.14909.

    Args:
        model: the network to fit; its decay has to be that of the data.
        optimizer: a class of torch.optim and its options; see `synfire.tasks.Task`.
        loss: "smooth_l1", as in the published code, or "mse", as in the paper. Potentials are below 1, where the first
            is half of the second.
        schedule: see `synfire.tasks.Task`.
        warm_up_epochs: likewise.

    Raises:
        ConfigError: an option is out of its range.
    """

    unit: ClassVar[str] = "sequence"
    best: ClassVar[tuple[str, Literal["highest", "lowest"]]] = ("mse", "lowest")

    def __init__(
        self,
        model: SurrogateDynamics,
        optimizer: OptimizerFactory | None = None,
        *,
        loss: Literal["smooth_l1", "mse"] = "smooth_l1",
        schedule: Literal["cosine", "constant"] = "cosine",
        warm_up_epochs: float = 0.0,
    ) -> None:
        # No spikes pass this network, so that there is nothing to keep in fewer bytes.
        super().__init__(model, None, optimizer, schedule=schedule, warm_up_epochs=warm_up_epochs, compact=False)
        if loss not in LOSSES:
            raise ConfigError(f"loss is {loss!r}; choose one of {', '.join(LOSSES)}.")
        self._loss = LOSSES[loss]
        self._steps = 1

    @property
    def steps(self) -> int:
        """T of the sequences last seen."""
        return self._steps

    def setup(self, stage: str) -> None:
        """Compare the decays of the network and the data.

        Raises:
            ConfigError: they differ.
        """
        super().setup(stage)
        assert isinstance(self.model, SurrogateDynamics)
        own, given = float(self.model.decay), getattr(getattr(self.trainer, "datamodule", None), "decay", None)
        if given is not None and abs(own - given) > 1e-6:
            raise ConfigError(
                f"the network is to predict neurons of decay {own:g}, but the data come from one of decay {given:g}. "
                "Set task.model.decay and data.decay alike."
            )

    def encode(self, inputs: Tensor) -> Tensor:
        """Turn currents (B, T) into a sequence (T, B)."""
        self._steps = inputs.shape[1]
        return inputs.T

    def objective(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of predictions (T, B)."""
        return self._loss(output, batch[1].T)

    def measures(self, output: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        """Return loss, mean squared error, and the agreement in spikes of the prediction and of m = 0.

        In training it is the loss alone: the rest would take as long as the step of so small a network.
        """
        currents, carried, spikes = (part.T for part in batch)
        output = output.detach()
        if self.training:
            return {"loss": self._loss(output, carried)}
        return {
            "loss": self._loss(output, carried),
            "mse": functional.mse_loss(output, carried),
            "agreement": _agreement(output + currents, spikes),
            "zero_agreement": _agreement(currents, spikes),
        }

    def check(self, output: Tensor, batch: Any) -> None:
        """Raise unless a batch is three parts (B, T) of finite numbers.

        Raises:
            DataError: it is not.
        """
        shapes = [tuple(part.shape) for part in batch]
        if len(set(shapes)) > 1 or len(shapes) != 3:
            raise DataError(
                f"a batch has parts of shapes {shapes}, but currents, carried potentials and spikes, (B, T) each, were "
                "expected, such as those of synfire.data.RandomCurrents."
            )
        if not (batch[0].isfinite().all() and batch[1].isfinite().all()):
            raise DataError("currents or potentials hold NaN or infinity; finite numbers were expected.")


def _agreement(u: Tensor, spikes: Tensor) -> Tensor:
    return (fire(u).bool() == spikes).float().mean()
