from pathlib import Path

import pytest
import yaml

SMALL = {
    "threads": 1,
    "data": {
        "source": "synfire.data.Digits",
        "batch_size": 32,
        "limit_train": 128,
        "limit_test": 64,
        "augment": ["crop1"],
        "val_fraction": 0.1,
    },
    "task": {
        "model": "parts_for_recipes.small_net",
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.05, "momentum": 0.9}},
    },
    "trainer": {"max_epochs": 3, "accelerator": "cpu"},
}


@pytest.fixture(autouse=True)
def _threads_stay(threads_stay: None) -> None:
    """Every test here builds recipes."""


@pytest.fixture
def small_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of a second, in a folder of its own that is the current one."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path
