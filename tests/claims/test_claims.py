"""Claims: judged by hand-made runs, and once run for real on a handful of digits."""

import json
from pathlib import Path
from typing import Any

import pytest

from synfire.base import read_json, write_json
from synfire.claims import CLAIMS, Check, Claim, claims_table, describe, find_claim
from synfire.cli.main import main
from synfire.recipes.catalogue import find_recipe

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("threads_stay")


def run(**changes: Any) -> dict[str, Any]:
    energies = {
        "memory-constant-16bit": 50.0,
        "memory-constant-16bit-nominal": 60.0,
        "memory-fit-8bit": 40.0,
        "operations-45nm-int8": 3.0,
    }
    energies |= {f"{name}, skipping zeros": value / 2 for name, value in energies.items()}
    plain = {
        "accuracy": 90.0, "chance": 10.0, "images": 5, "seed": 0, "steps": 1, "parameters": 10, "epochs": 1,
        "seconds": 2.0, "sensor_ms": 300.0, "events": 10.0, "spikes": 20.0, "arriving_events": 8.0,
        "arriving_spikes": 16.0, "picojoules": energies, "merges": {"stages.0": [0.1, 0.2, 0.3]},
    }  # fmt: skip
    return {**plain, **changes}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_has_its_recipes_and_data_that_needs_no_download(name):
    claim = CLAIMS[name]
    others = ("nmnist",) if name.startswith("events-") else ("fashion", "cifar10")
    assert claim.data_sets == ("digits", *others)
    for arm in claim.arms:
        assert all(find_recipe(recipe).exists() for recipe in arm.recipes.values())
    findings = claim.judge([[run() for _ in claim.arms]] * 2)
    assert all(finding.spread == 0 for finding in findings)
    assert any(finding.holds is not None for finding in findings)


def test_a_claim_is_judged_by_the_mean_over_the_seeds():
    claim = find_claim("multilevel-one-step")
    seeds = [
        [run(accuracy=90.0, events=6.0), run(accuracy=91.5, events=10.0)],
        [run(accuracy=90.0, events=8.0), run(accuracy=90.1, events=10.0)],
    ]
    found = {finding.check.says: finding for finding in claim.judge(seeds)}
    points = found["accuracy difference, points"]
    assert points.values == pytest.approx((-1.5, -0.1))
    assert (points.mean, points.spread, points.holds) == (pytest.approx(-0.8), pytest.approx(1.4), True)
    assert found["non-zero events ratio"].mean == pytest.approx(0.7)
    assert found["non-zero events ratio"].holds
    assert found["energy ratio, memory-constant-16bit"].holds is False
    assert found["energy ratio, memory-fit-8bit"].holds is None


def test_growth_of_activity_counts_the_blocks():
    claim = find_claim("barriers")
    flat, grown = {"stages.0": [0.3, 0.2], "stages.1": [0.1, 0.4]}, {"stages.0": [0.1, 0.2], "stages.1": [0.1, 0.4]}
    found = {f.check.says: f for f in claim.judge([[run(merges=flat), run(merges=grown)]])}
    assert found["activity grows inside stages without barriers, share of blocks"].mean == 1
    assert found["activity grows inside stages with barriers, share of blocks"].mean == 0.5


