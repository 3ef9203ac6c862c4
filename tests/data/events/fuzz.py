"""Reads damaged copies of recordings, with limits on memory and time.

    python tests/data/events/fuzz.py --cases 1000 RECORDING...

Prints a line of JSON for each recording: how many copies were read, how many were refused with a DataError, the longest
time that one took, and "wrong", the seeds of those that did anything else. A case is made again by its seed alone.
"""

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from synfire.base import DataError
from synfire.data.events import read_events

MEMORY = 1 << 30  # bytes beside what is in use before the first case
SECONDS = 20


def mutate(data: bytes, seed: int) -> bytes:
    """Return the file, damaged in one of a few ways."""
    draw = random.Random(seed)
    found = bytearray(data)
    kinds = ("cut", "flip", "flip", "flip", "large", "zero", "number", "insert", "remove", "repeat", "copy", "head")
    kind = draw.choice(kinds)
    at = draw.randrange(min(len(found), 2048) if draw.random() < 0.5 else len(found))  # headers are short
    length = draw.choice((1, 2, 3, 4, 7, 8, 64, 1000))
    if kind == "cut":
        del found[at:]
    elif kind == "flip":
        for _ in range(draw.choice((1, 1, 4, 32))):
            found[draw.randrange(at, min(len(found), at + 64))] ^= 1 << draw.randrange(8)
    elif kind in ("large", "zero"):
        length = min(length, len(found) - at)
        found[at : at + length] = (b"\xff" if kind == "large" else b"\x00") * length
    elif kind == "number":  # as a size or place may be
        width, order = draw.choice((2, 4, 8)), draw.choice(("little", "big"))
        number = draw.choice(
            (0, 1, at, len(found), len(found) - 1, 1 << 24, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1)
        )
        found[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, order)
    elif kind == "copy":
        source = draw.randrange(len(found))
        found[at : at + length] = found[source : source + length]
    elif kind == "insert":
        found[at:at] = draw.randbytes(length)
    elif kind == "remove":
        del found[at : at + length]
    elif kind == "repeat":
        found[at:at] = found[at : at + length]
    else:
        del found[draw.choice((0, 1, 2, 16, 100, 1000)) :]
    return bytes(found)


def attempt(path: Path) -> str:
    """Return "read", "refused", or what went wrong."""
    signal.alarm(SECONDS)
    try:
        recording = read_events(path)
        events, size = recording.events, path.stat().st_size
        if len(events) and not (events.x.max() < recording.sensor_size[0] and events.p.max() <= 1):
            return "events outside the sensor"
        # vectors of EVT 3.0 and compression make at most this many events of a byte
        return "read" if len(events) <= 300 * size else f"{len(events)} events of {size} bytes"
    except DataError as error:
        return "refused" if str(path) in str(error) else f"no file named: {error}"
    except BaseException as error:  # what the fuzzing is for
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def timed_out(*_: Any) -> None:
    """Interrupt a case that hangs."""
    raise TimeoutError(f"more than {SECONDS} s")


def fuzz(path: Path, folder: Path, cases: int) -> dict[str, Any]:
    """Return what became of the damaged copies of a recording."""
    data, copy, longest = path.read_bytes(), folder / path.name, 0.0
    outcomes: Counter[str] = Counter()
    wrong = {}
    for seed in range(cases):
        copy.write_bytes(mutate(data, seed))
        print(f"{path.name} {seed}", file=sys.stderr, flush=True)  # the last line tells which one crashed
        began = time.perf_counter()
        outcome = attempt(copy)
        longest = max(longest, time.perf_counter() - began)
        outcomes[outcome if outcome in ("read", "refused") else "wrong"] += 1
        if outcome not in ("read", "refused"):
            wrong[seed] = outcome
    return {"file": path.name, **outcomes, "seconds": round(longest, 2), "seeds": wrong}


def main() -> None:
    """Read the damaged copies of all recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--cases", type=int, default=1000, help="damaged copies of each")
    options = parser.parse_args()
    for path in options.recordings:  # compiles and imports what is needed, which takes memory of its own
        attempt(path)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, -1))
    signal.signal(signal.SIGALRM, timed_out)
    with tempfile.TemporaryDirectory() as folder:
        for path in options.recordings:
            print(json.dumps(fuzz(path, Path(folder), options.cases)), flush=True)


if __name__ == "__main__":
    main()
