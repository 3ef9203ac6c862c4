"""Texts, arrays and HDF5: columns that other programs wrote, by name or by content."""

import importlib
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from synfire.base import DataError
from synfire.data.events import Events, read_events, read_spike_trains, write_events
from synfire.data.events.format import CHUNK
from synfire.data.events.formats import hdf5_file
from synfire.data.events.formats.columns import Converter, find_columns, find_order
from synfire.data.events.formats.hdf5 import rows_together

KERNEL = importlib.import_module("synfire.data.events.formats._numba_text")


def rows(path: Path, **options) -> list[tuple[int, ...]]:
    events = read_events(path, **options).events
    return list(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True))


THREE = [(100_000, 3, 4, 1), (250_001, 5, 4, 0), (250_001, 30, 2, 1)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("t,x,y,p\n100000,3,4,1\n250001,5,4,0\n250001,30,2,1\n", id="named"),
        pytest.param("x;y;polarity;timestamp\n3;4;1;100000\n5;4;-1;250001\n30;2;1;250001\n", id="other names, -1"),
        pytest.param("# t x y p\n100000 3 4 1\n250001 5 4 0\n250001 30 2 1", id="named in a comment, no last end"),
        pytest.param("id,X,Y,P,T\n0,3,4,1,100000\n1,5,4,0,250001\n2,30,2,1,250001\n", id="another column"),
        pytest.param("0.1 3 4 1\n0.250001 5 4 0\n0.25000099 30 2 1\n", id="seconds first"),
        pytest.param("3\t4\t0.1\t1\n5\t4\t.250001\t0\n30\t2\t2.50001e-1\t1\n", id="seconds third"),
        pytest.param("3,4,1,100000\n5,4,0,250001\n30,2,1,250001\n", id="microseconds last, as metavision writes"),
        pytest.param("\n% geometry: none\n100000 3 4 1\r\n\r\n250001\t5,4  0\r\n+250001 30 2.0 1e0\r\n", id="untidy"),
        pytest.param("\ufefft,x,y,p\n100000,3,4,1\n250001,5,4,0\n250001,30,2,1\n", id="marked as UTF-8, named"),
        pytest.param("\ufeff0.1,3,4,1\n0.250001,5,4,0\n0.250001,30,2,1\n", id="marked as UTF-8, no names"),
        pytest.param("# t in µs\nt,x,y,p\n100000,3,4,1\n250001,5,4,0\n250001,30,2,1\n", id="a comment beyond ASCII"),
    ],
)
def test_texts_of_many_kinds_hold_the_same_events(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text, newline="", encoding="utf-8")
    assert rows(path) == THREE
    assert read_events(path).format == "text"


@pytest.mark.parametrize("first", ["240 180\n", "%geometry:240,180\n", "# geometry: 240x180\n"])
def test_a_text_may_tell_the_size_of_the_sensor(first: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(first + "0.1 3 4 1\n0.2 250 4 1\n")
    assert rows(path) == [(100_000, 3, 4, 1)]
    assert read_events(path).sensor_size == (240, 180)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("inf 5\n0.1 1 2 1\n", "not a recording of a known format", id="a size without bounds"),
        pytest.param("nan nan\n0.1 1 2 1\n", "not a recording of a known format", id="a size that is no number"),
        pytest.param("5 3 4 1\n", "no order of the four columns fits", id="one event without names"),
        pytest.param("1 2 3 1\n4 5 6 0\n", "more than one order", id="all columns rise"),
        pytest.param("a,b,c,d\n1,2,3,1\n", "columns are a, b, c, d", id="names that mean nothing"),
        pytest.param("1 2 3 4 1\n", "columns are 5 without names", id="five columns without names"),
        pytest.param("t,x,y,p\n1,2,3,1\n1,2,3\n", "at byte 16: it has another number of columns", id="a column less"),
        pytest.param("t,x,y,p\n1,2,3,1\n1,2,3,1,1\n", "at byte 16: it has another number of columns", id="one more"),
        pytest.param("t,x,y,p\n1,2,3,1\n1,2,,1\n", "at byte 16: a number was expected", id="an empty cell"),
        pytest.param("t,x,y,p\n1,2,3,1\n1,nan,3,1\n", "at byte 16: a number was expected", id="no number"),
        pytest.param("t,x,y,p\n1,2,3,1\n1,2.5,3,1\n", "at byte 16: a whole number was expected", id="a broken pixel"),
        pytest.param("t,x,y,p\n1,2,3,1\n99999999999999999999,2,3,1\n", "at byte 16: too large", id="beyond 64 bits"),
    ],
)
def test_texts_that_are_no_events_or_could_be_others_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        rows(path)


