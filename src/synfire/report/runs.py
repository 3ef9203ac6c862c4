"""Run folders as plain records: everything that is there, and a remark for everything that is not."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synfire.base import RunError, read_json

# Name of the column, key in summary.json; the values of a key are described where the summary is written.
RUN_COLUMNS = {
    "accuracy %": "accuracy",
    "non-zeros/image": "non_zeros_per_image",
    "spikes/image": "spikes_per_image",
    "steps": "steps",
    "parameters": "parameters",
    "ms/image": "ms_per_image",
    "train s": "seconds",
}
# Beside accuracy, what tells how good a run is.
QUALITY = {"perplexity": "perplexity", "bits_per_character": "bits per character"}
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
        bills: records of energy by price list, added by whoever can price a trace.
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


def number(value: Any) -> int | float | None:
    """Return a number that is finite, also as a float, as it is, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


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
    missing = [part for part in ("trace", "test") if not (path / f"{part}.json").exists()]
    if run.summary and missing:
        run.remarks.append(f"finished by an older version, without {' and '.join(missing)}")


def describe_results(summary: Mapping[str, Any]) -> str:
    """Return the results of a run in one sentence."""
    quality = [f"{name} {summary[key]:.4g}" for key, name in QUALITY.items() if key in summary]
    if "accuracy" in summary:
        quality.insert(0, f"accuracy {100 * summary['accuracy']:.2f} %")
    [unit] = [key.removeprefix("ms_per_") for key in summary if key.startswith("ms_per_")]
    spikes = summary.get(f"spikes_per_{unit}")
    fired = f"{summary[f'non_zeros_per_{unit}']:,.0f} non-zeros" + (f" and {spikes:,.0f} spikes" if spikes else "")
    return (
        f"{', '.join(quality)}, {fired} per {unit} at T = {summary['steps']}, "
        f"{summary['parameters']:,} parameters, {summary[f'ms_per_{unit}']:.3g} ms per {unit}"
    )


def run_rows(runs: Sequence[Run]) -> list[list[Any]]:
    """Return a row per run: its folder, the values of `RUN_COLUMNS`, and the remarks."""
    return [[str(run.path), *columns(run), "; ".join(run.remarks)] for run in runs]


def columns(run: Run) -> list[int | float | None]:
    """Return the values of `RUN_COLUMNS`, accuracy in percent."""
    values = {key: run.result(key) for key in RUN_COLUMNS.values()}
    if values["accuracy"] is not None:
        values["accuracy"] = 100.0 * values["accuracy"]
    return list(values.values())


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
