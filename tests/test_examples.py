import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_demo_ends_with_one_table_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    demo = runpy.run_path(str(EXAMPLES / "demo.py"))["demo"]
    short = [
        "--trainer.max_epochs=1",
        "--data.limit_train=64",
        "--data.limit_test=32",
        "--task.model.depths=[1]",
        "--task.model.widths=[8]",
    ]
    assert demo(short) == 0
    first = capsys.readouterr().out
    table = first.splitlines()[-7:-1]
    assert table[0].startswith("run ")
    assert [line.split()[0] for line in table[2:]] == [
        "runs/demo-digits",
        "runs/demo-digits-binary",
        "runs/demo-digits-quantised-ann",
        "runs/demo-digits-ann",
    ]
    assert demo(short) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[-7:-1] == table
    assert "epoch 1/1" in first
    assert "epoch 1/1" not in again