def test_texts_read_in_pieces_are_whole(
    monkeypatch: pytest.MonkeyPatch, some_events: Callable[..., Events], tmp_path: Path
) -> None:
    events, path = some_events(300), tmp_path / "a.csv"
    write_events(path, events)
    monkeypatch.setattr("synfire.data.events.formats.text.PIECE", 64)
    assert rows(path) == list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True))


@given(
    mantissa=st.integers(-(10**17), 10**17),
    places=st.integers(0, 12),
    exponent=st.integers(-9, 3),
    shift=st.sampled_from([0, 6]),
)
def test_numbers_are_read_as_they_are_written(mantissa: int, places: int, exponent: int, shift: int) -> None:
    digits = f"{abs(mantissa):0{places + 1}d}"
    whole, fraction = digits[: len(digits) - places], digits[len(digits) - places :]
    text = f"{'-' if mantissa < 0 else ''}{whole}.{fraction}e{exponent:+d},"
    power = exponent + shift - places
    value, end, wrong = KERNEL._number(np.frombuffer(text.encode(), np.uint8), 0, len(text), shift, shift > 0)
    size = abs(mantissa) * 10 ** max(power, 0)
    exact, left = divmod(size, 10 ** max(-power, 0))
    if left and not shift:
        assert wrong == KERNEL.NOT_WHOLE
    elif size >= 1 << 63:
        assert wrong == KERNEL.TOO_LARGE
    else:
        assert (end, wrong) == (len(text) - 1, KERNEL.FINE)
        assert value == (exact + (2 * left >= 10 ** max(-power, 0) and left > 0)) * (-1 if mantissa < 0 else 1)


def test_columns_are_found_by_any_usual_name() -> None:
    assert find_columns(["TS", "xs", " ys", "polarity", "n"]) == {"x": "xs", "y": " ys", "t": "TS", "p": "polarity"}
    assert find_columns(["x", "y", "t"]) is None


@pytest.mark.parametrize("order", ["txyp", "xytp", "xypt"])
def test_the_order_of_columns_is_told_by_what_is_in_them(order: str, some_events: Callable[..., Events]) -> None:
    events = some_events()
    columns = [getattr(events, name) for name in order]
    assert find_order(columns, "a") == order
    seconds = [column / 1e6 if name == "t" else column for column, name in zip(columns, order, strict=True)]
    assert find_order([column[:2] for column in seconds], "a") == order
    events.t[::20] -= 500  # runs back now and then
    assert find_order(columns, "a") == order


