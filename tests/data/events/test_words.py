"""Prophesee's and Event Stream's words against decoders that read like the formats' descriptions."""

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from synfire.base import DataError
from synfire.data.events import Events, Recording, read_events, write_events
from synfire.data.events.formats import decoding
from synfire.data.events.formats.evt import COUNTED

Rows = list[tuple[int, int, int, int]]  # x, y, t, p
TRIGGERS, VENDOR, UNKNOWN, EARLY = COUNTED
HEADS = {
    "2.0": b"% evt 2.0\n% end\n",
    "3.0": b"% evt 3.0\n% end\n",
    "dvs": b"Event Stream\x02\x00\x00\x01" + struct.pack("<HH", 900, 700),
    "atis": b"Event Stream\x02\x00\x00\x02" + struct.pack("<HH", 900, 700),
    "colour": b"Event Stream\x02\x00\x00\x04" + struct.pack("<HH", 40, 30),
    "dat 1": b"% Version 1\n\x00\x08",
    "dat 2": b"% Version 2\n\x0c\x08",
}


def unwrapped(told: int | None, before: int, now: int, bits: int) -> int:
    """Return the rounds that a counter of so many bits has made."""
    return before + (told is not None and told - now > 1 << bits - 1)


def evt2(words: list[int], skipped: Counter[str]) -> Iterator[tuple[int, int, int, int]]:
    told, rounds = None, 0
    for word in words:
        kind = word >> 28
        if kind == 8:
            now = word % (1 << 28)
            told, rounds = now, unwrapped(told, rounds, now, 28)
        elif kind in (0, 1) and told is None:
            skipped[EARLY] += 1
        elif kind in (0, 1):
            time = rounds * (1 << 34) + told * 64 + (word >> 22) % 64
            yield (word >> 11) % 2048, word % 2048, time, kind
        else:
            skipped[{10: TRIGGERS, 14: VENDOR, 15: VENDOR}.get(kind, UNKNOWN)] += 1


def evt3(words: list[int], skipped: Counter[str]) -> Iterator[tuple[int, int, int, int]]:
    told, rounds, low, y, base, polarity = None, 0, 0, None, 2048, 0
    for word in words:
        kind, value = word >> 12, word % 4096
        if kind == 8:
            if value != told:
                told, rounds, low = value, unwrapped(told, rounds, value, 12), 0
        elif kind == 6:
            low = value if told is not None else low
        elif kind == 0:
            y = value % 2048
        elif kind == 3:
            base, polarity = value % 2048, value >> 11
        elif kind in (2, 4, 5):
            size = {2: 1, 4: 12, 5: 8}[kind]
            columns = [value % 2048] if kind == 2 else [base + i for i in range(size) if value >> i & 1]
            for x in columns:
                if told is None or y is None:
                    skipped[EARLY] += 1
                else:
                    time = (rounds * 4096 + told) * 4096 + low
                    yield x if x < 2048 else 40000, y, time, value >> 11 if kind == 2 else polarity
            base += size if kind != 2 else 0
        else:
            skipped[{10: TRIGGERS, 7: VENDOR, 14: VENDOR, 15: VENDOR}.get(kind, UNKNOWN)] += 1


def dat(words: list[int], bits: tuple[int, int, int]) -> Iterator[tuple[int, int, int, int]]:
    last = rounds = 0
    for word in words:
        now, address = word % (1 << 32), word >> 32
        last, rounds = now, unwrapped(last, rounds, now, 32)
        x, y = address % (1 << bits[0]), (address >> bits[0]) % (1 << bits[1])
        yield x, y, rounds * (1 << 32) + now, (address >> sum(bits[:2])) % (1 << bits[2])


def colour(
    x: int, y: int, time: int, rgb: bytes, seen: dict[tuple[int, int], int], skipped: Counter[str]
) -> Iterator[tuple[int, int, int, int]]:
    now, before = 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2], seen.get((x, y))
    seen[x, y] = now
    if x >= 40 or y >= 30:
        yield x, y, time, 0
    elif before is None:
        skipped["first colours of pixels"] += 1
    elif now == before:
        skipped["colours as bright as the last"] += 1
    else:
        yield x, y, time, int(now > before)


