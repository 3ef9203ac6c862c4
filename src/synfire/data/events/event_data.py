"""Classification of recordings of events for Lightning."""

from typing import Any, Literal

from torch import Tensor

from synfire.data.data_module import LabelledData
from synfire.data.events.representations import OneFrame, Representation
from synfire.data.events.split import EventSource, EventSplit
from synfire.ops.events import EventBatch


class EventData(LabelledData[EventSplit]):
    """Training, validation and test batches of a source of recordings, as frames.

    Batches are (frames, labels): float32 (B, T, C, H, W) and int64 (B,); the encoder `synfire.layers.Frames` puts time
    first.

    Args:
        source: where the recordings come from.
        representation: makes frames of them; by default one frame of all events.
        batch_size: training recordings per batch and process.
        eval_batch_size: recordings per batch and process in validation and testing; by default four times `batch_size`.
        val_fraction: share of the training recordings set aside for validation, from 0 up to 1. Which ones depends on
            the seed and the recordings, not on their order in the file.
        seed: seeds order, augmentation and choice of subsets, a whole number >= 0.
        limit_train: train on at most this many recordings, chosen by the seed; each larger set contains the smaller.
        limit_test: test and validate on at most this many recordings each, chosen likewise.
        drop_last: leave out the training recordings that do not fill a batch on every process.
        resident: "accelerator" keeps all events on the training device; "cpu" copies batch by batch.
    """

    def __init__(
        self,
        source: EventSource,
        representation: Representation | None = None,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        val_fraction: float = 0.0,
        seed: int = 0,
        limit_train: int | None = None,
        limit_test: int | None = None,
        drop_last: bool = False,
        resident: Literal["accelerator", "cpu"] = "accelerator",
    ) -> None:
        super().__init__(
            source, batch_size, eval_batch_size, val_fraction, seed, limit_train, limit_test, drop_last, resident
        )
        self.source: EventSource = source
        self.representation = representation if representation is not None else OneFrame()

    @property
    def steps(self) -> int:
        """T."""
        return self.representation.steps

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one frame, (C, H, W); reads the files."""
        return self.representation.shape(self.source.sensor_size)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Make frames of a batch on its device."""
        events, labels = batch
        return (self.representation(events) if isinstance(events, EventBatch) else events), labels