def test_the_unit_of_the_first_part_holds_for_all() -> None:
    one = np.ones(2)
    converter = Converter("file", offset=7)
    assert converter.block(one, one, np.array([1.0, 2.0]), one).t.tolist() == [8, 9]
    with pytest.raises(DataError, match="file: a time has a fraction"):
        converter.block(one, one, np.array([3.0, 3.5]), one)
    for offset in (1 << 62, -(1 << 63), 1 << 64):
        with pytest.raises(DataError, match=r"file: .* are to be added to all times"):
            Converter("file", offset)
    for times in (np.array([1, 1 << 63], np.uint64), np.array([-1.0, 5e18])):
        with pytest.raises(DataError, match="file: a time is no number, or larger"):
            Converter("file").block(one, one, times, one)
    seconds = Converter("file")
    assert seconds.block(one, one, np.array([0.0, 0.5], np.float32), -one).t.tolist() == [0, 500_000]
    assert seconds.block(one, one, np.array([2, 3]), one).t.tolist() == [2_000_000, 3_000_000]
    with pytest.raises(DataError, match="no number"):
        seconds.block(one, one, np.array([0.5, np.nan]), one)
    with pytest.raises(DataError, match="x holds numbers that are not whole"):
        seconds.block(one / 2, one, np.array([0.5, 1]), one)
    with pytest.raises(DataError, match="file: p holds complex128, but numbers were expected"):
        seconds.block(one, one, one, one * 1j)
    halves = np.array([1, 0.5], np.float16)
    assert Converter("file").block(*[halves * 2] * 2, halves, halves * 2).t.tolist() == [1_000_000, 500_000]


@pytest.mark.parametrize("kind", ["four arrays", "fields", "columns", "compressed", "seconds"])
def test_arrays_of_many_kinds_hold_the_same_events(kind: str, tmp_path: Path) -> None:
    t, x, y, p = (np.array(column) for column in zip(*THREE, strict=True))
    path = tmp_path / "a.npz"
    fields = np.zeros(3, [("t", "<i8"), ("x", ">u2"), ("y", "<u2"), ("p", "?")])
    fields["t"], fields["x"], fields["y"], fields["p"] = t, x, y, p
    if kind == "fields":
        np.savez(path, events=fields)
    elif kind == "columns":
        np.savez(path, np.stack([t, x, y, 2 * p - 1], 1))
    elif kind == "compressed":
        np.savez_compressed(path, ts=t.astype(np.float64), xs=x.astype(np.float32), ys=y, ps=2 * p - 1)
    else:
        np.savez(path, t=t / 1e6 if kind == "seconds" else t[:, None], x=x, y=y, p=p)
    assert rows(path) == THREE


