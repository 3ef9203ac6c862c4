"""Data sets of recordings in the folders they were published in, made small."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synfire.base import ConfigError, DataError
from synfire.data import (
    CIFAR10DVS,
    NCARS,
    NMNIST,
    SHD,
    SSC,
    DVSGesture,
    EventFolder,
    Events,
    NCaltech101,
    read_events,
    write_events,
)
from synfire.data.events import RecordedSource
from synfire.data.events.split import EventSplit

Make = Callable[..., Events]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNFIRE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def put(path: Path, events: Events) -> None:
    """Write a recording as .npz, whatever its name is; formats are told by content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_events(path.with_suffix(".npz"), events)
    path.with_suffix(".npz").rename(path)


def contents(split: EventSplit) -> set[tuple[int, int]]:
    """Return label and digest of each recording."""
    return set(zip(split.labels.tolist(), split.digests[split.rows].tolist(), strict=True))


def nmnist(root: Path, some: Make, train: int = 3, test: int = 2) -> None:
    for part, count in (("Train", train), ("Test", test)):
        for label in range(10):
            for number in range(count):
                path = root / part / str(label) / f"{number:05d}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_events(path, some(20 + number, seed=len(part) * 100 + 10 * label + number))


def test_nmnist_as_published(some_events: Make, tmp_path: Path) -> None:
    nmnist(tmp_path / "set", some_events)
    train, test = NMNIST(str(tmp_path / "set"), partial=True).load()
    assert (len(train), len(test)) == (30, 20)
    assert train.classes == tuple("0123456789")
    assert train.shape == (34, 34)
    assert train.labels.tolist() == sorted([*range(10)] * 3)
    events, labels = test.batch(torch.tensor([3]))
    assert labels.tolist() == [1]
    want = some_events(21, seed=411)
    for name in "xyp":
        assert getattr(events, name).tolist() == getattr(want, name).tolist()
    assert events.t.tolist() == (want.t - want.t[0]).tolist()
    with pytest.raises(DataError, match="30 recordings of train, but 60000 were published"):
        NMNIST(str(tmp_path / "set")).load()


def test_nmnist_as_a_selection_equals_its_files(some_events: Make, tmp_path: Path) -> None:
    nmnist(tmp_path / "set", some_events)
    arrays: dict[str, Any] = {}
    for part in ("Train", "Test"):
        files = sorted((tmp_path / "set" / part).glob("*/*.bin"))
        data = [np.fromfile(path, np.uint8) for path in files]
        key = part.lower()
        arrays[f"{key}_bytes"], arrays[f"{key}_label"] = np.concatenate(data), [int(path.parent.name) for path in files]
        arrays[f"{key}_off"] = np.cumsum([0, *map(len, data)])
    (tmp_path / "one").mkdir()
    np.savez_compressed(tmp_path / "one" / "selection.npz", **arrays)
    of_files = NMNIST(str(tmp_path / "set"), partial=True).load()
    for root in (tmp_path / "one", tmp_path / "one" / "selection.npz"):
        for split, other in zip(of_files, NMNIST(str(root)).load(), strict=True):
            assert split.digests.tolist() == other.digests.tolist()
            assert split.labels.tolist() == other.labels.tolist()
    arrays["test_off"] = arrays["test_off"] + 1
    np.savez(tmp_path / "one" / "selection.npz", **arrays)
    with pytest.raises(DataError, match=r"selection\.npz: test_off must be 21 offsets"):
        NMNIST(str(tmp_path / "one")).load()


def test_nmnist_of_real_recordings(real_data: Callable[[str], Path]) -> None:
    root = real_data("nmnist")
    train, test = NMNIST(str(root)).load()
    assert (len(train), len(test)) == (800, 100)
    assert 69 <= train.labels.bincount().min() <= train.labels.bincount().max() <= 98
    assert int(train.events.counts.float().mean()) in range(4000, 4200)
    assert int(train.events.t.max()) < 340_000
    events = read_events(root / "00002.bin").events.sorted()
    second, _ = train.batch(torch.tensor([1]))
    assert second.x.tolist() == events.x.tolist()
    assert second.t.tolist() == (events.t - events.t[0]).tolist()


def caltech(root: Path, some: Make) -> None:
    for number, name in enumerate(("airplanes", "zebra")):
        for row in range(10):
            path = root / name / f"image_{row:04d}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_events(path, some(30, (60 + row, 50), seed=20 * number + row))


