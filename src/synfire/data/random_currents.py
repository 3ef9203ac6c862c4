"""Random currents with what an exact neuron makes of them, to fit surrogate dynamics to."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import lightning.pytorch as L
import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.loader import ResidentLoader
from synfire.data.order import derive_seed
from synfire.neurons.dynamics import exact_dynamics

# The same in every run, so that fits of different seeds compare.
_TEST_SEED = 1024


@dataclass(frozen=True, eq=False)
class CurrentSplit:
    """Sequences of currents in units of the threshold, and the exact neuron on them; see `exact_dynamics`.

    Attributes:
        currents: float32, (N, T).
        carried: decayed potential that each step finds, float32, (N, T).
        spikes: bool, (N, T).
    """

    NOUN: ClassVar[str] = "sequence"

    currents: Tensor
    carried: Tensor
    spikes: Tensor

    @classmethod
    def draw(cls, count: int, steps: int, *, decay: float, mean: float, deviation: float, seed: int) -> "CurrentSplit":
        """Draw sequences of independent normal currents and run the neuron on them."""
        draw = torch.Generator().manual_seed(seed)
        currents = mean + deviation * torch.randn(count, steps, generator=draw)
        carried, spikes = exact_dynamics(currents.T.contiguous(), decay)
        return cls(currents, carried.T.contiguous(), spikes.T.contiguous().bool())

    @property
    def device(self) -> torch.device:
        """Where the sequences are."""
        return self.currents.device

    def __len__(self) -> int:
        return len(self.currents)

    def to(self, device: torch.device | str) -> "CurrentSplit":
        """Return the split on a device; itself if it is there already."""
        if self.device == torch.device(device):
            return self
        return replace(self, **{name: getattr(self, name).to(device) for name in ("currents", "carried", "spikes")})

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return currents, float32, carried potentials, float32, and spikes, bool, (B, T) each."""
        return self.currents[rows], self.carried[rows], self.spikes[rows]


class RandomCurrents(L.LightningDataModule):
    """Sequences of independent normal currents, and potentials and spikes of an exact neuron on them.

    Batches are (currents, carried, spikes), each (B, T): float32 in units of the threshold, float32 m_t = decay
    v_(t-1), and bool. The neuron has threshold 1 and a hard reset. Training and validation sequences depend on the seed
    alone, so a run that is resumed sees the same numbers bit for bit; the test sequences are the same for every seed.

    Args:
        count: sequences to train and validate on.
        steps: T.
        decay: share of the potential that the neuron keeps per step; that of the network to be fitted.
        mean: of the currents.
        deviation: of the currents, above 0.
        val_fraction: share of `count` that validates, above 0 and below 1.
        test_count: sequences to test on.
        batch_size: training sequences per batch and process.
        eval_batch_size: sequences per batch and process in validation and testing; by default `batch_size`.
        seed: seeds currents and order, a whole number >= 0.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        count: int = 5000,
        steps: int = 1024,
        decay: float = 0.125,
        mean: float = 0.0,
        deviation: float = 1.0,
        val_fraction: float = 0.1,
        test_count: int = 1000,
        batch_size: int = 64,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        eval_batch_size = batch_size if eval_batch_size is None else eval_batch_size
        sizes = {"steps": steps, "test_count": test_count, "batch_size": batch_size, "eval_batch_size": eval_batch_size}
        for name, value in sizes.items():
            if value < 1:
                raise ConfigError(f"{name} is {value}, but at least 1 was expected.")
        self.val_count = int(val_fraction * count + 0.5)
        if not 0 < self.val_count < count:
            raise ConfigError(
                f"val_fraction {val_fraction} of {count} sequences is {self.val_count} for validation and "
                f"{count - self.val_count} for training; at least 1 of each is needed."
            )
        if not 0 <= decay <= 1:
            raise ConfigError(f"decay is {decay}; it is the share of the potential that stays, so give 0 to 1.")
        if not (math.isfinite(mean) and 0 < deviation < math.inf):
            raise ConfigError(
                f"currents of mean {mean} and deviation {deviation} cannot be drawn; give finite numbers and a "
                "deviation above 0."
            )
        if seed < 0:
            raise ConfigError(f"seed is {seed}; give a whole number of at least 0.")
        self.count, self.steps, self.test_count = count, steps, test_count
        self.decay, self.mean, self.deviation = decay, mean, deviation
        self.batch_size, self.eval_batch_size, self.seed = batch_size, eval_batch_size, seed
        self._splits: dict[str, CurrentSplit] = {}

    def split(self, part: Literal["train", "val", "test"]) -> CurrentSplit:
        """Return what the batches of a part are made of, drawn on the first call."""
        if part not in self._splits:
            count, seed = {
                "train": (self.count - self.val_count, derive_seed(self.seed, 0)),
                "val": (self.val_count, derive_seed(self.seed, 1)),
                "test": (self.test_count, derive_seed(_TEST_SEED)),
            }[part]
            self._splits[part] = CurrentSplit.draw(
                count, self.steps, decay=self.decay, mean=self.mean, deviation=self.deviation, seed=seed
            )
        return self._splits[part]

    def train_dataloader(self) -> ResidentLoader:
        """Batches for training, in a new order every epoch."""
        return self._loader("train", self.batch_size, shuffle=not getattr(self.trainer, "overfit_batches", 0))

    def val_dataloader(self) -> ResidentLoader:
        """Batches for validation, in fixed order."""
        return self._loader("val", self.eval_batch_size)

    def test_dataloader(self) -> ResidentLoader:
        """Batches for testing, in fixed order."""
        return self._loader("test", self.eval_batch_size)

    def _loader(self, part: Literal["train", "val", "test"], batch_size: int, shuffle: bool = False) -> ResidentLoader:
        split, trainer = self.split(part), self.trainer
        if trainer is None:
            return ResidentLoader(split, batch_size, shuffle=shuffle, seed=self.seed)
        split = self._splits[part] = split.to(trainer.strategy.root_device)
        return ResidentLoader(
            split,
            batch_size,
            device=split.device,
            shuffle=shuffle,
            seed=self.seed,
            rank=trainer.global_rank,
            world_size=trainer.world_size,
            epoch=lambda: trainer.current_epoch,
        )
