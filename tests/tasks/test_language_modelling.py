import math
from pathlib import Path

import lightning.pytorch as L
import pytest
import torch

from synfire.base import DataError, ShapeError
from synfire.data import TextData, TextFiles
from synfire.models import spiking_ssm_language
from synfire.tasks import LanguageModelling
from synfire.training import RunFolder, evaluate, train


def small(**options) -> LanguageModelling:
    torch.manual_seed(0)
    net = spiking_ssm_language(256, channels=16, depth=1, modes=4, dropout=0.0)
    return LanguageModelling(net, lambda p: torch.optim.AdamW(p, lr=0.02), **options)


@pytest.fixture
def text(tmp_path: Path) -> TextData:
    (tmp_path / "text.txt").write_text("abcd" * 300)
    return TextData(TextFiles(tmp_path / "text.txt"), length=12, batch_size=4, cache=tmp_path / "cache")


def test_a_run_from_end_to_end(text: TextData, tmp_path: Path) -> None:
    shown: list[str] = []
    options = {"max_epochs": 3, "accelerator": "cpu"}
    folder = train(
        small(), text, lambda: RunFolder.at(tmp_path / "run"), options=options, keep="best", show=shown.append
    )
    summary = folder.read_summary()
    assert summary["perplexity"] == pytest.approx(math.exp(summary["loss"]))
    assert summary["bits_per_character"] == pytest.approx(summary["loss"] / math.log(2))
    assert summary["perplexity"] < 2  # of 256; the text is a cycle of four letters
    assert summary["steps"] == 12
    assert 0 < summary["spikes_per_token"] < 16
    assert summary["ms_per_token"] > 0
    lines = [line for line in shown if line.startswith("epoch")]
    assert len(lines) == 3
    assert all("perplexity" in line and "bits per character" in line for line in lines)
    assert (tmp_path / "run" / "vocabulary.json").exists()
    again = evaluate(small(), text, folder, options={"accelerator": "cpu"})
    assert again["loss"] == pytest.approx(summary["loss"])


def test_the_loss_is_the_mean_over_all_tokens_also_of_a_shorter_last_window(text: TextData) -> None:
    task = small()
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    [results] = trainer.test(task, text, verbose=False)
    tokens = torch.from_numpy(text.text("test").tokens.astype("int64"))
    losses = []
    for start in range(0, len(tokens) - 1, 12):
        window = tokens[start : start + 13]
        with torch.no_grad():
            losses.append(task.model.nll(window[:-1, None], window[1:, None]).flatten())
    assert results["test/loss"] == pytest.approx(torch.cat(losses).mean().item(), rel=1e-5)
    assert len(losses[-1]) < 12


def test_logits_without_nll_give_the_same_objective() -> None:
    task = small()
    batch = (torch.randint(0, 256, (3, 9)),)
    x = task.encode(batch[0])
    torch.testing.assert_close(task.objective(task.model(x), batch), task.objective(task.respond(batch), batch))


def test_bad_batches() -> None:
    task = small()
    with pytest.raises(ShapeError, match=r"tokens have shape \(3, 1\), but \(B, T \+ 1\) was expected"):
        task.encode(torch.zeros(3, 1, dtype=torch.int64))
    batch = (torch.tensor([[1, 2, 256]]),)
    with pytest.raises(DataError, match=r"token 256, but the table has 256 rows, .* with vocabulary=257"):
        task.check(torch.zeros(2, 1), batch)
