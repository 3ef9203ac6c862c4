import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import loadmat

from synfire.base import ConfigError, DataError
from synfire.data.events import FORMATS, Events, Recording, read_events, write_events
from synfire.data.events.formats import atis, decoding

REAL = (
    "nmnist_sample.bin",
    "ncaltech101_faces_easy_0001.bin",
    "ncars_sample_td.dat",
    "gen3_640x480_evt2.raw",
    "gen41_1280x720_evt3.raw",
    "dvs_320x240.es",
    "derived_dvs128_v2.aedat",
    "derived_dvs128_v31.aedat",
    "dvxplorer_320x240.aedat4",
    "davis346_clip.aedat4",
)


def digest(events: Events | Recording) -> str:
    columns = (events.t.astype("<i8"), events.x.astype("<i2"), events.y.astype("<i2"), events.p.astype("u1"))
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


@pytest.mark.parametrize("name", REAL)
def test_real_recordings_have_the_events_that_other_readers_found(name: str, real_data: Callable[[str], Path]) -> None:
    folder = real_data("event_samples")
    expected = json.loads((folder / "expected.json").read_text())[name]
    recording = read_events(folder / name)
    assert len(recording) == expected["events"]
    assert digest(recording) == expected["digest"]
    assert not recording.discarded


def by_lines(path: Path) -> list[tuple[int, ...]]:
    rows = [line.split() for line in path.read_text().splitlines()]
    return [(round(1e6 * float(t)), int(x), int(y), int(p)) for t, x, y, p in rows]


def by_h5py(path: Path) -> list[tuple[int, ...]]:
    with h5py.File(path) as file:
        t, x, y, p = (file[f"raw_events/{name}"][()].tolist() for name in "txyp")
    return [(round(1e6 * row[0]), *map(int, row[1:])) for row in zip(t, x, y, p, strict=True)]


def by_words(path: Path) -> list[tuple[int, ...]]:
    data = path.read_bytes()
    words = [int.from_bytes(data[at : at + 5], "big") for at in range(0, len(data), 5)]
    return [(word & 0x7FFFFF, word >> 24, 0, word >> 23 & 1) for word in words]


def by_loadmat(path: Path) -> list[tuple[int, ...]]:
    *taxels, times = loadmat(path)["spiketrain"].tolist()
    return [
        (round(1e6 * time), taxel % 10, taxel // 10, int(values[at] > 0))
        for at, time in enumerate(times)
        for taxel, values in enumerate(taxels)
        if values[at]
    ]


INDEPENDENT = {
    "events_tiny.txt": by_lines,
    "events_tiny.hdf5": by_h5py,
    "ntidigits_sample.bs1": by_words,
    "stmnist_sample.mat": by_loadmat,
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_real_recordings_of_small_formats_equal_an_independent_reader(
    name: str, real_data: Callable[[str], Path]
) -> None:
    recording = read_events(real_data("event_samples") / name)
    columns = (recording.t, recording.x, recording.y, recording.p)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == INDEPENDENT[name](recording.path)
    assert len(recording) == {"ntidigits_sample.bs1": 898, "stmnist_sample.mat": 2346}.get(name, 17)
    assert not recording.discarded


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind.WRITES], ids=lambda kind: kind.NAME)
@pytest.mark.parametrize("count", [0, 1, 500])
def test_what_is_written_is_read_again(
    kind: type, count: int, some_events: Callable[..., Events], tmp_path: Path
) -> None:
    events = some_events(count)
    write_events(tmp_path / f"a{kind.WRITES}", events)
    if kind.NAME == "ATIS .bin" and not count:
        pytest.skip("a file without a header holds nothing then, and an empty file is refused")
    again = read_events(tmp_path / f"a{kind.WRITES}", sensor_size=(34, 34))
    assert again.format == kind.NAME
    assert digest(again) == digest(events)
    assert (tmp_path / f"a{kind.WRITES}").stat().st_mode & 0o444 == 0o444


WORDS = {"decoding.PIECE": 8, "decoding.ROOM": decoding.MOST}
IN_PARTS = {  # what is read at once: the constants, and the least of them
    "HDF5": {"hdf5.CHUNK": 1},
    "NumPy .npz": {"npz.CHUNK": 1},
    "ST-MNIST .mat": {},
    "AEDAT 2.0": {"aedat2.GATHER": 1},
    "AEDAT 3.1": {"aedat3.GATHER": 1},
    "AEDAT 4": {"aedat4.GATHER": 1},
    "Event Stream": WORDS,
    "text": {"text.PIECE": 1},
    "Prophesee EVT 3.0": WORDS,
    "Prophesee EVT 2.0": WORDS,
    "Prophesee DAT": WORDS,
    "one-dimensional spikes .bs1": {"bs1.CHUNK": 1},
    "ATIS .bin": {"atis.CHUNK": 1},
}


@pytest.fixture(scope="session")
def small_events(small_files: dict[str, Path]) -> dict[str, Events]:
    return {name: read_events(path).events for name, path in small_files.items()}


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.NAME)
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(more=st.integers(0, 300), size=st.integers(1, 600))
def test_parts_of_any_size_hold_the_same_events(
    kind: type, more: int, size: int, small_files: dict[str, Path], small_events: dict[str, Events]
) -> None:
    whole, recording = small_events[kind.NAME], read_events(small_files[kind.NAME])
    with pytest.MonkeyPatch.context() as patch:
        for name, least in IN_PARTS[kind.NAME].items():
            patch.setattr(f"synfire.data.events.formats.{name}", least + more)
        parts = list(recording.chunks(size))
    assert len(whole) == 500
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert 0 < len(parts[-1]) <= size
    assert digest(Events.join(parts, (34, 34))) == digest(whole)


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_overflows_of_atis_go_on_in_the_next_part(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atis, "CHUNK", at_once)
    spike, overflow = bytes([3, 4, 0x80, 0, 7]), bytes([0, atis.OVERFLOW_ROW, 0, 0, 0])
    (tmp_path / "a.bin").write_bytes(spike + overflow + spike + overflow + overflow + spike)
    recording = read_events(tmp_path / "a.bin")
    assert recording.t.tolist() == [7, 7 + 8192, 7 + 3 * 8192]
    assert (recording.x.tolist(), recording.y.tolist(), recording.p.tolist()) == ([3] * 3, [4] * 3, [1] * 3)


