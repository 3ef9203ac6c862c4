import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from synfire.models import sparse_resnet_narrow, twin
from synfire.tasks.account import ClassAccount

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def nets() -> dict[str, torch.nn.Module]:
    """A small network and its twins, untrained."""
    torch.manual_seed(0)
    net = sparse_resnet_narrow(3, in_channels=1, widths=(4,), depths=(2,))
    net(torch.randn(1, 8, 1, 8, 8))
    net.eval()
    return {"spiking": net, "quantised": twin(net, "quantised"), "relu": twin(net, "relu")}


@pytest.fixture(scope="session")
def records(nets: dict[str, torch.nn.Module]) -> Callable[..., dict[str, Any]]:
    """Make the records that a test leaves, for a kind of network, a number of steps and names of the classes."""

    def make(kind: str = "spiking", steps: int = 1, classes: tuple[str, ...] = ("cat", "dog", "owl")) -> dict[str, Any]:
        torch.manual_seed(1)
        images, labels = torch.randn(6, 1, 8, 8), torch.arange(6) % 3
        account = ClassAccount(nets[kind], lambda logits, images: logits.mean(0))
        x = images.expand(steps, *images.shape)
        account.add(x, account.run(x), (images, labels))
        return account.records(SimpleNamespace(classes=classes))

    return make


@pytest.fixture
def run_folder(tmp_path: Path, records: Callable[..., dict[str, Any]]) -> Make:
    """Make a run folder with everything in it; summary and parts can be changed or left out (None)."""

    def make(name: str, kind: str = "spiking", steps: int = 1, epochs: int = 2, **parts: Any) -> Path:
        classes = parts.pop("classes", ("cat", "dog", "owl"))
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").write_text(f"seed: 0  # {name}\n")
        summary = {
            **{"accuracy": 0.9, "loss": 0.3, "non_zeros_per_image": 100.0, "spikes_per_image": 150.0},
            **{"steps": steps, "parameters": 1000, "ms_per_image": 0.1, "seconds": 3.0, "epochs": epochs},
        }
        whole = {"summary": summary, "environment": {"python": "3.11"}, **records(kind, steps, classes), **parts}
        for part, record in whole.items():
            if record is not None:
                (folder / f"{part}.json").write_text(json.dumps({"schema": 1, **record}))
        lines = [
            {"epoch": n, "train/accuracy": 0.5, "train/loss": 1.0, "val/accuracy": 0.6, "val/loss": 0.9}
            for n in range(1, epochs + 1)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    return make
