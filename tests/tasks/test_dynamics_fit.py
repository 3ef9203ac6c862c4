import json
from pathlib import Path

import pytest
import torch

import synfire
from synfire import SequenceLIF, SurrogateDynamics
from synfire.base import ConfigError, DataError
from synfire.data import RandomCurrents
from synfire.report import read_run, run_table
from synfire.tasks import DynamicsFit
from synfire.training import RunFolder, evaluate, seed_all, train

OPTIONS = {"accelerator": "cpu", "enable_progress_bar": False}


def adam(parameters):
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01)


def fit(folder: Path, decay: float = 0.125, epochs: int = 4, **data) -> RunFolder:
    seed_all(0)
    task = DynamicsFit(SurrogateDynamics(decay), adam, loss="mse")
    chosen = {"count": 400, "steps": 128, "test_count": 100, "batch_size": 8, "eval_batch_size": 50, **data}
    return train(
        task,
        RandomCurrents(**chosen),
        lambda: RunFolder.at(folder),
        options={**OPTIONS, "max_epochs": epochs},
        keep="best",
        show=lambda text: None,
    )


def test_measures_by_hand() -> None:
    task = DynamicsFit(SurrogateDynamics()).eval()
    currents = torch.tensor([[0.9, 0.9, -0.5]])
    carried = torch.tensor([[0.0, 0.1125, 0.0]])
    batch = (currents, carried, torch.tensor([[False, True, False]]))
    predicted = torch.tensor([[0.2], [0.1125], [0.0]])
    assert torch.equal(task.encode(currents), currents.T)
    assert task.steps == 3
    found = {name: float(value) for name, value in task.measures(predicted, batch).items()}
    assert found == pytest.approx({"loss": 0.02 / 3, "mse": 0.04 / 3, "agreement": 2 / 3, "zero_agreement": 2 / 3})
    assert set(task.train().measures(predicted, batch)) == {"loss"}
    assert float(task.objective(predicted, batch)) == pytest.approx(0.02 / 3)
    assert float(DynamicsFit(SurrogateDynamics(), loss="mse").objective(predicted, batch)) == pytest.approx(0.04 / 3)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    torch.set_num_threads(1)  # it is made before the fixture that sets them for every test
    return fit(tmp_path_factory.mktemp("runs") / "sdn")


def test_a_short_fit_beats_a_potential_of_zero(fitted: RunFolder) -> None:
    summary = fitted.read_summary() or {}
    assert summary["agreement"] > summary["zero_agreement"] + 0.002
    assert 0.98 < summary["zero_agreement"] < 0.99
    assert summary["mse"] < 0.5 * float(RandomCurrents(steps=128).split("test").carried.square().mean())
    assert (summary["steps"], summary["parameters"]) == (128, 193)
    assert not any("non_zeros" in key or "spikes" in key for key in summary)
    lines = [json.loads(line) for line in fitted.metrics.read_text().splitlines()]
    assert lines[-1]["val/mse"] < lines[0]["val/mse"]


def test_the_run_is_whole(fitted: RunFolder) -> None:
    run = read_run(fitted.path)
    assert run.remarks == []
    head, [row] = run_table([run])
    assert head[:4] == ["run", "agreement %", "zero agreement %", "mse"]
    assert row[1] == pytest.approx(100 * (fitted.read_summary() or {})["agreement"])
    again = evaluate(
        DynamicsFit(SurrogateDynamics()),
        RandomCurrents(steps=128, test_count=100),
        fitted,
        options=OPTIONS,
    )
    assert again["mse"] == pytest.approx((fitted.read_summary() or {})["mse"], rel=1e-4)


def test_the_run_serves_as_dynamics(fitted: RunFolder) -> None:
    x = torch.randn(200, 4, 5, generator=torch.Generator().manual_seed(0))
    spikes = SequenceLIF(engine="sdn", dynamics=fitted.path)(x)
    assert (spikes == SequenceLIF()(x)).float().mean() > 0.985
    net = synfire.models.spiking_ssm(channels=4, modes=4, engine="sdn", dynamics=fitted.path)
    assert net(torch.randn(10, 2, 1)).shape == (10, 2, 10)
    with pytest.raises(ConfigError, match=r"decay=0\.125, but this one has .* decay=0\.5"):
        SequenceLIF(decay=0.5, engine="sdn", dynamics=fitted.path)


def test_decays_have_to_agree(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"decay 0\.5, but the data come from one of decay 0\.125"):
        fit(tmp_path / "run", decay=0.5)
    assert not (tmp_path / "run").exists()


def test_bad_options_and_batches() -> None:
    with pytest.raises(ConfigError, match="loss is 'l1'; choose one of smooth_l1, mse"):
        DynamicsFit(SurrogateDynamics(), loss="l1")
    task, x = DynamicsFit(SurrogateDynamics()), torch.zeros(2, 3)
    task.check(x.T, (x, x, x.bool()))
    with pytest.raises(DataError, match=r"parts of shapes \[\(2, 3\), \(2, 3\)\]"):
        task.check(x.T, (x, x))
    with pytest.raises(DataError, match="NaN or infinity"):
        task.check(x.T, (x / 0, x, x.bool()))
