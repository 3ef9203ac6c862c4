"""The report page, as text and in a browser."""

import argparse
import json
import random
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from synfire.base import ConfigError, RunError, read_json
from synfire.cli.main import main
from synfire.cli.report import report
from synfire.metering import Trace, trace
from synfire.metering.pricers import bills, break_evens, price_lists
from synfire.recipes.accounts import priced_run
from synfire.report import Run, drawings, figures, read_run
from synfire.report.page import page, write_page
from synfire.report.runs import labels, number

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
    dom = re.sub(r'<figure class="full optional" hidden="">.*?</figure>', "", dom, flags=re.DOTALL)
    for part in re.split(r'<div class="(?=plot[^"]*" data-key)', dom)[1:]:
        kinds, rest = part.split('" data-key="', 1)
        key = rest.split('"', 1)[0]
        reason = re.search(r'<p class="missing">([^<]*)</p>', part)
        drawn = "js-plotly-plot" in kinds and 'class="main-svg"' in part
        found[key] = "drawn" if drawn else reason[1] if reason else "empty"
    return found


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_rows(folder: Path, **values: object) -> None:
    rows = json.loads((folder / "trace.json").read_text())["rows"]
    change(folder / "trace.json", rows=[{**row, **values} for row in rows])


def with_layers(run: Run, copies: int) -> Run:
    """Return a run whose layers stand there several times, under names of their own."""
    rows = [{**row, "name": f"{row['name']}-{n}"} for n in range(copies) for row in run.rows]
    bills = {
        name: {
            **bill,
            "lines": [{**line, "name": f"{line['name']}-{n}"} for n in range(copies) for line in bill["lines"]],
        }
        for name, bill in run.bills.items()
    }
    examples = run.test["examples"]
    layers = [{**layer, "name": f"{layer['name']}-{n}"} for n in range(copies) for layer in examples["layers"]]
    test = {**run.test, "examples": {**examples, "layers": layers}}
    return replace(run, trace={**run.trace, "rows": rows}, bills=bills, test=test)


def with_noise(run: Run, place: int, layers: int = 4, steps: int = 4, samples: int = 8) -> Run:
    """Return a run with 300 epochs, and spikes that cannot be packed well."""
    chance = np.random.default_rng(place)
    epochs = [
        {
            "epoch": n,
            **{f"{part}/{what}": chance.random() for part in ("train", "val") for what in ("accuracy", "loss")},
        }
        for n in range(1, 301)
    ]
    made = [
        {"name": f"l{n}", "shown": list(range(96)), "values": chance.integers(0, 5, (samples, steps, 96)).tolist()}
        for n in range(layers)
    ]
    examples = {
        "labels": [0] * samples,
        "predicted": [0] * samples,
        "pictures": chance.integers(0, 256, (samples, 16, 16, 1)).tolist(),
        "layers": made,
    }
    return replace(run, path=Path(f"runs/run-{place}"), epochs=epochs, test={**run.test, "examples": examples})


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


def test_the_break_even_is_that_of_the_chosen_price_list(run_folder, tmp_path: Path) -> None:
    folders = [run_folder("spiking", steps=2), run_folder("ann", "relu")]
    spiking, ann = priced(*folders)
    assert not any("break_even" in bill for bill in ann.bills.values())
    shown = {}
    for name, at in break_evens(Trace.read(spiking.trace)).items():
        said = spiking.bills[name]["break_even"]
        assert (said["value"], said["limit"]) == (at.now, f"{at.events_per_neuron:.3g}")
        assert said["says"] == "events per neuron and inference"
        shown[name] = (
            f'<td class="words">break-even against the same layers computed once and densely, under {name}</td>'
        )
    assert set(shown) == set(price_lists())
    out = tmp_path / "report.html"
    write_page([spiking, ann], out)
    for chosen in ("memory-fit-8bit", "operations-45nm-int8"):
        dom, said = browse(out, f"#run=spiking&pricer={chosen}")
        assert said == ""
        assert [name for name, row in shown.items() if row in dom] == [chosen]
    assert "break-even against" not in browse(out, "#run=ann")[0].partition('<script type="text/plain"')[0]


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


