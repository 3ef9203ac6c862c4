from collections.abc import Callable, Iterator
from typing import Any

import lightning.pytorch as L
import numba
import pytest
import torch
from torch import Tensor, nn

from synfire.layers import BatchNorm2d, Conv2d, Flatten, Linear
from synfire.neurons import MultiLevelIF


class Repeated:
    """A loader of one batch, again and again; Lightning takes a list for several loaders."""

    def __init__(self, batch: tuple[Tensor, Tensor], count: int) -> None:
        self.batch, self.count = batch, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter([self.batch] * self.count)


class Batches(L.LightningDataModule):
    """The same batch in training, validation and test."""

    def __init__(self, images: Tensor, labels: Tensor, count: int = 2) -> None:
        super().__init__()
        self.images, self.labels, self.count = images, labels, count

    def train_dataloader(self) -> Repeated:
        return Repeated((self.images, self.labels), self.count)

    val_dataloader = test_dataloader = train_dataloader


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks as small as these are faster on one thread, above all on a busy machine."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.fixture
def net() -> nn.Module:
    """A network of one neuron layer for images (1, 4, 4) and three classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        Conv2d(1, 2, 3, padding=1, bias=False),
        BatchNorm2d(2),
        MultiLevelIF(4),
        nn.Dropout(0.1),
        Flatten(),
        Linear(32, 3),
    )


@pytest.fixture
def batches() -> Callable[..., Batches]:
    """Make batches of 6 random images, or of those given."""

    def make(images: Tensor | None = None, labels: Tensor | None = None, count: int = 2) -> Batches:
        torch.manual_seed(1)
        images = torch.randn(6, 1, 4, 4) if images is None else images
        return Batches(images, torch.arange(6) % 3 if labels is None else labels, count)

    return make


@pytest.fixture
def trainer() -> Callable[..., L.Trainer]:
    """Make a silent trainer on the CPU."""

    def make(**options: Any) -> L.Trainer:
        plain = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        return L.Trainer(**{**plain, "enable_model_summary": False, "max_epochs": 1, "log_every_n_steps": 1, **options})

    return make
