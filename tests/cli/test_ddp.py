import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_two_processes_end_with_equal_weights_and_one_folder(small_recipe: Path) -> None:
    command = [sys.executable, "-m", "synfire", "train", str(small_recipe), "--trust", "parts_for_recipes"]
    command += ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]
    command += ["--trainer.callbacks", "parts_for_recipes.WriteWeights", "--trainer.max_epochs", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=200, text=True)
    assert done.returncode == 0, done.stderr
    first, second = (Path(f"ranks/{rank}.safetensors").read_bytes() for rank in (0, 1))
    assert first == second == Path("runs/small-1/weights.safetensors").read_bytes()
    assert [path.name for path in Path("runs").iterdir()] == ["small-1"]
    lines = [json.loads(line) for line in Path("runs/small-1/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]  # 115 images in batches of 2 x 32
    assert done.stdout.count("epoch 2/2") == 1
    summary, trace, test = (
        json.loads(Path(f"runs/small-1/{part}.json").read_text()) for part in ("summary", "trace", "test")
    )
    assert summary["epochs"] == 2
    samples = {row["samples"] for row in trace["rows"]}
    assert samples == {sum(map(sum, test["confusion"]))}  # of both processes
    emitted = sum(row["event_count"] for row in trace["rows"] if row["kind"] == "neuron")
    assert summary["non_zeros_per_image"] * samples.pop() == pytest.approx(emitted, rel=1e-6)
