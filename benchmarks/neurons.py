"""One layer of neurons, forward and backward, against other libraries: time and peak memory on a CPU.

python -m benchmarks.neurons --out results/neurons_cpu.json
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks import rivals
from benchmarks.rivals import Contender, Run
from benchmarks.timing import (
    CLOCKS,
    Timing,
    environment,
    in_own_process,
    in_turns,
    mib,
    peak_growth,
    print_environment,
    print_table,
    use_threads,
    write_json,
)

OURS = "synfire"
REFERENCE_LEVELS = "synfire, 4 levels, rounding"
TRUNCATING_LEVELS = "synfire, 4 levels, truncating"
PARAMETRIC = "synfire, learned decay"
IN_PLACE, FRESH = "the bytes alone, memory at hand", "the bytes alone, fresh memory"

# Potentials keep all their binary places for this many steps of float32, so spikes can be compared one by one. Later a
# potential may be rounded onto the threshold, where some libraries fire and others do not.
EXACT_STEPS = 16
ROUNDED_SHARE = 1e-5


@dataclass(frozen=True)
class Table:
    """One comparison.

    Attributes:
        title: what is compared.
        shape: of the currents, (T, B, n).
        quick: the shape for a trial of the script itself.
        contenders: the rows; the first is the unit of the ratios.
    """

    title: str
    shape: tuple[int, int, int]
    quick: tuple[int, int, int]
    contenders: tuple[Contender, ...]


LIF = Table(
    "LIF: decay 1/2, reset by subtraction without gradient, arctan surrogate",
    (16, 32, 4096),
    (8, 4, 1024),
    (
        Contender(OURS, rivals.synfire(rivals.our_lif), note="Numba"),
        Contender("synfire, reference", rivals.synfire(rivals.our_lif, "reference"), OURS, "plain PyTorch"),
        Contender("compiled loop", rivals.compiled_loop, OURS, "torch.compile, steps unrolled", compiles=True),
        Contender("SpikingJelly, default", rivals.jelly_single_step, OURS, 'step_mode "s", a call per step'),
        Contender("SpikingJelly, multi-step", rivals.jelly_multi_step, OURS, 'step_mode "m"'),
        Contender(
            "SpikingJelly, compiled", rivals.jelly_compiled, OURS, "torch.compile of lif_multi_step", compiles=True
        ),
        Contender("snnTorch, default", rivals.snntorch_default, None, "resets one step later"),
        Contender("snnTorch", rivals.snntorch_at_once, OURS, "reset_delay=False; gradient through the reset"),
        Contender("Norse", rivals.norse, OURS, "LIFBoxCell; SuperSpike; gradient through the reset"),
        Contender("sinabs", rivals.sinabs_binary, OURS, "SingleSpike, our surrogate; gradient through the reset"),
        Contender(IN_PLACE, rivals.copy_in_place, note="3 reads, 2 writes"),
        Contender(FRESH, rivals.copy_to_fresh, note="3 reads, 2 writes, 2 allocations"),
    ),
)

LONG = Table(
    "The same LIF over a long sequence",
    (4096, 1, 1024),
    (256, 1, 128),
    (
        Contender(OURS, rivals.synfire(rivals.our_lif), note="Numba"),
        Contender("plain loop", rivals.plain_loop, OURS, "PyTorch, autograd"),
        Contender("SpikingJelly, default", rivals.jelly_single_step, OURS, 'step_mode "s"'),
        Contender("SpikingJelly, multi-step", rivals.jelly_multi_step, OURS, 'step_mode "m"'),
        Contender("snnTorch, default", rivals.snntorch_default, None, "resets one step later"),
        Contender("snnTorch", rivals.snntorch_at_once, OURS, "reset_delay=False"),
    ),
)

FAMILY = Table(
    "Multi-level spikes 0..4 and a learned decay, against the binary LIF",
    (16, 32, 4096),
    (8, 4, 1024),
    (
        Contender(OURS, rivals.synfire(rivals.our_lif), note="binary, decay fixed"),
        Contender(
            REFERENCE_LEVELS, rivals.synfire(rivals.our_levels(0.5, "straight_through")), note="straight-through"
        ),
        Contender(TRUNCATING_LEVELS, rivals.synfire(rivals.our_levels(0.0, "arctan")), note="arctan per level"),
        Contender("SpikingJelly, 4 levels", rivals.jelly_levels, REFERENCE_LEVELS, 'ILIFNode, step_mode "m"'),
        Contender("sinabs, 4 levels", rivals.sinabs_levels, TRUNCATING_LEVELS, "MaxSpike, own surrogate"),
        Contender(PARAMETRIC, rivals.synfire(rivals.our_parametric_lif), OURS),
        Contender(
            "SpikingJelly, learned decay", rivals.jelly_parametric, PARAMETRIC, 'ParametricLIFNode, step_mode "m"'
        ),
        Contender("snnTorch, learned decay", rivals.snntorch_learned, PARAMETRIC, "reset_delay=False"),
        Contender("sinabs, learned decay", rivals.sinabs_learned, PARAMETRIC, "SingleSpike, our surrogate"),
    ),
)

TABLES = {"lif": LIF, "long": LONG, "family": FAMILY}


def inputs(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return currents, odd multiples of 1/16 in (-1, 3/2), and the gradient of the spikes.

    Odd multiples make every potential an odd multiple of its last binary place: it never meets the threshold exactly,
    where strict and non-strict comparisons differ, and no sum is rounded within `EXACT_STEPS`.
    """
    generator = torch.Generator().manual_seed(0)
    x = (2 * torch.randint(-8, 12, shape, generator=generator) + 1) / 16
    return x, torch.randn(shape, generator=generator)


