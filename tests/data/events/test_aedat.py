"""AEDAT 2.0, 3.1 and 4, byte by byte: encoders that share nothing with the package, and files made by hand."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synfire.base import DataError
from synfire.data.events import Events, Recording, read_events, write_events
from synfire.data.events.formats import aedat, aedat4

Rows = list[tuple[int, int, int, int]]  # x, y, t, p
HEAD2, HEAD3 = b"#!AER-DAT2.0\r\n", b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"
ROWS = [(5, 6, 100, 1), (127, 0, 101, 0), (0, 127, 103, 1)]
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(times: int) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127), st.integers(0, times), st.integers(0, 1)))


def rows_of(events: Events | Recording) -> Rows:
    return list(zip(events.x.tolist(), events.y.tolist(), events.t.tolist(), events.p.tolist(), strict=True))


def records(pairs: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">II", address, t % 2**32) for address, t in pairs)


def dvs128(of: Rows) -> bytes:
    return records([(y << 8 | x << 1 | (1 - p), t) for x, y, t, p in of])


def davis(column: int, row: int, p: int) -> int:
    return row << 22 | column << 12 | p << 11


def packet(of: Rows, overflows: int = 0, kind: int = 1, source: int = 0, capacity: int | None = None) -> bytes:
    words = [(x << 17 | y << 2 | p << 1 | 1, t) for x, y, t, p in of]
    size = len(of) if capacity is None else capacity
    head = struct.pack("<hhiiiiii", kind, source, 8, 4, overflows, size, len(of), len(of))
    return head + b"".join(struct.pack("<Ii", *word) for word in words).ljust(8 * size, b"\0")


def flatbuffer(name: bytes, fields: list[bytes | None], tail: bytes = b"") -> bytes:
    """One table, its fields of 8 bytes each at the front, a vtable behind them, then what the fields point to."""
    table = 12
    places = [table + 4 + 8 * i if field is not None else None for i, field in enumerate(fields)]
    vtable = table + 4 + 8 * len(fields)
    entries = b"".join(struct.pack("<H", (place or table) - table) for place in places)
    body = struct.pack("<i", table - vtable) + b"".join((field or b"").ljust(8, b"\0") for field in fields)
    body += struct.pack("<HH", 4 + len(entries), 4 + 8 * len(fields)) + entries + tail
    content = struct.pack("<I", table - 4) + name + body
    return struct.pack("<I", len(content)) + content


def vector(name: bytes, count: int, elements: bytes) -> bytes:
    behind = 8 + 4 + 2  # from the only field to the end of the vtable
    return flatbuffer(name, [struct.pack("<I", behind)], struct.pack("<I", count) + elements)


def aedat4_file(packets: list[tuple[int, bytes]], compression: int = 0, table: bytes = b"", text: str = "") -> bytes:
    text = text or "".join(
        f"""<node name="{stream}"><attr key="typeIdentifier">{kind}</attr><node name="info">
            <attr key="sizeX">128</attr><attr key="sizeY">128</attr></node></node>"""
        for stream, kind in enumerate(("TRIG", "EVTS", "FRME", "IMUS", "EVTS", "DEPT"))
    ).join(('<dv><node name="outInfo">', "</node></dv>"))
    body = b"".join(struct.pack("<ii", stream, len(data)) + data for stream, data in packets)

    def header(end: int) -> bytes:
        behind = 8 + 4 + 6
        fields = [struct.pack("<i", compression), struct.pack("<q", end), struct.pack("<I", behind)]
        return flatbuffer(b"IOHE", fields, struct.pack("<I", len(text)) + text.encode() + b"\0")

    end = 14 + len(header(-1)) + len(body)
    return b"#!AER-DAT4.0\r\n" + header(end if table else -1) + body + table


def events4(of: Rows) -> bytes:
    return vector(b"EVTS", len(of), b"".join(struct.pack("<qhhB3x", t, x, y, p) for x, y, t, p in of))


PACKED: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "plain": (0, bytes),
    "lz4": (1, lambda data: pytest.importorskip("lz4.frame").compress(data)),
    "lz4 high": (2, lambda data: pytest.importorskip("lz4.frame").compress(data, compression_level=9)),
    "zstd": (3, lambda data: pytest.importorskip("zstandard").compress(data)),
    "zstd without its size": (
        4,
        lambda data: pytest.importorskip("zstandard").ZstdCompressor(write_content_size=False).compress(data),
    ),
}


@quick
@given(of=rows(2**31 - 1))
def test_aedat_2_of_a_dvs128_is_read(of: Rows, tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD2 + dvs128(of))
    assert rows_of(read_events(path)) == of
    assert read_events(path).sensor_size == (128, 128)


def test_aedat_1_has_addresses_of_16_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(b"#!AER-DAT1.0\r\n" + b"".join(struct.pack(">HI", 6 << 8 | 5 << 1, t) for t in (1, 2)))
    assert rows_of(read_events(path)) == [(5, 6, 1, 1), (5, 6, 2, 1)]


@pytest.mark.parametrize(("chip", "size"), [("Davis346red", (346, 260)), ("DAVIS240C", (240, 180))])
def test_aedat_2_of_a_davis_has_events_among_frames_and_motion(
    chip: str, size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "a.aedat"
    mixed = [
        (davis(3, 179, 1), 10),
        (1 << 31 | davis(3, 4, 0) | 700, 11),  # a sample of a frame
        (1 << 31 | 3 << 10 | 5 << 28, 12),  # a word of the IMU
        (1 << 10, 13),  # an external event
        (davis(239, 0, 0), 14),
        (davis(1000, 0, 0), 15),
    ]
    path.write_bytes(HEAD2 + b"# AEChip: eu.seebetter.ini.chips.davis." + chip.encode() + b"\r\n" + records(mixed))
    recording = read_events(path)
    assert rows_of(recording) == [(size[0] - 4, size[1] - 180, 10, 1), (size[0] - 240, size[1] - 1, 14, 0)]
    assert recording.sensor_size == size
    assert recording.skipped == {"samples of frames": 1, "IMU words": 1, "external events": 1}
    assert recording.discarded == {"outside the sensor": 1}


def test_special_events_of_a_dvs128_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD2 + records([(0x8000, 1), (6 << 8 | 5 << 1, 2), (1 << 31, 3)]))
    recording = read_events(path)
    assert rows_of(recording) == [(5, 6, 2, 1)]
    assert recording.skipped == {"special events": 2}


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([2**32 - 2, 2**32 - 1, 2**32, 2**32 + 5], id="within a block"),
        pytest.param([*range(2**32 - aedat.GATHER, 2**32), 2**32 + 3], id="between blocks"),
        pytest.param([5, 2**31, 2**32 - 9, 2**32 + 2**31 - 20, 2**33 - 100, 2**33 + 5], id="in large steps"),
        pytest.param([100, 90, 2**31, 2**31 - 5], id="small steps back are kept"),
    ],
)
def test_time_goes_on_where_its_32_bits_wrap(times: list[int], tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD2 + records([(0, t) for t in times]))
    assert read_events(path).t.tolist() == times


def test_a_header_alone_is_a_recording_of_no_events(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    path = tmp_path / "a.aedat"
    for header in (HEAD2, HEAD3):
        path.write_bytes(header)
        assert len(read_events(path)) == 0
    recording = read_events(real_data("event_samples") / "aedat2_header_only.aedat")
    assert (len(recording), recording.sensor_size) == (0, (346, 260))


def test_an_event_that_begins_as_a_line_does_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    address = davis(ord("#"), 140, 1)
    assert address >> 24 == ord("#")
    path.write_bytes(HEAD2 + b"# AEChip: Davis346B\r\n" + records([(address, ord("\n")), (address, 77)]))
    assert rows_of(read_events(path)) == [(310, 119, 10, 1), (310, 119, 77, 1)]
    textual = b"# AEChi\n"  # an event of which every byte is text, so that only the end of the header tells
    path.write_bytes(HEAD2 + b"# AEChip: Davis346B\r\n#End Of ASCII Header\r\n" + textual)
    recording = read_events(path)
    assert (len(recording), recording.discarded) == (0, {"outside the sensor": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(HEAD2 + dvs128(ROWS)[:-3], "last event has 5 of 8 bytes", id="within an event"),
        pytest.param(HEAD2 + b"# Data for", "ends within its header", id="within the header of AEDAT 2"),
        pytest.param(HEAD2 + b"# AEChip: CochleaAMS1c\r\n", "'CochleaAMS1c', but .* dvs128", id="another chip"),
        pytest.param(HEAD3[:-14], "no line #!END-HEADER", id="within the header of AEDAT 3"),
        pytest.param(HEAD3.replace(b"RAW", b"SerialTS"), "'SerialTS', but RAW", id="packets of another format"),
        pytest.param(HEAD3 + packet(ROWS)[:10], "10 of 28 bytes", id="within the header of a packet"),
        pytest.param(HEAD3 + packet(ROWS)[:-5], "lacks 5 of 24 bytes", id="within a packet"),
        pytest.param(HEAD3 + packet(ROWS, kind=-1), "type -1", id="a compressed packet"),
        pytest.param(
            HEAD3 + struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 2**30, 3, 3),
            "lacks 8589934592",
            id="a count that is too large",
        ),
        pytest.param(HEAD3 + struct.pack("<hhiiiiii", 1, 0, 12, 4, 0, 0, 0, 0), "12 bytes with the time", id="a size"),
        pytest.param(HEAD3 + struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 2, 3, 3), "3 of 2 events", id="more than room"),
        pytest.param(HEAD3 + struct.pack("<hhiiiiii", 2, 0, 2**31 - 1, 4, 0, 2**31 - 1, 1, 1), "lacks", id="a frame"),
    ],
)
def test_damage_is_named_and_what_comes_before_is_kept(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.aedat.*{message}"):
        len(read_events(path))


@quick
@given(parts=st.lists(st.tuples(rows(2**31 - 1), st.integers(0, 3), st.integers(0, 2)), max_size=4))
def test_aedat_3_is_read_over_packets_and_overflows(parts: list[tuple[Rows, int, int]], tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD3 + b"".join(packet(of, wraps, capacity=len(of) + more) for of, wraps, more in parts))
    want = [(x, y, t + wraps * 2**31, p) for of, wraps, _ in parts for x, y, t, p in of]
    assert rows_of(read_events(path)) == want


def test_aedat_3_has_events_of_one_source_among_packets_of_other_types(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    invalid = bytearray(packet(ROWS))
    invalid[28 + 8] ^= 1  # of the second event
    frame = struct.pack("<hhiiiiii", 2, 0, 1000, 4, 0, 1, 1, 1) + bytes(1000)
    others = packet(ROWS, kind=0) + packet(ROWS, kind=3) + packet(ROWS, kind=9)
    path.write_bytes(HEAD3 + others + invalid + frame + packet(ROWS, source=4) + packet(ROWS[:1]))
    recording = read_events(path)
    assert rows_of(recording) == [ROWS[0], ROWS[2], ROWS[0]]
    assert recording.skipped == {
        "special events": 3,
        "IMU samples": 3,
        "others": 3,
        "frames": 1,
        "invalid events": 1,
        "events of other sources": 3,
    }
    assert (recording.sensor_size, recording.between(102, 105).x.tolist()) == ((128, 128), [0])


def test_aedat_3_says_the_size_where_its_sources_agree(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    for header, size in (
        (HEAD3, (128, 128)),
        (HEAD3.replace(b"DVS128", b"DAVIS240C"), (240, 180)),
        (HEAD3.replace(b"DVS128", b"DVS128\r\n#Source 1: DAVIS346"), (128, 128)),
    ):
        path.write_bytes(header + packet([(127, 127, 0, 1)]))
        assert read_events(path).sensor_size == size


@pytest.mark.parametrize("times", [[0, 2**31 - 1, 2**31, 2**33 + 7, 5], []])
def test_times_beyond_31_bits_are_written(times: list[int], tmp_path: Path) -> None:
    events = Events.of([1] * len(times), [2] * len(times), times, [1] * len(times), (346, 260))
    for ending in (".aedat", ".aedat4"):
        write_events(tmp_path / f"a{ending}", events)
        recording = read_events(tmp_path / f"a{ending}")
        assert (recording.t.tolist(), recording.sensor_size) == (times, (346, 260))
    with pytest.raises(DataError, match="from -1 to -1 microseconds"):
        write_events(tmp_path / "a.aedat", Events.of([1], [2], [-1], [1], (3, 3)))


@pytest.mark.parametrize("packed", PACKED)
@quick
@given(parts=st.lists(rows(2**62), max_size=4))
def test_aedat_4_is_read_in_every_compression(packed: str, parts: list[Rows], tmp_path: Path) -> None:
    number, pack = PACKED[packed]
    path = tmp_path / "a.aedat4"
    path.write_bytes(aedat4_file([(1, pack(events4(of))) for of in parts], number, table=b"FTAB of anything"))
    recording = read_events(path)
    assert rows_of(recording) == [row for of in parts for row in of]
    assert recording.sensor_size == (128, 128)


def test_aedat_4_has_events_among_other_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    strange = vector(b"EVTS", 3, struct.pack("<qhhB3xqhhB3xqhhB3x", 1, -1, 5, 1, 2, 5, 500, 1, 3, 5, 5, 7))
    path.write_bytes(
        aedat4_file(
            [
                (0, vector(b"TRIG", 2, bytes(8))),
                (2, b"any frame"),
                (1, events4(ROWS)),
                (3, vector(b"IMUS", 5, bytes(20))),
                (4, events4(ROWS)),
                (5, b"depth"),
                (77, b"a stream that nothing describes"),
                (1, flatbuffer(b"EVTS", [None])),
                (1, strange),
            ]
        )
    )
    recording = read_events(path)
    assert rows_of(recording) == ROWS
    assert recording.skipped == {
        "triggers": 2,
        "frames": 1,
        "IMU samples": 5,
        "packets of other cameras": 1,
        "packets of other streams": 2,
    }
    assert recording.discarded == {"outside the sensor": 2, "polarity other than 0 and 1": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(aedat4_file([(1, events4(ROWS))])[:-1], "packet of 82 bytes, but 81 follow", id="cut short"),
        pytest.param(aedat4_file([])[:40], "a header of", id="within the header"),
        pytest.param(
            aedat4_file([], text=f"<dv>{'<a/>' * (1 << 18)}</dv>"), "a header of", id="a header that is large"
        ),
        pytest.param(
            aedat4_file([]) + b"12345", "header of a packet has 5 of 8 bytes", id="within the header of a packet"
        ),
        pytest.param(aedat4_file([(1, b"")]), "unpack", id="an empty packet"),
        pytest.param(
            aedat4_file([(1, vector(b"IMUS", 0, b""))]), "b'IMUS' claimed, but .* b'EVTS'", id="of another type"
        ),
        pytest.param(aedat4_file([(1, vector(b"EVTS", 2**32 - 1, bytes(16)))]), "4294967295 elements", id="count"),
        pytest.param(aedat4_file([], compression=9), "compression 9", id="an unknown compression"),
        pytest.param(aedat4_file([(1, b"no frame of LZ4")], compression=1), "stream 1", id="no LZ4"),
        pytest.param(aedat4_file([(1, b"no frame of zstd")], compression=3), "stream 1", id="no zstd"),
        pytest.param(aedat4_file([], text="<!DOCTYPE dv><dv/>"), "declarations", id="declarations"),
        pytest.param(aedat4_file([], text="<dv"), "AEDAT 4", id="no XML"),
    ],
)
def test_damage_of_aedat_4_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.aedat4.*{message}"):
        len(read_events(path))


@pytest.mark.parametrize("packed", ["lz4", "zstd"])
def test_few_bytes_cannot_ask_for_many(packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aedat4, "PACKET", 1 << 20)
    number, pack = PACKED[packed]
    path = tmp_path / "a.aedat4"
    path.write_bytes(aedat4_file([(1, pack(vector(b"EVTS", 1 << 17, bytes(1 << 21))))], number))
    assert path.stat().st_size < 20000
    with pytest.raises(DataError, match="more than 1048576 bytes"):
        len(read_events(path))


@pytest.mark.parametrize("packed", ["lz4", "zstd"])
def test_a_packet_that_is_cut_short_inside_is_damaged(packed: str, tmp_path: Path) -> None:
    number, pack = PACKED[packed]
    data = pack(events4([(1, 2, t, t % 2) for t in range(5000)]))
    path = tmp_path / "a.aedat4"
    for length in (4, len(data) // 2, len(data) - 5):
        path.write_bytes(aedat4_file([(1, pack(events4(ROWS))), (1, data[:length])], number))
        with pytest.raises(DataError, match=r"a packet of stream 1"):
            len(read_events(path))
        assert rows_of(read_events(path, damaged="stop")) == ROWS


def test_what_comes_before_a_cut_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD3 + packet(ROWS) + packet(ROWS)[:-5])
    assert rows_of(read_events(path, damaged="stop")) == ROWS + ROWS[:2]


def test_a_large_packet_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3 * aedat.GATHER + 5
    of = [(t % 128, 1, t, t & 1) for t in range(count)]
    for path, content in (
        (tmp_path / "a.aedat", HEAD3 + packet(of)),
        (tmp_path / "a.aedat4", aedat4_file([(1, events4(of))])),
    ):
        path.write_bytes(content)
        source = read_events(path)._source
        assert [len(block.t) for block in source.blocks()] == [aedat.GATHER] * 3 + [5]
        assert (np.diff(read_events(path).t) == 1).all()


@pytest.mark.parametrize("name", ["dvxplorer_320x240.aedat4", "davis346_clip.aedat4"])
def test_dv_processing_finds_the_same_events(name: str, real_data: Callable[[str], Path]) -> None:
    dv = pytest.importorskip("dv_processing")
    path = real_data("event_samples") / name
    other, parts = dv.io.MonoCameraRecording(str(path)), []
    while (batch := other.getNextEventBatch()) is not None:
        parts.append(batch.numpy().copy())
    theirs, ours = np.concatenate(parts), read_events(path)
    for column, field in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
        assert (getattr(ours, column) == theirs[field]).all()
    assert ours.sensor_size == tuple(other.getEventResolution())
