import numpy as np
import pytest
import torch

from synfire.base import ConfigError, DataError
from synfire.data import Pathfinder
from synfire.data.pathfinder import DRAWINGS, generate


def ends(bars: np.ndarray, length: int) -> np.ndarray:
    """Both ends of both target contours, (4, 2)."""
    return np.stack([bars[0, :2], bars[length - 1, 2:4], bars[length, :2], bars[2 * length - 1, 2:4]])


def discs(image: np.ndarray, places: np.ndarray, radius: float) -> list[int]:
    """Which two of the places have a disc: all light within its radius."""
    rows, columns = np.mgrid[: len(image), : len(image)] + 0.5
    lit = [image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2].mean() for x, y in places]
    return sorted(np.argsort(lit)[-2:].tolist())


def groups(bars: np.ndarray, reach: float) -> list[int]:
    """Number the bars by the contour they belong to, which is all that `reach` from end to end links."""
    points = bars[:, :4].reshape(len(bars), 2, 1, 1, 2)
    near = (np.linalg.norm(points - bars[:, :4].reshape(1, 1, len(bars), 2, 2), axis=-1) <= reach).any((1, 3))
    group = list(range(len(bars)))
    for a, b in zip(*np.nonzero(near), strict=True):
        old, new = group[a], group[b]
        group = [new if g == old else g for g in group]
    return group


@pytest.fixture(scope="module", params=[(32, 14), (32, 6), (128, 9), (128, 14)], ids=str)
def made(request):
    side, length = request.param
    return side, length, *generate(200, side, length, 3, 200)


def test_discs_are_linked_if_and_only_if_the_label_is_one(made):
    side, length, images, labels, all_bars = made
    drawing = DRAWINGS[side]
    for image, label, bars in zip(images, labels, all_bars, strict=True):
        bars = bars[bars.any(1)]
        group = groups(bars, 1.001 * drawing.gap)
        first, second = (group[which // 2 * length] for which in discs(image, ends(bars, length), drawing.radius))
        assert (first == second) == bool(label)
        assert len(set(group)) == 2 + (len(bars) - 2 * length) // (length // 3)
        assert len(set(group[:length])) == len(set(group[length : 2 * length])) == 1


def test_contours_keep_clear_and_inside(made):
    side, _, _, _, all_bars = made
    drawing = DRAWINGS[side]
    for bars in all_bars[:50]:
        bars = bars[bars.any(1)]
        assert bars[:, :4].min() >= drawing.border
        assert bars[:, :4].max() <= side - drawing.border
        assert np.hypot(bars[:, 2] - bars[:, 0], bars[:, 3] - bars[:, 1]) == pytest.approx(drawing.bar, rel=1e-3)
        along = np.linspace(0, 1, 9)[:, None]
        points = bars[:, None, :2] + along * (bars[:, None, 2:4] - bars[:, None, :2])
        for a in range(len(bars)):
            gaps = np.linalg.norm(points[a][:, None, None] - points[a + 2 :][None], axis=-1)
            assert gaps.size == 0 or gaps.min() >= drawing.clear - 1e-9


@pytest.mark.parametrize("side", [32, 128])
def test_neither_light_nor_distance_tells_the_label(side):
    images, labels, bars = generate(800, side, 14, 4, 800)
    assert labels.tolist() == [0, 1] * 400
    assert images[labels == 0].mean() == pytest.approx(images[labels == 1].mean(), rel=0.01)
    apart = []
    for image, mine in zip(images, bars, strict=True):
        places = ends(mine, 14)
        a, b = discs(image, places, DRAWINGS[side].radius)
        apart.append(np.linalg.norm(places[a] - places[b]))
    best = max(np.mean((np.array(apart) > cut) == labels) for cut in apart)
    assert 0.4 < best < 0.6


def linked(image: np.ndarray, reach: float) -> list[set[int]]:
    """Parts of an image whose light pixels are linked by steps of at most `reach`."""
    light = np.argwhere(image >= 128)
    group = np.arange(len(light))
    near = np.linalg.norm(light[:, None] - light[None], axis=-1) <= reach
    while True:
        lowest = np.where(near, group[None], len(light)).min(1)
        if np.array_equal(lowest, group):
            return [set(np.flatnonzero(group == g).tolist()) for g in np.unique(group)]
        group = lowest


def test_the_picture_alone_shows_the_label():
    """At 128 pixels, where gaps are wide enough to see: light within 5 pixels belongs together, discs are wide."""
    images, labels, _ = generate(12, 128, 14, 8)
    for image, label in zip(images, labels, strict=True):
        light = np.argwhere(image >= 128)
        full = [i for i, (r, c) in enumerate(light) if (image[r - 1 : r + 2, c - 1 : c + 2] >= 250).all()]
        holding = [part for part in linked(image, 4.9) if part & set(full)]
        assert len(holding) == (1 if label else 2)


def test_the_seed_decides_and_the_cache_keeps_it(tmp_path, monkeypatch):
    source = Pathfinder(sizes=(6, 4, 2), seed=1, cache=str(tmp_path / "kept"))
    (train, test), val = source.load(), source.read_validation()
    assert (train.images.shape, len(val), len(test), train.classes[1]) == ((6, 1, 32, 32), 4, 2, "one contour")
    assert not torch.equal(train.images[:2], test.images)
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 3
    fresh = Pathfinder(sizes=(6, 4, 2), seed=1).load()[0]
    assert torch.equal(fresh.images, train.images)
    assert not torch.equal(Pathfinder(sizes=(6, 4, 2), seed=2).load()[0].images, train.images)
    monkeypatch.setattr("synfire.data.pathfinder.generate", lambda *_: pytest.fail("drawn again"))
    again = Pathfinder(sizes=(6, 4, 2), seed=1, cache=str(tmp_path / "kept")).load()[0]
    assert torch.equal(again.images, train.images)
    assert torch.equal(again.labels, train.labels)


def test_bad_caches(tmp_path):
    source = Pathfinder(sizes=(2, 2, 2), cache=str(tmp_path))
    source.read()
    [file, *_] = sorted(tmp_path.glob("*train*.npz"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(DataError, match=f"{file.name}.*cannot be read"):
        source.read()
    np.savez(file, pictures=np.zeros(2))
    with pytest.raises(DataError, match=r"it holds pictures, but images, labels were expected. Delete the file"):
        source.read()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file: cannot be made \(File exists\)"):
        Pathfinder(sizes=(2, 2, 2), cache=str(tmp_path / "file")).read()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 64}, "side is 64 and contour 14; choose a side of 32 or 128 pixels"),
        ({"contour": 7}, "contour of 6, 9, 14 bars"),
        ({"sizes": (1, 1)}, r"sizes are \(1, 1\)"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        Pathfinder(**options)