def test_polarities_that_are_none_are_left_out_and_counted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", t=[1, 2, 3], x=[1, 2, 3], y=[0, 0, 0], p=[1, 2, 0])
    (tmp_path / "a.csv").write_text("t,x,y,p\n1,1,0,1\n2,2,0,2\n3,3,0,0\n")
    for name in ("a.npz", "a.csv"):
        recording = read_events(tmp_path / name)
        assert recording.events.t.tolist() == [1, 3]
        assert recording.discarded == {"polarity other than 0 and 1": 1}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": [1], "y": [1], "t": [1, 2], "p": [1]}, "lengths of the columns differ"),
        ({"x": [1], "y": [1], "t": ["1"], "p": [1]}, "numbers were expected"),
        ({"x": [1], "y": [1], "t": [1]}, "it holds x, y, t, but"),
        ({"x": [[1, 2]], "y": [1], "t": [1], "p": [1]}, r"shape \(1, 2\)"),
        ({"events": np.zeros((3, 4), order="F")}, "stored column by column"),
        ({"events": np.zeros(2, f"i2, ({1 << 20},)i1")}, "numbers were expected, of at most 256 bytes"),
        ({"events": [1, 2, 3]}, "neither fields nor four columns"),
        ({"events": np.zeros(2, [("a", "i4"), ("b", "i4")])}, "fields a, b"),
        ({"x": np.array([None]), "y": [1], "t": [1], "p": [1]}, "Python objects"),
    ],
)
def test_arrays_that_are_no_events_are_refused(arrays: dict, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        rows(tmp_path / "a.npz")


def test_few_bytes_of_an_npz_cannot_ask_for_many(tmp_path: Path) -> None:
    kinds = {"names": [*"xytp"], "formats": ["i2", "i2", "i8", "u1"], "offsets": [0, 2, 4, 12], "itemsize": 1 << 26}
    np.savez_compressed(tmp_path / "a.npz", np.zeros(1, kinds))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 17
    with pytest.raises(DataError, match="at most 256 bytes in a row"):
        rows(tmp_path / "a.npz")


def test_texts_in_columns_of_hdf5_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "xytp":
            file[name] = ["1", "2"]
    with pytest.raises(DataError, match="columns hold texts"):
        rows(tmp_path / "a.h5")


def test_an_npz_keeps_the_size_of_the_sensor(small_files: dict[str, Path]) -> None:
    assert read_events(small_files["NumPy .npz"]).sensor_size == (34, 34)


def dsec(file: h5py.File) -> None:
    for name, column in zip("txyp", zip(*THREE, strict=True), strict=True):
        file[f"events/{name}"] = np.array(column, np.uint32) - (100_000 if name == "t" else 0)
    file["t_offset"], file["ms_to_idx"] = 100_000, np.arange(5)


def mvsec(file: h5py.File) -> None:
    t, x, y, p = (np.array(column, float) for column in zip(*THREE, strict=True))
    file["davis/left/events"] = np.stack([x, y, t / 1e6, 2 * p - 1], 1)
    file["davis/right/events"] = np.zeros((5, 4))
    file["davis/left/imu"] = np.zeros((5, 6))


def e2vid(file: h5py.File) -> None:
    for name, column in zip(("ts", "xs", "ys", "ps"), zip(*THREE, strict=True), strict=True):
        file[f"events/{name}"] = np.array(column) / 1e6 if name == "ts" else np.array(column)
    file.attrs["sensor_resolution"] = (180, 240)


def v2e(file: h5py.File) -> None:
    file.create_dataset(
        "events", data=np.array(THREE, np.uint32), chunks=(2, 4), compression="gzip", maxshape=(None, 4)
    )


def fields(file: h5py.File) -> None:
    kinds = [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")]
    file["CD/events"] = np.array([(x, y, p, t) for t, x, y, p in THREE], kinds)


@pytest.mark.parametrize("layout", [dsec, mvsec, e2vid, v2e, fields], ids=lambda layout: layout.__name__)
def test_hdf5_layouts_hold_the_same_events(layout: Callable[[h5py.File], None], tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        layout(file)
    assert rows(path) == THREE
    recording = read_events(path)
    assert recording.sensor_size == ((240, 180) if layout is e2vid else (31, 5))
    assert recording.skipped == ({"events of /davis/right/events": 5} if layout is mvsec else {})


def test_hdf5_never_follows_what_leads_out_of_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        dsec(file)
    path = tmp_path / "out.h5"
    with h5py.File(path, "w") as file:
        file["events"] = h5py.ExternalLink("in.h5", "/events")
    with pytest.raises(DataError, match=r"out\.h5: no data sets x, y, t and p"):
        rows(path)
    layout = h5py.VirtualLayout((3, 4), "i8")
    layout[:, 0] = h5py.VirtualSource(tmp_path / "in.h5", "events/t", (3,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("events", layout)
    with pytest.raises(DataError, match="kept in another file"):
        rows(path)


@pytest.mark.parametrize("outside", ["a link", "storage"])
def test_an_offset_of_time_outside_the_file_is_not_followed(outside: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["number"] = 7
    path = tmp_path / "out.h5"
    with h5py.File(path, "w") as file:
        dsec(file)
        del file["t_offset"]
        if outside == "a link":
            file["t_offset"] = h5py.ExternalLink("in.h5", "/number")
        else:
            file.create_dataset("t_offset", (1,), "i8", external=[(str(tmp_path / "in.h5"), 0, 8)])
    if outside == "a link":
        assert rows(path)[0] == (0, 3, 4, 1)
    else:
        with pytest.raises(DataError, match=r"out\.h5: /t_offset is kept in another file"):
            rows(path)


def test_groups_of_hdf5_that_hold_themselves_are_left_after_some_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for number in range(100):
            file[f"again{number}"] = file
    began = time.perf_counter()
    with pytest.raises(DataError, match="no data sets x, y, t and p"):
        rows(path)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("shape", [(), (3, 2), None])
def test_columns_of_hdf5_are_columns(shape: tuple[int, ...] | None, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in "xytp":
            file[name] = h5py.Empty("i4") if shape is None else np.ones(shape)
    with pytest.raises(DataError, match="no data sets x, y, t and p"):
        rows(path)


@pytest.mark.parametrize(
    ("shape", "chunks", "together"),
    [
        pytest.param((1 << 22, 4), None, 1 << 18, id="eight megabytes"),
        pytest.param((1 << 22, 4), (100_000, 4), 300_000, id="whole pieces"),
        pytest.param((1 << 22, 4), (1 << 21, 4), CHUNK, id="no more than a chunk"),
        pytest.param((1 << 22,), None, CHUNK, id="narrow"),
        pytest.param((0, 0), None, CHUNK, id="nothing"),
    ],
)
def test_how_much_of_hdf5_is_read_at_once(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, together: int, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("events", shape, "f8", chunks=chunks)
        assert rows_together([dataset]) == together


def test_hdf5_announces_no_more_than_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in "xytp":
            file.create_dataset(f"events/{name}", (10**12,), "i8", chunks=(1000,))
    with pytest.raises(DataError, match="1000000000000 rows announced"):
        rows(path)


@pytest.mark.parametrize("kind", ["bomb", "honest", "stored as it is", "damaged", "packed twice"])
def test_few_bytes_of_hdf5_cannot_ask_for_many(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some_events: Callable[..., Events]
) -> None:
    monkeypatch.setattr(hdf5_file, "UNPACKED", 1 << 10)  # so that small pieces are large
    events = some_events(4096)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in "xytp":
            column = getattr(events, name).astype("<i8")
            file.create_dataset(name, data=column, chunks=(4096,), compression="gzip", fletcher32=True)
        raw, id_ = file["t"][()].tobytes(), file["t"].id
        if kind == "bomb":
            id_.write_direct_chunk((0,), zlib.compress(bytes(1 << 20)))
        elif kind == "stored as it is":
            id_.write_direct_chunk((0,), raw, filter_mask=3)
        elif kind == "damaged":
            id_.write_direct_chunk((0,), bytes(range(256)))
        elif kind == "packed twice":
            del file["t"]
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((4096,))
            plist.set_deflate(1)
            plist.set_deflate(1)
            h5py.h5d.create(file.id, b"t", h5py.h5t.NATIVE_INT64, h5py.h5s.create_simple((4096,)), plist).write(
                h5py.h5s.ALL, h5py.h5s.ALL, events.t
            )
    if kind in ("honest", "stored as it is"):
        found = read_events(path, events.sensor_size).events
        assert all(np.array_equal(getattr(found, name), getattr(events, name)) for name in "xytp")
        return
    messages = {"bomb": "unpacks to more than its 32768 bytes", "packed twice": "then by something else"}
    with pytest.raises(DataError, match=messages.get(kind, "cannot be read as HDF5|It is damaged")):
        len(read_events(path))


def test_a_filter_of_hdf5_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in "xytp":
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((3,))
            plist.set_filter(32_767 if name == "t" else 1, h5py.h5z.FLAG_OPTIONAL, (9,))
            space = h5py.h5s.create_simple((3,))
            h5py.h5d.create(file.require_group("events").id, name.encode(), h5py.h5t.NATIVE_INT32, space, plist)
            file[f"events/{name}"][:] = [0, 1, 1]
    with pytest.raises(DataError, match=r"filter 32767 of HDF5.*hdf5plugin"):
        rows(path)


def test_blosc_of_dsec_is_read_where_its_filter_is_installed(tmp_path: Path) -> None:
    blosc = pytest.importorskip("hdf5plugin").Blosc(cname="zstd", shuffle=1)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, column in zip("txyp", zip(*THREE, strict=True), strict=True):
            file.create_dataset(f"events/{name}", data=np.array(column, np.uint32), chunks=(2,), **blosc)
    assert rows(path) == THREE


def test_spike_trains_are_read_with_their_labels(spike_trains: Callable[..., Path]) -> None:
    path = spike_trains("shd_train.h5", [([0.0, 0.5, 0.25], [3, 699, 0], 7), ([], [], 2)])
    (first, label), (second, other) = read_spike_trains(path)
    assert (label, other) == (7, 2)
    assert first.t.tolist() == [0, 500_000, 250_000]
    assert first.x.tolist() == [3, 699, 0]
    assert set(first.y) == {0}
    assert set(first.p) == {1}
    assert first.sensor_size == (700, 1)
    assert not len(second)
    with pytest.raises(DataError, match=r"many recordings.*read_spike_trains"):
        read_events(path)


@pytest.mark.parametrize(
    ("trains", "message"),
    [
        ([([0.1], [700], 0)], "none of 700 channels"),
        ([([0.1, 0.2], [1], 0)], r"times are float16 of shape \(2,\)"),
        ([([np.inf], [1], 0)], "no number"),
    ],
)
def test_spike_trains_that_are_none_are_refused(trains: list, message: str, spike_trains: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=message):
        list(read_spike_trains(spike_trains("a.h5", trains)))


def test_spike_trains_filled_up_with_zeros_are_refused(spike_trains: Callable[..., Path]) -> None:
    path = spike_trains("a.h5", [([0.5] * 20, [3] * 20, 1)] * 8)
    data = path.read_bytes()
    heap = data.index(b"GCOL\x01")
    for place in (heap + 16, heap + 72):  # the first and the second train
        path.write_bytes(data[:place] + bytes(heap + 4096 - place) + data[heap + 4096 :])
        with pytest.raises(DataError, match=rf"a\.h5: a heap of HDF5 is damaged at byte {place}"):
            list(read_spike_trains(path))


def test_damaged_spike_trains_give_a_data_error_or_events(
    spike_trains: Callable[..., Path],
    mutate: Callable[[bytes, int], bytes],
    only_data_errors: Callable[[str], AbstractContextManager[None]],
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(0)
    trains = [(np.sort(draw.random(20)), draw.integers(0, 700, 20), int(draw.integers(20))) for _ in range(8)]
    data = spike_trains("b.h5", trains).read_bytes()
    read = 0
    for seed in range(80):
        path = tmp_path / "damaged.h5"
        path.write_bytes(mutate(data, seed))
        with only_data_errors("damaged.h5"):
            assert sum(len(events) for events, _ in read_spike_trains(path)) < len(data)
            read += 1
    assert 10 < read < 70


def test_taxels_become_pixels(tmp_path: Path) -> None:
    train = np.zeros((101, 3))
    train[37, 0], train[37, 1], train[99, 1], train[100] = 1, -1, 1, [0.5, 1.25, 1.5]
    savemat(tmp_path / "a.mat", {"spiketrain": train})
    assert rows(tmp_path / "a.mat") == [(500_000, 7, 3, 1), (1_250_000, 7, 3, 0), (1_250_000, 9, 9, 1)]
    train[100] = [0, 1, 2]
    savemat(tmp_path / "a.mat", {"spiketrain": train})
    assert [t for t, *_ in rows(tmp_path / "a.mat")] == [0, 1_000_000, 1_000_000]
    savemat(tmp_path / "b.mat", {"spiketrain": train[:50]})
    with pytest.raises(DataError, match=r"shape \(50, 3\)"):
        rows(tmp_path / "b.mat")
    savemat(tmp_path / "c.mat", {"spiketrain": np.zeros((101, 20_000))}, do_compression=True)
    with pytest.raises(DataError, match="announces 20000 columns"):
        rows(tmp_path / "c.mat")


def test_channels_of_bs1_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.bs1"
    path.write_bytes(bytes([1, 2, 0x80, 0, 5, 0, 3, 0x01, 0, 0]))
    assert rows(path) == [(5, 258, 0, 1), (65536, 3, 0, 0)]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="last spike has 4 of 5 bytes"):
        rows(path)
