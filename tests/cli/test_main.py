import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import synfire
from synfire.base import ConfigError
from synfire.cli.main import main
from synfire.models import ZOO
from synfire.recipes.loading import restore

TRUST = ["--trust", "parts_for_recipes"]


def test_help_is_short_and_imports_no_training() -> None:
    code = (
        "import sys\n"
        "from synfire.cli.main import main\n"
        "for words in ([], ['list']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "assert not {'lightning', 'kornia', 'jsonargparse', 'tensorboard', 'sklearn'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in (*ZOO, "digits-binary", "MultiLevelIF", "synfire train digits"))


@pytest.mark.parametrize("command", ["train", "eval", "generate", "list", "report", "claim", "view", "live"])
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "invalid choice: 'trian'"),
        (["train"], "train needs a RECIPE"),
        (["train", "digit"], "recipe 'digit' is unknown, perhaps digits was meant"),
        (["train", "digits", "--sed", "3"], "unrecognized arguments: --sed 3; see `synfire"),
        (["train", "digits", "--task.model.levels", "0"], "levels is 0"),
        (["train", "digits", "--task.encoder.steps", "0"], "steps is 0; give at least one step"),
        (["train", "digits", "--task.model.neuron.class_path", "os.system"], "os.system is not allowed"),
        (["train", "digits", "--data.batch_size", "0"], "batch_size is 0"),
        (["train", "digits", "--seed", "-1"], "argument --seed: -1 is negative; give a whole number of at least 0"),
        (["train", "digits", "--seed", "one"], "argument --seed: 'one' is not a whole number; give one of at least 0"),
        (["claim", "barriers", "--seeds", "0", "-1"], "argument --seeds: -1 is negative"),
        (["train", "digits", "--trainer.limit_test_batches", "0"], "limit_test_batches is 0, but every run ends with"),
        (["train", "digits", "--task.model.num_classes", "5"], "but labels 0 to 4 were expected"),
        (["eval"], "see `synfire eval --help`"),
        (
            ["train", "digits", "--task.optimizer.lr", "-1"],
            "the optimizer refuses its options: Invalid learning rate: -1",
        ),
        (["train", "digits", "--trainer.accelerator", "cpu", "--trainer.devices", "0"], "trainer: "),
        (["train", "fashion-cnn4"], "data/fashion_mnist"),
        (["train", "--resume"], "--resume needs to know the run"),
        (["train", "digits", "--resume"], "no run of digits in runs"),
        (["train", "--resume", "--run", "nothing"], "nothing holds no recipe.yaml"),
        (["eval", "nothing"], "nothing holds no recipe.yaml"),
        (["eval"], "the following arguments are required: RUN"),
        (["report"], "there is no run in runs/"),
        (["list", "cats"], "invalid choice: 'cats'"),
        (["report", "--data.x", "1"], "report takes no --data.x"),
    ],
)
def test_mistakes_give_one_line_and_exit_code_2(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" or out.startswith("run folder: ")
    assert message in err
    assert err.startswith("synfire: ")
    assert err.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path != tmp_path / "runs"]


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("synfire.cli.main._run", stop)
    assert main(["train", "digits"]) == 130
    assert "continue with --resume" in capsys.readouterr().err


