"""One self-contained HTML page about runs: figures, tables, caveats; nothing is loaded from a network."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from synfire.base import write_atomic
from synfire.report import drawings, samples
from synfire.report.drawings import DAMAGED, HOW_TO_TRACE, SKIPPING, Drawing, NothingToShow, show_energy
from synfire.report.results import Column, columns, number
from synfire.report.runs import Run, brief, labels

# Bytes of a page, 2 million of which are Plotly itself.
LIMIT = 5_000_000
# Of these, for the curves of all runs, and for what is not counted one by one.
CURVES = 1_000_000
SPARE = 30_000
POINTS = (100, 30, 10, 2)
TEXT = 50_000
SAMPLES = 32
LEVEL = 6
LEFT_OUT = "left out to keep the page below 5 MB"

_Make = Callable[[], Drawing]


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
    write_atomic(path, lambda file: file.write(_bytes(text)))
    return remarks


def page(
    runs: Sequence[Run], *, title: str = "synfire report", compare: bool = False, footer: str = ""
) -> tuple[str, list[str]]:
    """Return the text of the page and remarks on what had to be left out; arguments as in `write_page`."""
    shown, spare = list(runs), SPARE
    while True:
        made = _Page(shown, len(runs), title, brief(footer, TEXT))
        if not compare:
            made.add_details(spare)
        text = made.render()
        excess = len(_bytes(text)) - LIMIT
        if excess <= 0:
            return text, made.remarks
        if made.details:
            spare += excess + SPARE
        elif len(shown) > 1:
            shown = shown[: len(shown) // 2]
        else:
            return text, made.remarks


@dataclass
class _Content:
    """Figures by key, as JSON, and why others are missing."""

    figures: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, make: _Make) -> None:
        try:
            figure = _json(make())
        except NothingToShow as reason:
            self.missing[key] = brief(str(reason))
        except DAMAGED as err:
            self.missing[key] = brief(f"the record is damaged ({type(err).__name__}: {err})")
        else:
            self.figures[key] = figure

    def join(self, other: "_Content") -> None:
        self.figures |= other.figures
        self.missing |= other.missing

    @property
    def text(self) -> str:
        """All of it as JSON."""
        return _object(self.figures) + _json(self.missing)


class _Room:
    """Keeps count of the bytes that are left on the page, packed as they will be."""

    def __init__(self, left: int) -> None:
        self.left = left
        self._packer = zlib.compressobj(LEVEL)

    def take(self, text: str) -> bool:
        """Take the room for a text if there is enough."""
        if self.left <= 0:
            return False
        packer = self._packer.copy()
        size = 4 * len(packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)) // 3
        if size > self.left:
            return False
        self.left -= size
        self._packer = packer
        return True


class _Page:
    """Collects what a page shows, as long as there is room."""

    def __init__(self, runs: Sequence[Run], given: int, title: str, footer: str) -> None:
        self.runs, self.title, self.footer = runs, title, footer
        self.names = labels(runs)
        self.pricers = list(dict.fromkeys(name for run in runs for name in run.bills))
        self.details: dict[str, str] = {}
        self.remarks: list[str] = []
        if len(runs) < given:
            self.remarks.append(
                f"runs {LEFT_OUT}: the last {given - len(runs)} of {given}; name fewer runs to see more"
            )
        self.content = _Content()
        bases = list(dict.fromkeys(name.removesuffix(SKIPPING) for name in self.pricers))
        for base in bases:
            self.content.add(f"pareto|{base}", partial(drawings.accuracy_energy, runs, base))
        if not bases:
            self.content.missing["pareto"] = f"no run here has a trace.json that can be priced: {HOW_TO_TRACE}"
        own = _Content()
        for most in POINTS:
            own = _Content()
            own.add("curves", partial(drawings.curves, runs, most))
            if len(_packed(own.text)) <= CURVES:
                break
        self.content.join(own)

    def add_details(self, spare: int) -> None:
        """Add the figures of single runs: first the small ones of all, then the large ones where they fit."""
        room = _Room(LIMIT - spare - len(_bytes(self.render())))
        left: list[str] = []
        for i, run in enumerate(self.runs):
            if room.left > 0:
                own, told = self._small(i, run), _json(self._told(i, run))
                if room.take(own.text + told):
                    room.left -= len(_bytes(_option(i, self.names[i])))
                    self.details[str(i)] = told
                    self.content.join(own)
                    continue
            left.append(self.names[i])
        self._leave_out("details", left)
        for kind, what, draw in (
            ("density", "density per step", drawings.density),
            ("confusion", "confusion matrix", drawings.confusion),
        ):
            left = []
            for i in map(int, self.details):
                if not self._add({f"{kind}|{i}": partial(draw, self.runs[i])}, room):
                    self.content.missing[f"{kind}|{i}"] = LEFT_OUT
                    left.append(self.names[i])
            self._leave_out(what, left)
        self._add_samples(room)

    def _small(self, i: int, run: Run) -> _Content:
        own = _Content()
        for name in self.pricers:
            if _bill_of(run, name) in run.bills:
                own.add(f"energy|{i}|{name}", partial(drawings.energy_per_layer, run, _bill_of(run, name)))
        if not run.bills:
            own.missing[f"energy|{i}"] = brief(drawings.no_bill(run))
        own.add(f"avalanche|{i}", partial(drawings.avalanche, run))
        return own

    def _add_samples(self, room: _Room) -> None:
        """Add the samples, the first of every run before the second of any."""
        waiting = {i: len(_samples(self.runs[i])) or 1 for i in map(int, self.details)}
        left, bare = [], False
        for sample in range(SAMPLES):
            for i in [i for i, count in waiting.items() if sample < count]:
                makes = {
                    f"raster|{i}|{sample}": partial(samples.raster, self.runs[i], sample),
                    f"picture|{i}|{sample}": partial(samples.picture, self.runs[i], sample),
                }
                if samples.has_frames(self.runs[i]):
                    makes[f"events|{i}|{sample}"] = partial(samples.events, self.runs[i], sample)
                if not self._add(makes, room):
                    del waiting[i]
                    bare = bare or not sample
                    self.content.missing |= {f"raster|{i}": LEFT_OUT, f"picture|{i}": LEFT_OUT}
                    left.append(self.names[i])
        self._leave_out("samples" if bare else "some samples", left)

    def _add(self, makes: dict[str, _Make], room: _Room) -> bool:
        own = _Content()
        for key, make in makes.items():
            own.add(key, make)
        if not room.take(own.text):
            return False
        self.content.join(own)
        return True

    def _leave_out(self, what: str, names: Sequence[str]) -> None:
        if names:
            whose = f"{len(names)} of {len(self.runs)} runs; name fewer runs to see more"
            self.remarks.append(f"{what} {LEFT_OUT}: {whose if len(self.runs) > 1 else brief(names[0])}")

    def _told(self, i: int, run: Run) -> dict[str, Any]:
        try:
            environment = json.dumps(run.environment, indent=2) if run.environment else ""
        except RecursionError:
            environment = "environment.json is nested too deeply to be shown."
        return {
            "name": self.names[i],
            "recipe": _cut(run.recipe),
            "environment": _cut(environment),
            "samples": _samples(run),
            "verdicts": _verdicts(run),
            "bills": {name: _bill(run, name) for name in self.pricers if _bill_of(run, name) in run.bills},
        }

    def render(self) -> str:
        """Return the page with what was added so far."""
        energies = {
            str(i): {name: show_energy(drawings.picojoules(run, _bill_of(run, name))) for name in self.pricers}
            for i, run in enumerate(self.runs)
        }
        data = {
            "figures": _object(self.content.figures),
            "missing": _json(self.content.missing),
            "runs": _object(self.details),
            "energies": _json(energies),
            "base": _json({name: name.removesuffix(SKIPPING) for name in self.pricers}),
        }
        assets = files("synfire.report") / "assets"
        options = "".join(f"<option>{escape(name)}</option>" for name in self.pricers)
        details = "".join(_option(int(i), self.names[int(i)]) for i in self.details)
        return Template((assets / "page.html").read_text(encoding="utf-8")).substitute(
            title=escape(self.title),
            subtitle=escape(f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''}"),
            style=(assets / "page.css").read_text(encoding="utf-8"),
            script="".join((assets / name).read_text(encoding="utf-8") for name in ("figures.js", "page.js")),
            priced="" if options else "disabled",
            pricers=options or '<option value="">no run has a trace.json to price</option>',
            runs=details,
            details="" if details else "hidden",
            table=_table(self.runs, self.names, self.pricers[0] if self.pricers else ""),
            remarks=_remarks(self.runs, self.names, self.remarks),
            footer=escape(self.footer),
            plotly=plotly(),
            data=_packed(_object(data)),
        )


def _bill_of(run: Run, pricer: str) -> str:
    """Return the list that prices a run: a spiking network skips its zeros in any case."""
    return pricer if pricer in run.bills else pricer.removesuffix(SKIPPING)


def _bill(run: Run, pricer: str) -> dict[str, Any]:
    bill = run.bills[_bill_of(run, pricer)]
    return {
        "total": show_energy(number(bill["picojoules"])),
        "assumptions": bill["assumptions"],
        "source": bill["source"],
        "limits": [_limit(bill["break_even"])] if "break_even" in bill else [],
    }


def _samples(run: Run) -> list[str]:
    examples = run.test.get("examples") or {}
    try:
        classes = drawings.class_names(run, len(run.test["confusion"]))
        pairs = zip(examples["labels"][:SAMPLES], examples["predicted"][:SAMPLES], strict=True)
        return [classes[a] if a == b else f"{classes[a]}, taken for {classes[b]}" for a, b in pairs]
    except DAMAGED:
        return []


def _verdicts(run: Run) -> list[list[str]]:
    if not run.verdicts:
        return [["Not shown: there is no trace of a spiking network."]]
    head = ["limit of", "here", "limit", "verdict", "source"]
    return [head, *map(_limit, run.verdicts)]


def _limit(said: dict[str, Any]) -> list[str]:
    return [said["says"], f"{said['value']:.3g}", said["limit"], said["verdict"], said["source"]]


def _table(runs: Sequence[Run], names: Sequence[str], pricer: str) -> str:
    shown = columns(run.summary for run in runs)
    first = [_cell_of(column) for column in shown if column.kind == "measure"]
    last = [_cell_of(column) for column in shown if column.kind != "measure"]
    first.insert(0, ("kind", lambda run: run.kind))
    last.append(("size, bytes", lambda run: _show(number(run.trace.get("bytes")))))
    head = ["run", *(name for name, _ in first), "energy", *(name for name, _ in last)]
    lines = []
    for i, run in enumerate(runs):
        cells = [f'<td title="{escape(str(run.path))}">{escape(names[i])}</td>']
        cells += [f"<td>{escape(show(run))}</td>" for _, show in first]
        energy = show_energy(drawings.picojoules(run, _bill_of(run, pricer)))
        cells.append(f'<td data-energy="{i}">{escape(energy)}</td>')
        cells += [f"<td>{escape(show(run))}</td>" for _, show in last]
        lines.append(f'<tr data-run="{i}">{"".join(cells)}</tr>')
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _remarks(runs: Sequence[Run], names: Sequence[str], remarks: Sequence[str]) -> str:
    said = [f"{name}: {brief(remark)}" for run, name in zip(runs, names, strict=True) for remark in run.remarks]
    lines = [f"<li>{escape(remark)}</li>" for remark in [*remarks, *said]]
    return f'<ul class="missing">{"".join(lines)}</ul>' if lines else ""


def _cell_of(column: Column) -> tuple[str, Callable[[Run], str]]:
    return column.title, lambda run: _show(column.of(run.summary), column.missing)


def _show(value: int | float | None, missing: str = "–") -> str:
    if value is None:
        return missing
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _option(i: int, name: str) -> str:
    return f'<option value="{i}">{escape(name)}</option>'


def _cut(text: str) -> str:
    if len(text) <= TEXT:
        return text
    return f"{text[:TEXT]}\n… (cut: the first {TEXT:,} of {len(text):,} characters are shown)"


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _object(parts: dict[str, str]) -> str:
    """Return a JSON object of values that are JSON already."""
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in parts.items()) + "}"


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), LEVEL, mtime=0)).decode()


def packed(value: Any) -> str:
    """Return plain data for a page, as JSON that is packed."""
    return _packed(_json(value))


@cache
def plotly() -> str:
    """Return Plotly for a page, packed."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
