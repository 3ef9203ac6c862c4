import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError
from synfire.data import RandomCurrents
from synfire.neurons.dynamics import exact_dynamics


def by_hand(currents: list[float], decay: float) -> tuple[list[float], list[bool]]:
    """The equation of arXiv:2408.14909, a number at a time."""
    carried, spikes, v = [], [], 0.0
    for current in currents:
        carried.append(decay * v)
        u = carried[-1] + current
        spikes.append(u >= 1)
        v = 0.0 if u >= 1 else u
    return carried, spikes


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-32, 32), min_size=1, max_size=16), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_targets_are_those_of_the_equation(sixteenths: list[int], decay: float) -> None:
    currents = [number / 16 for number in sixteenths]
    carried, spikes = exact_dynamics(torch.tensor(currents)[:, None], decay)
    expected = by_hand(currents, decay)
    assert carried[:, 0].tolist() == pytest.approx(expected[0], rel=1e-6, abs=1e-7)
    assert spikes[:, 0].bool().tolist() == expected[1]


def test_batches_hold_what_the_neuron_makes_of_the_currents() -> None:
    data = RandomCurrents(count=20, steps=50, decay=0.5, mean=0.4, deviation=0.5, test_count=7, batch_size=5)
    assert [len(loader) for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())] == [
        *(4, 1, 2)
    ]
    for loader in (data.train_dataloader(), data.test_dataloader()):
        for currents, carried, spikes in loader:
            assert spikes.dtype == torch.bool
            expected = [by_hand(row, 0.5) for row in currents.double().tolist()]
            torch.testing.assert_close(carried.double(), torch.tensor([c for c, _ in expected]).double())
            assert spikes.tolist() == [s for _, s in expected]
    drawn = data.split("test").currents
    assert float(drawn.mean()) == pytest.approx(0.4, abs=0.1)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.1)


def test_seeds() -> None:
    def parts(seed: int) -> list[torch.Tensor]:
        data = RandomCurrents(count=10, steps=8, test_count=3, seed=seed)
        return [data.split(part).currents for part in ("train", "val", "test")]

    one, again, other = parts(0), parts(0), parts(1)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert [torch.equal(a, b) for a, b in zip(one, other, strict=True)] == [False, False, True]
    rows = {tuple(row) for part in one for row in part.tolist()}
    assert len(rows) == 10 + 3
    orders = []
    for epoch in (0, 1, 0):
        loader = RandomCurrents(count=10, steps=8, batch_size=3).train_dataloader()
        loader.set_epoch(epoch)
        orders.append(torch.cat([batch[0] for batch in loader]))
    assert torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0, but at least 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"eval_batch_size": 0}, "eval_batch_size is 0"),
        ({"test_count": 0}, "test_count is 0"),
        ({"count": 4}, "val_fraction 0.1 of 4 sequences is 0 for validation and 4 for training"),
        ({"val_fraction": 1.0}, "is 5000 for validation and 0 for training"),
        ({"decay": 1.5}, r"decay is 1\.5; .* give 0 to 1"),
        ({"deviation": 0.0}, r"mean 0\.0 and deviation 0\.0 cannot be drawn"),
        ({"mean": math.inf}, "mean inf"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_bad_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RandomCurrents(**options)
