"""One self-contained HTML page about a recording of events; nothing is loaded from a network."""

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from synfire.report.drawings import COLOURS, Drawing
from synfire.report.page import packed, plotly

POINTS = 1000  # of a curve
PIXELS = 100_000  # of the map of the sensor


def recording_page(
    title: str,
    facts: Sequence[tuple[str, str]],
    bins: np.ndarray,
    seconds: tuple[float, float],
    pixels: np.ndarray,
    sheet: bytes,
) -> str:
    """Return the page about a recording.

    Args:
        title: its heading, such as the name of the file.
        facts: names and values of a table.
        bins: events by time, OFF before ON, (n, 2).
        seconds: where the first bin begins, and how long each is.
        pixels: events of every pixel, (height, width).
        sheet: a picture of slices of it, PNG.
    """
    figures = {"rate": _rate(bins, *seconds), "balance": _balance(bins, *seconds), "pixels": _pixels(pixels)}
    assets = files("synfire.report") / "assets"
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="words">{escape(value)}</td></tr>' for name, value in facts
    )
    return Template((assets / "recording.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=(assets / "page.css").read_text(encoding="utf-8"),
        script="".join((assets / name).read_text(encoding="utf-8") for name in ("figures.js", "recording.js")),
        facts=rows,
        sheet=base64.b64encode(sheet).decode(),
        plotly=plotly(),
        data=packed(figures),
    )


def _rate(bins: np.ndarray, start: float, length: float) -> Drawing:
    bins, length = _thinned(bins, length)
    times = _edges(bins, start, length)
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": times,
            "y": _rounded(bins[:, polarity].repeat(2) / length), "line": {"color": colour, "dash": dash},
            "hovertemplate": f"%{{x:.4g}} s: %{{y:,.0f}} {name} events per second<extra></extra>",
        }
        for polarity, name, colour, dash in ((1, "ON", COLOURS[1], "solid"), (0, "OFF", COLOURS[0], "dot"))
    ]  # fmt: skip
    yaxis = {"title": {"text": f"events per second, over {length:g} s each"}, "rangemode": "tozero"}
    return {"data": data, "layout": {"xaxis": {"title": {"text": "time, s"}}, "yaxis": yaxis}}


def _balance(bins: np.ndarray, start: float, length: float) -> Drawing:
    bins, length = _thinned(bins, length)
    shares = [round(100 * on / (on + off), 2) if on + off else None for off, on in bins.repeat(2, 0).tolist()]
    line = {
        "type": "scatter", "mode": "lines", "x": _edges(bins, start, length), "y": shares, "name": "ON",
        "line": {"color": COLOURS[1]}, "hovertemplate": "%{x:.4g} s: %{y:.1f} % ON<extra></extra>",
    }  # fmt: skip
    yaxis = {"title": {"text": "ON, % of the events"}, "range": [-2, 102]}
    return {"data": [line], "layout": {"xaxis": {"title": {"text": "time, s"}}, "yaxis": yaxis}}


def _pixels(pixels: np.ndarray) -> Drawing:
    """Draw the events of every pixel on a logarithmic scale, or of every block of pixels where they are many."""
    height, width = pixels.shape
    block = max(1, int(np.ceil((height * width / PIXELS) ** 0.5)))
    rows, columns = np.arange(0, height, block), np.arange(0, width, block)
    counts = np.add.reduceat(np.add.reduceat(pixels, rows, 0), columns, 1)
    most = max(1, int(counts.max()))
    ticks = np.array([n * 10**power for power in range(len(str(most))) for n in (1, 3) if n * 10**power <= most])
    heat = {
        "type": "heatmap", "x": columns.tolist(), "y": rows.tolist(),
        "z": np.log10(1 + counts).round(3).tolist(), "customdata": counts.tolist(),
        "zmin": 0, "zmax": float(np.log10(1 + most)), "colorscale": "Viridis",
        "colorbar": {
            "title": {"text": "events", "side": "right"},
            "tickvals": [0, *np.log10(1 + ticks).tolist()], "ticktext": ["0", *map("{:,}".format, ticks.tolist())],
        },
        "hovertemplate": "x %{x}, y %{y}: %{customdata} events<extra></extra>",
    }  # fmt: skip
    of = "" if block == 1 else f", in blocks of {block} x {block}"
    xaxis = {"title": {"text": f"x, pixels{of}"}, "constrain": "domain", "showgrid": False}
    yaxis = {"title": {"text": "y"}, "autorange": "reversed", "constrain": "domain"}
    yaxis |= {"scaleanchor": "x"} if height > 1 else {"tickvals": [0]}  # channels of a cochlea are no picture
    return {"data": [heat], "layout": {"xaxis": xaxis, "yaxis": {**yaxis, "showgrid": False}}}


def _thinned(bins: np.ndarray, length: float) -> tuple[np.ndarray, float]:
    """Join neighbouring bins until a curve has few enough points."""
    joined = max(1, -(-len(bins) // POINTS))
    return np.add.reduceat(bins, np.arange(0, len(bins), joined), 0), joined * length


def _edges(bins: np.ndarray, start: float, length: float) -> list[float]:
    """Return where each bin begins and ends, so that one alone is a line, too."""
    return _rounded(start + length * np.arange(len(bins) + 1).repeat(2)[1:-1])


def _rounded(values: np.ndarray) -> list[float]:
    return values.round(6).tolist()
