import pytest
import torch
from torch import nn

from synfire.base import ConfigError, ShapeError
from synfire.data import Augment, AutoAugment
from synfire.data.augment import Crop, Flip


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("steps", [["flip"], ["crop2"], ["crop4", "flip"], ["autoaugment_cifar10"], [nn.Dropout(0.5)]])
def test_the_same_seed_gives_the_same_and_leaves_no_trace(steps):
    augment, x = Augment(steps), images(16, 3, 8, 8)
    before, given = torch.get_rng_state(), x.clone()
    first, again, other = augment(x, 5), augment(x, 5), augment(x, 6)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == x.shape
    assert torch.equal(x, given)
    assert torch.equal(torch.get_rng_state(), before)


def test_flip_mirrors_about_half():
    x = images(400, 1, 2, 3)
    y = Augment(["flip"])(x, 0)
    mirrored = (y == x.flip(-1)).flatten(1).all(1)
    assert ((y == x).flatten(1).all(1) | mirrored).all()
    assert 150 < int(mirrored.sum()) < 250


def test_crop_shifts_by_every_offset_and_fills_with_black():
    x = images(300, 2, 4, 5) + 1
    y = Augment(["crop1"])(x, 0)
    padded = nn.functional.pad(x, [1] * 4)
    windows = {
        (down, right): padded[:, :, down : down + 4, right : right + 5] for down in range(3) for right in range(3)
    }
    fits = torch.stack([(y == window).flatten(1).all(1) for window in windows.values()])
    assert (fits.sum(0) == 1).all()
    assert (fits.sum(1) > 10).all()


def test_autoaugment_draws_for_each_image_and_stays_in_range():
    x = images(1, 3, 16, 16).expand(64, 3, 16, 16).contiguous()
    y = Augment(["autoaugment_cifar10"])(x, 0)
    assert len({tuple(image.flatten().tolist()) for image in y}) > 20
    assert y.min() >= 0
    assert y.max() <= 1
    with pytest.raises(ShapeError, match=r"\(4, 1, 8, 8\), but colour"):
        AutoAugment()(images(4, 1, 8, 8))


def test_kornia_modules_are_steps_too():
    import kornia.augmentation

    x = images(4, 3, 8, 8)
    mirrored = Augment([kornia.augmentation.RandomHorizontalFlip(p=1.0)])(x, 0)
    assert torch.equal(mirrored, x.flip(-1))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flop", r"'flop' is unknown; give flip, crop<pixels>, autoaugment_cifar10"),
        ("crop", "'crop' is unknown"),
        ("cifar10", "'cifar10' is unknown"),
        ("crop0", "crop0: pads by 0 pixels"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(ConfigError, match=message):
        Augment([name])


def test_bad_policy():
    with pytest.raises(ConfigError, match="policy is 'mnist'; choose one of cifar10"):
        AutoAugment("mnist")


def test_modules_compose():
    assert nn.Sequential(Flip(), Crop(1))(images(2, 1, 3, 3)).shape == (2, 1, 3, 3)
