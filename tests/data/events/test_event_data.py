"""Batches of frames for Lightning: what is seen, in which order, and what is kept on the disk."""

import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import lightning.pytorch as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from synfire.base import ConfigError
from synfire.data import (
    EventData,
    FramesByCount,
    FramesByNumber,
    FramesByTime,
    OneFrame,
    StepsAsChannels,
    TimeSurface,
    Voxels,
)
from synfire.data.events.augment import EventCrop
from synfire.data.events.split import EventSource, EventSplit
from synfire.ops.events import EventBatch

lightning_with_new_torch = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
SENSOR = (12, 9)
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


@pytest.fixture
def source(some_events):
    class Made(EventSource):
        """Random recordings; those of a class have as many times 40 events."""

        def __init__(self, shuffled: bool = False) -> None:
            self.shuffled = shuffled

        def read(self):
            made = []
            for part, count in enumerate((30, 9)):
                labels = [row % 3 for row in range(count)]
                rows = range(count)[:: -1 if self.shuffled else 1]
                events = [some_events(40 + 40 * labels[row], SENSOR, 100 * part + row, 5000) for row in rows]
                made.append(
                    EventSplit.of(events, [labels[row] for row in rows], ("a", "b", "c"), SENSOR, f"made {part}")
                )
            return made[0], made[1]

    return Made


