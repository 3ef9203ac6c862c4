"""How fast recordings of events are read, beside other libraries: the same file, in one process, in turns.

    python -m benchmarks.events [RECORDING...] [--events 20000000] [--gigabyte]

Without files, large ones are made with the statistics of a real recording, see `invent`. Before anything is timed, each
reader's events are compared with ours; one that differs is timed, but named.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import (
    MIB,
    Timing,
    environment,
    in_turns,
    print_environment,
    print_table,
    use_threads,
    write_json,
)
from synfire.data.events import Events, read_events, write_events
from synfire.data.events.formats.prophesee import header

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x, y, t, p


def synfire_(path: Path, kind: str) -> Events:
    """Read with synfire."""
    return read_events(path).events


def expelliarmus_(path: Path, kind: str) -> np.ndarray:
    """Read with expelliarmus: DAT, EVT 2.0, EVT 3.0."""
    from expelliarmus import Wizard

    wizard = Wizard(encoding={"dat": "dat", "evt2": "evt2", "evt3": "evt3"}[kind])
    wizard.set_file(path)
    return wizard.read()


def faery_(path: Path, kind: str) -> np.ndarray:
    """Read with faery: DAT, EVT 2.0, EVT 3.0, Event Stream, AEDAT 4."""
    import faery

    if kind not in ("dat", "evt2", "evt3", "es", "aedat4"):
        raise KeyError(kind)
    return faery.events_stream_from_file(path, dimensions_fallback=(1280, 720)).to_array()


def tonic_(path: Path, kind: str) -> np.ndarray:
    """Read with tonic: the format of N-MNIST, and AEDAT 2.0 and 3.1; it leaves the others to expelliarmus.

    Its read_dvs_128 and read_dvs_ibm fail on what its own reader of headers returns, so their steps are taken here.
    """
    from tonic.io import (
        events_struct,
        get_aer_events_from_file,
        make_structured_array,
        read_aedat_header_from_file,
        read_mnist_file,
    )

    if kind == "bin":
        return read_mnist_file(str(path), dtype=events_struct)
    (x, y, mask), p = {"aedat2": ((8, 1, 127), 0), "aedat3": ((17, 2, 0x1FFF), 1)}[kind]
    version, start, _ = read_aedat_header_from_file(str(path))
    read = get_aer_events_from_file(str(path), version, start)
    word = read["address"]
    return make_structured_array(word >> x & mask, word >> y & mask, read["timeStamp"], word >> p & 1)


def event_stream_(path: Path, kind: str) -> np.ndarray:
    """Read with event_stream: Event Stream."""
    import event_stream

    with event_stream.Decoder({"es": path}[kind]) as decoder:
        return np.concatenate(list(decoder))


def evlib_(path: Path, kind: str) -> Any:
    """Read with evlib: EVT 2.0 and EVT 3.0."""
    import evlib

    return evlib.load_events(str({"evt2": path, "evt3": path}[kind])).collect()


def evt3_(path: Path, kind: str) -> Any:
    """Read with evt3: EVT 3.0."""
    import evt3

    return evt3.decode_file(str({"evt3": path}[kind]))


def dv_processing_(path: Path, kind: str) -> np.ndarray:
    """Read with dv-processing: AEDAT 4."""
    import dv_processing

    recording, parts = dv_processing.io.MonoCameraRecording(str({"aedat4": path}[kind])), []
    while (batch := recording.getNextEventBatch()) is not None:
        parts.append(batch.numpy())
    return np.concatenate(parts)


def aedat_(path: Path, kind: str) -> np.ndarray:
    """Read with aedat: AEDAT 4."""
    import aedat

    return np.concatenate([packet["events"] for packet in aedat.Decoder({"aedat4": path}[kind]) if "events" in packet])


READERS: dict[str, Callable[[Path, str], Any]] = {
    "synfire": synfire_,
    "expelliarmus": expelliarmus_,
    "faery": faery_,
    "tonic": tonic_,
    "event_stream": event_stream_,
    "evlib": evlib_,
    "evt3": evt3_,
    "dv_processing": dv_processing_,
    "aedat": aedat_,
}


def columns(read: Any) -> Columns:
    """Return what any of the readers gives as plain columns."""
    if isinstance(read, np.ndarray):
        names = read.dtype.names or ()
        time = "t" if "t" in names else "timestamp"
        polarity = next(name for name in ("p", "on", "polarity") if name in names)
        found = [read[name] for name in ("x", "y", time, polarity)]
    elif hasattr(read, "get_column"):  # a table of Polars
        time = read["t"].dt.total_microseconds() if "Duration" in str(read["t"].dtype) else read["t"]
        found = [column.to_numpy() for column in (read["x"], read["y"], time, read["polarity"])]
    else:
        found = [
            getattr(read, next(n for n in names if hasattr(read, n)))
            for names in (("x",), ("y",), ("t", "timestamp", "timestamps"), ("p", "polarity", "polarities"))
        ]
    x, y, t, p = map(np.asarray, found)
    return x.astype(np.int64), y.astype(np.int64), t.astype(np.int64), (p > 0).astype(np.int64)


def verdict(ours: Events, read: Any, kind: str) -> str:
    """Return "equal", or what differs."""
    theirs = columns(read)
    if len(theirs[0]) != len(ours):
        return f"{len(theirs[0]):,} events"
    wanted = (ours.x, ours.y, ours.t, ours.p)
    if kind == "es" and (theirs[1] != ours.y).any():
        theirs = (theirs[0], ours.sensor_size[1] - 1 - theirs[1], *theirs[2:])  # faery turns the picture over
    wrong = [
        f"{name} of {100 * (own != other).mean():.2g} %"
        for name, own, other in zip("xytp", wanted, theirs, strict=True)
        if (own != other).any()
    ]
    return f"another {', '.join(wrong)}" if wrong else "equal"


def kind_of(path: Path) -> str:
    """Return the format of a file in a word."""
    names = {"Prophesee DAT": "dat", "Prophesee EVT 2.0": "evt2", "Prophesee EVT 3.0": "evt3"}
    names |= {
        "Event Stream": "es",
        "ATIS .bin": "bin",
        "AEDAT 4": "aedat4",
        "AEDAT 3.1": "aedat3",
        "AEDAT 2.0": "aedat2",
    }
    found = read_events(path).format
    return names.get(found, found)


def invent(count: int, seed: int = 0) -> Events:
    """Make events like those of a sensor of 1280 x 720 that sees a moving scene: 25 for every microsecond.

    Their number, their rows and how often events are beside each other follow the sample of EVT 3.0 from a Gen 4.1
    sensor: 3 of 10 words set a row or the time, a tenth are vectors of 1 to 3 events.
    """
    draw = np.random.default_rng(seed)
    t = np.sort(draw.integers(0, count // 25 + 1, count))
    fresh = draw.random(count) < 0.3
    row = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    y = draw.integers(0, 720, count)[row]
    close = draw.random(count) < 0.35
    leap = draw.integers(20, 400, count)
    x = np.cumsum(np.where(close, draw.integers(1, 4, count), leap)) % 1280
    t = t[row]
    p = draw.integers(0, 2, count)[np.maximum.accumulate(np.where(close, 0, np.arange(count)))]
    return Events.of(x, y, t, p, (1280, 720))


def write_evt2(path: Path, events: Events) -> None:
    """Write EVT 2.0, with a word for the time wherever its upper part changes."""
    high = events.t >> 6
    changed = np.flatnonzero(np.diff(high, prepend=-1))
    words = events.p.astype(np.uint32) << 28 | (events.t & 63).astype(np.uint32) << 22
    words |= events.x.astype(np.uint32) << 11 | events.y.astype(np.uint32)
    words = np.insert(words, changed, (8 << 28 | high[changed]).astype(np.uint32))
    head = f"% evt 2.0\n% format EVT2;height={events.sensor_size[1]};width={events.sensor_size[0]}\n% end\n"
    path.write_bytes(head.encode() + words.astype("<u4").tobytes())


def write_aedat2(path: Path, events: Events) -> None:
    """Write AEDAT 2.0 of a DVS128."""
    word = events.y.astype(np.uint32) << 8 | events.x.astype(np.uint32) << 1 | 1 - events.p
    pairs = np.stack([word, events.t.astype(np.uint32)], 1).astype(">u4")
    path.write_bytes(b"#!AER-DAT2.0\r\n# AEChip: DVS128\r\n" + pairs.tobytes())


def make(folder: Path, count: int) -> list[Path]:
    """Write large recordings of all formats."""
    events, paths = invent(count), [folder / f"made{suffix}" for suffix in (".dat", ".raw", ".es", ".aedat", ".aedat4")]
    for path in paths:
        write_events(path, events)
    write_evt2(folder / "made_evt2.raw", events)
    write_aedat2(folder / "made_2.aedat", Events(events.x % 128, events.y % 128, events.t, events.p, (128, 128)))
    small = (events.x < 256) & (events.y < 240)
    first = Events.of(events.x[small], events.y[small], events.t[small], events.p[small], (256, 240))
    write_events(folder / "made.bin", first[first.t < 1 << 23])
    return [*paths, folder / "made_evt2.raw", folder / "made_2.aedat", folder / "made.bin"]


def compare(path: Path, names: list[str], rounds: int, clock: str) -> dict[str, Any]:
    """Time all readers of a file; print and return what was found."""
    kind, ours = kind_of(path), read_events(path).events
    runs, verdicts = {}, {}
    for name, reader in ((name, READERS[name]) for name in names):
        try:
            read = reader(path, kind)
        except KeyError:
            continue
        except Exception as error:  # whatever a rival fails with is its result
            verdicts[name] = f"{type(error).__name__}: {error}".splitlines()[0][:80]
            continue
        verdicts[name] = "equal" if reader is synfire_ else verdict(ours, read, kind)
        runs[name] = lambda reader=reader: reader(path, kind)
        del read
    count = len(ours)
    del ours
    timings = in_turns(runs, rounds, clock, warm_ups=1)
    show(f"{path.name}: {kind}, {count:,} events, {path.stat().st_size / MIB:,.0f} MiB", count, timings, verdicts)
    found = {name: {"seconds": of.seconds, "ratios": of.ratios} for name, of in timings.items()}
    return {"file": path.name, "kind": kind, "events": count, "timings": found, "verdicts": verdicts}


def show(title: str, count: int, timings: dict[str, Timing], verdicts: dict[str, str]) -> None:
    """Print a table of readers."""
    rows = []
    for name, verdict_ in verdicts.items():
        if name in timings:
            rate = count / statistics.median(timings[name].seconds) / 1e6
            rows.append([name, f"{rate:,.1f}", timings[name].show()[1], verdict_])
        else:
            rows.append([name, "-", "-", verdict_])
    print_table(title, ("reader", "million events/s", "time over synfire's (quartiles)", "events"), rows)


# In a process of its own, which imports nothing else. The kernel's mark, since that of getrusage outlives an exec.
PEAK = """
import json, sys
from synfire.data import read_events
count = sum(len(chunk) for chunk in read_events(sys.argv[1]).chunks())
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"events": count, "bytes": 1024 * int(peak.split()[1])}))
"""


def enlarge(small: Path, large: Path, size: int) -> None:
    """Repeat what follows the header of a recording until the file has this many bytes; its time then runs back."""
    data = small.read_bytes()
    start = {
        ".es": 20, ".dat": header(data)[1] + 2, ".raw": header(data)[1], ".csv": data.index(b"\n") + 1
    }[small.suffix]  # fmt: skip
    with large.open("wb") as file:
        file.write(data)
        while file.tell() < size:
            file.write(data[start:])


def write_mvsec(path: Path, size: int) -> None:
    """Write a table of x, y, t in seconds and p, as MVSEC has it, of this many bytes."""
    import h5py

    with h5py.File(path, "w") as file:
        table = file.create_dataset("davis/left/events", (size // 32, 4), "f8", chunks=(1 << 14, 4))
        for start in range(0, len(table), 1 << 20):
            part = invent(min(1 << 20, len(table) - start), seed=start)
            table[start : start + len(part)] = np.stack([part.x, part.y, 1.5e9 + part.t / 1e6, 2.0 * part.p - 1], 1)


def gigabyte(folder: Path, size: int = 1 << 30) -> list[dict[str, Any]]:
    """Measure the memory of processes that read files of a gigabyte."""
    found = []
    for suffix in (".dat", ".raw", ".es", ".csv", ".h5"):
        small, large = folder / f"small{suffix}", folder / f"large{suffix}"
        if suffix == ".h5":
            write_mvsec(small, 1 << 20)
            write_mvsec(large, size)
        else:
            write_events(small, invent(1_000_000))
            enlarge(small, large, size)
        for _ in read_events(small).chunks():  # compiles what reads it
            pass
        done = subprocess.run([sys.executable, "-c", PEAK, str(large)], capture_output=True, text=True, check=True)
        found.append({"file": large.name, "size": large.stat().st_size, **json.loads(done.stdout)})
        large.unlink()
    rows = [[of["file"], f"{of['size'] / MIB:,.0f}", f"{of['events']:,}", f"{of['bytes'] / MIB:,.0f}"] for of in found]
    print_table("Reading chunk by chunk", ("file", "MiB", "events", "memory of the process at its peak, MiB"), rows)
    return found


def main() -> None:
    """Compare readers on the files given, or on large ones that are made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="*")
    parser.add_argument("--events", type=int, default=20_000_000, help="of the recordings that are made")
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=READERS, help="the first is the unit")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", default="wall", choices=("wall", "processor"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--gigabyte", action="store_true", help="measure the memory of files of a gigabyte instead")
    parser.add_argument("--folder", type=Path, help="where the recordings are made; by default the system's for such")
    parser.add_argument("--out", type=Path, help="write a record as JSON")
    options = parser.parse_args()
    use_threads(options.threads)
    found = environment()
    print_environment(found)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        if options.gigabyte:
            record = {"peaks": gigabyte(Path(name))}
        else:
            paths = options.recordings or make(Path(name), options.events)
            record = {"readers": [compare(path, options.readers, options.rounds, options.clock) for path in paths]}
    write_json(options.out, {"environment": found, **record})


if __name__ == "__main__":
    main()
