"""One self-contained HTML page about runs: figures, tables, caveats; nothing is loaded from a network."""

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from synfire.base import write_atomic
from synfire.report import figures
from synfire.report.figures import SKIPPING, NothingToShow, show_energy
from synfire.report.runs import Run, number

# A page stays below 5 MB: 2 MB are Plotly itself, the rest is left to figures.
LIMIT = 2_700_000

_Make = Callable[[], go.Figure]


def write_page(
    runs: Sequence[Run], path: Path, *, title: str = "synfire report", compare: bool = False, footer: str = ""
) -> list[str]:
    """Write the page about runs to a file, whole or not at all.

    Args:
        runs: at least one, as `read_run` gives them, with their bills.
        path: of the page.
        title: its heading.
        compare: leave out the details of single runs.
        footer: a line for the end of the page, such as the command that wrote it.

    Returns:
        Remarks on what had to be left out.

    Raises:
        RunError: the file cannot be written.
    """
    text, remarks = page(runs, title=title, compare=compare, footer=footer)
    write_atomic(path, lambda file: file.write(text.encode()))
    return remarks


def page(
    runs: Sequence[Run], *, title: str = "synfire report", compare: bool = False, footer: str = ""
) -> tuple[str, list[str]]:
    """Return the text of the page and remarks on what had to be left out; arguments as in `write_page`."""
    pricers = list(dict.fromkeys(name for run in runs for name in run.bills))
    bases = list(dict.fromkeys(name.removesuffix(SKIPPING) for name in pricers))
    content = _Content()
    for base in bases:
        content.add(f"pareto|{base}", partial(figures.accuracy_energy, runs, base))
    if not bases:
        content.missing["pareto|undefined"] = "no run has a trace to price"
    content.add("curves", partial(figures.curves, runs))
    detailed = {} if compare else _details(runs, pricers, content)
    left_out = 0 if compare else len(runs) - len(detailed)
    remarks = []
    if left_out:
        remarks.append(
            f"details of {left_out} of {len(runs)} runs are left out to keep the page below 5 MB; name fewer runs to "
            "see them"
        )
    energies = {
        str(i): {name: show_energy(figures.picojoules(run, _bill_of(run, name))) for name in pricers}
        for i, run in enumerate(runs)
    }
    data = {
        "figures": content.figures,
        "missing": content.missing,
        "runs": detailed,
        "energies": energies,
        "base": {name: name.removesuffix(SKIPPING) for name in pricers},
    }
    assets = files("synfire.report") / "assets"
    hidden = "hidden" if not detailed else ""
    text = Template((assets / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        subtitle=escape(f"{len(runs)} run{'s' if len(runs) > 1 else ''}"),
        style=(assets / "page.css").read_text(encoding="utf-8"),
        script=(assets / "page.js").read_text(encoding="utf-8"),
        pricers="".join(f"<option>{escape(name)}</option>" for name in pricers),
        runs="".join(f'<option value="{i}">{escape(runs[int(i)].name)}</option>' for i in detailed),
        details=hidden,
        table=_table(runs, pricers[0] if pricers else ""),
        remarks=_remarks(runs, remarks),
        footer=escape(footer),
        plotly=_packed(get_plotlyjs()),
        data=_packed(json.dumps(data, allow_nan=False, separators=(",", ":"))),
    )
    return text, remarks


class _Content:
    """Figures by key, and why others are missing."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.missing: dict[str, str] = {}

    def add(self, key: str, make: _Make) -> None:
        try:
            figure = json.loads(make().to_json() or "{}")
        except NothingToShow as reason:
            self.missing[key] = str(reason)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as err:
            self.missing[key] = f"the record is damaged ({type(err).__name__}: {err})"
        else:
            figure["layout"].pop("template", None)
            self.figures[key] = figure

    def join(self, other: "_Content") -> None:
        self.figures |= other.figures
        self.missing |= other.missing


def _details(runs: Sequence[Run], pricers: Sequence[str], content: _Content) -> dict[str, dict[str, Any]]:
    """Add the figures of single runs as long as there is room, and return what else the page tells of them."""
    made: dict[str, dict[str, Any]] = {}
    room = LIMIT
    for i, run in enumerate(runs):
        own = _Content()
        samples = _samples(run)
        for name in pricers:
            own.add(f"energy|{i}|{name}", partial(figures.energy_per_layer, run, _bill_of(run, name)))
        for key, make in (
            ("density", figures.density),
            ("avalanche", figures.avalanche),
            ("confusion", figures.confusion),
        ):
            own.add(f"{key}|{i}", partial(make, run))
        for sample in range(max(1, len(samples))):
            own.add(f"raster|{i}|{sample}", partial(figures.raster, run, sample))
            own.add(f"picture|{i}|{sample}", partial(figures.picture, run, sample))
        told = {
            "name": run.name,
            "recipe": run.recipe,
            "environment": json.dumps(run.environment, indent=2) if run.environment else "",
            "samples": samples,
            "verdicts": _verdicts(run),
            "bills": {name: _bill(run, name) for name in pricers if _bill_of(run, name) in run.bills},
        }
        room -= len(_packed(json.dumps([own.figures, own.missing, told])))
        if room < 0 and made:
            break
        content.join(own)
        made[str(i)] = told
    return made


def _bill_of(run: Run, pricer: str) -> str:
    """Return the list that prices a run: a spiking network skips its zeros in any case."""
    return pricer if pricer in run.bills else pricer.removesuffix(SKIPPING)


def _bill(run: Run, pricer: str) -> dict[str, Any]:
    bill = run.bills[_bill_of(run, pricer)]
    return {
        "total": show_energy(number(bill["picojoules"])),
        "assumptions": bill["assumptions"],
        "source": bill["source"],
    }


def _samples(run: Run) -> list[str]:
    examples = run.test.get("examples") or {}
    try:
        classes = figures.class_names(run, len(run.test["confusion"]))
        pairs = zip(examples["labels"], examples["predicted"], strict=True)
        return [classes[a] if a == b else f"{classes[a]}, taken for {classes[b]}" for a, b in pairs]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return []


def _verdicts(run: Run) -> list[list[str]]:
    if not run.verdicts:
        return [["Not shown: there is no trace of a spiking network."]]
    head = ["limit of", "here", "limit", "verdict", "source"]
    return [head, *([v["says"], f"{v['value']:.3g}", v["limit"], v["verdict"], v["source"]] for v in run.verdicts)]


_FIRST: tuple[tuple[str, Callable[[Run], str]], ...] = (
    ("kind", lambda run: run.kind),
    ("test accuracy, %", lambda run: _show(run.result("accuracy"), 100)),
)
_LAST = (
    ("steps T", lambda run: _show(run.result("steps"))),
    ("non-zeros per image", lambda run: _show(run.result("non_zeros_per_image"))),
    ("spikes per image", lambda run: _show(run.result("spikes_per_image"))),
    ("parameters", lambda run: _show(run.result("parameters"))),
    ("size, bytes", lambda run: _show(number(run.trace.get("bytes")))),
    ("time per image, ms", lambda run: _show(run.result("ms_per_image"))),
    ("measured energy per image, mJ", lambda run: _show(run.result("joules_per_image"), 1000, "not available")),
    ("training, s", lambda run: _show(run.result("seconds"))),
)


def _table(runs: Sequence[Run], pricer: str) -> str:
    head = ["run", *(name for name, _ in _FIRST), "energy", *(name for name, _ in _LAST)]
    lines = []
    for i, run in enumerate(runs):
        cells = [f'<td title="{escape(str(run.path))}">{escape(run.name)}</td>']
        cells += [f"<td>{escape(show(run))}</td>" for _, show in _FIRST]
        energy = show_energy(figures.picojoules(run, _bill_of(run, pricer)))
        cells.append(f'<td data-energy="{i}">{escape(energy)}</td>')
        cells += [f"<td>{escape(show(run))}</td>" for _, show in _LAST]
        lines.append(f'<tr data-run="{i}">{"".join(cells)}</tr>')
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _remarks(runs: Sequence[Run], remarks: Sequence[str]) -> str:
    said = [f"{run.name}: {remark}" for run in runs for remark in run.remarks]
    lines = [f"<li>{escape(remark)}</li>" for remark in [*remarks, *said]]
    return f'<ul class="missing">{"".join(lines)}</ul>' if lines else ""


def _show(value: int | float | None, scale: float = 1, missing: str = "–") -> str:
    if value is None:
        return missing
    value = value * scale
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
