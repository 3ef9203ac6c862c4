from collections.abc import Iterator
from pathlib import Path

import numba
import pytest
import torch
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
def _threads_stay() -> Iterator[None]:
    """A recipe sets the threads of the process."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.fixture
def small_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of a second, in a folder of its own that is the current one."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path
