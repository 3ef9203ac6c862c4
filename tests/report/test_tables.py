import json
from pathlib import Path

from synfire.report import describe_results, read_run, run_rows, text_table


def test_by_hand() -> None:
    rows = [["a", 1, 2.34567, None], ["long name", 12345, 98765.4, 0.5]]
    assert text_table(["name", "n", "x", "y"], rows).splitlines() == [
        "name            n       x    y",
        "---------  ------  ------  ---",
        "a               1   2.346    -",
        "long name  12,345  98,765  0.5",
    ]
    assert text_table(["a"], []).splitlines() == ["a", "-"]


def test_one_sentence() -> None:
    summary = {
        "accuracy": 0.9861,
        "non_zeros_per_image": 4278.3,
        "steps": 1,
        "parameters": 42938,
        "ms_per_image": 0.605,
    }
    assert describe_results(summary) == (
        "accuracy 98.61 %, 4,278 non-zeros per image at T = 1, 42,938 parameters, 0.605 ms per image"
    )
    assert "4,278 non-zeros and 7,359 spikes per image" in describe_results({**summary, "spikes_per_image": 7359.0})


def test_runs_that_are_not_whole(tmp_path: Path) -> None:
    for name in ("good", "odd", "torn", "begun", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "good/summary.json").write_text(json.dumps({"accuracy": 0.5, "steps": 4, "seconds": 2.0}))
    (tmp_path / "odd/summary.json").write_text(json.dumps({"accuracy": "NaN"}))
    (tmp_path / "torn/summary.json").write_text('{"accuracy": 0.')
    (tmp_path / "begun/recipe.yaml").touch()
    runs = [read_run(path) for path in [*sorted(tmp_path.iterdir()), tmp_path / "none"]]
    rows = {Path(row[0]).name: row[1:] for row in run_rows(runs)}
    assert rows["good"][:-1] == [50.0, None, None, 4, None, None, 2.0]
    assert "finished by an older version, without trace and test" in rows["good"][-1]
    assert rows["odd"][:-1] == [None] * 7
    assert "unreadable:" in rows["torn"][-1]
    assert rows["begun"][-1].startswith("unfinished after 0 epochs")
    assert (rows["other"][-1], rows["none"][-1]) == ("not a run folder", "no such folder")
