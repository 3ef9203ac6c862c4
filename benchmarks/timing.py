"""How the benchmarks measure: turns instead of blocks, ratios inside a round, memory in a process of its own."""

import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

Run = Callable[[], Any]

ROOT = Path(__file__).parents[1]
PACKAGES = ("synfire", "torch", "numba", "numpy", "spikingjelly", "snntorch", "norse", "sinabs")
MIB = 2**20

# Processor time leaves out what other programs take, but adds up threads, also those that wait: use it with one.
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


@dataclass(frozen=True)
class Timing:
    """Times of one contender.

    Attributes:
        seconds: one per round, or none where the contender could not run.
        ratios: its time over the first contender's in the same round.
    """

    seconds: tuple[float, ...]
    ratios: tuple[float, ...]

    def show(self) -> tuple[str, str]:
        """Return the median time in milliseconds, and the median ratio with its quartiles."""
        middle = statistics.median(self.ratios)
        low, _, high = (
            statistics.quantiles(self.ratios, n=4, method="inclusive") if len(self.ratios) > 1 else [middle] * 3
        )
        return f"{statistics.median(self.seconds) * 1e3:,.1f}", f"{middle:.2f} ({low:.2f} to {high:.2f})"


def use_threads(count: int | None) -> None:
    """Set the threads of PyTorch and Numba; None keeps PyTorch's own choice.

    Numba's first parallel loop sets the number of all of OpenMP, PyTorch included, so Numba has to start first.
    """
    count = count or torch.get_num_threads()
    with suppress(ModuleNotFoundError):
        import numba

        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    torch.set_num_threads(count)


def in_turns(runs: dict[str, Run], rounds: int, clock: str = "wall", warm_ups: int = 2) -> dict[str, Timing]:
    """Time contenders in turns A B C A B C ..., so that whatever else the machine does meets them all alike.

    A call is timed once per turn. What it returns is released outside the timed part, and the garbage collector waits.

    Args:
        runs: contenders by name; the first one is the unit of the ratios.
        rounds: how often each is timed.
        clock: a key of `CLOCKS`.
        warm_ups: untimed calls of each before that, which also compile what is compiled.
    """
    now = CLOCKS[clock]
    for run in runs.values():
        for _ in range(warm_ups):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            gc.disable()
            start = now()
            kept = run()
            seconds[name].append(now() - start)
            gc.enable()
            del kept
    unit = seconds[next(iter(runs))]
    return {
        name: Timing(tuple(times), tuple(t / u for t, u in zip(times, unit, strict=True)))
        for name, times in seconds.items()
    }


def peak_growth(run: Run, warm_ups: int = 2) -> int | None:
    """Bytes that one call adds at its peak to the resident memory of this process.

    What the warm-up left in the allocator is handed back first, and the kernel's high-water mark is set to the present.
    `resource.getrusage` would not do: a child starts with the mark of the process that started it. None outside Linux.
    """
    if platform.system() != "Linux":
        return None
    for _ in range(warm_ups):
        run()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, see proc_pid_clear_refs(5)
    before = _status_bytes("VmRSS")
    kept = run()
    del kept
    return _status_bytes("VmHWM") - before


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field + ":"))) * 1024


def in_own_process(module: str, arguments: Sequence[str]) -> Any:
    """Run `python -m module arguments` from the repository's root; return the JSON of its last line, or None."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            # Every tensor in pages of its own, so that no leftover of the allocator counts as somebody's memory.
            "MALLOC_MMAP_THRESHOLD_": "65536",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{module} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, Any]:
    """Return what a reader needs to judge the numbers: processor, threads, versions."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,  # runnable processes, mean of a minute
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    if package == "synfire":  # it may run from its sources, without being installed
        import synfire

        return synfire.__version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def print_environment(found: dict[str, Any]) -> None:
    """Print the environment in two lines, and a warning on a machine that is busy with something else."""
    print(f"{found['cpu']}, {found['threads']} of {found['cores']} cores, {found['vector_instructions']}")
    print(", ".join(f"{name} {version}" for name, version in {"python": found["python"], **found["packages"]}.items()))
    if found["load"] is not None and found["load"] > 1:
        print(
            f"The machine is busy: {found['load']:.1f} processes want to run. Threads that wait for each other suffer "
            "most, and some rows more than others; use --threads 1 --clock processor."
        )


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table whose columns also line up in a terminal."""
    cells = [list(columns), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}\n")
    for number, row in enumerate(cells):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")


def mib(count: int | None) -> str:
    """Bytes as mebibytes, or a dash."""
    return "-" if count is None else f"{count / MIB:,.1f}"


def write_json(path: Path | None, record: dict[str, Any]) -> None:
    """Write the record if a path was given."""
    if path is not None:
        path.write_text(json.dumps(record, indent=2) + "\n")
        print(f"\nwritten to {path}")
