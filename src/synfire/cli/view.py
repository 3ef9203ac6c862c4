"""The command view."""

import argparse
import io
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import IO

from synfire.base import ConfigError, write_atomic
from synfire.data.events import read_events
from synfire.data.events.statistics import Slices, Statistics
from synfire.report import brief
from synfire.report.slices import write_animation, write_sheet

FRAMES = 50  # of an animation
MOST_SLICES = 100  # of a sheet
NAMED = 5  # hot pixels

Facts = list[tuple[str, str]]


def view(args: argparse.Namespace) -> str:
    """Return what a recording holds, and write the pictures that were asked for.

    Raises:
        ConfigError: an option is out of range.
        DataError: the file cannot be read, or holds nothing to draw.
        RunError: a picture cannot be written.
    """
    if not 1 <= args.slices <= MOST_SLICES:
        raise ConfigError(f"--slices is {args.slices}; give 1 to {MOST_SLICES}.")
    for path in filter(None, (args.png, args.gif, args.html)):
        if path.exists() and args.file.exists() and path.samefile(args.file):
            raise ConfigError(f"{path} is the recording, which would be lost. Give a picture another name.")
    recording = read_events(args.file, tuple(args.sensor_size) if args.sensor_size else None, args.damaged)
    found = Statistics.of(recording, _microseconds(args.start), _microseconds(args.stop))
    facts = _facts(found)
    said = [f"{name:<16}{value}" for name, value in facts]
    writers: list[tuple[Path | None, Callable[[IO[bytes]], object]]] = []
    if args.png or args.html:
        sheet = _sheet(Slices.of(recording, found, args.slices), found, args.file)
        writers.append((args.png, lambda file: file.write(sheet)))
        writers.append((args.html, lambda file: file.write(_page(args.file, found, facts, sheet))))
    if args.gif:
        frames = Slices.of(recording, found, FRAMES)
        writers.append((args.gif, lambda file: write_animation(file, frames.counts, _times(frames, found))))
    for path, write in writers:
        if path:
            write_atomic(path, write)
            said.append(f"written to {path}")
    return "\n".join(said)


def _microseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(1000 * milliseconds)


def _facts(found: Statistics) -> Facts:
    width, height = found.sensor_size
    total = max(1, found.events)
    file = [("format", found.format), ("sensor", f"{width} x {height} pixels"), ("events", f"{found.events:,}")]
    left = [("discarded", _listed(found.discarded)), ("skipped", _listed(found.skipped))]
    if not found.events:
        return file + left
    return [
        *file,
        ("duration", f"{found.duration / 1e6:.6g} s{_begin(found)}"),
        ("first event", f"at {found.origin} us as recorded"),
        ("mean rate", f"{found.mean_rate:,.0f} events/s"),
        (
            "peak rate",
            f"{found.peak_rate:,.0f} events/s, in {found.peak_us / 1000:g} ms at {found.peak_time / 1e6:.6g} s",
        ),
        ("polarity", f"{100 * found.on / total:.1f} % ON, {100 * (found.events - found.on) / total:.1f} % OFF"),
        ("active pixels", f"{100 * found.active_share:.1f} %"),
        ("hot pixels", _hot(found)),
        ("time runs back", f"{found.backward_steps:,} times"),
        *left,
    ]


def _begin(found: Statistics) -> str:
    late = found.first - found.origin
    return f", from {late / 1e6:.6g} s after the first event of the file on" if late else ""


def _hot(found: Statistics) -> str:
    if not found.hot_pixels:
        return "none"
    share = 100 * sum(events for *_, events in found.hot_pixels) / max(1, found.events)
    named = ", ".join(f"({x}, {y}) {events:,}" for x, y, events in found.hot_pixels[:NAMED])
    rest = ", ..." if len(found.hot_pixels) > NAMED else ""
    return f"{len(found.hot_pixels):,}, with {share:.1f} % of the events: {named}{rest}"


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counter.items()) if count) or "nothing"


def _times(slices: Slices, found: Statistics) -> list[str]:
    unit, size = ("s", 1e6) if slices.edges[-1] - slices.edges[0] > 10_000_000 else ("ms", 1e3)
    times = [(edge - found.origin) / size for edge in slices.edges]
    length = times[1] - times[0]
    places = 0 if length > 20 else 1 if length > 0.2 else 3
    return [f"{a:.{places}f} - {b:.{places}f} {unit}" for a, b in pairwise(times)]


def _sheet(slices: Slices, found: Statistics, path: Path) -> bytes:
    file = io.BytesIO()
    width, height = found.sensor_size
    name = path.name.encode("ascii", "replace").decode()  # the font of the pictures has few letters
    title = f"{brief(name, 60)}, {width} x {height}, {found.events:,} events"
    write_sheet(file, slices.counts, _times(slices, found), title)
    return file.getvalue()


def _page(path: Path, found: Statistics, facts: Facts, sheet: bytes) -> bytes:
    # Imported here, because the other outputs need no Plotly.
    from synfire.report.recording import recording_page

    length = found.peak_us if len(found.bins) == 1 else found.bin_us
    seconds = (found.bins_start - found.origin) / 1e6, length / 1e6
    return recording_page(path.name, facts, found.bins, seconds, found.pixels, sheet).encode(errors="replace")