def test_what_does_not_fit_the_sensor_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_events(path, Events.of([0, 5, 9, 3], [1, 1, 1, 7], [0, 10, 20, 30], [0, 1, 0, 1]))
    recording = read_events(path, sensor_size=(6, 6))
    assert recording.t.tolist() == [0, 10]
    assert recording.discarded == {"outside the sensor": 2}
    assert recording.sensor_size == (6, 6)


def test_what_is_left_out_is_counted_once_when_the_file_is_read_twice_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synfire.data.events.formats.text.PIECE", 8)  # a line
    (tmp_path / "a.csv").write_text("t,x,y,p\n1,1,0,2\n2,2,0,0\n3,3,0,2\n4,4,0,1\n")
    recording = read_events(tmp_path / "a.csv")
    for part in recording.chunks(1):
        assert part.x.max() < recording.sensor_size[0]
    assert recording.discarded == {"polarity other than 0 and 1": 2}


def test_what_else_is_in_a_file_is_counted_once_when_it_is_read_twice_at_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for group in ("left", "right"):
            for name in "xytp":
                file[f"{group}/{name}"] = np.array([0, 1])
    recording = read_events(tmp_path / "a.h5")
    for part in recording.chunks():
        assert part.x.max() < recording.sensor_size[0]
    assert recording.skipped == {"events of /right/x": 2}


def test_the_size_of_a_sensor_that_nobody_told_is_found_without_keeping_the_events(
    small_files: dict[str, Path],
) -> None:
    recording = read_events(small_files["ATIS .bin"])
    assert recording.sensor_size == (34, 34)
    assert "events" not in vars(recording)
    assert recording.events.sensor_size == (34, 34)


def test_time_that_runs_backwards_is_kept_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_events(path, Events.of([1, 2, 3], [0, 0, 0], [5, 3, 4], [1, 1, 0]))
    events = read_events(path).events
    assert events.t.tolist() == [5, 3, 4]
    assert events.backward_steps == 1
    assert events.sorted().x.tolist() == [2, 3, 1]
    assert read_events(path).between(4, 6).x.tolist() == [1, 3]


def test_a_damaged_rest_may_be_left_out(small_files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    path.write_bytes(small_files["ATIS .bin"].read_bytes()[:-2])
    with pytest.raises(DataError, match=r"cut\.bin.*3 of 5 bytes"):
        len(read_events(path))
    stopped = read_events(path, damaged="stop")
    assert len(stopped) == 499
    assert stopped.discarded == {"damaged rest": 1}


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty"), (b"no events here", "not a recording of a known format")]
)
def test_files_that_hold_no_recording_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.xyz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_events(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.bin.*No such file"):
        read_events(tmp_path / "nothing.bin")


@pytest.mark.parametrize("options", [{"sensor_size": (0, 5)}, {"sensor_size": (5, 40000)}, {"damaged": "ignore"}])
def test_options_out_of_range_are_refused(options: dict, small_files: dict[str, Path]) -> None:
    with pytest.raises(ConfigError):
        read_events(small_files["ATIS .bin"], **options)
    with pytest.raises(ConfigError, match="at least 1 event"):
        next(read_events(small_files["ATIS .bin"]).chunks(0))


def test_an_ending_that_nothing_writes_is_refused(some_events: Callable[..., Events], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.bin"):
        write_events(tmp_path / "a.xyz", some_events())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if not kind.WRITES], ids=lambda kind: kind.NAME)
def test_a_format_that_is_only_read_says_so(kind: type, some_events: Callable[..., Events]) -> None:
    with pytest.raises(ConfigError, match="is only read"):
        kind.write(some_events(), io.BytesIO())


def test_columns_are_converted_or_refused() -> None:
    events = Events.of([1.0, 2.0], [0, 0], [5, 6], [-1, 1])
    assert events.p.tolist() == [0, 1]
    assert events.sensor_size == (3, 1)
    assert Events.of([1], [1], [1], np.array([True])).p.tolist() == [1]
    for wrong in (([1.5], [0], [0], [0]), ([1], [0], [0], [2]), ([-1], [0], [0], [0]), ([1, 2], [0], [0], [0])):
        with pytest.raises(DataError):
            Events.of(*wrong)
    for beyond in (np.inf, np.nan, 1e30, np.uint64(1 << 63)):
        for columns in (([1], [0], [beyond], [0]), ([beyond], [0], [1], [0])):
            with pytest.raises(DataError, match="beyond 64 bits"):
                Events.of(*columns)
    assert Events.of([1, 1], [0, 0], [-(1 << 63), (1 << 63) - 1], [0, 0]).duration == (1 << 64) - 1
    with pytest.raises(DataError, match="sensor has 1 x 1"):
        Events.of([1], [0], [0], [0], (1, 1))
    with pytest.raises(DataError, match=r"Events\.of"):
        Events(np.zeros(1), events.y[:1], events.t[:1], events.p[:1], (1, 1))
