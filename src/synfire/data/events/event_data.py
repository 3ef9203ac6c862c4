"""Classification of recordings of events for Lightning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.data.cache import cache_folder
from synfire.data.data_module import LabelledData
from synfire.data.events.augment import EventAugment
from synfire.data.events.frame_split import frames_of
from synfire.data.events.representations import OneFrame, Representation
from synfire.data.events.split import EventSource, EventSplit
from synfire.ops.events import EventBatch


class EventData(LabelledData[EventSplit]):
    """Training, validation and test batches of a source of recordings, as frames.

    Batches are (frames, labels): float32 (B, T, C, H, W) and int64 (B,), or where recordings are mixed shares of
    classes, float32 (B, classes); the encoder `synfire.layers.Frames` puts time first. The events stay packed, on the
    device if there is room, where they are augmented and made into frames batch by batch. Nothing is normalised: the
    representation clips and scales. Order and augmentation depend on (seed, epoch, rank) and the place in the epoch
    alone, so a run that is resumed, also in the middle of an epoch, sees the same numbers bit for bit on a CPU.

    With `val_fraction` 0 the validation batches are those that the source sets aside, if it does, and else those of the
    **test split**: choosing a model by them makes the test accuracy optimistic. Set a fraction to choose honestly.

    Args:
        source: where the recordings come from, such as `synfire.data.NMNIST`.
        representation: makes frames of them, such as `synfire.data.FramesByNumber`; by default one frame of all events.
        batch_size: training recordings per batch and process.
        eval_batch_size: recordings per batch and process in validation and testing; by default four times `batch_size`.
        val_fraction: share of the training recordings set aside for validation, from 0 up to 1. Which ones depends on
            the seed and the recordings, not on their order in the file.
        augment: what to do to training recordings, in this order: "flip", "shift2" (any number of pixels),
            "jitter1000" (any number of microseconds), "drop", "mixup", or modules such as those of
            synfire.data.events.augment.
        cache: keep the frames on the disk, instead of making them in every epoch: true for the user's own cache, see
            `synfire.data.cache.cache_folder`, or a folder. Only without `augment`.
        seed: seeds order, augmentation and choice of subsets, a whole number >= 0.
        limit_train: train on at most this many recordings, chosen by the seed; each larger set contains the smaller.
        limit_test: test and validate on at most this many recordings each, chosen likewise.
        drop_last: leave out the training recordings that do not fill a batch on every process.
        resident: "accelerator" keeps all events on the training device, if those of a split take at most 4 GiB; "cpu"
            copies batch by batch, as is always done with cached frames.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        source: EventSource,
        representation: Representation | None = None,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        val_fraction: float = 0.0,
        augment: Sequence[str | nn.Module] = (),
        cache: bool | str | None = None,
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
        self.augment = EventAugment(augment)
        if cache and len(self.augment.steps):
            raise ConfigError(
                "cache keeps frames as they are, but augment makes others of the events in every epoch. Set cache to "
                "null, or augment to []."
            )
        self.cache = (cache_folder() / "frames" if cache is True else Path(cache)) if cache else None
        self._sensor_ms_per_step: float | None = None

    @property
    def steps(self) -> int:
        """T."""
        return self.representation.steps

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one frame, (C, H, W); reads the files."""
        return self.representation.shape(self.augment.sensor_size(self.source.sensor_size))

    @property
    def sensor_ms_per_step(self) -> float:
        """Milliseconds of the sensor that a step spans, on average over the test split; reads the files."""
        self.setup()
        assert self._sensor_ms_per_step is not None, "it is measured with the splits"
        return self._sensor_ms_per_step

    def setup(self, stage: str | None = None) -> None:
        """Read the source once, set recordings aside, and make the frames that are cached; the stage is no matter."""
        if self._splits:
            return
        super().setup(stage)
        test = self._splits["test"]
        self._sensor_ms_per_step = self._step_times(test).mean().item() / 1000
        if self.cache is not None:
            made = {part: frames_of(split, self.representation, self.cache) for part, split in self._splits.items()}
            self._splits = cast(dict[str, EventSplit], made)

    def _step_times(self, test: EventSplit) -> Tensor:
        """Return the microseconds that a step spans in each recording, as it is tested: float64, (N,)."""
        sensor_size = test.events.sensor_size
        if self.augment.sensor_size(sensor_size) == sensor_size:  # no event but the first and the last is read
            return self.representation.step_time(test.events)[test.rows]
        parts = (test.batch(rows)[0] for rows in torch.arange(len(test)).split(self.eval_batch_size))
        return torch.cat([self.representation.step_time(self.augment.evaluate(part)) for part in parts])

    def steps_of(self, frames: Tensor) -> Tensor:
        """Return frames of a batch with every step apart, (B, T, C, H, W), also where the network sees all at once."""
        return self.representation.steps_of(frames)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Augment a batch (in training only) and make frames of it, on its device."""
        events, labels = batch
        if not isinstance(events, EventBatch):  # frames from the disk
            return events, labels
        if (seed := self._augment_seed()) is None:
            events = self.augment.evaluate(events)
        elif len(self.augment.steps):
            events, labels = self.augment(events, labels, self.num_classes, seed)
        return self.representation(events), labels
