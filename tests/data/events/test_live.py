"""Live events: frames equal those of recordings, and no event is lost without being counted."""

import io
import itertools
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire
from synfire.base import ConfigError, DataError, RunError
from synfire.data import FramesByTime
from synfire.data.events import Events, read_events, write_events
from synfire.data.events.live import Live, Tally, encode, send_events
from synfire.data.events.live.decoders import Aedat31
from synfire.data.events.live.sources import Udp
from synfire.data.events.live.steps import Cutter
from synfire.data.events.live.words import NEVER, Clock, parse

Make = Callable[..., Events]
STEP = 1000


def aedat(events: Events, per_packet: int = 50, invalid: bool = False) -> bytes:
    """Encode AEDAT 3.1, with a packet of something else in between."""
    made = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"]
    for first in range(0, len(events), per_packet):
        part = events[first : first + per_packet]
        made.append(struct.pack("<hhiiiiii", 3, 0, 16, 4, 0, 2, 2, 2) + bytes(32))
        made.append(struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, len(part) + 1, len(part), len(part)))
        word = part.x.astype("<u4") << 17 | part.y.astype("<u4") << 2 | part.p.astype("<u4") << 1 | (not invalid)
        made.append(np.stack([word, part.t.astype("<u4")], 1).tobytes() + bytes(8))
    return b"".join(made)


def network(events: Events) -> bytes:
    """Encode AEDAT 3.1 as a network stream."""
    return struct.pack("<QqbbH", 0x1D378BC90B9A6658, 5, 1, 0, 7) + aedat(events).split(b"END-HEADER\r\n", 1)[1]


def balanced(tally: Tally) -> bool:
    return tally.received == tally.delivered + tally.dropped + tally.discarded.total()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "synfire-live"]


def expected(events: Events, steps: int, **options) -> torch.Tensor:
    return FramesByTime(STEP, steps, **options)(events)[0]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads() == []


def test_words_by_hand() -> None:
    events = Events.of([3, 32766], [5, 1], [7, 2**32 + 1], [1, 0])
    assert encode(events).hex(" ", 4) == "05800300 07000000 0100fe7f 01000000"
    assert encode(events, times=False).hex(" ", 4) == "05800380 0100feff"