def stream(data: bytes, kind: str, skipped: Counter[str]) -> Iterator[tuple[int, int, int, int]]:
    at = time = 0
    seen: dict[tuple[int, int], int] = {}
    while at < len(data):
        first = data[at]
        if kind == "atis" and first >> 2 == 63:
            time, at = time + 63 * (first % 4), at + 1
        elif kind != "atis" and first >= 254:
            time, at = time + {"dvs": 127, "colour": 254}[kind] * (first == 255), at + 1
        else:
            size = 8 if kind == "colour" else 5
            if at + size > len(data):
                return
            x, y = struct.unpack_from("<HH", data, at + 1)
            time += {"dvs": first >> 1, "atis": first >> 2, "colour": first}[kind]
            if kind == "dvs":
                yield x, y, time, first & 1
            elif kind == "atis" and first & 1:
                skipped["starts and ends of exposures"] += 1
            elif kind == "atis":
                yield x, y, time, first >> 1 & 1
            else:
                yield from colour(x, y, time, data[at + 5 : at + 8], seen, skipped)
            at += size


REFERENCES: dict[str, tuple[str, Callable[[bytes, Counter[str]], Iterator[tuple[int, int, int, int]]]]] = {
    "2.0": ("I", lambda data, skipped: evt2(list(struct.unpack(f"<{len(data) // 4}I", data)), skipped)),
    "3.0": ("H", lambda data, skipped: evt3(list(struct.unpack(f"<{len(data) // 2}H", data)), skipped)),
    "dat 1": ("Q", lambda data, skipped: dat(list(struct.unpack(f"<{len(data) // 8}Q", data)), (9, 8, 1))),
    "dat 2": ("Q", lambda data, skipped: dat(list(struct.unpack(f"<{len(data) // 8}Q", data)), (14, 14, 4))),
    "dvs": ("B", lambda data, skipped: stream(data, "dvs", skipped)),
    "atis": ("B", lambda data, skipped: stream(data, "atis", skipped)),
    "colour": ("B", lambda data, skipped: stream(data, "colour", skipped)),
}


def words(kind: str, draw: np.random.Generator, count: int) -> bytes:
    """Draw words, mostly of kinds that are frequent, with small coordinates and large steps of time."""
    if kind == "3.0":
        kinds = draw.choice([0, 2, 2, 2, 3, 4, 5, 6, 8, *range(16)], count)
        return (kinds << 12 | draw.integers(0, 4096, count)).astype("<u2").tobytes()
    if kind == "2.0":
        kinds = draw.choice([0, 0, 1, 1, 8, 10, *range(16)], count)
        return (kinds << 28 | draw.integers(0, 1 << 28, count)).astype("<u4").tobytes()
    small, high = draw.integers(0, 3, (5, count)), draw.choice([0] * 9 + [1], (2, count))
    if kind == "colour":
        columns = [draw.choice([0, 1, 253, 254, 255], count), small[0], high[0], small[1], high[1], *small[2:]]
        return np.stack(columns, 1).astype(np.uint8).tobytes()
    if kind in ("dvs", "atis"):
        columns = [*draw.integers(0, 256, (2, count)), small[0], draw.integers(0, 256, count), small[1]]
        return np.stack(columns, 1).astype(np.uint8).tobytes()
    return draw.integers(0, 1 << 64, count, dtype=np.uint64).astype("<u8").tobytes()


def rows(recording: Recording) -> Rows:
    events = recording.events
    return list(zip(*(getattr(events, name).tolist() for name in "xytp"), strict=True))


