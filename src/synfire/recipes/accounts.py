"""Run folders with what their traces cost."""

from collections.abc import Iterable
from pathlib import Path

from synfire.base import RunError
from synfire.metering import Trace
from synfire.metering.pricers import bills, verdicts
from synfire.report import Run, read_run


def priced_run(path: Path, lists: Iterable[str | Path] | None = None) -> Run:
    """Return what a run folder holds, its energy under price lists, and where it stands beside published limits.

    Never fails for what is in the folder; the remarks of the run say what could not be read.

    Args:
        path: the run folder.
        lists: names or paths of price lists; by default all of the package.

    Raises:
        ConfigError: a price list is unknown or invalid.
    """
    run = read_run(path)
    if not run.trace:
        return run
    try:
        trace = Trace.read(run.trace)
    except RunError as err:
        run.remarks.append(f"trace.json: {err}")
        return run
    run.bills = {name: bill.record() for name, bill in bills(trace, lists).items()}
    if trace.spiking:
        run.verdicts = [verdict.record() for verdict in verdicts(trace)]
    return run