@given(timed=st.lists(st.booleans(), max_size=30), cut=st.booleans(), seed=st.integers(0, 99))
def test_words_of_both_kinds_are_parsed(timed: list[bool], cut: bool, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, y, p = (draw.integers(0, most, len(timed)) for most in (1 << 15, 1 << 15, 2))
    t = draw.integers(0, 1 << 32, len(timed))
    words = []
    for i, has_time in enumerate(timed):
        words += [int(p[i]) << 15 | int(y[i]) | int(x[i]) << 16 | (not has_time) << 31] + [int(t[i])] * has_time
    words += [5] * cut  # its time is missing
    block, used = parse(np.array(words, np.uint32))
    assert used == len(words) - cut
    assert [column.tolist() for column in block] == [
        x.tolist(), y.tolist(), np.where(timed, t, NEVER).tolist(), p.tolist()
    ]  # fmt: skip


def test_a_clock_goes_on_where_32_bits_overflow() -> None:
    clock, times = Clock(), 2**32 - 20 + 7 * np.arange(10)
    found = [clock.whole(part % 2**32, 0) for part in (times[:4], times[4:5], times[5:])]
    assert np.concatenate(found).tolist() == times.tolist()
    assert clock.whole(np.array([NEVER]), 12).tolist() == [12]
    assert clock.whole(times[-1:] % 2**32 - 40, 0).tolist() == [times[-1] - 40]


@given(
    t=st.lists(st.integers(0, 300), min_size=1, max_size=50),
    cuts=st.lists(st.integers(0, 50), max_size=4),
    gap=st.sampled_from([40, 1000]),
)
def test_steps_do_not_depend_on_how_events_come(t: list[int], cuts: list[int], gap: int) -> None:
    events = Events.of(np.arange(len(t)), t, t, np.zeros(len(t)), (60, 301))
    edges = [0, *sorted(min(cut, len(t)) for cut in cuts), len(t)]
    parts = [events[a:b] for a, b in itertools.pairwise(edges)]

    def steps(parts: list[Events]) -> tuple[list, int, int]:
        cutter = Cutter(10, gap, (60, 301), 1000)
        found = [step for part in parts for step in cutter.add(part)] + list(cutter.end())
        return [(step.number, step.before, step.events.x.tolist()) for step in found], cutter.late, cutter.jumps

    found, late, jumps = steps(parts)
    assert (found, late, jumps) == steps([events])
    # by hand, event by event
    by_number, begins, number, last, seen_late, seen_jumps = {}, t[0], 0, t[0], 0, 0
    for place, time_ in enumerate(t):
        if abs(time_ - last) > gap:
            begins, number, seen_jumps = time_, max(by_number) + 1, seen_jumps + 1
            base = number
        elif not place:
            base = 0
        last = time_
        step = base + (time_ - begins) // 10
        if step < max([base, *by_number]):
            seen_late += 1
        else:
            by_number.setdefault(step, []).append(place)
    assert {number: places for number, _, places in found} == by_number
    assert (late, jumps) == (seen_late, seen_jumps)
    assert sum(before + 1 for _, before, _ in found) == max(by_number) + 1


@pytest.mark.parametrize("each", [1, 1000])
def test_a_step_without_end_takes_no_more_memory_than_its_events(each: int) -> None:
    cutter, part = Cutter(10, 100, (4, 4), 4096), Events.of(*[np.zeros(each)] * 4, (4, 4))
    held: dict[int, int] = {}
    for _ in range(8192):
        assert list(cutter.add(part[:])) == []
        part = part[np.arange(each)]  # a copy, as each packet makes
    for open_part in cutter._open:
        base = open_part.t if open_part.t.base is None else open_part.t.base
        held[id(base)] = len(base)
    assert len(held) <= 13
    assert sum(held.values()) <= 2 * 4096
    [step] = cutter.end()
    assert (len(step.events), cutter.crowded) == (4096, 8192 * each - 4096)


@pytest.mark.parametrize("options", [{}, {"polarities": "signed", "size": 4, "scale": 2.0}, {"clip": 1}])
def test_frames_of_udp_are_those_of_the_recording(some_events: Make, options: dict) -> None:
    events = some_events(3000, duration=30 * STEP, seed=3)
    with Live((34, 34), STEP, port=0, timeout_s=0.6, waiting=1000, **options) as steps:
        packets = send_events(events, steps.address, speed=10)
        frames = torch.cat(list(steps))
    assert packets == -(-3000 // 64)
    torch.testing.assert_close(frames, expected(events, len(frames), **options), rtol=0, atol=0)
    assert (steps.tally.received, steps.tally.delivered, steps.tally.dropped) == (3000, 3000, 0)
    assert (steps.tally.steps, steps.number, steps.tally.lost_packets or 0) == (len(frames), len(frames) - 1, 0)
    assert str(steps.tally).startswith(f"3,000 events received: 3,000 delivered in {len(frames)} steps, 0 dropped")


@pytest.mark.parametrize("encoded", [encode, aedat, network], ids=["words", "aedat", "network"])
@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_frames_of_a_pipe_are_those_of_the_recording(
    encoded: Callable[[Events], bytes], size: int, some_events: Make
) -> None:
    events = some_events(400, duration=20 * STEP)
    data = encoded(events)
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as file:
            for first in range(0, len(data), size):
                file.write(data[first : first + size])

    writer = threading.Thread(target=write)
    writer.start()
    with open(reading, "rb") as file, Live((34, 34), STEP, file=file) as steps:
        frames = torch.cat(list(steps))
    writer.join()
    torch.testing.assert_close(frames, expected(events, len(frames)), rtol=0, atol=0)
    assert frames.sum() == 400
    assert balanced(steps.tally)


def test_a_recording_streams_through_a_network_as_its_frames_do(some_events: Make, tmp_path: Path) -> None:
    write_events(tmp_path / "a.bin", some_events(2000, duration=40 * STEP))
    recording = read_events(tmp_path / "a.bin", (34, 34))
    net = torch.nn.Sequential(
        synfire.layers.Flatten(), synfire.layers.Linear(2 * 34 * 34, 8), synfire.LIF(), synfire.layers.Linear(8, 3)
    )
    stream = synfire.stream(net)
    with torch.no_grad(), Live((34, 34), STEP, recording=recording, waiting=2) as steps:
        outputs = torch.stack([stream(frame) for frame in steps])
        whole = net(expected(recording.events, len(outputs))[:, None])
    torch.testing.assert_close(outputs, whole, rtol=0, atol=1e-5)
    assert steps.tally.dropped == 0


def test_a_pipe_is_not_read_when_the_network_is_slow(some_events: Make) -> None:
    events = some_events(60_000, duration=600 * STEP)
    reading, writing = os.pipe()
    written = 0

    def write() -> None:
        nonlocal written
        data = encode(events)
        with open(writing, "wb", buffering=0) as file:
            while written < len(data):
                written += file.write(data[written : written + 4096])

    writer = threading.Thread(target=write)
    with open(reading, "rb") as file, Live((34, 34), STEP, file=file, waiting=3) as steps:
        writer.start()
        first = next(steps)
        time.sleep(0.5)
        stopped = written
        time.sleep(0.2)
        assert written == stopped < 8 * 60_000  # the writer waits
        frames = torch.cat([first, *steps])
    writer.join()
    assert written == 8 * 60_000
    torch.testing.assert_close(frames, expected(events, 600)[: len(frames)], rtol=0, atol=0)
    assert (steps.tally.received, steps.tally.delivered) == (60_000, 60_000)


def test_a_network_that_is_slow_is_not_taken_for_a_silent_pipe(some_events: Make) -> None:
    data = encode(some_events(400, duration=40 * STEP))
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as file:
            file.write(data[:1600])
            time.sleep(1.3)  # while the network is at work, and a little longer
            file.write(data[1600:])

    writer = threading.Thread(target=write)
    with open(reading, "rb") as file, Live((34, 34), STEP, file=file, waiting=1, timeout_s=0.8) as steps:
        writer.start()
        next(steps)
        time.sleep(1)
        for _ in steps:
            pass
    writer.join()
    assert steps.tally.delivered == 400


def test_a_slow_network_loses_the_oldest_steps_of_udp_and_counts_them(some_events: Make) -> None:
    events = some_events(8000, duration=400 * STEP)
    with Live((34, 34), STEP, port=0, timeout_s=0.6, waiting=5) as steps:
        send_events(events, steps.address, speed=4)
        time.sleep(0.5)
        numbers, frames = [], []
        for frame in steps:
            numbers.append(steps.number)
            frames.append(frame)
    tally = steps.tally
    assert balanced(tally)
    assert tally.received == 8000
    assert tally.dropped > 7000
    assert tally.steps == len(frames) <= 6
    assert tally.steps + tally.dropped_steps == numbers[-1] + 1
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    torch.testing.assert_close(
        torch.cat(frames), expected(events, numbers[-1] + 1)[numbers[0] :], rtol=0, atol=0
    )  # the newest, and whole


def test_what_waits_when_the_block_is_left_counts_as_dropped(some_events: Make) -> None:
    events = some_events(5000, duration=50 * STEP)
    with Live((34, 34), STEP, port=0) as steps:
        send_events(events, steps.address, speed=10)
        next(steps)
        time.sleep(0.3)
    assert balanced(steps.tally)
    assert steps.tally.received == 5000
    assert steps.tally.dropped == 5000 - steps.tally.delivered > 0
    assert list(steps) == []


def test_hostile_packets_are_counted_and_change_nothing(some_events: Make) -> None:
    events = some_events(640, duration=10 * STEP)
    outside = Events.of([34, 32766], [0, 5], [0, 0], [0, 1])
    with (
        Live((34, 34), STEP, port=0, timeout_s=0.6, waiting=100) as steps,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        words = encode(events)
        sender.sendto(words[:512], steps.address)
        time.sleep(0.1)
        at = struct.pack("<I", int(events.t[63]))
        hostile = [b"", b"abc", bytes(13), bytes(4), bytes(6001)]
        for packet in hostile:
            sender.sendto(packet, steps.address)
        sender.sendto(encode(outside)[:4] + at + encode(outside)[8:12] + at, steps.address)
        time.sleep(0.1)
        send_events(events[64:], steps.address, speed=None)
        frames = torch.cat(list(steps))
    torch.testing.assert_close(frames, expected(events, len(frames)), rtol=0, atol=0)
    assert balanced(steps.tally)
    assert steps.tally.discarded == {"outside the sensor": 2, "cut short": 1}
    assert steps.tally.skipped == {"packets that are no words": 3}
    assert steps.tally.received == 643


def test_packets_are_taken_few_at_once(monkeypatch: pytest.MonkeyPatch, some_events: Make) -> None:
    monkeypatch.setattr("synfire.data.events.live.sources.TOGETHER", 1000)
    source = Udp("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in [b""] * 10 + [encode(some_events(64))] * 10:
            sender.sendto(packet, source.address)
    found = [len(block.t) for block in itertools.takewhile(lambda block: block is not None, source.blocks())]
    source.close()
    assert found == [0] * 5 + [128] * 5


def test_noise_never_stops_the_receiver() -> None:
    draw = np.random.default_rng(0)
    with (
        Live((128, 128), STEP, port=0, timeout_s=0.6, waiting=10) as steps,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        for length in draw.integers(0, 2000, 300).tolist():
            sender.sendto(draw.bytes(length), steps.address)
        for length in draw.integers(0, 200, 300).tolist():  # within the sensor, at any time
            words = draw.integers(0, 1 << 32, length, np.uint32) & np.uint32(0xFFFFFFFF if length % 2 else 0x807F807F)
            sender.sendto(words.tobytes(), steps.address)
        for frame in steps:
            assert frame.shape == (1, 2, 128, 128)
    assert balanced(steps.tally)
    assert steps.tally.jumps
    assert steps.tally.skipped["packets that are no words"] > 100


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what they dropped")
def test_packets_that_the_system_cannot_keep_are_counted() -> None:
    events = Events.of(np.zeros(64), np.zeros(64), np.arange(64), np.zeros(64), (4, 4))
    source, sent = Udp("127.0.0.1", 0), 20_000
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(sent):
                sender.sendto(encode(events), source.address)
        received = 0
        for block in source.blocks():
            if block is None:
                break
            received += len(block.t)
    finally:
        source.close()
    assert source.lost_packets
    assert received == 64 * (sent - source.lost_packets)


def test_events_without_times_have_those_of_their_arrival() -> None:
    events = Events.of([1, 2, 3], [0, 0, 0], [0, 0, 0], [1, 1, 0], (4, 4))
    with Live((4, 4), 50_000, port=0, timeout_s=0.6) as steps:
        send_events(events, steps.address, speed=None, times=False)
        first = next(steps)  # ended by the clock, since no later event comes
        assert threads()
        time.sleep(0.2)
        send_events(events[:1], steps.address, speed=None, times=False)
        rest = list(steps)
    assert first.sum() == 3
    assert [int(frame.sum()) for frame in rest] == [0] * (len(rest) - 1) + [1]
    assert 3 <= len(rest) <= 12


def test_a_sender_that_starts_anew_begins_the_next_step(some_events: Make) -> None:
    events = some_events(100, duration=3 * STEP)
    data = encode(events) * 2
    with Live((34, 34), STEP, file=io.BytesIO(data), longest_gap_us=STEP) as steps:
        frames = torch.cat(list(steps))
    once = expected(events, len(frames) // 2)
    torch.testing.assert_close(frames, torch.cat([once, once]), rtol=0, atol=0)
    assert steps.tally.jumps == 1


def test_late_events_and_crowded_steps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synfire.data.events.live.receiver.MOST", 3)
    events = Events.of(np.zeros(8), np.zeros(8), [0, 1500, 999, 1501, 2600, 2601, 2602, 2603], np.ones(8), (2, 2))
    with Live((2, 2), STEP, file=io.BytesIO(encode(events))) as steps:
        counts = [int(frame.sum()) for frame in steps]
    assert counts == [1, 2, 3]
    assert steps.tally.discarded == {"too late": 1, "of a step that had too many": 1}
    assert balanced(steps.tally)
    assert "1 of a step that had too many, 1 too late" in str(steps.tally)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#!AER-DAT3.1\r\n#no end", "within a header"),
        (b"#!AER-DAT3.1\r\n" + b"#" * (1 << 20), "within 1048576 bytes"),
        (aedat(Events.none((1, 1))) + struct.pack("<hhiiiiii", 1, 0, 12, 4, 0, 1, 1, 1), "of 12 bytes"),
        (aedat(Events.none((1, 1))) + struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 1, 9, 9), "9 of 1 events"),
        (aedat(Events.none((1, 1))) + struct.pack("<hhiiiiii", -1, 0, 8, 4, 0, 1, 1, 1), "type -1"),
        (aedat(Events.none((1, 1))) + bytes(9), "within a header"),
        (network(Events.none((1, 1)))[:-1], "within a header"),
        (network(Events.none((1, 1)))[:17] + b"\1\0\0", "format 1 of version 1"),
        (aedat(Events.none((1, 1))).replace(b"RAW", b"SERIALIZED-TS"), "format SERIALIZED-TS"),
    ],
)
def test_damaged_pipes_end_with_an_error(data: bytes, message: str) -> None:
    with (
        pytest.raises(DataError, match=message),
        Live((34, 34), STEP, file=io.BytesIO(data)) as steps,
    ):
        list(steps)


def test_what_comes_before_the_damage_is_handed_over(some_events: Make) -> None:
    events = some_events(100, duration=5 * STEP)
    frames = []
    with (
        Live((34, 34), STEP, file=io.BytesIO(aedat(events) + bytes(28))) as steps,
        pytest.raises(DataError, match="of 0 bytes"),
    ):
        frames.extend(steps)
    torch.testing.assert_close(torch.cat(frames), expected(events, len(frames)), rtol=0, atol=0)
    assert steps.tally.delivered == 100


def test_events_that_are_not_whole_or_valid_are_counted(some_events: Make) -> None:
    events = some_events(10)
    for data, reason in ((aedat(events)[:-12], "cut short"), (encode(events)[:-2], "cut short")):
        with Live((34, 34), STEP, file=io.BytesIO(data)) as steps:
            assert sum(int(frame.sum()) for frame in steps) == 9
        assert (steps.tally.received, steps.tally.discarded) == (10, {reason: 1})
    with Live((34, 34), STEP, file=io.BytesIO(aedat(events, invalid=True))) as steps:
        assert list(steps) == []
    assert (steps.tally.received, steps.tally.discarded) == (10, {"marked invalid": 10})
    assert steps.tally.skipped == {"events of other types": 2}


def test_a_flow_is_read_as_the_file_is(some_events: Make, tmp_path: Path) -> None:
    events = some_events(60)
    packets = aedat(events).split(b"END-HEADER\r\n", 1)[1]
    other = struct.pack("<hhiiiiii", 1, 9, 8, 4, 0, 1, 1, 1) + bytes([3, 0, 0, 0, 0, 0, 0, 0])
    late = struct.pack("<hhiiiiii", 1, 0, 8, 4, 1, 2, 2, 2) + struct.pack("<IiIi", 3, 5, 3, 6)
    data = b"#!AER-DAT3.1\n#Format: RAW\n# no #!END-HEADER\r\n#!END-HEADER\n" + packets + other + late
    (tmp_path / "a.aedat").write_bytes(data)
    recording = read_events(tmp_path / "a.aedat")
    decoder = Aedat31()
    block = decoder.feed(data)
    assert [column.tolist() for column in block] == [getattr(recording, name).tolist() for name in "xytp"]
    assert len(block.t) == 62
    assert decoder.skipped["events of other sources"] == recording.skipped["events of other sources"] == 1


@settings(deadline=None)
@given(data=st.binary(max_size=400), cut=st.integers(1, 400))
def test_no_bytes_of_a_pipe_do_more_than_raise_a_data_error(data: bytes, cut: int) -> None:
    decoder = Aedat31()
    for part in (aedat(Events.none((1, 1))) + data[:cut], data[cut:]):
        if decoder.error is None:
            assert len(decoder.feed(part).t) <= 50
    if decoder.error is None:
        with suppress(DataError):
            decoder.end()


def test_leaving_ends_a_pipe_from_which_nothing_comes() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as file, open(writing, "wb") as _:
        began = time.monotonic()
        with Live((4, 4), STEP, file=file):
            assert threads()
        assert time.monotonic() - began < 5


def test_an_error_in_the_loop_is_not_hidden_and_leaves_nothing_open(some_events: Make) -> None:
    def stopped() -> None:
        with Live((34, 34), STEP, port=0) as steps:
            addresses.append(steps.address)
            send_events(some_events(), steps.address, speed=None)
            next(steps)
            raise KeyboardInterrupt

    addresses: list[tuple[str, int]] = []
    with pytest.raises(KeyboardInterrupt):
        stopped()
    [address] = addresses
    with Live((34, 34), STEP, port=address[1], timeout_s=0.1) as steps:  # the port is free again
        assert list(steps) == []
    steps.close()


def test_mistakes_are_told() -> None:
    for options in (
        {}, {"port": 0, "file": io.BytesIO()}, {"port": 0, "waiting": 0}, {"port": 0, "longest_gap_us": 10},
        {"port": 0, "timeout_s": 0.0}, {"port": 0, "size": 9}, {"port": 0, "polarities": "none"},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            Live((4, 4), STEP, **options)
    for sensor_size, step_us in (((0, 4), STEP), ((4, 40_000), STEP), ((4, 4), 0)):
        with pytest.raises(ConfigError):
            Live(sensor_size, step_us, port=0)
    live = Live((4, 4), STEP, port=0)
    with pytest.raises(ConfigError, match="enter it first"):
        next(live)
    with pytest.raises(ConfigError, match="inside of"):
        _ = live.address
    with Live((4, 4), STEP, port=0, timeout_s=0.1) as steps:
        with pytest.raises(RunError, match="cannot listen on 127"), Live((4, 4), STEP, port=steps.address[1]):
            pass
        with pytest.raises(ConfigError, match="entered before"):
            steps.__enter__()
    with pytest.raises(RunError, match="cannot listen"), Live((4, 4), STEP, port=70_000):
        pass
    events = Events.of([1], [1], [1], [1])
    for options in ({"speed": 0.0}, {"packet": 4}, {"packet": 10**6}):
        with pytest.raises(ConfigError, match="give a speed above 0"):
            send_events(events, ("127.0.0.1", 9), **options)
    with pytest.raises(RunError, match="cannot send to"):
        send_events(events, ("127.0.0.1", 70_000))


def test_the_sender_keeps_time(some_events: Make) -> None:
    events = some_events(1000, duration=200_000)
    with Live((34, 34), STEP, port=0, timeout_s=0.2) as steps:
        began = time.monotonic()
        send_events(events, steps.address)
        assert 0.15 < time.monotonic() - began < 5
        list(steps)
    with pytest.raises(DataError, match="below 0"):
        encode(
            Events(*(np.array([-1], kind) for kind in (np.int16, np.int16, np.int64)), np.zeros(1, np.uint8), (1, 1))
        )
