import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from synfire.cli.main import main

HERE = Path(__file__).parent
TRUST = ["--trust", "parts_for_recipes"]


def measures(run: str) -> list[dict[str, float]]:
    """Return what the epochs of a run measured, without the time."""
    lines = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


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
    assert Path("killed/weights.safetensors").read_bytes() == Path("whole/weights.safetensors").read_bytes()
    assert measures("killed") == measures("whole")


def test_resume_of_a_finished_run_changes_nothing(small_recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(small_recipe), "--trainer.max_epochs", "1", "--no-health", *TRUST]
    assert main(arguments) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("runs/small-1").rglob("*")}
    assert main([*arguments, "--resume"]) == 0
    assert "is finished" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in Path("runs/small-1").rglob("*")} == before
    assert main([*arguments, "--resume", "--trainer.enable_progress_bar", "false"]) == 0
    assert "is finished" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in Path("runs/small-1").rglob("*")} == before
    assert main([*arguments, "--resume", "--task.model.levels", "2"]) == 2
    assert "task.init_args.model.init_args.levels = 4, but now it is 2" in capsys.readouterr().err


def test_a_run_goes_on_with_the_threads_it_began_with(small_recipe: Path) -> None:
    assert (
        main(["train", str(small_recipe), "--threads", "1", "--run", "one", "--trainer.max_epochs", "1", *TRUST]) == 0
    )
    recipe = Path("one/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("threads: 1", "threads: null"))
    assert main(["train", "--run", "one", "--resume", "--trainer.max_epochs", "2", *TRUST]) == 0
    assert torch.get_num_threads() == 1
    assert json.loads(Path("one/environment.json").read_text())["threads"] == 1


def test_a_run_from_before_an_option_existed_goes_on_with_its_default(
    small_recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "small.yaml", *TRUST, "--trainer.max_epochs", "1", "--run", "old"]
    assert main(words) == 0
    stored = yaml.safe_load(Path("old/recipe.yaml").read_text())
    del stored["task"]["init_args"]["compact"]
    Path("old/recipe.yaml").write_text(yaml.safe_dump(stored))
    capsys.readouterr()
    assert main([*words, "--resume"]) == 0
    assert "old is finished" in capsys.readouterr().out
    assert main([*words, "--resume", "--task.init_args.compact", "false"]) == 2
    assert "task.init_args.compact = True, but now it is False" in capsys.readouterr().err