def build(table: Table, shape: tuple[int, int, int], compiled: bool) -> tuple[dict[str, Run], dict[str, str]]:
    """Return the calls to time, and why the other rows are left out."""
    x, grad = inputs(shape)
    runs, left_out = {}, {}
    for contender in table.contenders:
        if contender.compiles and not compiled:
            left_out[contender.name] = "left out"
            continue
        try:
            runs[contender.name] = contender.build(x, grad)
        except ModuleNotFoundError as missing:
            left_out[contender.name] = f"not installed ({missing.name})"
    return runs, left_out


def compare(table: Table, runs: dict[str, Run], steps: int) -> dict[str, tuple[str, str]]:
    """Say of each row whether its spikes and gradients are those of the row it belongs to.

    Raises:
        SystemExit: spikes differ that should be equal; times of different computations would mean nothing.
    """
    found = {}
    for contender in table.contenders:
        if contender.name not in runs or (results := runs[contender.name]()) is None:
            continue
        if contender.name in (IN_PLACE, FRESH):
            continue
        unit = runs[contender.equals or OURS]()
        assert unit is not None
        differing = (results[0] != unit[0]).float().mean().item()
        allowed = 0 if steps <= EXACT_STEPS else ROUNDED_SHARE
        if contender.equals and differing > allowed:
            raise SystemExit(f"{contender.name}: {differing:.2%} of its spikes differ from {contender.equals}'s")
        distance = (results[1] - unit[1]).abs().max() / unit[1].abs().max()
        own_equation = contender.equals is None and contender.name.startswith(OURS)
        found[contender.name] = (
            ("own", "own")
            if own_equation
            else (
                "equal" if differing == 0 else f"{differing:.1g} differ",
                "equal" if distance < 1e-4 else "differs",
            )
        )
    return found


def peaks(key: str, names: Sequence[str], shape: tuple[int, int, int]) -> dict[str, int | None]:
    """Measure the peak memory of each row in a process of its own."""
    size = ",".join(map(str, shape))
    return {
        name: in_own_process("benchmarks.neurons", ["--peak-of", name, "--only", key, "--shape", size])
        for name in names
    }


def measure(key: str, options: argparse.Namespace) -> dict[str, object]:
    """Measure one table, print it and return it as a record."""
    table = TABLES[key]
    shape = options.shape or (table.quick if options.quick else table.shape)
    runs, left_out = build(table, shape, compiled=not (options.quick or options.no_compile))
    agreement = compare(table, runs, shape[0])
    timings = in_turns(runs, options.rounds, options.clock)
    memory = {} if options.no_memory else peaks(key, list(runs), shape)
    bytes_of_x = 4 * shape[0] * shape[1] * shape[2]

    def row(contender: Contender) -> list[str]:
        if contender.name in left_out:
            return [contender.name, *["-"] * 6, left_out[contender.name]]
        peak = memory.get(contender.name)
        return [
            contender.name,
            *timings[contender.name].show(),
            mib(peak),
            "-" if peak is None else f"{peak / bytes_of_x:.1f}",
            *agreement.get(contender.name, ("-", "-")),
            contender.note,
        ]

    print_table(
        f"{table.title}; (T, B, n) = {shape}, float32, forward and backward, {options.rounds} rounds",
        ["", "ms", f"time / {OURS}", "peak MiB", "peak / x", "spikes", "gradient", "set-up"],
        [row(contender) for contender in table.contenders],
    )
    return {
        "title": table.title,
        "shape": shape,
        "rounds": options.rounds,
        "clock": options.clock,
        "left_out": left_out,
        "rows": [
            record(contender, timings[contender.name], memory.get(contender.name), agreement.get(contender.name))
            for contender in table.contenders
            if contender.name in runs
        ],
    }


def record(
    contender: Contender, timing: Timing, peak: int | None, agreement: tuple[str, str] | None
) -> dict[str, object]:
    """Return a row as plain data: seconds per round, ratios per round, bytes."""
    return {
        "name": contender.name,
        "set_up": contender.note,
        "spikes": agreement and agreement[0],
        "gradient": agreement and agreement[1],
        "peak_bytes": peak,
        **asdict(timing),
    }


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neurons", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), help="tables to measure")
    parser.add_argument("--rounds", type=int, default=25, help="timed turns of each row")
    parser.add_argument("--threads", type=int, help="threads of PyTorch and Numba")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what a time is, see benchmarks.timing")
    parser.add_argument("--quick", action="store_true", help="small shapes, 3 rounds, nothing compiled: try the script")
    parser.add_argument("--no-compile", action="store_true", help="leave out what torch.compile takes a minute for")
    parser.add_argument("--no-memory", action="store_true", help="leave out peak memory")
    parser.add_argument("--out", type=Path, help="write a record here, as JSON")
    parser.add_argument(
        "--shape", type=lambda text: tuple(map(int, text.split(","))), help="T,B,n instead of a table's"
    )
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rounds = min(options.rounds, 3)
    return options


def main() -> None:
    """Measure what was asked for."""
    options = parse()
    use_threads(options.threads)
    if options.peak_of:
        table = TABLES[options.only[0]]
        contender = next(c for c in table.contenders if c.name == options.peak_of)
        print(json.dumps(peak_growth(contender.build(*inputs(options.shape)))))
        return
    found = environment()
    print_environment(found)
    tables = {key: measure(key, options) for key in options.only}
    write_json(options.out, {"environment": found, "tables": tables})


if __name__ == "__main__":
    main()
