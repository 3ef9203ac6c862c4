"""What making frames of events costs, beside tonic: the same recordings, in one process, in turns.

    python -m benchmarks.event_frames [--rounds 15] [--threads 1]

Two subjects: 32 recordings of 34 x 34 pixels and 4,100 events, as a batch of N-MNIST, and one of 640 x 480 pixels and a
million events. tonic takes a recording at a time and synfire a batch. Both begin with events in memory, in the order of
time, in the form that each wants. Before anything is timed, counts are compared; where they differ, that is said.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import environment, in_turns, print_environment, print_table, use_threads, write_json
from synfire.data import Events, FramesByCount, FramesByNumber, FramesByTime, Representation, TimeSurface, Voxels
from synfire.data.events.split import pack

STEPS, LONG = 10, 300_000  # steps, and microseconds of a recording
SUBJECTS = {
    "32 x 4,100 events, 34 x 34": (32, 4_100, (34, 34)),
    "1,000,000 events, 640 x 480": (1, 1_000_000, (640, 480)),
}
TONIC = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])


def recordings(count: int, events: int, size: tuple[int, int]) -> list[Events]:
    """Return recordings whose pixels are as unequal as those of an edge that moves."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(count):
        x, y = (np.minimum(draw.normal(n / 2, n / 6, events).clip(0), n - 1).astype(np.int16) for n in size)
        t = np.sort(draw.integers(0, LONG, events))
        t[0], t[-1] = 0, LONG  # so that the last window is whole for tonic, too
        found.append(Events.of(x, y, t, draw.integers(0, 2, events), size))
    return found


def ways(events: int) -> dict[str, tuple[Representation, str, dict[str, Any]]]:
    """Return ours and tonic's name and arguments, by what they make."""
    return {
        "frames by number": (FramesByNumber(STEPS), "ToFrame", {"n_time_bins": STEPS}),
        "frames by time": (FramesByTime(LONG // STEPS, STEPS), "ToFrame", {"time_window": LONG // STEPS}),
        "frames by count": (FramesByCount(events // STEPS, STEPS), "ToFrame", {"event_count": events // STEPS}),
        "voxels": (Voxels(STEPS, polarities="signed"), "ToVoxelGrid", {"n_time_bins": STEPS}),
        "time surface": (TimeSurface(STEPS, 30_000.0), "ToTimesurface", {"dt": LONG // STEPS, "tau": 30_000.0}),
    }


def tonic_(name: str, arguments: dict[str, Any], size: tuple[int, int], parts: list[Any]) -> Callable[[], Any]:
    """Return tonic's way, all recordings one after the other."""
    from tonic import transforms

    make = getattr(transforms, name)((*size, 2), **arguments)
    return lambda: np.stack([np.asarray(make(part))[:STEPS] for part in parts])


def apart_by(ours: torch.Tensor, theirs: torch.Tensor) -> str:
    """Return how much of the whole differs, in per mille of its sum, or the shapes."""
    if ours.shape != theirs.shape:
        return f"{tuple(ours.shape)}, {tuple(theirs.shape)}"
    return f"{1000 * float((ours - theirs).abs().sum() / ours.abs().sum()):.3g} per mille"


def main() -> None:
    """Compare, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="write a record as JSON")
    options = parser.parse_args()
    use_threads(options.threads)
    found = environment()
    print_environment(found)
    record: dict[str, Any] = {"environment": found, "subjects": {}}
    for subject, (count, events, size) in SUBJECTS.items():
        made = recordings(count, events, size)
        batch = pack(made, size)
        theirs = [np.rec.fromarrays([m.x, m.y, m.t, m.p.astype(np.int8)], dtype=TONIC) for m in made]
        rows, record["subjects"][subject] = [], {}
        for name, (ours, rival, arguments) in ways(events).items():
            run = tonic_(rival, arguments, size, theirs)
            mine, other = ours(batch), torch.from_numpy(np.ascontiguousarray(run())).float()
            apart = apart_by(mine, other)
            timing = in_turns({"synfire": partial(ours, batch), "tonic": run}, options.rounds)
            for who, taken in timing.items():
                rows.append((name, who, *taken.show(), "" if who == "synfire" else apart))
            record["subjects"][subject][name] = {
                who: {"seconds": taken.seconds, "ratios": taken.ratios} for who, taken in timing.items()
            } | {"apart": apart}
        print_table(subject, ("frames", "by", "ms, median", "times ours (quartiles)", "apart"), rows)
    write_json(options.out, record)


if __name__ == "__main__":
    main()