@pytest.mark.parametrize(
    ("damage", "remark"),
    [
        (lambda folder: change_rows(folder, largest=float("nan")), "trace.json"),
        (lambda folder: change_rows(folder, largest="nan"), "trace.json"),
        (lambda folder: change_rows(folder, largest="inf"), "trace.json"),
        (lambda folder: change_rows(folder, largest=-5), "trace.json"),
        (lambda folder: change_rows(folder, spike_total="nan"), "trace.json"),
        (lambda folder: change_rows(folder, event_count=10**400), "trace.json"),
        (lambda folder: change_rows(folder, shape=[10**200, 10**200]), "trace.json"),
        (lambda folder: change_rows(folder, kind=[1]), ""),
        (lambda folder: change(folder / "summary.json", accuracy=10**400), ""),
        (lambda folder: change(folder / "summary.json", accuracy=10**308), ""),
        (lambda folder: change(folder / "summary.json", schema="x"), "unreadable:"),
        (lambda folder: change(folder / "test.json", confusion=[[10**400]]), ""),
        (lambda folder: (folder / "test.json").write_text("[" * 100_000), "unreadable:"),
        (lambda folder: (folder / "metrics.jsonl").write_text("[" * 100_000), "damaged lines"),
        (lambda folder: (folder / "environment.json").write_text('{"a":' * 800 + "1" + "}" * 800), ""),
    ],
)
def test_a_damaged_file_spoils_its_run_alone(damage, remark: str, run_folder, tmp_path: Path) -> None:
    good, bad = run_folder("good"), run_folder("bad", steps=2)
    damage(bad)
    out = tmp_path / "report.html"
    assert main(["report", str(bad), str(good), "--out", str(out)]) == 0
    text = out.read_text()
    assert not remark or re.search(f"<li>bad: [^<]*{remark}", text)
    assert '<option value="0">bad</option><option value="1">good</option>' in text
    assert re.search(r'<td data-energy="1">[0-9.]+ .J</td>', text)


def test_what_a_damaged_trace_leaves_is_shown(run_folder, tmp_path: Path) -> None:
    good, bad = run_folder("good"), run_folder("bad")
    change_rows(bad, largest="inf")
    out = tmp_path / "report.html"
    assert main(["report", str(bad), str(good), "--out", str(out)]) == 0
    dom, said = browse(out, "#run=bad")
    assert said == ""
    found = plots(dom)
    assert "bad has a trace.json that cannot be priced" in found["energy|{run}|{pricer}"]
    assert "the record is damaged" in found["avalanche|{run}"]
    assert found["density|{run}"] == found["confusion|{run}"] == found["pareto|{base}"] == "drawn"


