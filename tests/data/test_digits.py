import pytest
import torch
from sklearn.datasets import load_digits

from synfire.base import ConfigError
from synfire.data import Digits


def test_digits_are_scaled_as_documented_and_split_by_class():
    train, test = Digits().load()
    assert (len(train), len(test), train.shape, train.num_classes) == (1438, 359, (1, 8, 8), 10)
    original = torch.from_numpy(load_digits().images)
    want = torch.floor(original * 255 / 16 + 0.5).to(torch.uint8)
    rows = {tuple(image.flatten().tolist()) for image in want}
    assert {tuple(image.flatten().tolist()) for image in torch.cat([train.images, test.images])} == rows
    counts = test.labels.bincount().tolist()
    assert counts == [int(0.2 * n + 0.5) for n in torch.from_numpy(load_digits().target).bincount().tolist()]


def test_the_split_depends_on_the_seed_alone():
    assert torch.equal(Digits(seed=1).load()[1].images, Digits(seed=1).load()[1].images)
    assert not torch.equal(Digits(seed=1).load()[1].labels, Digits().load()[1].labels)
    with pytest.raises(ConfigError, match=r"test_fraction is 1\.5"):
        Digits(test_fraction=1.5).load()


def test_the_fixed_split_has_not_moved():
    assert Digits().load()[1].labels[:12].tolist() == [0, 6, 2, 4, 5, 8, 9, 4, 5, 5, 4, 3]
