"""The command live, on a network that was trained on events."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from synfire.cli.main import main
from synfire.data.events import Events, write_events
from synfire.data.events.live import encode, send_events
from synfire.recipes.loading import restore

HERE = str(Path(__file__).parent)
TRUST = ["--trust", "parts_for_recipes"]
RECIPE = {
    "threads": 1,
    "data": {
        "class_path": "synfire.data.EventData",
        "init_args": {
            "source": "parts_for_recipes.Strokes",
            "representation": {"class_path": "synfire.data.FramesByTime", "init_args": {"step_us": 1000, "steps": 8}},
            "batch_size": 16,
        },
    },
    "task": {
        "model": "parts_for_recipes.event_net",
        "encoder": {"class_path": "synfire.layers.Frames", "init_args": {"steps": 8}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
    },
    "trainer": {"max_epochs": 15, "accelerator": "cpu"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on strokes."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "strokes.yaml").write_text(yaml.safe_dump(RECIPE))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        assert main(["train", str(folder / "strokes.yaml"), *TRUST, "--run", str(folder / "run"), "--seed", "0"]) == 0
    return folder / "run"


@pytest.fixture
def run(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the run, in a folder of its own."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.chdir(tmp_path)
    return trained


def strokes(down: bool) -> Events:
    from parts_for_recipes import stroke

    return stroke(down, np.random.default_rng(7).integers(0, 8, 40))


def test_a_pipe_is_classified_step_by_step(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    for down, name in ((True, "down"), (False, "right")):
        Path("pipe").write_bytes(encode(strokes(down)))
        assert main(["live", str(run), *TRUST, "--sensor-size", "8", "8", "--file", "pipe"]) == 0
        *lines, tally = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [f"{step / 1000:.3f}" for step in range(1, 9)]
        assert lines[-1].split()[2] == name
        assert tally == "40 events received: 40 delivered in 8 steps, 0 dropped with 0 steps, 0 discarded"


def test_a_network_of_one_step_sees_the_last_steps_as_channels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.chdir(tmp_path)
    frames = RECIPE["data"]["init_args"]["representation"]
    joined = {"class_path": "synfire.data.StepsAsChannels", "init_args": {"of": frames}}
    recipe = {
        **RECIPE,
        "data": {**RECIPE["data"], "init_args": {**RECIPE["data"]["init_args"], "representation": joined}},
        "task": {
            **RECIPE["task"],
            "model": {"class_path": "parts_for_recipes.event_net", "init_args": {"channels": 16}},
            "encoder": {"class_path": "synfire.layers.Frames", "init_args": {"steps": 1}},
        },
    }
    Path("joined.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", "joined.yaml", *TRUST, "--run", "run", "--seed", "0"]) == 0
    task, data = restore(Path("run"), ["parts_for_recipes"])
    for down, name in ((True, "down"), (False, "right")):
        capsys.readouterr()
        Path("pipe").write_bytes(encode(strokes(down)))
        assert main(["live", "run", *TRUST, "--sensor-size", "8", "8", "--file", "pipe"]) == 0
        *lines, _ = capsys.readouterr().out.splitlines()
        assert len(lines) == 8
        *_, said, percent, _ = lines[-1].split()
        with torch.inference_mode():
            whole = data.representation(strokes(down))
            chances = task.model.eval()(whole.transpose(0, 1))[0, 0].softmax(0)
        assert (said, int(percent)) == (name, round(100 * chances.max().item()))


def test_ctrl_c_ends_it_and_shows_what_was_counted(run: Path) -> None:
    command = [sys.executable, "-m", "synfire", "live", str(run), *TRUST, "--sensor-size", "8", "8", "--port", "0"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *sys.path])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        assert said.startswith("listening on 127.0.0.1:")
        send_events(strokes(True), ("127.0.0.1", int(said.split(";")[0].rsplit(":", 1)[1])), speed=None)
        assert "s  " in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert rest.splitlines()[-1].startswith("40 events received: ")


def test_what_came_before_damage_is_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_events("whole.aedat", strokes(True))
    capsys.readouterr()
    Path("pipe").write_bytes(Path("whole.aedat").read_bytes() + b"damage")
    assert main(["live", str(run), *TRUST, "--sensor-size", "8", "8", "--file", "pipe"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("40 events received: 40 delivered in 8 steps")
    assert "ended within a header" in err


def test_mistakes_are_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["--file", "none"], "none cannot be opened: No such file"),
        (["--port", "70000"], "cannot listen"),
        (["--timeout", "-1"], "timeout_s -1.0"),
        (["--step-us", "0"], "step_us, which is 0"),
        (["--window", "0"], "--window is 0"),
    ):
        assert main(["live", str(run), *TRUST, "--sensor-size", "8", "8", *words]) == 2
        assert message in capsys.readouterr().err
    assert main(["live", str(run), *TRUST]) == 2
    assert "--sensor-size" in capsys.readouterr().err
