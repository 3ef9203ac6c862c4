"""What run folders say of themselves, side by side."""

from collections.abc import Mapping, Sequence
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


def describe_results(summary: Mapping[str, Any]) -> str:
    """Return the results of a run in one sentence."""
    spikes = summary.get("spikes_per_image")
    fired = f"{summary['non_zeros_per_image']:,.0f} non-zeros" + (f" and {spikes:,.0f} spikes" if spikes else "")
    return (
        f"accuracy {100 * summary['accuracy']:.2f} %, {fired} per image at T = {summary['steps']}, "
        f"{summary['parameters']:,} parameters, {summary['ms_per_image']:.3g} ms per image"
    )


def run_rows(runs: Sequence[Path]) -> list[list[Any]]:
    """Return a row per run: its folder, the values of `RUN_COLUMNS`, and a remark where it is not whole."""
    return [_row(run) for run in runs]


def _row(run: Path) -> list[Any]:
    try:
        summary = read_json(run / "summary.json")
    except RunError as err:
        return [str(run), *(None for _ in RUN_COLUMNS), _remark(run, err)]
    values = {key: summary.get(key) for key in RUN_COLUMNS.values()}
    if isinstance(values["accuracy"], int | float):
        values["accuracy"] = 100.0 * values["accuracy"]
    return [str(run), *(_number(value) for value in values.values()), ""]


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) else None


def _remark(run: Path, err: RunError) -> str:
    if not run.is_dir():
        return "no such folder"
    if (run / "summary.json").exists():
        return f"unreadable: {err}"
    if not (run / "recipe.yaml").exists():
        return "not a run folder"
    metrics = run / "metrics.jsonl"
    epochs = metrics.read_bytes().count(b"\n") if metrics.exists() else 0
    return f"unfinished after {epochs} epochs; continue with --resume"
