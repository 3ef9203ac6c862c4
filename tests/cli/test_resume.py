import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synfire.cli.main import main

HERE = Path(__file__).parent
TRUST = ["--trust", "parts_for_recipes"]


def test_a_killed_run_resumes_bit_for_bit(small_recipe: Path) -> None:
    assert main(["train", str(small_recipe), "--run", "whole", *TRUST]) == 0

    kill = '[{"class_path": "parts_for_recipes.Kill", "init_args": {"epoch": 1, "batch": 1}}]'
    command = [sys.executable, "-m", "synfire", "train", str(small_recipe), "--run", "killed", *TRUST]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    done = subprocess.run([*command, "--trainer.callbacks", kill], env=environment, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(Path("killed/metrics.jsonl").read_bytes().splitlines()) == 1
    assert not Path("killed/summary.json").exists()

    assert main(["train", "--run", "killed", "--resume", "--trainer.callbacks", "null", *TRUST]) == 0
    for name in ("weights.safetensors",):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()
    assert len(Path("killed/metrics.jsonl").read_bytes().splitlines()) == 3


def test_resume_of_a_finished_run_changes_nothing(small_recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(small_recipe), "--trainer.max_epochs", "1", "--no-health", *TRUST]
    assert main(arguments) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("runs/small-1").rglob("*")}
    assert main([*arguments, "--resume"]) == 0
    assert "is finished" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in Path("runs/small-1").rglob("*")} == before
    assert main([*arguments, "--resume", "--task.model.levels", "2"]) == 2
    assert "task.init_args.model.init_args.levels = 4, but now it is 2" in capsys.readouterr().err
