"""Run folders as plain records: everything that is there, and a remark for everything that is not."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synfire.base import RunError, read_json
from synfire.report.results import columns, number

PARTS = ("environment", "health", "trace", "test")


@dataclass
class Run:
    """What a run folder holds.

    Attributes:
        path: the folder.
        recipe: text of the resolved recipe, "" if missing.
        summary: results; empty while the run is not finished.
        epochs: a record per epoch.
        environment: versions, machine, seed.
        health: the check before training.
        trace: record of the operation trace.
        test: confusion matrix and examples.
        bills: records of energy by price list, added by whoever can price a trace; under "break_even" the activity at
            which a spiking network costs as much as its conventional twin, a record like those of verdicts.
        verdicts: where its activity stands beside published limits, records added likewise.
        remarks: what is missing, damaged or unfinished, a sentence each.
    """

    path: Path
    recipe: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)
    test: dict[str, Any] = field(default_factory=dict)
    bills: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name or str(self.path)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of the trace, those that look like one."""
        rows = self.trace.get("rows")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    @property
    def kind(self) -> str:
        """ "spiking", "quantised ANN", "ANN", or "unknown" without a trace."""
        kinds = [row.get("kind") for row in self.rows]
        if not kinds:
            return "unknown"
        return "spiking" if "neuron" in kinds else "quantised ANN" if "quantised" in kinds else "ANN"

    def result(self, key: str) -> int | float | None:
        """Return a finite number of the summary, or None."""
        return number(self.summary.get(key))


def brief(text: str, most: int = 300) -> str:
    """Return a text, or its beginning where it is longer than a reader wants."""
    return text if len(text) <= most else f"{text[:most]}…"


def labels(runs: Sequence["Run"]) -> list[str]:
    """Return a name for each run, all different: of its path the last folder, and as many before it as are needed."""
    parts = [run.path.parts or (str(run.path),) for run in runs]
    depths = [1] * len(parts)
    while True:
        names = [str(Path(*own[-depth:])) for own, depth in zip(parts, depths, strict=True)]
        often = Counter(names)
        longer = [often[name] > 1 and depths[i] < len(parts[i]) for i, name in enumerate(names)]
        if not any(longer):
            break
        depths = [depth + more for depth, more in zip(depths, longer, strict=True)]
    made: list[str] = []
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made


def read_run(path: Path) -> Run:
    """Read a run folder; never fails, but remarks on what it cannot read."""
    run = Run(path)
    try:
        _read(run)
    except OSError as err:
        run.remarks.append(f"cannot be read: {err.strerror or err}")
    return run


def _read(run: Run) -> None:
    path = run.path
    if not path.is_dir():
        run.remarks.append("no such folder")
        return
    if not (path / "recipe.yaml").exists() and not (path / "summary.json").exists():
        run.remarks.append("not a run folder")
        return
    run.recipe = _text(path / "recipe.yaml", run)
    run.epochs = _lines(path / "metrics.jsonl", run)
    if (path / "summary.json").exists():
        run.summary = _part(path / "summary.json", run)
    else:
        run.remarks.append(f"unfinished after {len(run.epochs)} epochs; continue with --resume")
    for part in PARTS:
        setattr(run, part, _part(path / f"{part}.json", run) if (path / f"{part}.json").exists() else {})
    parts = ("trace", "test") if "accuracy" in run.summary else ("trace",)  # only classification leaves a test.json
    missing = [part for part in parts if not (path / f"{part}.json").exists()]
    if run.summary and missing:
        run.remarks.append(f"finished by an older version, without {' and '.join(missing)}")


def run_table(runs: Sequence[Run]) -> tuple[list[str], list[list[Any]]]:
    """Return head and rows of a table: of each run its folder, the results that any of them has, and its remarks.

    There is no column of remarks where there are none, and one of measured energy only where some were measured.
    """
    found = columns(run.summary for run in runs)
    shown = [column for column in found if any(column.of(run.summary) is not None for run in runs)]
    remarks = ["; ".join(run.remarks) for run in runs]
    rows = [[str(run.path), *(column.of(run.summary) for column in shown)] for run in runs]
    head = ["run", *(column.short for column in shown)]
    if any(remarks):
        return [*head, "remark"], [[*row, remark] for row, remark in zip(rows, remarks, strict=True)]
    return head, rows


def _part(path: Path, run: Run) -> dict[str, Any]:
    try:
        return read_json(path)
    except RunError as err:
        run.remarks.append(brief(f"unreadable: {err}"))
        return {}


def _text(path: Path, run: Run) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        run.remarks.append(f"{path.name} cannot be read: {err.strerror or err}")
        return ""


def _lines(path: Path, run: Run) -> list[dict[str, Any]]:
    """Return the records of a file of JSON lines, without those that a kill or a fault has damaged."""
    if not path.exists():
        return []
    records, damaged = [], 0
    for line in _text(path, run).splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            damaged += 1
    if damaged:
        run.remarks.append(f"{damaged} damaged lines in {path.name} are left out")
    return records
