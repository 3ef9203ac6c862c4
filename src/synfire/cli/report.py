"""The command report: a table in the terminal and a page for the browser."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from synfire.base import ConfigError, RunError
from synfire.metering import Trace
from synfire.metering.pricers import bills, price_lists, verdicts
from synfire.report import RUN_COLUMNS, Run, read_run, run_rows, text_table

RUNS = Path("runs")


def report(args: argparse.Namespace) -> str:
    """Write the page about runs; return the table and where the page is.

    Raises:
        ConfigError: there is no run, or a price list is unknown or invalid.
        RunError: the page cannot be written.
    """
    paths = list(args.runs) or sorted(path for path in RUNS.glob("*") if path.is_dir())
    if not paths:
        raise ConfigError(f"there is no run in {RUNS}/. Train one with `synfire train digits`, or name run folders.")
    runs = [read_run(path) for path in paths]
    lines = [_table(runs)]
    if not args.table:
        lists = [*args.price, *price_lists()]
        for run in runs:
            price_run(run, lists)
        # Imported here, because the table needs no figures.
        from synfire.report.page import write_page

        words = [*(["--compare"] if args.compare else []), *(w for p in args.price for w in ("--price", p))]
        command = shlex.join(["synfire", "report", *map(str, args.runs), *words])
        lines += write_page(runs, args.out, compare=args.compare, footer=f"Written by: {command}")
        lines.append(f"page written to {args.out}; open it in a browser")
    return "\n".join(lines)


def price_run(run: Run, lists: Sequence[str | Path]) -> None:
    """Add to a run what its trace costs under price lists, and where it stands beside published limits."""
    if not run.trace:
        return
    try:
        trace = Trace.read(run.trace)
        run.bills = {name: bill.record() for name, bill in bills(trace, lists).items()}
    except RunError as err:
        run.remarks.append(f"trace.json: {err}")
        return
    if trace.spiking:
        run.verdicts = [
            {
                "says": verdict.band.says,
                "value": f"{verdict.value:.3g}",
                "limit": str(verdict.band),
                "verdict": verdict.verdict,
                "source": verdict.band.source,
            }
            for verdict in verdicts(trace)
        ]


def _table(runs: Sequence[Run]) -> str:
    rows = run_rows(runs)
    remarks = any(row[-1] for row in rows)
    head = ["run", *RUN_COLUMNS, *(["remark"] if remarks else [])]
    return text_table(head, rows if remarks else [row[:-1] for row in rows])
