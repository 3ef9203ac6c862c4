import importlib.util
from pathlib import Path

import numpy as np
import pytest

from synfire.base import DataError
from synfire.data import NpzImages

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cifar10_jpeg.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("cifar10_jpeg", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables() -> dict[str, np.ndarray]:
    """An orthonormal DCT, steps of 2 and 4, and chroma doubled by repetition."""
    k, n = np.mgrid[:8, :8]
    basis = np.where(k == 0, 0.5**0.5, 1) * np.cos((2 * n + 1) * k * np.pi / 16) / 2
    return {
        "idct": np.kron(basis, basis).astype(np.float32),
        "qy": np.full(64, 2, np.float32),
        "qc": np.full(64, 4, np.float32),
        "up": np.repeat(np.eye(16, dtype=np.float32), 2, axis=0),
    }


def coded(count: int, **planes: np.ndarray) -> dict[str, np.ndarray]:
    zeros = {"y": np.zeros((64, 16, count), np.int16)} | {c: np.zeros((64, 4, count), np.int16) for c in ("cb", "cr")}
    return zeros | planes | tables() | {"label": np.arange(count, dtype=np.uint8) % 10}


def test_grey_blocks_and_colours_by_hand(script):
    y = np.zeros((64, 16, 2), np.int16)
    y[0, 0, 0] = 200  # frequency 0 of 8 x 8 pixels: 200 * 2 / 8 = 50 grey values
    cr = np.zeros((64, 4, 2), np.int16)
    cr[0, 3, 1] = 20  # 20 * 4 / 8 = 10
    images = script.decode(coded(2, y=y, cr=cr))
    assert images[0, :8, :8].tolist() == np.full((8, 8, 3), 178).tolist()
    assert (images[0, 8:] == 128).all()
    assert (images[0, :8, 8:] == 128).all()
    assert (images[1, 16:, 16:] == [142, 121, 128]).all()  # 128 + 1.402 * 10, 128 - 0.714136 * 10, 128
    assert (images[1, :16] == 128).all()


def test_conversion_is_read_back(script, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 10)):
        y = rng.integers(-20, 20, (64, 16, count)).astype(np.int16)
        np.savez(tmp_path / f"cifar10_{part}_dct.npz", **coded(count, y=y))
    script.main(["--source", str(tmp_path), "--out", str(tmp_path / "out.npz")])
    assert "20 + 10 images" in capsys.readouterr().out
    train, test = NpzImages(str(tmp_path / "out.npz")).load()
    assert (len(train), len(test), train.shape, train.num_classes) == (20, 10, (3, 32, 32), 10)
    assert not list(tmp_path.glob(".out*"))


def test_bad_sources(script, tmp_path):
    with pytest.raises(DataError, match=r"cifar10_train_dct.npz does not exist"):
        script.load(tmp_path / "cifar10_train_dct.npz")
    np.savez(tmp_path / "half.npz", y=np.zeros(3))
    with pytest.raises(DataError, match=r"half.npz: cannot be read \(KeyError"):
        script.load(tmp_path / "half.npz")


def test_the_real_pixels_are_near_the_originals(script, real_data):
    folder = real_data("cifar10")
    with np.load(folder / "cifar10_lossless2000.npz") as file:
        originals, rows, labels = file["x"][:300], file["train_row"][:300], file["label"][:300]
    with np.load(folder / "cifar10_train_dct.npz") as file:
        arrays = {key: file[key] for key in script.KEYS}
    assert np.array_equal(arrays["label"][rows], labels)
    images = script.decode(arrays | {key: arrays[key][:, :, rows] for key in ("y", "cb", "cr")})
    error = ((images.astype(float) - originals) ** 2).mean()
    assert 10 * np.log10(255**2 / error) == pytest.approx(30, abs=1.5)  # dB