class Witness(L.LightningModule):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen, self.tested = [], []

    def training_step(self, batch, number):
        frames, labels = batch
        self.seen.append((self.current_epoch, number, frames.numpy().tobytes(), labels.tolist()))
        return self.weight * frames.sum()

    def validation_step(self, batch, number):
        self.log("mean", batch[0].mean())

    def test_step(self, batch, number):
        self.tested.append((batch[0].numpy().tobytes(), batch[1].tolist()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(data, folder, ckpt=None, **options):
    witness = Witness()
    options = {"enable_checkpointing": "callbacks" in options, "default_root_dir": folder, "max_epochs": 2} | options
    trainer = L.Trainer(**QUIET, **options)
    trainer.fit(witness, datamodule=data, ckpt_path=ckpt)
    if ckpt is None:
        trainer.test(witness, datamodule=data, verbose=False)
    return witness


@lightning_with_new_torch
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_resumed_run_sees_the_same_bits(source, tmp_path):
    def data():
        return EventData(source(), FramesByNumber(3), 8, augment=["flip", "shift1", "jitter9", "drop", "mixup"])

    saver = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
    whole = fit(data(), tmp_path, callbacks=[saver]).seen
    assert [place[:2] for place in whole] == [(epoch, number) for epoch in range(2) for number in range(4)]
    assert len({frames for _, _, frames, _ in whole}) == 8
    for done in (2, 5):
        assert fit(data(), tmp_path, str(tmp_path / f"step={done}.ckpt")).seen == whole[done:]


@lightning_with_new_torch
def test_augmentation_is_for_training_alone(source, tmp_path):
    plain, changed = (fit(EventData(source(), batch_size=8, augment=steps), tmp_path) for steps in ([], ["shift1"]))
    assert plain.tested == changed.tested
    assert [labels for *_, labels in plain.seen] == [labels for *_, labels in changed.seen]
    assert plain.seen != changed.seen


@dataclass(frozen=True)
class Thirds(FramesByNumber):
    """Thirds of counts, so no whole numbers."""

    def count(self, events, cells):
        return super().count(events, cells) / 3


@dataclass(frozen=True)
class Roots(FramesByNumber):
    """Roots of counts."""

    def make(self, events, cells):
        return super().make(events, cells).sqrt()


def frames_of(data, part):
    loader = {"train": data.train_dataloader, "val": data.val_dataloader, "test": data.test_dataloader}[part]()
    batches = [data.on_after_batch_transfer(batch, 0) for batch in loader]
    return torch.cat([frames for frames, _ in batches]), torch.cat([labels for _, labels in batches])


@pytest.mark.parametrize(
    ("representation", "kept"),
    [
        pytest.param(OneFrame(), torch.float32, id="counts without a limit"),
        pytest.param(OneFrame(clip=float("inf")), torch.float32, id="counts with a limit that is none"),
        pytest.param(Thirds(2, clip=1), torch.float32, id="an own count"),
        pytest.param(Roots(2, clip=4), torch.float32, id="what an own class makes of counts"),
        pytest.param(FramesByTime(1000, 4, clip=3, scale=2.0), torch.uint8, id="small counts"),
        pytest.param(FramesByNumber(4, polarities="signed", clip=3), torch.int8, id="small counts with a sign"),
        pytest.param(Voxels(3, clip=2), torch.float32, id="voxels"),
        pytest.param(TimeSurface(3, 2e3), torch.float32, id="surface"),
        pytest.param(StepsAsChannels(FramesByTime(1000, 4, clip=3, scale=2.0)), torch.uint8, id="steps as channels"),
    ],
)
def test_frames_from_the_disk_are_those_made_anew(source, tmp_path, monkeypatch, representation, kept):
    def data(cache):
        data = EventData(source(), representation, batch_size=7, val_fraction=0.2, limit_train=20, cache=cache)
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            overfit_batches=1, strategy=SimpleNamespace(root_device=torch.device("cpu")), global_rank=0, world_size=1,
            current_epoch=0, training=False,
        )  # fmt: skip
        return data

    fresh, first = data(None), data(str(tmp_path))
    for part in ("train", "val", "test"):
        wanted, labels = frames_of(fresh, part)
        got, same = frames_of(first, part)
        assert got.dtype == torch.float32
        assert torch.equal(got, wanted)
        assert torch.equal(same, labels)
        assert first.split(part).frames.dtype == kept
    assert first.sensor_ms_per_step == fresh.sensor_ms_per_step
    folders = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert len(folders) == 3
    monkeypatch.setattr(EventSplit, "batch", None)  # nothing is made again
    again = data(str(tmp_path))
    assert torch.equal(frames_of(again, "test")[0], wanted)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == folders


def test_other_parameters_or_recordings_have_other_places_in_the_cache(source, tmp_path):
    def places(representation, **options):
        before = set(tmp_path.iterdir())
        EventData(source(), representation, cache=str(tmp_path), **options).setup()
        return len({path for path in set(tmp_path.iterdir()) - before if path.is_dir()})

    assert places(OneFrame()) == 2  # the training and the test split
    assert places(OneFrame()) == 0
    assert places(OneFrame(scale=2.0)) == 2
    assert places(FramesByNumber(1)) == 2
    assert places(StepsAsChannels(FramesByNumber(3))) == 2
    assert places(StepsAsChannels(Voxels(3))) == 2
    assert places(OneFrame(), limit_train=10) == 1
    assert places(OneFrame(), limit_train=10, seed=1) == 1


def test_splits_do_not_depend_on_the_order_of_files(source):
    def recordings(shuffled):
        data = EventData(source(shuffled), val_fraction=0.3, seed=4)
        return [data.split(part).digests[data.split(part).rows].tolist() for part in ("train", "val")]

    (train, val), (train_again, val_again) = recordings(False), recordings(True)
    assert (len(train), len(val)) == (21, 9)
    assert set(train) == set(train_again)
    assert set(val) == set(val_again)


def test_shapes_and_sensor_time(source):
    data = EventData(source(), FramesByNumber(4, size=3))
    assert (data.steps, data.shape, data.num_classes) == (4, (2, 3, 4), 3)
    assert 4.5 < 4 * data.sensor_ms_per_step <= 5
    assert EventData(source(), FramesByTime(500, 4)).sensor_ms_per_step == 0.5
    cropped = EventData(source(), augment=[EventCrop(5, 6)])
    assert cropped.shape == (2, 5, 6) == tuple(frames_of(cropped, "val")[0].shape[2:])
    by_count = EventData(source(), FramesByCount(5, 4), augment=[EventCrop(5, 6)])
    test = by_count.split("test")
    seen = by_count.augment.evaluate(test.batch(torch.arange(len(test)))[0])  # a fourth of the events takes longer
    assert by_count.sensor_ms_per_step == FramesByCount(5, 4).step_time(seen).mean().item() / 1000


def test_a_part_holds_its_own_recordings_alone(source):
    split = source().load()[0].take(torch.tensor([7, 2, 11]))
    own = split.alone()
    assert len(own.events) == 3 < len(split.events)
    (events, labels), (same, again) = (each.batch(torch.tensor([2, 0])) for each in (split, own))
    assert torch.equal(events.t, same.t)
    assert torch.equal(labels, again)
    assert torch.equal(split.order(3), own.order(3))


def test_recordings_that_take_too_much_stay_where_they_are(source, monkeypatch):
    split = source().load()[0]
    monkeypatch.setattr("synfire.data.events.split.ROOM", 13 * len(split.events.t) - 1)
    assert split.to("meta") is split
    events, _ = split.batch(torch.arange(3))
    assert isinstance(events, EventBatch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same_frames(source):
    split = source().load()[0]
    (events, labels), (there, same) = (each.batch(torch.arange(5)) for each in (split, split.to("cuda")))
    assert there.device.type == "cuda"
    assert torch.equal(FramesByNumber(3)(there).cpu(), FramesByNumber(3)(events))
    assert torch.equal(same.cpu(), labels)


def test_a_cache_of_what_changes_is_refused(source):
    with pytest.raises(ConfigError, match="cache keeps frames as they are, but augment makes others"):
        EventData(source(), augment=["flip"], cache=True)


def test_importing_the_data_needs_no_lightning():
    code = "import sys, synfire.data; sys.exit('lightning' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