def test_a_schema_is_a_whole_number(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for schema in ('"x"', "[]", "null", "1.5", "true"):
        path.write_text(f'{{"schema": {schema}}}')
        with pytest.raises(RunError, match="a whole number was expected"):
            read_json(path)
    path.write_text("[" * 100_000)
    with pytest.raises(RunError, match="cannot be read as JSON"):
        read_json(path)


def test_numbers() -> None:
    assert [number(value) for value in (1, 2.5, True, "1", None, 10**400, float("inf"), float("nan"))] == [
        *(1, 2.5),
        *[None] * 6,
    ]


def test_two_hundred_long_runs(run_folder, tmp_path: Path) -> None:
    [template] = priced(run_folder("run", steps=4))
    runs = [with_noise(template, n) for n in range(200)]
    out = tmp_path / "report.html"
    [remark] = write_page(runs, out)
    assert remark == "some samples left out to keep the page below 5 MB: 200 of 200 runs; name fewer runs to see more"
    assert remark in out.read_text()
    assert 4_500_000 < out.stat().st_size <= 5_000_000
    dom, said = browse(out, "#run=run-199")
    assert said == ""
    assert dom.count("<tr data-run=") == 200
    assert set(plots(dom).values()) == {"drawn"}
    _, said = browse(out, "#run=run-199&sample=7")
    assert said == ""
    assert write_page(runs, out, compare=True) == []
    dom, said = browse(out)
    assert said == ""
    assert set(plots(dom)) == {"pareto|{base}", "curves", *(key for key in plots(dom) if "{run}" in key)}
    assert 'id="details" hidden' in dom


def test_one_run_that_is_too_large(run_folder, tmp_path: Path) -> None:
    [run] = priced(run_folder("run", steps=4))
    run = with_noise(run, 0, layers=50, steps=32)
    many = np.random.default_rng(0).integers(0, 10, (1000, 1000)).tolist()
    huge = replace(
        run, test={**run.test, "confusion": many, "classes": []}, recipe="".join(random.choices("abc", k=6_000_000))
    )
    out = tmp_path / "report.html"
    remarks = write_page([huge], out)
    assert remarks == ["some samples left out to keep the page below 5 MB: run-0"]
    assert out.stat().st_size <= 5_000_000
    dom, said = browse(out, "#sample=7")
    assert said == ""
    assert plots(dom)["raster|{run}|{sample}"] == "Not shown: left out to keep the page below 5 MB."
    assert plots(dom)["energy|{run}|{pricer}"] == plots(dom)["density|{run}"] == "drawn"
    assert "(cut: the first 50,000 of 6,000,000 characters are shown)" in dom


def test_details_and_runs_that_do_not_fit_are_counted(run_folder) -> None:
    [run] = priced(run_folder("run"))
    letters = "".join(map(chr, range(33, 127)))
    runs = [replace(run, path=Path(f"r{n}"), recipe="".join(random.choices(letters, k=50_000))) for n in range(80)]
    text, remarks = page(runs)
    assert len(text) <= 5_000_000
    assert re.match(r"details left out to keep the page below 5 MB: \d+ of 80 runs", remarks[0])
    assert remarks[0] in text
    runs = [Run(Path("x" * 200) / f"{n}", remarks=["y" * 250] * 10) for n in range(1600)]
    text, [remark] = page(runs, compare=True)
    assert len(text) <= 5_000_000
    assert remark == "runs left out to keep the page below 5 MB: the last 800 of 1600; name fewer runs to see more"


def test_long_curves_are_thinned_on_the_page_alone(run_folder) -> None:
    [run] = priced(run_folder("run", epochs=1001))
    assert len(figures.curves([run]).data[0].x) == 1001
    for curve in drawings.curves([run], 100)["data"]:
        assert len(curve["x"]) == len(curve["y"]) == 100
        assert (curve["x"][0], curve["x"][-1]) == (1, 1001)


def test_runs_of_one_name_are_told_apart(run_folder, tmp_path: Path) -> None:
    folders = [run_folder(name) for name in ("h/a", "h/b/a", "c")]
    out = tmp_path / "report.html"
    assert main(["report", *map(str, folders), "--out", str(out)]) == 0
    text = out.read_text()
    for place, name in enumerate(("h/a", "b/a", "c")):
        assert f'<option value="{place}">{name}</option>' in text
    dom, _ = browse(out, "#run=b/a")
    assert '<h2 id="which">b/a</h2>' in dom
    assert {point.name for point in figures.curves([read_run(folder) for folder in folders]).data} == {
        "h/a",
        "b/a",
        "c",
    }
    paths = ("x/a", "x/b/a", "a", "a", "/a", ".", "y/x/a")
    assert labels([Run(Path(path)) for path in paths]) == ["x/a", "b/a", "a", "a (2)", "/a", ".", "y/x/a"]


def test_values_of_a_conventional_network_are_no_spikes(run_folder) -> None:
    spiking, relu, quantised = priced(run_folder("a"), run_folder("b", "relu"), run_folder("c", "quantised"))
    assert figures.avalanche(spiking).layout.yaxis.title.text == "spikes per neuron and step"
    for run in (relu, quantised):
        assert figures.avalanche(run).layout.yaxis.title.text == "size of activations"


def test_a_run_without_a_trace_says_how_to_get_one(run_folder, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    old, new = run_folder("old", trace=None, test=None), run_folder("new")
    for folders in ([old], [old, new]):
        assert main(["report", *map(str, folders), "--out", str(out)]) == 0
        dom, said = browse(out, "#run=old")
        assert said == ""
        found = plots(dom)
        for key in ("energy|{run}|{pricer}", "density|{run}", "avalanche|{run}"):
            assert found[key].startswith("Not shown: old has no trace.json that can be read: synfire train writes it")
        if new in folders:
            continue
        assert "synfire train writes it" in found["pareto|{base}"]
        assert re.search(r'<select id="pricer" disabled[^>]*><option value="">no run has a trace.json', dom)


LOOK = """<script>
const cut = [];
setInterval(() => {
  if (!document.documentElement.dataset.ready || document.body.dataset.cut) return;
  for (const title of document.querySelectorAll("[class$=title] > text, text[class$=title]")) {
    const [own, all] = [title, title.closest(".plot")].map((one) => one.getBoundingClientRect());
    if (own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1) {
      cut.push(title.textContent);
    }
  }
  document.body.dataset.cut = JSON.stringify([cut, document.querySelectorAll("text.xtitle").length]);
}, 100);
</script></body>"""


@pytest.mark.parametrize("steps", [1, 3])
def test_a_narrow_page_names_every_layer(steps: int, run_folder, tmp_path: Path) -> None:
    [run] = priced(run_folder("run", steps=steps))
    run = with_layers(run, 2)
    out = tmp_path / "report.html"
    text, _ = page([run])
    narrow = text.replace("<body>", '<body style="width: 420px">').replace("</body>", LOOK)
    out.write_text(narrow)
    dom, said = browse(out)
    assert said == ""
    parts = dict(part.split('"', 1) for part in dom.partition('<script type="text/plain"')[0].split('data-key="')[1:])
    emitters = [layer["name"] for layer in run.test["examples"]["layers"]]
    density = [row["name"] for row in run.rows if row["kind"] in ("neuron", "merge")]
    priced_layers = [line["name"] for line in run.bills["memory-constant-16bit-nominal"]["lines"]]
    assert len(priced_layers) > 18
    for key, names in {
        "energy|{run}|{pricer}": priced_layers,
        "density|{run}": density,
        "raster|{run}|{sample}": emitters,
    }.items():
        ticks = re.findall(r'class="[xy]tick"><text[^>]*>([^<]*)</text>', parts[key])
        assert set(names) <= set(ticks), key
    cut, seen = json.loads(re.search(r'data-cut="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert seen >= 6
    assert cut == []


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


def test_a_run_of_another_task_has_its_own_measures(run_folder) -> None:
    summary = {"loss": 0.1, "agreement": 0.99975, "mse": 2e-5, "ms_per_sequence": 0.4, "steps": 64, "parameters": 193}
    folder = run_folder("fit", summary=summary, test=None)
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "train/loss": 0.2, "val/agreement": 0.999, "val/mse": 0.1}\n')
    run = read_run(folder)
    assert run.remarks == []
    text, _ = page([run])
    assert [f">{name}<" in text for name in ("test agreement, %", "test mse", "time per sequence, ms")] == [True] * 3
    assert ">test accuracy, %<" not in text
    assert "<td>99.97</td>" in text or "<td>99.98</td>" in text
    assert figures.curves([run]).layout.yaxis.title.text == "agreement, %"


def test_the_page_is_the_same_twice(run_folder) -> None:
    runs = priced(run_folder("one"))
    assert page(runs)[0] == page(runs)[0]


def test_no_run_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no run in runs/"):
        report(argparse.Namespace(runs=[], table=True, price=[], compare=False, out=Path("report.html")))
