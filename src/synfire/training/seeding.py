"""Randomness that depends on (seed, step, rank) alone, so that a resumed run draws the same numbers."""

import random
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch

from synfire.base import ConfigError
from synfire.data.order import derive_seed

_TRAIN, _TEST = 0, 1


def seed_all(*words: int) -> None:
    """Seed the global generators of PyTorch, NumPy and Python from whole numbers >= 0.

    Raises:
        ConfigError: a number is negative.
    """
    if min(words) < 0:
        raise ConfigError(f"seed is {min(words)}; give a whole number of at least 0.")
    seed = derive_seed(*words)
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (third-party augmentations draw from it)
    random.seed(seed)


class SeedSteps(L.Callback):
    """Seeds the global generators before every training and test batch.

    Dropout, random encoders and augmentations draw from them. Which numbers they get does then not depend on what ran
    before, be it validation, a health check or, after a kill, nothing at all.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Seed from (seed, epoch, place in the epoch, rank)."""
        seed_all(self.seed, _TRAIN, trainer.current_epoch, batch_idx, trainer.global_rank)

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Seed from (seed, place, rank)."""
        seed_all(self.seed, _TEST, batch_idx, trainer.global_rank)
