"""What `figures` shows, as plain data: quick to make and ready for a page.

Every function returns the traces and the layout of a figure, or raises `NothingToShow` with the reason. A record that
is damaged raises one of `DAMAGED`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from synfire.base import SynfireError
from synfire.report.results import decimals, measures_of, number
from synfire.report.runs import Run, brief, labels

Drawing = dict[str, Any]

# Told apart also by those who see few colours (M. Okabe and K. Ito, Color Universal Design, 2008).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#999999", "#b59f00")
# Of C. Brewer, colorbrewer2.org.
BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "pentagon", "hexagon")
PARTS = {"compute": COLOURS[0], "memory": COLOURS[1], "addressing": COLOURS[2]}
SKIPPING = ", skipping zeros"
# Above so many runs a legend is longer than its figure.
NAMED = 16
PERCENTS = [0, 1, 10, 25, 50, 100]
EMITTERS = ("neuron", "quantised", "relu")
HOW_TO_TRACE = (
    "synfire train writes it at the end of a run, and older versions of synfire wrote none. Finish the run with "
    "--resume, or train it again"
)
NO_TRACE = f"has no trace.json that can be read: {HOW_TO_TRACE}"
DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)


class NothingToShow(SynfireError):
    """The records lack what a figure needs; the message says what."""


def text(value: object) -> str:
    """Return a name so that Plotly shows it letter by letter, without reading tags from it."""
    return escape(str(value), quote=False)


def energy_unit(picojoules: float) -> tuple[float, str]:
    """Return the divisor and the name of the unit in which an energy reads best."""
    for size, name in ((1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ")):
        if picojoules >= size:
            return size, name
    return 1.0, "pJ"


def show_energy(picojoules: float | None) -> str:
    """Return an energy with its unit, four digits."""
    if picojoules is None:
        return "–"
    size, unit = energy_unit(picojoules)
    return f"{picojoules / size:.4g} {unit}"


def picojoules(run: Run, pricer: str) -> float | None:
    """Return the energy of one inference under a price list, or None without a bill."""
    return number(run.bills.get(pricer, {}).get("picojoules"))


def class_names(run: Run, count: int) -> list[str]:
    """Return names of the classes, told apart also where two are the same; numbers where there are none."""
    names = run.test.get("classes") or []
    known = [str(name) for name in names[:count]] + [str(n) for n in range(len(names[:count]), count)]
    often = Counter(known)
    return [text(name) if often[name] == 1 else text(f"{name} ({place})") for place, name in enumerate(known)]


def titled(data: list[Drawing], x: str, y: str, **layout: Any) -> Drawing:
    """Return a drawing whose axes have titles."""
    axes = {axis: {"title": {"text": title}, **layout.pop(axis, {})} for axis, title in (("xaxis", x), ("yaxis", y))}
    return {"data": data, "layout": {**layout, **axes}}


def numbers(values: np.ndarray) -> list[Any]:
    """Return a table as lists, without decimal points where there are whole numbers alone."""
    whole = bool((values == values.round()).all()) and float(np.abs(values).max(initial=0)) < 2**53
    return (values.astype(np.int64) if whole else values).tolist()


def accuracy_energy(runs: Sequence[Run], pricer: str) -> Drawing:
    """Draw `figures.accuracy_energy`."""
    names = labels(runs)
    points = []
    for place, run in enumerate(runs):
        accuracy = _percent(run.result("accuracy"))
        for bill, hollow in ((pricer, False), (pricer + SKIPPING, True)):
            energy = picojoules(run, bill)
            if accuracy is not None and energy is not None:
                points.append((energy, accuracy, place, hollow))
    if not points:
        raise NothingToShow("no run has both an accuracy and a trace to price; finish one, or test it again")
    size, unit = energy_unit(max(point[0] for point in points))
    front, best = [], float("-inf")
    for energy, accuracy, *_ in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            front.append((energy / size, accuracy))
            best = accuracy
    data: list[Drawing] = [
        {
            "type": "scatter", "mode": "lines", "x": [x for x, _ in front], "y": [y for _, y in front],
            "name": "Pareto front", "hoverinfo": "skip", "line": {"dash": "dot", "color": COLOURS[6], "shape": "hv"},
        }
    ]  # fmt: skip
    if len(runs) <= NAMED:
        groups = [([p], names[p[2]] + (SKIPPING if p[3] else ""), p[2]) for p in points]
    else:
        kinds = sorted({(runs[p[2]].kind, p[3]) for p in points})
        groups = [
            ([p for p in points if (runs[p[2]].kind, p[3]) == kind], kind[0] + (SKIPPING if kind[1] else ""), place)
            for place, kind in enumerate(kinds)
        ]
    for members, name, place in groups:
        symbol = SYMBOLS[place % len(SYMBOLS)] + ("-open" if members[0][3] else "")
        data.append({
            "type": "scatter", "mode": "markers", "name": text(name),
            "x": [p[0] / size for p in members], "y": [p[1] for p in members],
            "text": [text(f"{names[p[2]]} ({runs[p[2]].kind})") for p in members],
            "marker": {
                "size": 11, "symbol": symbol, "color": COLOURS[place % len(COLOURS)], "line": {"width": 2}
            },
            "hovertemplate": "%{text}<br>%{x:.4g} " + unit + ", %{y:.2f} %<extra></extra>",
        })  # fmt: skip
    return titled(data, x=f"energy of one inference, {unit}", y="test accuracy, %", xaxis={"rangemode": "tozero"})


def energy_per_layer(run: Run, pricer: str) -> Drawing:
    """Draw `figures.energy_per_layer`."""
    bill = run.bills.get(pricer)
    if not bill:
        raise NothingToShow(no_bill(run))
    if not bill["lines"]:
        raise NothingToShow(f"{pricer} prices no layer of {run.name}")
    lines = [{"name": text(line["name"]), **{part: _measured(line[part]) for part in PARTS}} for line in bill["lines"]]
    size, unit = energy_unit(max(sum(line[part] for part in PARTS) for line in lines))
    names = [line["name"] for line in lines]
    data = [
        {
            "type": "bar", "x": names, "y": [line[part] / size for line in lines], "name": part,
            "marker": {"color": colour}, "hovertemplate": f"%{{x}}<br>%{{y:.4g}} {unit} {part}<extra></extra>",
        }
        for part, colour in PARTS.items()
        if any(line[part] for line in lines)
    ]  # fmt: skip
    layout = {"barmode": "stack", "xaxis": _every(names)}
    return titled(data, x="layer", y=f"energy of one inference, {unit}", **layout)


def no_bill(run: Run) -> str:
    """Return why a run has no energy, and what to do about it."""
    if run.trace:
        return f"{run.name} has a trace.json that cannot be priced, see the remarks; train it again"
    return f"{run.name} {NO_TRACE}"


def density(run: Run) -> Drawing:
    """Draw `figures.density`."""
    rows = [row for row in run.rows if row["kind"] in (*EMITTERS, "merge")]
    if not rows:
        raise NothingToShow(f"{run.name} {NO_TRACE}")
    shares = [
        [round(100 * _measured(n) / (_measured(row["samples"]) * _size(row)), 4) for n in row["events_by_step"]]
        for row in rows
    ]
    names = [text(row["name"]) for row in rows]
    longest = max(len(row) for row in shares)
    if longest == 1:
        data = [
            {
                "type": "bar", "name": name, "marker": {"color": colour},
                "x": [names[i] for i in places], "y": [shares[i][0] for i in places],
                "hovertemplate": "%{x}<br>%{y:.2f} % not zero<extra></extra>",
            }
            for name, colour, merges in (("neurons", COLOURS[0], False), ("merge of branches", COLOURS[2], True))
            if (places := [i for i, row in enumerate(rows) if (row["kind"] == "merge") is merges and shares[i]])
        ]  # fmt: skip
        order = {"categoryorder": "array", "categoryarray": names}
        layout = {"barmode": "overlay", "showlegend": len(data) > 1, "xaxis": {**_every(names), **order}}
        return titled(data, x="layer", y="values that are not zero, %", **layout)
    heat = {
        "type": "heatmap", "x": list(range(1, longest + 1)), "y": names,
        "z": [row + [None] * (longest - len(row)) for row in shares], "colorscale": "Viridis",
        "zmin": 0, "zmax": max(map(max, filter(None, shares)), default=0) or 1,
        "colorbar": {"title": {"text": "%", "side": "right"}},
        "hovertemplate": "%{y}, step %{x}<br>%{z:.2f} % not zero<extra></extra>",
    }  # fmt: skip
    axes = {"xaxis": {"dtick": max(1, longest // 10)}, "yaxis": {**_every(names), "autorange": "reversed"}}
    return titled([heat], x="step", y="layer", **axes)


def avalanche(run: Run) -> Drawing:
    """Draw `figures.avalanche`."""
    rows = [row for row in run.rows if row["kind"] == "merge"]
    if not rows:
        raise NothingToShow(f"{run.name} adds no branches" if run.rows else f"{run.name} {NO_TRACE}")
    names = [text(row["name"]) for row in rows]
    means = [
        _measured(row["spike_total"]) / (_measured(row["samples"]) * _size(row) * len(row["events_by_step"]))
        for row in rows
    ]
    data = [
        {
            "type": "scatter", "mode": "lines+markers", "x": names, "y": means, "name": "mean",
            "line": {"color": COLOURS[0]},
        },
        {
            "type": "scatter", "mode": "lines+markers", "x": names, "y": [_measured(row["largest"]) for row in rows],
            "name": "largest", "line": {"color": COLOURS[3], "dash": "dot"}, "marker": {"symbol": "square"},
        },
    ]  # fmt: skip
    value = "spikes per neuron and step" if run.kind == "spiking" else "size of activations"
    axes = {"xaxis": _every(names), "yaxis": {"rangemode": "tozero"}}
    return titled(data, x="merge, behind its barrier if there is one", y=value, **axes)


def confusion(run: Run) -> Drawing:
    """Draw `figures.confusion`."""
    if not run.test.get("confusion"):
        raise NothingToShow(f"{run.name} has no confusion matrix")
    table = np.asarray(run.test["confusion"], dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not (np.isfinite(table) & (table >= 0)).all():
        raise ValueError("the confusion matrix is no square of counts")
    classes = class_names(run, len(table))
    shares = 100 * table / np.maximum(1, table.sum(1, keepdims=True))
    # The colours follow the square root, so that single mistakes can be seen beside a strong diagonal.
    ticks = {"tickvals": [n**0.5 for n in PERCENTS], "ticktext": [str(n) for n in PERCENTS]}
    heat = {
        "type": "heatmap", "x": classes, "y": classes, "z": np.sqrt(shares).round(3).tolist(),
        "customdata": shares.round(1).tolist(), "text": numbers(table), "zmin": 0, "zmax": 10,
        "colorscale": [[place / (len(BLUES) - 1), colour] for place, colour in enumerate(BLUES)],
        "colorbar": {"title": {"text": "% of row", "side": "right"}, **ticks},
        "hovertemplate": "%{y} taken for %{x}<br>%{text} images, %{customdata:.1f} %<extra></extra>",
        **({"texttemplate": "%{text}"} if len(table) <= 12 else {}),
    }  # fmt: skip
    axes = {"xaxis": {"type": "category"}, "yaxis": {"autorange": "reversed", "type": "category"}}
    return titled([heat], x="taken for", y="class", **axes)


def curves(runs: Sequence[Run], most: int | None = None) -> Drawing:
    """Draw `figures.curves`.

    Args:
        runs: any.
        most: of a longer curve so many points are shown, first and last among them, rounded to five digits.
    """
    data: list[Drawing] = []
    seen = dict.fromkeys(key.partition("/")[2] for run in runs for epoch in run.epochs for key in epoch if "/" in key)
    first = "accuracy" if "accuracy" in seen else next(iter(measures_of(seen)), "accuracy")
    share = decimals(first) is not None
    for place, (run, name) in enumerate(zip(runs, labels(runs), strict=True)):
        for axis, (measure, show) in {"": (first, _percent if share else number), "2": ("loss", number)}.items():
            for part, dash in (("val", "solid"), ("train", "dot")):
                found = [(number(e.get("epoch")), show(e.get(f"{part}/{measure}"))) for e in run.epochs]
                points = [(epoch, value) for epoch, value in found if epoch is not None and value is not None]
                if not points:
                    continue
                if most is not None:
                    points = [(epoch, float(f"{value:.5g}")) for epoch, value in _thinned(points, most)]
                data.append({
                    "type": "scatter", "mode": "lines+markers" if len(points) < 30 else "lines",
                    "x": [epoch for epoch, _ in points], "y": [value for _, value in points],
                    "xaxis": f"x{axis}", "yaxis": f"y{axis}", "name": text(name), "legendgroup": str(place),
                    "showlegend": not axis and part == "val" and len(runs) <= NAMED,
                    "line": {"dash": dash, "color": COLOURS[place % len(COLOURS)]},
                    "hovertemplate": f"{text(name)}, {part}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
                })  # fmt: skip
    if not data:
        raise NothingToShow("no run has finished an epoch")
    layout = {
        "xaxis": {"anchor": "y", "domain": [0.0, 0.44], "title": {"text": "epoch"}},
        "yaxis": {"anchor": "x", "title": {"text": first.replace("_", " ") + (", %" if share else "")}},
        "xaxis2": {"anchor": "y2", "domain": [0.56, 1.0], "title": {"text": "epoch"}},
        "yaxis2": {"anchor": "x2", "title": {"text": "loss, nats per image" if first == "accuracy" else "loss"}},
    }
    return {"data": data, "layout": layout}


def _every(names: Iterable[str]) -> Drawing:
    """Return an axis of names on which none is skipped."""
    return {"type": "category", "tickmode": "array", "tickvals": list(dict.fromkeys(names))}


def _thinned(points: Sequence[Any], most: int) -> Sequence[Any]:
    if len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _percent(value: Any) -> float | None:
    share = number(value)
    return None if share is None else number(100.0 * share)


def _measured(value: Any) -> int | float:
    found = number(value)
    if found is None:
        raise ValueError(f"{brief(repr(value))} is no finite number")
    return found


def _size(row: dict[str, Any]) -> int | float:
    size = 1
    for n in row["shape"]:
        size *= _measured(n)
    return size
