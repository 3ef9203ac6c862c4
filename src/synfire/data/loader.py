"""Batches of samples that stay on the device."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.data.order import EpochOrder


class Samples(Protocol):
    """What a loader needs of the samples it keeps."""

    NOUN: ClassVar[str]  # what a sample is called in messages

    @property
    def device(self) -> torch.device:
        """Where the samples are."""
        ...

    def __len__(self) -> int: ...

    def to(self, device: torch.device | str) -> Self:
        """Return the samples on a device; themselves if they are there already."""
        ...

    def batch(self, rows: Tensor) -> tuple[Any, ...]:
        """Return a batch of the given rows, int64, (B,)."""
        ...


class EpochLoader(ABC):
    """Yields the batches of an epoch, and goes on in the middle of one; what it yields depends on the order alone.

    Args:
        order: of the rows of this process.
        epoch: asked for the epoch when an iteration starts; by default it is the one last given to `set_epoch`.
    """

    def __init__(self, order: EpochOrder, epoch: Callable[[], int] | None) -> None:
        self.order = order
        # Lightning calls set_epoch on a loader's batch_sampler.sampler before every epoch. An attribute `sampler` would
        # do so too, but make it warn about shuffling under overfit_batches, even without any.
        self.batch_sampler = SimpleNamespace(sampler=order)
        self._ask_epoch = epoch
        self._place = 0, 0  # epoch, batches yielded in it
        self._resume_at: tuple[int, int] | None = None

    @abstractmethod
    def batches(self) -> Sequence[Any]:
        """Return what `make` makes each batch of this epoch of, on this rank."""

    @abstractmethod
    def make(self, batch: Any) -> tuple[Any, ...]:
        """Return a batch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration; Lightning does so by itself."""
        self.order.set_epoch(epoch)

    @abstractmethod
    def __len__(self) -> int:
        """Batches per epoch on this rank."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        # A generator, so that the epoch is read when the first batch is asked for: Lightning sets it after iter().
        if self._ask_epoch is not None:
            self.set_epoch(self._ask_epoch())
        epoch, first, batches = self.order.epoch, 0, self.batches()
        if self._resume_at is not None:
            saved_epoch, done = self._resume_at
            first = done if saved_epoch == epoch and done < len(batches) else 0
            self._resume_at = None
        for number in range(first, len(batches)):
            self._place = epoch, number + 1
            yield self.make(batches[number])

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the epoch, for a checkpoint in the middle of one."""
        epoch, batches = self._place
        return {"epoch": epoch, "batches": batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration, if it is of the same epoch, start behind the batches already yielded."""
        self._resume_at = int(state_dict["epoch"]), int(state_dict["batches"])


class ResidentLoader(EpochLoader):
    """Yields batches of a split that is kept whole on the device: no worker processes, no copies from the host.

    A batch is what the split makes of its rows, such as (images, labels): images float32, (B, C, H, W), the bytes
    divided by 255, so in [0, 1]; labels int64, (B,). There is no time axis; an encoder adds T later. The order depends
    on (seed, epoch, rank) and on nothing else, so a loader that is built anew continues where the last one was.

    Every rank gets the same number of batches. In a world of one, each sample comes once per epoch; in a larger one,
    up to world_size - 1 samples come twice where the count does not divide, unless `drop_last` is set.

    Args:
        split: the samples and labels.
        batch_size: samples per batch and rank.
        device: where samples and labels are kept and batches are made.
        shuffle: a new order every epoch (see `set_epoch`); otherwise the order of the split.
        seed: seeds the order, a whole number >= 0.
        rank: this process, 0 .. world_size - 1.
        world_size: number of processes that share the split.
        drop_last: leave out what does not fill a batch on every rank; otherwise the last batch may be smaller.
        epoch: asked for the epoch when an iteration starts; by default it is the one last given to `set_epoch`.

    Raises:
        ConfigError: batch_size is below 1, or `drop_last` would leave no batch.
    """

    def __init__(
        self,
        split: Samples,
        batch_size: int,
        *,
        device: torch.device | str = "cpu",
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        epoch: Callable[[], int] | None = None,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}, but at least 1 {split.NOUN} per batch was expected.")
        self.split = split.to(device)
        self.batch_size = batch_size
        full = batch_size if drop_last else 0
        order = EpochOrder(len(split), shuffle=shuffle, seed=seed, rank=rank, world_size=world_size, full=full)
        super().__init__(order, epoch)
        if len(self) == 0:
            raise ConfigError(
                f"drop_last leaves no batch: {len(split)} {split.NOUN}s, but {world_size} x {batch_size} are needed. "
                "Lower batch_size, or set drop_last to false."
            )

    def __len__(self) -> int:
        """Batches per epoch on this rank."""
        return -(-len(self.order) // self.batch_size)

    def batches(self) -> Sequence[Tensor]:
        """Return the rows of every batch."""
        return self.order.rows().to(self.split.device).split(self.batch_size)

    def make(self, batch: Tensor) -> tuple[Any, ...]:
        """Return the batch of some rows."""
        return self.split.batch(batch)