def test_what_nobody_foresaw_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> int:
        raise IndexError("index 7 is\nout of range.")

    monkeypatch.setattr("synfire.cli.main._run", fail)
    assert main(["train", "digits"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(
        "synfire: unexpected IndexError: index 7 is out of range; this is a defect of synfire or of a"
    )
    assert err.count("\n") == 1
    with pytest.raises(IndexError):
        main(["train", "digits", "--debug"])


@pytest.mark.parametrize("words", [["list"], ["--help"]])
def test_a_reader_who_goes_away(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "synfire", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in ((0, 141) if words == ["--help"] else (141,))  # argparse may keep the error to itself


def test_the_list_has_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.isalpha()] == ["recipes", "models", "neurons"]
    assert all(
        any(line.startswith(f"{name} ") and len(line) > 40 for line in lines) for name in [*ZOO, "digits", "LIF"]
    )


def test_debug_shows_where_an_error_comes_from() -> None:
    with pytest.raises(ConfigError):
        main(["train", "digit", "--debug"])


def test_train_eval_and_report(small_recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "small.yaml", *TRUST, "--trainer.max_epochs", "2", "--seed", "5"]
    assert main([*words, "--keep", "best"]) == 0
    assert "runs/small-1 is finished: accuracy" in capsys.readouterr().out
    assert json.loads(Path("runs/small-1/environment.json").read_text())["seed"] == 5

    assert main(["eval", "runs/small-1", *TRUST]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    accuracy = json.loads(Path("runs/small-1/summary.json").read_text())["accuracy"]
    assert row.split()[:2] == ["runs/small-1", f"{100 * accuracy:.4g}"]

    task, data = restore("runs/small-1", trust=TRUST[1:])
    data.setup("test")
    right = [(task.eval()(images).argmax(1) == labels).float() for images, labels in data.test_dataloader()]
    assert torch.cat(right).mean().item() == pytest.approx(accuracy, abs=1e-6)
    net = synfire.load("runs/small-1", trust=TRUST[1:])
    assert not net.training
    assert all(torch.equal(value, task.model.state_dict()[name]) for name, value in net.state_dict().items())

    assert main([*words, "--run", "runs/small-1"]) == 2
    assert "Continue its run with --resume" in capsys.readouterr().err
    assert main(["eval", "runs/small-1"]) == 2
    assert "add --trust parts_for_recipes" in capsys.readouterr().err

    (Path("runs/small-1/weights.safetensors")).write_bytes(b"cut")
    assert main(["eval", "runs/small-1", *TRUST]) == 2
    assert "is no whole safetensors file" in capsys.readouterr().err

    Path("runs/half").mkdir()
    Path("runs/half/recipe.yaml").touch()
    Path("runs/half/metrics.jsonl").write_text('{"epoch": 1}\n')
    assert main(["report", "runs/small-1", "runs/half", "runs/none"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].endswith("unfinished after 1 epochs; continue with --resume")
    assert lines[-2].endswith("no such folder")
    assert lines[-1] == "page written to report.html; open it in a browser"
    assert main(["report", "runs/small-1", "--table", "--out", "other.html"]) == 0
    assert not Path("other.html").exists()


def test_a_network_of_language_writes_on(tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("abcd" * 400)
    small = {"task.model.channels": 16, "task.model.depth": 1, "task.model.modes": 4, "data.length": 12}
    words = [word for key, value in small.items() for word in (f"--{key}", str(value))]
    text = ["--data.corpus", "TextFiles", "--data.corpus.train", "text.txt", "--data.cache", "cache"]
    train = [
        "train",
        "language",
        *text,
        *words,
        "--data.batch_size",
        "4",
        "--trainer.max_epochs",
        "4",
        "--threads",
        "1",
    ]
    assert main([*train, "--trainer.accelerator", "cpu", "--task.optimizer.lr", "0.02"]) == 0
    assert "runs/language-1 is finished: perplexity" in capsys.readouterr().out
    Path("text.txt").unlink()  # the vocabulary stays with the run
    assert main(["generate", "runs/language-1", "--prompt", "abc", "--tokens", "5", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == "abcdabcd\n"
    assert main(["report", "--table"]) == 0
    assert "perplexity" in capsys.readouterr().out
    for words, message in (
        (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "a", "--tokens", "0"], "--tokens is 0; give at least 1"),
        (["--prompt", "a", "--temperature", "-1"], "temperature is -1.0"),
    ):
        assert main(["generate", "runs/language-1", *words]) == 2
        assert message in capsys.readouterr().err
    Path("runs/language-1/vocabulary.json").unlink()
    assert main(["generate", "runs/language-1", "--prompt", "a"]) == 2
    assert "is no model of language, since it has no vocabulary.json" in capsys.readouterr().err
    assert main(["generate", "runs/other", "--prompt", "a"]) == 2
    assert "is no finished run" in capsys.readouterr().err


def test_print_recipe_and_all_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--print-recipe", "--task.model.levels", "3"]) == 0
    assert "levels: 3" in capsys.readouterr().out
    assert main(["train", "--all-options"]) == 0
    assert "--trainer.max_epochs" in capsys.readouterr().out