def test_ncaltech101_is_split_by_content_and_seed(some_events: Make, tmp_path: Path) -> None:
    caltech(tmp_path / "set" / "Caltech101", some_events)
    train, test = NCaltech101(str(tmp_path / "set"), 0.2, partial=True).load()
    assert (len(train), len(test)) == (16, 4)
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert train.shape == (180, 240)
    assert train.classes == ("airplanes", "zebra")
    for path in (tmp_path / "set" / "Caltech101").glob("*/*.bin"):  # other names, in another order
        path.rename(path.with_name(f"{9999 - int(path.stem[-4:])}.bin"))
    again = NCaltech101(str(tmp_path / "set" / "Caltech101"), 0.2, partial=True).load()
    assert (contents(again[0]), contents(again[1])) == (contents(train), contents(test))
    other = NCaltech101(str(tmp_path / "set"), 0.2, seed=1, partial=True).load()
    assert contents(other[1]) != contents(test)
    with pytest.raises(DataError, match="20 recordings of all, but 8709"):
        NCaltech101(str(tmp_path / "set")).load()


def test_cifar10_dvs(some_events: Make, tmp_path: Path) -> None:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    for label, name in enumerate(names):
        for row in range(3):
            put(tmp_path / "set" / name / f"cifar10_{name}_{row}.aedat", some_events(seed=label * 10 + row))
    train, test = CIFAR10DVS(str(tmp_path / "set"), 0.3, partial=True).load()
    assert (len(train), len(test)) == (20, 10)
    assert test.labels.tolist() == list(range(10))
    assert train.shape == (128, 128)
    assert train.classes == tuple(names)


def test_ncars(some_events: Make, tmp_path: Path) -> None:
    for part, count in (("train", 3), ("test", 2)):
        for number, name in enumerate(("cars", "background")):
            for row in range(count):
                events = some_events(40, (64, 80), seed=row + 10 * number + 100 * count)
                put(tmp_path / "set" / f"n-cars_{part}" / name / f"obj_{row:06d}_td.dat", events)
    train, test = NCARS(str(tmp_path / "set"), partial=True).load()
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(test) == 4
    assert train.shape == (100, 120)
    assert train.classes == ("background", "cars")


def gestures(root: Path, some: Make) -> dict[str, Events]:
    root.mkdir()
    recordings = {}
    for number, part in enumerate(("train", "test")):
        name = f"user{number:02d}_led.aedat"
        recordings[part] = some(3000, (128, 128), seed=number, duration=60_000)
        put(root / name, recordings[part])
        (root / f"user{number:02d}_led_labels.csv").write_text(
            "class,startTime_usec,endTime_usec\n2,1000,9000\n11,9000,30000\n1,40000,55000\n"
        )
        (root / f"trials_to_{part}.txt").write_text(f"{name}\n")
    return recordings


def test_gestures_are_cut_by_their_table(some_events: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = gestures(tmp_path / "set", some_events)
    monkeypatch.setattr("synfire.data.events.formats.npz.CHUNK", 700)
    train, test = DVSGesture(str(tmp_path / "set"), partial=True).load()
    for part, split in (("train", train), ("test", test)):
        assert split.labels.tolist() == [1, 10, 0]
        for row, (start, stop) in enumerate([(1000, 9000), (9000, 30_000), (40_000, 55_000)]):
            want, (got, _) = recordings[part].between(start, stop), split.batch(torch.tensor([row]))
            assert got.x.tolist() == want.x.tolist()
            assert got.t.tolist() == (want.t - want.t[0]).tolist()
    assert train.classes[10] == "other gestures"
    with pytest.raises(DataError, match="3 recordings of train, but 1176"):
        DVSGesture(str(tmp_path / "set")).load()


def test_gestures_and_objects_of_real_formats(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    samples = real_data("event_samples")
    whole = read_events(samples / "derived_dvs128_v31.aedat").events
    root = tmp_path / "gestures"
    root.mkdir()
    for part in ("train", "test"):
        shutil.copy(samples / "derived_dvs128_v31.aedat", root / f"user_{part}.aedat")
        (root / f"user_{part}_labels.csv").write_text("class,startTime_usec,endTime_usec\n3,100000,200000\n")
        (root / f"trials_to_{part}.txt").write_text(f"user_{part}.aedat\n")
    train, _ = DVSGesture(str(root), partial=True).load()
    assert train.labels.tolist() == [2]
    assert train.events.x.tolist() == whole.between(100_000, 200_000).x.tolist()
    for name in CIFAR10DVS("").class_names():
        (tmp_path / "objects" / name).mkdir(parents=True)
        for row in range(2):
            shutil.copy(samples / "derived_dvs128_v2.aedat", tmp_path / "objects" / name / f"{row}.aedat")
    train, test = CIFAR10DVS(str(tmp_path / "objects"), 0.5, partial=True).load()
    assert len(train) == len(test) == 10
    events, _ = test.batch(torch.tensor([9]))
    assert events.y.tolist() == whole.y.tolist()  # the same window of the same recording
    for part in ("train", "test"):
        for name in ("cars", "background"):
            (tmp_path / "cars" / part / name).mkdir(parents=True)
            shutil.copy(samples / "ncars_sample_td.dat", tmp_path / "cars" / part / name)
    train, _ = NCARS(str(tmp_path / "cars"), partial=True).load()
    assert train.events.counts.tolist() == [2009, 2009]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("class,startTime_usec\n1,2\n", "no column endTime_usec"),
        ("class,startTime_usec,endTime_usec\n12,2,3\n", "line 2: gesture 12 from 2 to 3"),
        ("class,startTime_usec,endTime_usec\n1,4,3\n", "gesture 1 from 4 to 3"),
        ("class,startTime_usec,endTime_usec\n1,4\n", "cannot be read as a table of gestures"),
    ],
)
def test_a_table_that_is_none_is_refused(table: str, message: str, some_events: Make, tmp_path: Path) -> None:
    gestures(tmp_path / "set", some_events)
    (tmp_path / "set" / "user00_led_labels.csv").write_text(table)
    with pytest.raises(DataError, match=rf"user00_led_labels\.csv: .*{message}"):
        DVSGesture(str(tmp_path / "set"), partial=True).load()


