"""What `figures` shows of single samples: the values in every layer, and what the network saw."""

from typing import Any

import numpy as np

from synfire.report.drawings import Drawing, NothingToShow, numbers, text, titled
from synfire.report.runs import Run
from synfire.report.slices import event_picture


def raster(run: Run, sample: int) -> Drawing:
    """Draw `figures.raster`."""
    layers = (run.test.get("examples") or {}).get("layers")
    if not layers:
        raise NothingToShow(f"{run.name} keeps no samples")
    emitted = [np.asarray(layer["values"][sample], dtype=np.float64) for layer in layers]
    if not all(values.ndim == 2 and values.size and np.isfinite(values).all() for values in emitted):
        raise ValueError("the values of a layer are no table of steps and neurons")
    titles = [text(layer["name"]) for layer in layers]
    tallest = max(values.shape[1] for values in emitted)
    names, middles = [], []
    columns: list[list[float | None]] = []
    for title, values in zip(titles, emitted, strict=True):
        steps = [f"{title}, step {t}" for t in range(1, len(values) + 1)]
        middles.append(steps[(len(steps) - 1) // 2])
        names += [*steps, f"gap after {title}"]
        columns += [[*step, *[None] * (tallest - len(step))] for step in numbers(values)]
        columns.append([None] * tallest)
    heat = {
        "type": "heatmap", "x": names[:-1], "z": [list(row) for row in zip(*columns[:-1], strict=True)],
        "colorscale": "Viridis", "colorbar": {"title": {"text": "value", "side": "right"}}, "hoverongaps": False,
        "hovertemplate": "%{x}<br>row %{y}: %{z}<extra></extra>",
    }  # fmt: skip
    xaxis = {"type": "category", "tickmode": "array", "tickvals": middles, "ticktext": titles}
    yaxis = {"showticklabels": False, "autorange": "reversed"}
    return titled([heat], x="layer, a column per step", y=f"{tallest} neurons of each layer", xaxis=xaxis, yaxis=yaxis)


def has_frames(run: Run) -> bool:
    """Return whether a run keeps what `events` draws."""
    examples = run.test.get("examples")
    return isinstance(examples, dict) and "frames" in examples


def events(run: Run, sample: int) -> Drawing:
    """Draw `figures.events`."""
    if not has_frames(run):
        raise NothingToShow(f"{run.name} keeps no frames of events")
    examples = run.test["examples"]
    found, layers = examples["frames"], examples["layers"]
    steps, joined = int(found["steps"]), int(found["joined"])
    height, width = (int(side) for side in found["size"])
    shown = [
        {
            "source": event_picture(off, on, height, width), "layer": "above", "sizing": "contain",
            "xref": "x", "x": 0.5 + joined * (place + 0.5), "sizex": joined, "xanchor": "center",
            "yref": "y", "y": 1, "sizey": 1, "yanchor": "top",
        }
        for place, (off, on) in enumerate(zip(found["off"][sample], found["on"][sample], strict=True))
    ]  # fmt: skip
    if not 0 < len(shown) <= steps:
        raise ValueError("the frames of a sample are more than its steps")
    rows: list[list[Any]] = []
    middles = []
    at_once = steps > 1 and all(len(layer["values"][sample]) == 1 for layer in layers)  # frames as channels
    for layer in layers:
        values = np.asarray(layer["values"][sample], dtype=np.float64)
        values = values.repeat(steps, 0) if at_once else values
        if values.ndim != 2 or not values.size or len(values) > steps or not np.isfinite(values).all():
            raise ValueError("the values of a layer are no table of steps and neurons")
        middles.append(len(rows) + values.shape[1] // 2)
        rows += [[*row, *[None] * (steps - len(row))] for row in numbers(values.T)]
        rows += [[None] * steps] * max(1, values.shape[1] // 20)
    heat = {
        "type": "heatmap", "x": list(range(1, steps + 1)), "z": rows, "yaxis": "y2", "colorscale": "Viridis",
        "colorbar": {"title": {"text": "value", "side": "right"}, "len": 0.65, "y": 0, "yanchor": "bottom"},
        "hoverongaps": False, "hovertemplate": "%{z}<extra></extra>" if at_once else "step %{x}: %{z}<extra></extra>",
    }  # fmt: skip
    title = "frame, all of them channels of one step" if at_once else "step"
    names = {"tickmode": "array", "tickvals": middles, "ticktext": [text(layer["name"]) for layer in layers]}
    axes = {
        "xaxis": {"title": {"text": title}, "range": [0.5, steps + 0.5], "dtick": max(1, steps // 16), "anchor": "y2"},
        "yaxis": {"domain": [0.7, 1.0], "range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis2": {"domain": [0.0, 0.67], "autorange": "reversed", "showgrid": False, **names},
    }  # fmt: skip
    return {"data": [heat], "layout": {**axes, "images": shown}}


def picture(run: Run, sample: int) -> Drawing:
    """Draw `figures.picture`."""
    pictures = (run.test.get("examples") or {}).get("pictures")
    if not pictures:
        raise NothingToShow(f"{run.name} keeps no samples")
    pixels = np.asarray(pictures[sample], dtype=np.uint8)
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    image = {"type": "image", "z": colours.tolist(), "hoverinfo": "skip"}
    return {"data": [image], "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}
