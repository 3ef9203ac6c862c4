"""Run folders with what their traces cost."""

from collections.abc import Iterable
from pathlib import Path

from synfire.base import ConfigError, RunError
from synfire.metering import Trace
from synfire.metering.pricers import bills, break_evens, verdicts
from synfire.report import Run, brief, number, read_run


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
        _price(run, trace, lists)
    except ConfigError:
        raise
    except RunError as err:
        run.remarks.append(brief(f"trace.json: {err}"))
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as err:
        run.remarks.append(
            brief(f"trace.json is damaged and cannot be priced ({type(err).__name__}: {err}); train the run again")
        )
    return run


def _price(run: Run, trace: Trace, lists: Iterable[str | Path] | None) -> None:
    made = {name: bill.record() for name, bill in bills(trace, lists).items()}
    if not all(number(bill["picojoules"]) is not None for bill in made.values()):
        raise ValueError("an energy is not finite")
    if trace.spiking:
        for name, limit in break_evens(trace, lists).items():
            made[name]["break_even"] = limit.record(f"the same layers computed once and densely, under {name}")
    found = [verdict.record() for verdict in verdicts(trace)] if trace.spiking else []
    run.bills, run.verdicts = made, found
