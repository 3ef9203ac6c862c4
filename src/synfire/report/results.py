"""Results by the keys of summary.json: which there are, what they are called, and in which unit they are shown.

A task logs what it likes, so nothing here knows of tasks: keys <what>_per_<unit> tell of activity, time and energy,
some tell of every run, and all others are measures such as accuracy, perplexity or mse.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# Measures that are shares, by how their names end, and the decimals of their percentages.
SHARES = {"accuracy": 2, "agreement": 3}
_OF_EVERY_RUN = ("schema", "steps", "sensor_ms_per_step", "parameters", "epochs", "seconds", "seed")
_PER = re.compile(r"(non_zeros|spikes|ms|joules)_per_([a-z_]{1,40})")
_MEASURE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Column:
    """A column of a table of results.

    Attributes:
        key: in summary.json.
        short: heading where there is little room, such as "ms/image".
        title: heading, such as "time per image, ms".
        kind: what it tells of.
        scale: what a value is multiplied by.
        missing: what stands for a value that is not there.
    """

    key: str
    short: str
    title: str
    kind: Literal["measure", "activity", "network", "time", "energy"]
    scale: float | None = None
    missing: str = "–"

    def of(self, summary: Mapping[str, Any]) -> int | float | None:
        """Return what a run has in this column, or None."""
        value = number(summary.get(self.key))
        return value if value is None or self.scale is None else float(self.scale * value)


def columns(summaries: Iterable[Mapping[str, Any]]) -> list[Column]:
    """Return the columns that some run fills, and the energies beside the times: those may not have been measured.

    The loss is left out where a run tells more than that.
    """
    keys = dict.fromkeys(key for summary in summaries for key in summary if number(summary[key]) is not None)
    measures = measures_of(keys)
    units = list(dict.fromkeys(found[2] for key in keys if (found := _PER.fullmatch(key))))
    made = [_measure(key) for key in measures]
    for unit in units:
        made.append(Column(f"non_zeros_per_{unit}", f"non-zeros/{unit}", f"non-zeros per {unit}", "activity"))
        made.append(Column(f"spikes_per_{unit}", f"spikes/{unit}", f"spikes per {unit}", "activity"))
    made.append(Column("steps", "steps", "steps T", "network"))
    made.append(Column("sensor_ms_per_step", "sensor ms/step", "sensor time per step, ms", "network"))
    made.append(Column("parameters", "parameters", "parameters", "network"))
    made += [Column(f"ms_per_{unit}", f"ms/{unit}", f"time per {unit}, ms", "time") for unit in units]
    made.append(Column("seconds", "train s", "training, s", "time"))
    filled = [column for column in made if column.key in keys]
    return filled + [
        Column(f"joules_per_{unit}", f"mJ/{unit}", f"measured energy per {unit}, mJ", "energy", 1000, "not available")
        for unit in units
    ]


def describe_results(summary: Mapping[str, Any]) -> str:
    """Return the results of a run in one sentence, of what there is."""
    parts = [f"{key.replace('_', ' ')} {show_measure(key, summary[key])}" for key in measures_of(summary)]
    units = dict.fromkeys(found[2] for key in summary if (found := _PER.fullmatch(key)))
    for unit in units:
        counts = (("non-zeros", f"non_zeros_per_{unit}"), ("spikes", f"spikes_per_{unit}"))
        fired = [f"{summary[key]:,.0f} {name}" for name, key in counts if summary.get(key)]
        parts += [f"{' and '.join(fired)} per {unit}"] if fired else []
    if "steps" in summary:
        told = number(summary.get("sensor_ms_per_step"))
        of_sensor = "" if told is None else f" of {told:.3g} ms of sensor time"
        parts[-1:] = [f"{' '.join(parts[-1:])} at T = {summary['steps']}{of_sensor}".strip()]
    parts += [f"{summary['parameters']:,} parameters"] if "parameters" in summary else []
    parts += [f"{summary[f'ms_per_{unit}']:.3g} ms per {unit}" for unit in units if f"ms_per_{unit}" in summary]
    return ", ".join(parts)


def measures_of(keys: Iterable[str]) -> list[str]:
    """Return which keys are measures, those that are shares first, and without the loss where there is another."""
    found = [k for k in keys if k not in _OF_EVERY_RUN and not _PER.fullmatch(k) and _MEASURE.fullmatch(k)]
    found.sort(key=lambda key: decimals(key) is None)
    return [key for key in found if key != "loss"] or found


def show_measure(key: str, value: float, places: int | None = None) -> str:
    """Return a measure as text: shares in percent, with so many decimals or as many as `SHARES` says."""
    own = decimals(key)
    if own is not None:
        return f"{100 * value:.{own if places is None else places}f} %"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def decimals(key: str) -> int | None:
    """Return how many decimals the percentage of a share has, or None for what is no share."""
    return next((places for end, places in SHARES.items() if key.endswith(end)), None)


def number(value: Any) -> int | float | None:
    """Return a number that is finite, also as a float, as it is, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def _measure(key: str) -> Column:
    name = key.replace("_", " ")
    if decimals(key) is None:
        return Column(key, name, f"test {name}", "measure")
    return Column(key, f"{name} %", f"test {name}, %", "measure", 100.0)
