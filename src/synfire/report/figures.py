"""Figures from the records of runs, for the report page and for notebooks.

Every function returns a plotly figure, or raises `NothingToShow` with the reason.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from synfire.base import SynfireError
from synfire.report.runs import Run, number

# Told apart also by those who see few colours (M. Okabe and K. Ito, Color Universal Design, 2008).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#999999", "#b59f00")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "pentagon", "hexagon")
PARTS = {"compute": COLOURS[0], "memory": COLOURS[1], "addressing": COLOURS[2]}
SKIPPING = ", skipping zeros"
# Above so many runs a legend is longer than its figure.
NAMED = 16
PERCENTS = [0, 1, 10, 25, 50, 100]
EMITTERS = ("neuron", "quantised", "relu")


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


def accuracy_energy(runs: Sequence[Run], pricer: str) -> go.Figure:
    """Accuracy against energy of one inference, a point per run; a conventional network has a second, skipping zeros.

    The line joins the Pareto front: the runs that no other beats in both.
    """
    points = []
    for place, run in enumerate(runs):
        accuracy = run.result("accuracy")
        for bill, hollow in ((pricer, False), (pricer + SKIPPING, True)):
            energy = picojoules(run, bill)
            if accuracy is not None and energy is not None:
                points.append((energy, 100 * accuracy, run, place, hollow))
    if not points:
        raise NothingToShow("no run has both an accuracy and a trace to price; finish one, or test it again")
    size, unit = energy_unit(max(point[0] for point in points))
    figure = go.Figure()
    front, best = [], float("-inf")
    for energy, accuracy, *_ in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            front.append((energy / size, accuracy))
            best = accuracy
    figure.add_scatter(
        x=[x for x, _ in front], y=[y for _, y in front], mode="lines", name="Pareto front", hoverinfo="skip",
        line={"dash": "dot", "color": COLOURS[6], "shape": "hv"},
    )  # fmt: skip
    if len(runs) <= NAMED:
        groups = [([p], p[2].name + (SKIPPING if p[4] else ""), p[3]) for p in points]
    else:
        kinds = sorted({(p[2].kind, p[4]) for p in points})
        groups = [
            ([p for p in points if (p[2].kind, p[4]) == kind], kind[0] + (SKIPPING if kind[1] else ""), place)
            for place, kind in enumerate(kinds)
        ]
    for members, name, place in groups:
        symbol = SYMBOLS[place % len(SYMBOLS)] + ("-open" if members[0][4] else "")
        figure.add_scatter(
            x=[p[0] / size for p in members], y=[p[1] for p in members], mode="markers", name=text(name),
            text=[text(f"{p[2].name} ({p[2].kind})") for p in members],
            marker={"size": 11, "symbol": symbol, "color": COLOURS[place % len(COLOURS)], "line": {"width": 2}},
            hovertemplate="%{text}<br>%{x:.4g} " + unit + ", %{y:.2f} %<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=f"energy of one inference, {unit}", rangemode="tozero")
    figure.update_yaxes(title="test accuracy, %")
    return figure


def energy_per_layer(run: Run, pricer: str) -> go.Figure:
    """Energy of every layer under a price list, stacked by what it is spent on."""
    bill = run.bills.get(pricer)
    if not bill or not bill["lines"]:
        raise NothingToShow(
            f"{run.name} has no trace to price" if not bill else f"{pricer} prices no layer of {run.name}"
        )
    lines = bill["lines"]
    size, unit = energy_unit(max(sum(line[part] for part in PARTS) for line in lines))
    figure = go.Figure()
    for part, colour in PARTS.items():
        if any(line[part] for line in lines):
            figure.add_bar(
                x=[text(line["name"]) for line in lines], y=[line[part] / size for line in lines],
                name=part, marker_color=colour, hovertemplate=f"%{{x}}<br>%{{y:.4g}} {unit} {part}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="layer, in the order of execution", type="category")
    figure.update_yaxes(title=f"energy of one inference, {unit}")
    return figure


def density(run: Run) -> go.Figure:
    """Share of non-zero outputs of every layer of neurons and every merge, at each step."""
    rows = [row for row in run.rows if row["kind"] in (*EMITTERS, "merge")]
    if not rows:
        raise NothingToShow(f"{run.name} has no trace")
    shares = [[100 * n / (row["samples"] * _size(row)) for n in row["events_by_step"]] for row in rows]
    names = [text(row["name"]) for row in rows]
    longest = max(len(row) for row in shares)
    if longest == 1:
        colours = [COLOURS[2] if row["kind"] == "merge" else COLOURS[0] for row in rows]
        figure = go.Figure(go.Bar(x=names, y=[row[0] for row in shares], marker_color=colours))
        figure.update_traces(hovertemplate="%{x}<br>%{y:.2f} % not zero<extra></extra>")
        figure.update_xaxes(title="layer (green: merges of a branch and its shortcut)", type="category")
        figure.update_yaxes(title="values that are not zero, %")
        return figure
    figure = go.Figure(
        go.Heatmap(
            x=list(range(1, longest + 1)), y=names, z=[row + [None] * (longest - len(row)) for row in shares],
            colorscale="Viridis", zmin=0, colorbar={"title": {"text": "%", "side": "right"}},
            hovertemplate="%{y}, step %{x}<br>%{z:.2f} % not zero<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="step", dtick=max(1, longest // 10))
    figure.update_yaxes(title="layer", autorange="reversed", type="category")
    return figure


def avalanche(run: Run) -> go.Figure:
    """Mean and largest value behind every merge of a residual network, and its barrier (arXiv:2510.24637)."""
    rows = [row for row in run.rows if row["kind"] == "merge"]
    if not rows:
        raise NothingToShow(f"{run.name} has no trace" if not run.rows else f"{run.name} adds no branches")
    names = [text(row["name"]) for row in rows]
    means = [row["spike_total"] / (row["samples"] * _size(row) * len(row["events_by_step"])) for row in rows]
    figure = go.Figure()
    figure.add_scatter(x=names, y=means, name="mean", mode="lines+markers", line_color=COLOURS[0])
    figure.add_scatter(
        x=names, y=[row["largest"] for row in rows], name="largest", mode="lines+markers",
        line={"color": COLOURS[3], "dash": "dot"}, marker_symbol="square",
    )  # fmt: skip
    figure.update_xaxes(title="merge, behind its barrier if there is one", type="category")
    figure.update_yaxes(title="value, spikes per neuron and step", rangemode="tozero")
    return figure


def confusion(run: Run) -> go.Figure:
    """Which class (row) was taken for which (column), in percent of the row."""
    table = run.test.get("confusion")
    if not table:
        raise NothingToShow(f"{run.name} has no confusion matrix")
    classes = class_names(run, len(table))
    shares = [[100 * n / max(1, sum(row)) for n in row] for row in table]
    few = len(table) <= 12
    ticks = {"tickvals": [n**0.5 for n in PERCENTS], "ticktext": PERCENTS}
    # The colours follow the square root, so that single mistakes can be seen beside a strong diagonal.
    figure = go.Figure(
        go.Heatmap(
            x=classes, y=classes, z=[[share**0.5 for share in row] for row in shares], customdata=shares, text=table,
            texttemplate="%{text}" if few else None, colorscale="Blues", zmin=0, zmax=10,
            colorbar={"title": {"text": "% of row", "side": "right"}, **ticks},
            hovertemplate="%{y} taken for %{x}<br>%{text} images, %{customdata:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="taken for", type="category")
    figure.update_yaxes(title="class", autorange="reversed", type="category")
    return figure


def raster(run: Run, sample: int) -> go.Figure:
    """What chosen neurons of every layer emit on one sample: a column per step, layers side by side."""
    layers = (run.test.get("examples") or {}).get("layers")
    if not layers:
        raise NothingToShow(f"{run.name} keeps no samples")
    tallest = max(len(layer["shown"]) for layer in layers)
    columns: list[np.ndarray] = []
    names, middles = [], []
    for layer in layers:
        values = np.asarray(layer["values"][sample], dtype=np.float32)
        for t, emitted in enumerate([*values, []]):  # the last, empty one is a gap between layers
            columns.append(np.full(tallest, np.nan, np.float32))
            columns[-1][: len(emitted)] = emitted
            names.append(f"{text(layer['name'])}, step {t + 1}" if len(emitted) else f"gap after {text(layer['name'])}")
        middles.append(names[len(names) - 1 - (len(values) + 2) // 2])
    figure = go.Figure(
        go.Heatmap(
            x=names[:-1],
            z=np.stack(columns[:-1], axis=1),
            colorscale="Viridis",
            colorbar={"title": {"text": "value", "side": "right"}},
            hoverongaps=False,
            hovertemplate="%{x}<br>row %{y}: %{z}<extra></extra>",
        )
    )
    figure.update_xaxes(
        title="layer, a column per step",
        type="category",
        tickvals=middles,
        ticktext=[text(layer["name"]) for layer in layers],
    )
    figure.update_yaxes(title=f"{tallest} neurons of each layer", showticklabels=False, autorange="reversed")
    return figure


def picture(run: Run, sample: int) -> go.Figure:
    """One stored sample as the network's encoder saw it, normalised to its own darkest and brightest point."""
    pictures = (run.test.get("examples") or {}).get("pictures")
    if not pictures:
        raise NothingToShow(f"{run.name} keeps no samples")
    pixels = np.asarray(pictures[sample], dtype=np.uint8)
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    figure = go.Figure(go.Image(z=colours, hoverinfo="skip"))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def curves(runs: Sequence[Run]) -> go.Figure:
    """Accuracy and loss in training (dotted) and validation, by epoch."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    shown = 0
    for place, run in enumerate(runs):
        for column, (measure, scale) in enumerate((("accuracy", 100.0), ("loss", 1.0)), start=1):
            for part, dash in (("val", "solid"), ("train", "dot")):
                points = [(number(e.get("epoch")), number(e.get(f"{part}/{measure}"))) for e in run.epochs]
                points = [(epoch, value) for epoch, value in points if epoch is not None and value is not None]
                if not points:
                    continue
                shown += 1
                figure.add_scatter(
                    x=[epoch for epoch, _ in points], y=[scale * value for _, value in points], row=1, col=column,
                    mode="lines+markers" if len(points) < 30 else "lines", name=text(run.name), legendgroup=str(place),
                    showlegend=column == 1 and part == "val" and len(runs) <= NAMED,
                    line={"dash": dash, "color": COLOURS[place % len(COLOURS)]},
                    hovertemplate=f"{text(run.name)}, {part}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
                )  # fmt: skip
    if not shown:
        raise NothingToShow("no run has finished an epoch")
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title="accuracy, %", row=1, col=1)
    figure.update_yaxes(title="loss, nats per image", row=1, col=2)
    return figure


def class_names(run: Run, count: int) -> list[str]:
    """Return names of the classes, told apart also where two are the same; numbers where there are none."""
    names = run.test.get("classes") or []
    known = [str(name) for name in names[:count]] + [str(n) for n in range(len(names[:count]), count)]
    return [text(name) if known.count(name) == 1 else text(f"{name} ({place})") for place, name in enumerate(known)]


def _size(row: dict[str, Any]) -> int:
    size = 1
    for n in row["shape"]:
        size *= n
    return size