def test_shd_and_ssc(spike_trains: Callable[..., Path], tmp_path: Path) -> None:
    trains = [([0.5, 0.25], [3, 699], 1), ([0.125], [0], 0), ([], [], 1)]
    for name in ("shd_train", "shd_test", "ssc_train", "ssc_valid", "ssc_test"):
        spike_trains(f"{name}.h5", trains if "train" in name else trains[1:2], keys=2)
    train, test = SHD(str(tmp_path), partial=True).load()
    assert (len(train), len(test)) == (2, 1)
    assert train.labels.tolist() == [1, 0]
    assert train.classes == ("word 0", "word 1")
    assert train.shape == (1, 700)
    events, _ = train.batch(torch.tensor([0]))
    assert events.t.tolist() == [0, 250_000]  # in the order of time
    assert events.x.tolist() == [699, 3]
    source = SSC(str(tmp_path), partial=True)
    validation = source.read_validation()
    assert source.left_out == {}
    assert validation.labels.tolist() == [0]
    for _ in range(2):
        assert source.load()[0].describe() == source.read_validation().describe()
        assert source.part("train").classes == train.classes
        assert source.left_out == {"recordings without an event": 1}
    with pytest.raises(DataError, match="but 9981 were published"):
        SSC(str(tmp_path)).read_validation()
    with pytest.raises(DataError, match=r"SHD: none of shd_train\.h5"):
        SHD(
            str(tmp_path / "nowhere_cache_parent") if (tmp_path / "nowhere_cache_parent").mkdir() is None else ""
        ).load()


def test_a_folder_of_own_recordings_of_any_format(
    some_events: Make, small_files: dict[str, Path], tmp_path: Path
) -> None:
    for part, shift in (("train", 0), ("val", 50)):
        for number, name in enumerate(("left", "right")):
            folder = tmp_path / "set" / part / name
            folder.mkdir(parents=True)
            for ending in (".npz", ".csv", ".bin"):
                write_events(folder / f"a{ending}", some_events(50, (20 + shift, 30), seed=shift + 7 * number))
            (folder / "notes.md").write_text("not a recording")
            (folder / ".checkpoints").mkdir()
            write_events(folder / ".checkpoints" / "a.csv", some_events(50, (20 + shift, 30), seed=1))
    train, test = EventFolder(str(tmp_path / "set")).load()
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert train.digests[0] == train.digests[1] == train.digests[2]
    assert train.shape == test.shape == (30, 70)
    small, _ = EventFolder(str(tmp_path / "set"), sensor_size=(10, 30)).load()
    assert small.shape == (30, 10)
    assert int(small.events.x.max()) < 10
    shutil.copytree(tmp_path / "set" / "train" / "left", tmp_path / "set" / "val" / "up")
    with pytest.raises(DataError, match="up is none of the classes left, right"):
        EventFolder(str(tmp_path / "set")).load()
    with pytest.raises(ConfigError, match="sensor_size"):
        EventFolder(str(tmp_path / "set"), sensor_size=(0, 3))


def tree(root: Path, some: Make) -> RecordedSource:
    for number, name in enumerate(("left", "right")):
        for row in range(5):
            put(root / name / f"{row}.npz", some(50, seed=10 * number + row))
    return EventFolder(str(root))


