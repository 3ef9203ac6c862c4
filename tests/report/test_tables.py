import json
from pathlib import Path

import pytest

from synfire.report import Run, describe_results, read_run, run_table, text_table


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
    assert "at T = 1 of 30.5 ms of sensor time, 42" in describe_results({**summary, "sensor_ms_per_step": 30.51})
    assert "4,278 non-zeros and 7,359 spikes per image" in describe_results({**summary, "spikes_per_image": 7359.0})


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        pytest.param(
            {"loss": 1e-5, "mse": 1.93e-5, "agreement": 0.99975, "steps": 1024, "parameters": 193, "seed": 0},
            "agreement 99.975 %, mse 1.9e-05 at T = 1024, 193 parameters",
            id="no accuracy and no neurons",
        ),
        pytest.param(
            {"loss": 3.2, "perplexity": 24.53, "non_zeros_per_token": 1200.4, "steps": 512, "ms_per_token": 0.0123},
            "perplexity 24.530, 1,200 non-zeros per token at T = 512, 0.0123 ms per token",
            id="of tokens",
        ),
        pytest.param({"loss": 0.5}, "loss 0.500", id="a loss alone"),
        pytest.param({"steps": 2}, "at T = 2", id="nothing measured"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_results_are_described_by_what_there_is(summary: dict[str, float], sentence: str) -> None:
    assert describe_results(summary) == sentence


def test_a_table_has_the_columns_that_some_run_fills() -> None:
    image = {"accuracy": 0.5, "loss": 1.0, "spikes_per_image": 7.0, "steps": 4, "ms_per_image": 0.5, "schema": 1}
    token = {"perplexity": 20.0, "loss": 3.0, "ms_per_token": 0.1, "joules_per_token": 0.002, "seed": 1, "x": "nan"}
    head, rows = run_table([Run(Path("a"), summary=image), Run(Path("b"), summary=token), Run(Path("c"))])
    assert head == [
        *("run", "accuracy %", "perplexity", "spikes/image", "steps", "ms/image", "ms/token"),
        "mJ/token",
    ]
    assert rows == [
        ["a", 50.0, None, 7.0, 4, 0.5, None, None],
        ["b", None, 20.0, None, None, None, 0.1, 2.0],
        ["c", *[None] * 7],
    ]


def test_runs_that_are_not_whole(tmp_path: Path) -> None:
    for name in ("good", "odd", "torn", "begun", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "good/summary.json").write_text(json.dumps({"accuracy": 0.5, "steps": 4, "seconds": 2.0}))
    (tmp_path / "odd/summary.json").write_text(json.dumps({"accuracy": "NaN"}))
    (tmp_path / "torn/summary.json").write_text('{"accuracy": 0.')
    (tmp_path / "begun/recipe.yaml").touch()
    runs = [read_run(path) for path in [*sorted(tmp_path.iterdir()), tmp_path / "none"]]
    head, table = run_table(runs)
    rows = {Path(row[0]).name: row[1:] for row in table}
    assert head == ["run", "accuracy %", "steps", "train s", "remark"]
    assert rows["good"][:-1] == [50.0, 4, 2.0]
    assert "finished by an older version, without trace and test" in rows["good"][-1]
    assert rows["odd"][:-1] == [None] * 3
    assert "unreadable:" in rows["torn"][-1]
    assert rows["begun"][-1].startswith("unfinished after 0 epochs")
    assert (rows["other"][-1], rows["none"][-1]) == ("not a run folder", "no such folder")