@pytest.mark.parametrize("kind", HEADS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_words_are_read_as_the_description_says(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    content = words(kind, draw, data.draw(st.integers(0, 400)))
    whole, skipped = len(content) - len(content) % struct.calcsize(REFERENCES[kind][0]), Counter[str]()
    found = list(REFERENCES[kind][1](content[:whole], skipped))
    path = tmp_path_factory.getbasetemp() / f"words.{kind}"
    path.write_bytes(HEADS[kind] + content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "PIECE", data.draw(st.sampled_from([8, 9, 13, 64, 1000, 1 << 18])))
        patch.setattr(decoding, "ROOM", data.draw(st.sampled_from([decoding.MOST, 13, 30, 1 << 17])))
        recording = read_events(path, damaged="stop")
        width, height = recording._sensor_size or (32767, 32767)
        wanted = [row for row in found if row[0] < width and row[1] < height and row[3] <= 1]
        assert rows(recording) == wanted
    assert recording.skipped == skipped
    lost = recording.discarded["outside the sensor"] + recording.discarded["polarity other than 0 and 1"]
    assert lost == len(found) - len(wanted)


@pytest.mark.parametrize(
    ("kind", "written", "found", "skipped"),
    [
        pytest.param(
            "3.0",
            (0x2005, 0x8002, 0x6007, 0x2005, 0x0003, 0x2805),
            [(5, 3, 2 * 4096 + 7, 1)],
            {EARLY: 2},
            id="events wait for the first time and row",
        ),
        pytest.param(
            "3.0",
            (0x8000, 0x0001, 0x3802, 0x4805, 0x5081),
            [(2, 1, 0, 1), (4, 1, 0, 1), (13, 1, 0, 1), (14, 1, 0, 1), (21, 1, 0, 1)],
            {},
            id="vectors of 12 and of 8 follow each other",
        ),
        pytest.param(
            "3.0",
            (0x8FFF, 0x6FFF, 0x0000, 0x2001, 0x8000, 0x2001, 0x6001, 0x2001),
            [(1, 0, (1 << 24) - 1, 0), (1, 0, 1 << 24, 0), (1, 0, (1 << 24) + 1, 0)],
            {},
            id="24 bits of time wrap round",
        ),
        pytest.param(
            "3.0",
            (0x8064, 0x0000, 0x2001, 0x8864, 0x2001, 0x8064, 0x2001),
            [(1, 0, 100 << 12, 0), (1, 0, 2148 << 12, 0), (1, 0, 100 << 12, 0)],
            {},
            id="a damaged highest bit is no round",
        ),
        pytest.param("3.0", (0x8000, 0x0000, 0x4001, 0x37FF, 0x4003), [(2047, 0, 0, 0)], {}, id="beyond the columns"),
        pytest.param("3.0", (0xA101, 0xE000, 0x7000, 0x9000), [], {TRIGGERS: 1, VENDOR: 2, UNKNOWN: 1}, id="no events"),
        pytest.param(
            "2.0",
            (0x00400801, 0x8FFFFFFF, 0x1FC00801, 0x80000000, 0x00400801),
            [(1, 1, (1 << 34) - 1, 1), (1, 1, (1 << 34) + 1, 0)],
            {EARLY: 1},
            id="34 bits of time wrap round",
        ),
        pytest.param("dvs", (0xFF, 0xFE, 3, 7, 0, 5, 2), [(7, 517, 128, 1)], {}, id="127 microseconds pass, then one"),
        pytest.param("dvs", (2, 7, 200, 0, 0), [], {}, id="outside"),
        pytest.param(
            "atis",
            (0xFE, 4 + 2, 1, 0, 2, 0, 4 + 1, 1, 0, 2, 0, 4, 1, 0, 2, 0),
            [(1, 2, 127, 1), (1, 2, 129, 0)],
            {"starts and ends of exposures": 1},
            id="exposures are no events, but time passes",
        ),
        pytest.param(
            "colour",
            (
                *(1, 1, 0, 2, 0, 9, 9, 9),
                *(1, 1, 0, 2, 0, 9, 10, 9),
                255,
                *(0, 1, 0, 2, 0, 0, 0, 9),
                *(0, 1, 0, 2, 0, 0, 0, 9),
            ),
            [(1, 2, 2, 1), (1, 2, 256, 0)],
            {"first colours of pixels": 1, "colours as bright as the last": 1},
            id="a colour is a change of brightness",
        ),
        pytest.param(
            "dat 2",
            (0xFFFFFFFF, 1 | 2 << 14 | 1 << 28, 5, 3, 6, 2 << 28),
            [(1, 2, 0xFFFFFFFF, 1), (3, 0, (1 << 32) + 5, 0)],
            {},
            id="32 bits of time wrap round",
        ),
        pytest.param("dat 1", (9, 300 | 7 << 9 | 1 << 17), [(300, 7, 9, 1)], {}, id="9 and 8 bits"),
    ],
)
def test_words_by_hand(
    kind: str, written: tuple[int, ...], found: Rows, skipped: dict[str, int], tmp_path: Path
) -> None:
    code = {"3.0": "H", "2.0": "I", "dat 1": "I", "dat 2": "I"}.get(kind, "B")
    (tmp_path / "file").write_bytes(HEADS[kind] + struct.pack(f"<{len(written)}{code}", *written))
    recording = read_events(tmp_path / "file")
    assert rows(recording) == found
    assert recording.skipped == skipped


@pytest.mark.parametrize("suffix", [".raw", ".dat", ".es"])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_whatever_is_written_is_read_again(
    suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw, count = np.random.default_rng(data.draw(st.integers(0, 1 << 32))), data.draw(st.integers(0, 300))
    steps = draw.choice([0, 0, 0, 1, 130, 5000, data.draw(st.sampled_from([3, 1 << 23, 1 << 25]))], count)
    x = np.cumsum(draw.choice([1, 1, 1, 2, 700], count)) % 1280
    events = Events.of(x, draw.integers(0, 2, count), np.cumsum(steps), draw.integers(0, 8, count) > 0, (1280, 720))
    path = tmp_path_factory.getbasetemp() / f"again{suffix}"
    write_events(path, events)
    again = read_events(path)
    assert again.sensor_size == (1280, 720)
    for name in "xytp":
        np.testing.assert_array_equal(getattr(again, name), getattr(events, name))


@pytest.mark.parametrize("suffix", [".raw", ".es", ".dat"])
def test_what_a_format_has_no_room_for_is_refused(suffix: str, tmp_path: Path) -> None:
    falling = Events.of([1, 1], [1, 1], [1 << 32 if suffix == ".dat" else 9, 8], [1, 1])
    with pytest.raises(DataError, match=r"times (of|from) 0 to \d+ microseconds"):
        write_events(tmp_path / f"a{suffix}", falling)
    if suffix != ".es":
        with pytest.raises(DataError, match="20000 x 5 pixels"):
            write_events(tmp_path / f"a{suffix}", Events.none((20000, 5)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (b"% evt 3.0\n% geometry 1280x720\n", (1280, 720)),
        (b"% evt 2.0\n% width 640\n% height 480\n", (640, 480)),
        (b"% format EVT3;height=320;width=240\n% end\n", (240, 320)),
        (b"% format EVT2\n", None),
        (b"% evt 3.0\r\n% geometry what\r\n", None),
        (b"% evt 3.0\n% geometry 99999x3\n", None),
    ],
)
def test_headers_tell_the_size_of_the_sensor(head: bytes, size: tuple[int, int] | None, tmp_path: Path) -> None:
    words = (
        struct.pack("<HHH", 0x8000, 0x0003, 0x2002)
        if b"3" in head[:13]
        else struct.pack("<II", 0x80000000, 2 << 11 | 3)
    )
    (tmp_path / "a.raw").write_bytes(head + words)
    recording = read_events(tmp_path / "a.raw")
    assert recording.sensor_size == (size or (3, 4))
    assert rows(recording) == [(2, 3, 0, 0)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.raw", b"\x00\x80\x00\x20", "begins with lines such as '% evt 3.0'"),
        ("a.raw", b"% evt 2.1\n\x00", "EVT 2.1, but 2.0 and 3.0 are read"),
        ("a.raw", b"% evt 3.0\n% end\n\x00\x80\x01", "last word has 1 of 2 bytes"),
        ("a.raw", b"% evt 2.0\n\x00\x80\x01", "last word has 3 of 4 bytes"),
        ("a.dat", b"% Version 2\n\x0c\x09", "events of 9 bytes"),
        ("a.dat", b"% Version 2\n", "nothing behind the header"),
        ("a.dat", b"% Version 3\n\x0c\x08", "version '3'"),
        ("a.dat", b"% Version 2\n\x0e\x08", "events of kind 14"),
        ("a.dat", b"% Version 2\n\x00\x08\x00\x00\x00", "last event has 3 of 8 bytes"),
        ("a.es", b"Event Stream\x02\x00\x00\x00", "Generic events"),
        ("a.es", b"Event Stream\x01\x00\x00\x01\x01\x00\x01\x00", "version 1"),
        ("a.es", b"Event Stream\x02\x00\x00\x01\x01", "17 of 20 bytes"),
        ("a.es", b"Event Stream\x02\x00\x00\x01\x00\x00\x01\x00", "0 x 1 pixels"),
        ("a.es", b"Event Stream\x02\x00\x00\x04\xff\x7f\xff\x7f", "32767 x 32767 pixels"),
        ("a.es", b"Event Stream\x02\x00\x00\x01\x05\x00\x05\x00\x01\x01\x00", "last event has 3 of 5 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        len(read_events(tmp_path / name))