def test_a_second_start_decodes_nothing(some_events: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tree(tmp_path / "set", some_events).load()
    assert (len(first[0]), len(first[1])) == (8, 2)

    def never(*_: Any) -> None:
        raise AssertionError("it is in the cache")

    monkeypatch.setattr(RecordedSource, "read_file", never)
    again = EventFolder(str(tmp_path / "set")).load()
    assert [contents(split) for split in again] == [contents(split) for split in first]
    changed = tmp_path / "set" / "left" / "0.npz"
    os.utime(changed, ns=(0, 0))
    with pytest.raises(AssertionError, match="in the cache"):
        EventFolder(str(tmp_path / "set")).load()
    with pytest.raises(AssertionError, match="in the cache"):
        EventFolder(str(tmp_path / "set"), damaged="stop").load()


def test_a_class_that_is_added_moves_the_labels_of_files_that_stay(some_events: Make, tmp_path: Path) -> None:
    for part in ("train", "test"):
        tree(tmp_path / "set" / part, some_events)
    assert EventFolder(str(tmp_path / "set")).load()[1].labels.unique().tolist() == [0, 1]
    put(tmp_path / "set" / "train" / "down" / "0.npz", some_events(50, seed=99))
    _, test = EventFolder(str(tmp_path / "set")).load()
    assert test.classes == ("down", "left", "right")
    assert test.labels.unique().tolist() == [1, 2]


def test_options_of_an_own_source_have_places_of_their_own(some_events: Make, tmp_path: Path) -> None:
    class FirstEvents(EventFolder):
        def __init__(self, root: str, count: int) -> None:
            super().__init__(root)
            self.count_kept = count

        def options(self) -> dict[str, Any]:
            return {**super().options(), "count": self.count_kept}

        def read_file(self, path: Path) -> Events:
            return super().read_file(path)[: self.count_kept]

    tree(tmp_path / "set", some_events)
    for count in (7, 9):
        assert FirstEvents(str(tmp_path / "set"), count).load()[0].events.counts.unique().tolist() == [count]


def test_empty_recordings_are_left_out_and_counted(some_events: Make, tmp_path: Path) -> None:
    tree(tmp_path / "set", some_events)
    put(tmp_path / "set" / "left" / "empty.npz", Events.none((34, 34)))
    (tmp_path / "set" / "right" / "a.csv").write_text("t,x,y,p\n1,2,3,1\n2,3,3,2\n2,99,3,1\n")
    for _ in range(2):
        source = EventFolder(str(tmp_path / "set"), sensor_size=(34, 34))
        train, test = source.load()
        assert len(train) + len(test) == 11
        assert source.left_out == {
            "recordings without an event": 1,
            "polarity other than 0 and 1": 1,
            "outside the sensor": 1,
        }


def test_damaged_recordings_are_named_or_cut(some_events: Make, tmp_path: Path) -> None:
    tree(tmp_path / "set", some_events)
    path = tmp_path / "set" / "left" / "cut.bin"
    write_events(path, some_events(50, seed=99))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"left/cut\.bin: damaged"):
        EventFolder(str(tmp_path / "set")).load()
    source = EventFolder(str(tmp_path / "set"), damaged="stop")
    assert sum(map(len, source.load())) == 11
    assert source.left_out["damaged rest"] == 1


def test_time_that_runs_back_is_put_in_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for row in range(2):
            put(tmp_path / "set" / name / f"{row}.npz", Events.of([1, 2, 3], [0, 0, 0], [9, 5, 7 + row], [1, 0, 1]))
    events = EventFolder(str(tmp_path / "set"), test_fraction=0.5).load()[0].events
    assert events.t[:3].tolist() == [0, 2, 4]
    assert events.x[:3].tolist() == [2, 3, 1]


@pytest.mark.parametrize("what", ["nothing", "no classes", "no recording of a class", "only empty ones"])
def test_folders_without_recordings_are_refused(what: str, some_events: Make, tmp_path: Path) -> None:
    root = tmp_path / "set"
    if what != "nothing":
        root.mkdir()
    if what == "no recording of a class":
        tree(root, some_events)
        (root / "down").mkdir()
        (root / "down" / "0.evt").write_text("of another ending")
    if what == "only empty ones":
        put(root / "a" / "0.npz", Events.none((3, 3)))
    message = {
        "nothing": "does not exist",
        "no classes": "no folder in it",
        "no recording of a class": "down: no recording in it",
        "only empty ones": "no recording of all",
    }[what]
    with pytest.raises(DataError, match=message):
        EventFolder(str(root)).load()
