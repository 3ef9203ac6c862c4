"""The report page, as text and in a browser."""

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path

import plotly.graph_objects as go
import pytest
import torch

from synfire.base import ConfigError, RunError
from synfire.cli.main import main
from synfire.cli.report import report
from synfire.metering import Trace, trace
from synfire.metering.pricers import bills
from synfire.recipes.accounts import priced_run
from synfire.report import figures, read_run
from synfire.report.page import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>alert(1)</script><b>&\"'"


def priced(*folders: Path):
    return [priced_run(folder) for folder in folders]


def browse(path: Path, chosen: str = "") -> tuple[str, str]:
    """Return the page as the browser made it, and what it said on the console."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine, so the page cannot be opened")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=20000"]
    command = [CHROMIUM, *options, "--window-size=1400,3000", "--dump-dom", f"{path.as_uri()}{chosen}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(said)


def plots(dom: str) -> dict[str, str]:
    """Return by key what stands in the place of each figure: "drawn", or the reason why it is not."""
    found = {}
    dom = dom.partition('<script type="text/plain"')[0]
    for part in re.split(r'<div class="(?=plot[^"]*" data-key)', dom)[1:]:
        kinds, rest = part.split('" data-key="', 1)
        key = rest.split('"', 1)[0]
        reason = re.search(r'<p class="missing">([^<]*)</p>', part)
        drawn = "js-plotly-plot" in kinds and 'class="main-svg"' in part
        found[key] = "drawn" if drawn else reason[1] if reason else "empty"
    return found


def test_a_trace_survives_its_file(records) -> None:
    record = json.loads(json.dumps(records("spiking", 2)["trace"]))
    assert json.loads(json.dumps(Trace.read(record).record())) == record
    for broken in ({}, {**record, "rows": [{}]}, {**record, "rows": 3}, {**record, "bytes": "many"}):
        with pytest.raises(RunError, match="no record of a trace"):
            Trace.read(broken)


def test_bills_of_a_stored_trace_are_those_of_the_trace(run_folder, nets) -> None:
    [run] = priced(run_folder("one"))
    torch.manual_seed(1)
    found = trace(nets["spiking"], torch.randn(6, 1, 8, 8)[None])
    assert {name: bill.picojoules for name, bill in bills(found).items()} == {
        name: bill["picojoules"] for name, bill in run.bills.items()
    }


def test_figures_are_for_notebooks_too(run_folder) -> None:
    spiking, relu = priced(run_folder("spiking", steps=3), run_folder("twin", "relu"))
    front, *points = figures.accuracy_energy([spiking, relu], "memory-fit-8bit").data
    assert front.name == "Pareto front"
    assert [point.name for point in points] == ["spiking", "twin", "twin, skipping zeros"]
    assert len(figures.density(spiking).data[0].x) == 3
    energy = figures.energy_per_layer(spiking, "memory-fit-8bit")
    total = sum(sum(bar.y) for bar in energy.data)
    unit = re.search(r"inference, (.*)$", energy.layout.yaxis.title.text)
    assert unit
    factor = {"pJ": 1, "nJ": 1e3, "µJ": 1e6, "mJ": 1e9}[unit[1]]
    assert total * factor == pytest.approx(spiking.bills["memory-fit-8bit"]["picojoules"])
    for figure in (figures.avalanche(spiking), figures.confusion(spiking), figures.raster(spiking, 0)):
        assert isinstance(figure, go.Figure)
    with pytest.raises(figures.NothingToShow, match="no run has finished an epoch"):
        figures.curves([read_run(run_folder("begun", epochs=0))])


def test_every_figure_is_drawn_in_a_browser(run_folder, tmp_path: Path) -> None:
    folders = [run_folder("digits-1", steps=2), run_folder("ann", "relu"), run_folder("quantised", "quantised")]
    out = tmp_path / "report.html"
    assert main(["report", *map(str, folders), "--out", str(out)]) == 0
    assert out.stat().st_size < 5e6
    dom, said = browse(out)
    assert said == ""
    assert 'data-ready="yes"' in dom
    drawn = plots(dom)
    assert len(drawn) == 8
    assert set(drawn.values()) == {"drawn"}
    for axis in ("test accuracy, %", r"energy of one inference, (pJ|nJ|µJ)", "loss, nats per image", "step"):
        assert re.search(f">{axis}</text>", dom), axis
    assert ">cat</text>" in dom
    assert "not available" in dom
    dom, said = browse(out, "#run=ann&pricer=operations-45nm-int8, skipping zeros")
    assert said == ""
    assert set(plots(dom).values()) == {"drawn"}
    assert '<h2 id="which">ann</h2>' in dom


def test_hostile_names_stay_names(run_folder, tmp_path: Path) -> None:
    folder = run_folder("run <img src=x onerror=alert(1)>", classes=(HOSTILE, HOSTILE, "owl"))
    out = tmp_path / "report.html"
    assert main(["report", str(folder), "--out", str(out)]) == 0
    assert "<img src=x" not in out.read_text()
    dom, said = browse(out)
    assert said == ""
    assert set(plots(dom).values()) == {"drawn"}
    assert "<img src=x" not in dom
    assert "<script>alert" not in dom
    assert "&lt;script&gt;alert(1)" in dom


def test_runs_that_are_not_whole(run_folder, tmp_path: Path) -> None:
    killed = run_folder("killed", epochs=1, summary=None, trace=None, test=None)
    (killed / "metrics.jsonl").write_text((killed / "metrics.jsonl").read_text() + '{"epoch": 2, "train/l')
    old = run_folder("old", trace=None, test=None)
    nan = run_folder("nan", summary={"accuracy": "nan", "steps": 1}, trace={"rows": [{"kind": "neuron"}]})
    torn = run_folder("torn", test={"confusion": [["a"]], "examples": {"layers": 3}})
    newer = run_folder("newer", summary={"schema": 99})
    folders = [killed, old, nan, torn, newer, tmp_path / "gone"]
    out = tmp_path / "report.html"
    assert main(["report", *map(str, folders), "--out", str(out)]) == 0
    text = out.read_text()
    for remark in (
        "killed: unfinished after 1 epochs",
        "killed: 1 damaged lines in metrics.jsonl",
        "old: finished by an older version",
        "nan: trace.json: this is no record of a trace",
        "newer: unreadable:",
        "gone: no such folder",
    ):
        assert remark in text
    for name, missing in {
        "killed": ["density|{run}", "confusion|{run}", "raster|{run}|{sample}", "energy|{run}|{pricer}"],
        "torn": ["confusion|{run}", "raster|{run}|{sample}"],
        "nan": ["density|{run}"],
    }.items():
        dom, said = browse(out, f"#run={name}")
        assert said == ""
        found = plots(dom)
        for key in missing:
            assert found[key].startswith("Not shown: "), (name, key)
        assert found["pareto|{base}"] == found["curves"] == "drawn"


def test_two_hundred_runs(run_folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synfire.report.page.LIMIT", 200_000)  # details of fewer runs, for the time it takes
    template = run_folder("run-0", steps=4, classes=tuple(f"class {n}" for n in range(3)))
    for n in range(1, 200):
        shutil.copytree(template, tmp_path / f"run-{n}")
    out = tmp_path / "report.html"
    folders = [str(tmp_path / f"run-{n}") for n in range(200)]
    assert main(["report", *folders, "--out", str(out)]) == 0
    assert out.stat().st_size < 5e6
    dom, said = browse(out)
    assert said == ""
    assert dom.count("<tr data-run=") == 200
    assert plots(dom)["pareto|{base}"] == plots(dom)["density|{run}"] == "drawn"
    assert main(["report", *folders, "--compare", "--out", str(out)]) == 0
    dom, said = browse(out)
    assert said == ""
    assert set(plots(dom)) == {"pareto|{base}", "curves", *(key for key in plots(dom) if "{run}" in key)}
    assert 'id="details" hidden' in dom


def test_details_that_do_not_fit_are_named(run_folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synfire.report.page.LIMIT", 1)
    text, [remark] = page(priced(run_folder("first"), run_folder("second")))
    assert remark.startswith("details of 1 of 2 runs are left out")
    assert remark in text


def test_the_users_own_prices(run_folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text('model = "operations"\nsource = "data sheet"\nmac = 1.0\nac = 0.5\n')
    out = tmp_path / "report.html"
    assert main(["report", str(run_folder("one")), "--price", str(chip), "--out", str(out)]) == 0
    assert "<option>chip</option>" in out.read_text()
    chip.write_text("model = 1")
    assert main(["report", str(tmp_path / "one"), "--price", str(chip)]) == 2
    assert "price list" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "one"), "--out", str(tmp_path / "none" / "report.html")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_page_is_the_same_twice(run_folder) -> None:
    runs = priced(run_folder("one"))
    assert page(runs)[0] == page(runs)[0]


def test_no_run_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no run in runs/"):
        report(argparse.Namespace(runs=[], table=True, price=[], compare=False, out=Path("report.html")))
