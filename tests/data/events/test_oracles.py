"""Other libraries read the same events of the same files, where they are installed."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from synfire.base import DataError
from synfire.data.events import Events, read_events


def same(ours: Events, theirs: np.ndarray) -> None:
    other = Events.from_records(theirs, ours.sensor_size)
    for name in "xytp":
        assert np.array_equal(getattr(ours, name), getattr(other, name)), name


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("ncars_sample_td.dat", "dat"), ("gen3_640x480_evt2.raw", "evt2")],
)
def test_expelliarmus_reads_the_same(name: str, encoding: str, real_data: Callable[[str], Path]) -> None:
    expelliarmus = pytest.importorskip("expelliarmus")
    path = real_data("event_samples") / name
    wizard = expelliarmus.Wizard(encoding=encoding)
    wizard.set_file(path)
    same(read_events(path).events, wizard.read())


@pytest.mark.parametrize(
    "name",
    ["gen3_640x480_evt2.raw", "dvxplorer_320x240.aedat4", "davis346_clip.aedat4"],
)
def test_faery_reads_the_same(name: str, real_data: Callable[[str], Path]) -> None:
    faery = pytest.importorskip("faery")
    path = real_data("event_samples") / name
    same(read_events(path).events, faery.events_stream_from_file(path).to_array())


def test_evt3_reads_the_same(real_data: Callable[[str], Path]) -> None:
    evt3 = pytest.importorskip("evt3")
    path = real_data("event_samples") / "gen41_1280x720_evt3.raw"
    read, ours = evt3.decode_file(str(path)), read_events(path).events
    theirs = Events.of(read.x, read.y, read.timestamp, read.polarity, ours.sensor_size)
    same(ours, theirs.records())


def test_event_stream_reads_the_same(real_data: Callable[[str], Path]) -> None:
    event_stream = pytest.importorskip("event_stream")
    path = real_data("event_samples") / "dvs_320x240.es"
    with event_stream.Decoder(path) as decoder:
        same(read_events(path).events, np.concatenate(list(decoder)))


@pytest.mark.parametrize("name", ["nmnist_sample.bin", "ncaltech101_faces_easy_0001.bin"])
def test_tonic_reads_the_same(name: str, real_data: Callable[[str], Path]) -> None:
    io = pytest.importorskip("tonic.io")
    path = real_data("event_samples") / name
    same(read_events(path).events, io.read_mnist_file(str(path), dtype=io.events_struct))


def test_tonic_reads_the_same_of_every_recording_of_n_mnist(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    io = pytest.importorskip("tonic.io")
    held = np.load(real_data("nmnist") / "nmnist_subset.npz")
    path = tmp_path / "one.bin"
    for part in ("train", "test"):
        data, edges = held[f"{part}_bytes"], held[f"{part}_off"]
        for start, stop in pairwise(edges):
            path.write_bytes(data[start:stop].tobytes())
            same(read_events(path, (34, 34)).events, io.read_mnist_file(str(path), dtype=io.events_struct))


@pytest.mark.parametrize("name", ["derived_dvs128_v2.aedat", "derived_dvs128_v31.aedat"])
def test_tonic_reads_the_same_words_of_aedat(name: str, real_data: Callable[[str], Path]) -> None:
    io = pytest.importorskip("tonic.io")
    path = str(real_data("event_samples") / name)
    version, start, _ = io.read_aedat_header_from_file(path)
    read = io.get_aer_events_from_file(path, version, start)
    word = read["address"]
    if version < 3:  # tonic has x for y, and 1 for darker
        columns = word >> 1 & 127, word >> 8 & 127, read["timeStamp"], 1 - (word & 1)
    else:
        columns = word >> 17, word >> 2 & 0x1FFF, read["timeStamp"], word >> 1 & 1
    ours = read_events(path).events
    same(ours, Events.of(*columns, ours.sensor_size).records())


def test_structured_arrays_come_and_go(some_events: Callable[..., Events]) -> None:
    events = some_events()
    records = events.records()
    assert records.dtype.names == ("x", "y", "t", "p")
    same(events, records)
    with pytest.raises(DataError, match="fields x, y, but t, p is needed"):
        Events.from_records(records[["x", "y"]])