@pytest.mark.parametrize(("at_most", "value", "holds"), [(True, 1.0, True), (True, 1.1, False), (False, 0.9, False)])
def test_a_bound_is_met_by_itself(at_most, value, holds):
    assert Check("x", lambda runs: 0.0, 1.0, at_most=at_most).holds(value) is holds
    assert Check("x", lambda runs: 0.0).holds(value) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["claim"], "claim needs a NAME"),
        (["claim", "barrier"], "claim 'barrier' is unknown, perhaps barriers was meant"),
        (["claim", "barriers", "--data", "mnist"], "has no data 'mnist'; choose one of digits, fashion, cifar10"),
        (["claim", "barriers", "--images", "0"], "images is 0"),
        (["claim", "--table", "nowhere"], "nowhere holds no record"),
        (["claim", "barriers", "--data", "fashion"], "data/fashion_mnist"),
    ],
)
def test_mistakes_are_named(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_list_names_every_claim(capsys):
    assert main(["claim", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in CLAIMS)


def test_a_claim_runs_is_kept_and_is_not_run_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["claim", "quantised-twin", "--seeds", "3", "--images", "12"]
    words += ["--trainer.max_epochs", "1", "--data.init_args.limit_train", "64", "--data.init_args.limit_test", "20"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "1 seeds, 12 test images counted" in out
    again = "synfire claim quantised-twin --data digits --seeds 3 --images 12 --trainer.max_epochs 1 "
    again += "--data.init_args.limit_train 64 --data.init_args.limit_test 20"
    assert f"Again: {again}\n" in out
    path = tmp_path / "results/claims/quantised-twin-digits.json"
    record = json.loads(path.read_text())
    arms = record["arms"]
    assert [arm["recipe"] for arm in arms] == ["digits", "digits-quantised-ann"]
    assert all(arm["runs"][0]["picojoules"]["memory-fit-8bit"] > 0 for arm in arms)
    assert arms[0]["runs"][0]["dense_macs"] == arms[1]["runs"][0]["dense_macs"] > 0
    assert record["seeds"] == [3]
    assert record["images"] == 12
    assert record["command"] == again
    assert all((arm["runs"][0]["images"], arm["runs"][0]["chance"]) == (12, 10) for arm in arms)
    assert str(tmp_path) not in path.read_text()

    before = (tmp_path / "runs/claims/digits-seed3/summary.json").stat().st_mtime_ns
    assert main(words) == 0
    assert (tmp_path / "runs/claims/digits-seed3/summary.json").stat().st_mtime_ns == before
    assert json.loads(path.read_text())["findings"] == record["findings"]

    assert main([*words, "--images", "5000", "--out", "more.json"]) == 0
    out = capsys.readouterr().out
    assert "1 seeds, 20 test images counted" in out
    assert "--seeds 3 --images 5000 --out more.json --trainer.max_epochs 1" in out
    assert json.loads((tmp_path / "more.json").read_text())["images"] == 20

    assert main(["claim", "--table", "results/claims"]) == 0
    assert "| quantised-twin | digits | 1 | accuracy difference, points |" in capsys.readouterr().out


def recorded(claim: Claim, *runs: dict[str, Any]) -> dict[str, Any]:
    findings = claim.judge([runs])
    return {
        "claim": claim.name, "says": claim.says, "source": claim.source, "data": "digits", "seeds": [0], "images": 5,
        "command": "synfire claim", "findings": [finding.record() for finding in findings],
        "arms": [{"name": arm.name, "runs": [one]} for arm, one in zip(claim.arms, runs, strict=True)],
        "holds": claim.verdict(findings),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ([], ""),
        (["--root", "my data", "--images", "7"], " --root 'my data' --images 7"),
        (["--runs", "elsewhere", "--out", "x.json"], " --runs elsewhere --out x.json"),
        (["--images", "1000", "--runs", "runs/claims"], ""),
    ],
)
def test_the_command_is_whole(words, again, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {}

    def run_claim(claim, data, seeds, runs, *, command, **options):
        given.update(command=command)
        return {**recorded(claim, run(), run()), "command": command}

    monkeypatch.setattr("synfire.claims.running.run_claim", run_claim)
    assert main(["claim", "barriers", "--seeds", "1", *words, "--trainer.max_epochs", "2"]) == 0
    assert given["command"] == f"synfire claim barriers --data digits --seeds 1{again} --trainer.max_epochs 2"


@pytest.mark.parametrize("accuracies", [(10.0, 10.0), (90.0, 10.0), (20.0, 20.0)])
def test_runs_that_learned_nothing_decide_nothing(accuracies):
    claim = find_claim("quantised-twin")
    first, second = (run(accuracy=accuracy) for accuracy in accuracies)
    record = recorded(claim, {**first, "picojoules": dict.fromkeys(first["picojoules"], 1.0)}, second)
    learned = sum(accuracy > 20 for accuracy in accuracies)
    assert record["holds"] is None
    assert all(finding["holds"] is None for finding in record["findings"])
    text = describe(record)
    assert f"Nothing is decided here: {2 - learned} of 2 runs learned nothing (accuracy at most 20 %, 2 times" in text
    assert "The claim" not in text
    table = claims_table([record])
    assert table.count("undecided") == sum(check.bound is not None for check in claim.checks)
    assert "yes" not in table

    above = recorded(claim, run(accuracy=20.1), run(accuracy=20.1))
    assert above["holds"] is True
    assert "The claim holds here." in describe(above)


def test_silent_networks_are_recorded(tmp_path):
    claim = find_claim("multilevel-one-step")
    silent = run(accuracy=10.0, events=0.0, spikes=0.0, picojoules=dict.fromkeys(run()["picojoules"], 0.0))
    path = tmp_path / "record.json"
    write_json(path, recorded(claim, silent, silent))
    assert "| non-zero events ratio |  | nan (nan) | at most 0.75 | undecided |" in claims_table([read_json(path)])


def test_records_read_well():
    claim = find_claim("multilevel-one-step")
    record = recorded(claim, run(), run())
    text = describe(record)
    assert "The claim does not hold here. Again: synfire claim" in text
    assert max(map(len, text.splitlines())) <= 160
    rows = claims_table([record]).splitlines()
    assert len(rows) == 2 + len(claim.checks)
    assert "| energy ratio, memory-constant-16bit | 0.52 (VGG-16, CIFAR-10) | 1 (0) | at most 0.55 | no |" in rows[3]


@pytest.mark.skipif(not list(ROOT.glob("results/claims/*.json")), reason="results/claims holds no record yet")
def test_the_table_in_the_documentation_is_that_of_the_results(capsys):
    assert main(["claim", "--table", str(ROOT / "results/claims")]) == 0
    assert capsys.readouterr().out.strip() in (ROOT / "docs/claims.md").read_text()
