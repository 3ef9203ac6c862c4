"""The command report: a table in the terminal and a page for the browser."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from synfire.base import ConfigError
from synfire.metering.pricers import price_lists
from synfire.recipes.accounts import priced_run
from synfire.report import Run, read_run, run_table, text_table

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
    if args.table:
        return _table([read_run(path) for path in paths])
    lists = [*args.price, *price_lists()]
    runs = [priced_run(path, lists) for path in paths]
    # Imported here, because the table needs no figures.
    from synfire.report.page import write_page

    words = [*(["--compare"] if args.compare else []), *(w for p in args.price for w in ("--price", p))]
    command = shlex.join(["synfire", "report", *map(str, args.runs), *words])
    remarks = write_page(runs, args.out, compare=args.compare, footer=f"Written by: {command}")
    return "\n".join([_table(runs), *remarks, f"page written to {args.out}; open it in a browser"])


def _table(runs: Sequence[Run]) -> str:
    return text_table(*run_table(runs))
