import pytest
import torch

from synfire.base import ConfigError, DataError, ShapeError
from synfire.data import Normalisation, measure


def test_measured_by_hand():
    images = torch.tensor([[[[0, 255]], [[51, 51]]], [[[0, 255]], [[51, 102]]]], dtype=torch.uint8)
    got = measure(images)
    assert got.mean == pytest.approx((0.5, 0.25))
    assert got.std == pytest.approx((0.5, 0.05 * 3**0.5))


def test_measured_images_have_mean_0_and_deviation_1(pixels):
    images = torch.from_numpy(pixels(20, 3, 8, 8))
    normalised = measure(images)(images.double() / 255)
    assert normalised.mean((0, 2, 3)).tolist() == pytest.approx([0] * 3, abs=1e-12)
    assert normalised.std((0, 2, 3), correction=0).tolist() == pytest.approx([1] * 3)
    assert measure(images) == measure(images.flip(0))


def test_what_cannot_be():
    with pytest.raises(DataError, match="channel 1 is 7 in every training image"):
        measure(torch.tensor([0, 7, 1, 7], dtype=torch.uint8).view(2, 2, 1, 1))
    with pytest.raises(ConfigError, match="2 means and 1 deviations"):
        Normalisation([0, 0], [1])
    with pytest.raises(ConfigError, match=r"std is \(1, 0\)"):
        Normalisation([0, 0], [1, 0])
    with pytest.raises(ShapeError, match=r"shape \(4, 1, 2, 2\), but 3 channels"):
        Normalisation([0] * 3, [1] * 3)(torch.zeros(4, 1, 2, 2))
