"""What a user's own package may hold: a network with dropout, and a callback that kills its process."""

import os
import signal
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
from torch import nn

from synfire.base import save_weights
from synfire.data import Events
from synfire.data.events.split import EventSource, EventSplit
from synfire.layers import Conv2d, Flatten, Linear
from synfire.neurons import MultiLevelIF


def small_net(levels: int = 4) -> nn.Module:
    """A convolution and a read-out for 8x8 digits, with dropout."""
    return nn.Sequential(
        Conv2d(1, 4, 3, padding=1),
        MultiLevelIF(levels, learn_threshold=True),
        nn.Dropout(0.2),
        Flatten(),
        Linear(256, 10),
    )


def event_net(channels: int = 2) -> nn.Module:
    """A spiking layer between two others, for the events of `Strokes`."""
    return nn.Sequential(Flatten(), Linear(channels * 8 * 8, 16), MultiLevelIF(2), Linear(16, 2))


class Strokes(EventSource):
    """Edges that move to the right, or down."""

    def read(self) -> tuple[EventSplit, EventSplit]:
        """Draw both splits."""
        return self._drawn(64, 0), self._drawn(16, 1)

    def _drawn(self, count: int, seed: int) -> EventSplit:
        draw = np.random.default_rng(seed)
        made = [stroke(down=bool(i % 2), across=draw.integers(0, 8, 40)) for i in range(count)]
        return EventSplit.of(made, [i % 2 for i in range(count)], ("right", "down"), (8, 8))


def stroke(down: bool, across: np.ndarray) -> Events:
    """Return an edge that moves by a pixel a millisecond, on the pixels across."""
    t = np.arange(40) * 200
    along = t // 1000
    x, y = (across, along) if down else (along, across)
    return Events.of(x, y, t, np.arange(40) % 2, (8, 8))


class Kill(L.Callback):
    """Kills the process, as a power cut would, at a batch of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Kill at the given place."""
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            os.kill(os.getpid(), signal.SIGKILL)


class WriteWeights(L.Callback):
    """Writes the network of every process to a file of its own."""

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Write ranks/<rank>.safetensors."""
        Path("ranks").mkdir(exist_ok=True)
        save_weights(pl_module.model, Path(f"ranks/{trainer.global_rank}.safetensors"))
