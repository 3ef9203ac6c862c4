"""Unpack "CIFAR-10 (JPEG q75)" from quantised DCT coefficients into one .npz that NpzImages reads.

The source folder holds cifar10_train_dct.npz and cifar10_test_dct.npz. The pixels are those of JPEG files of quality
75 with halved colour resolution, about 30 dB from the originals: name the data "CIFAR-10 (JPEG q75)" wherever a figure
from it is shown.

    python benchmarks/cifar10_jpeg.py --source FOLDER --out cifar10_jpeg_q75.npz
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synfire.base import DataError, write_atomic

KEYS = ("y", "cb", "cr", "qy", "qc", "idct", "up", "label")
CHUNK = 5000  # images decoded at a time; float32 planes of one chunk take about 100 MB


def plane(coefficients: np.ndarray, steps: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Turn quantised coefficients into one colour plane.

    Args:
        coefficients: int16, (64, blocks, N): frequency, then square blocks of 8 x 8 row by row, then image.
        steps: quantisation steps, (64,).
        inverse: inverse DCT from 64 frequencies to 64 pixels, (64, 64).

    Returns:
        float32, (N, side, side) with side = 8 * sqrt(blocks), whole numbers 0..255.
    """
    _, blocks, count = coefficients.shape
    side = round(blocks**0.5)
    pixels = np.einsum("fbn,fp->nbp", coefficients * steps[:, None, None], inverse, optimize=True)
    levels = np.clip(np.rint(pixels + 128), 0, 255)  # JPEG codes grey values around 0
    tiles = levels.reshape(count, side, side, 8, 8)
    return tiles.transpose(0, 1, 3, 2, 4).reshape(count, 8 * side, 8 * side)


def decode(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return images, uint8 (N, H, W, 3), from luma (`y`), chroma of half size (`cb`, `cr`) and their tables."""
    up = arrays["up"]
    luma = plane(arrays["y"], arrays["qy"], arrays["idct"])
    blue, red = (np.rint(up @ plane(arrays[name], arrays["qc"], arrays["idct"]) @ up.T) - 128 for name in ("cb", "cr"))
    # ITU-T T.871 (JFIF), section 7
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (N, H, W, 3), and labels, int64 (N,), of one file.

    Raises:
        DataError: the file is missing, damaged, or lacks an array.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist. Give --source the folder with cifar10_train_dct.npz.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in KEYS}
    except Exception as err:  # a damaged zip raises a dozen types
        raise DataError(f"{path}: cannot be read ({type(err).__name__}: {err}). Copy it again.") from err
    parts = [
        decode(arrays | {name: arrays[name][:, :, start : start + CHUNK] for name in ("y", "cb", "cr")})
        for start in range(0, len(arrays["label"]), CHUNK)
    ]
    return np.concatenate(parts), arrays["label"].astype(np.int64)


def main(arguments: list[str] | None = None) -> None:
    """Convert; called with the words of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder with the two *_dct.npz files")
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write, about 185 MB")
    options = parser.parse_args(arguments)
    arrays = {}
    for part in ("train", "test"):
        arrays[f"x_{part}"], arrays[f"y_{part}"] = load(options.source / f"cifar10_{part}_dct.npz")
    write_atomic(options.out, lambda file: np.savez(file, **arrays))
    print(f"{options.out}: {len(arrays['x_train'])} + {len(arrays['x_test'])} images")


if __name__ == "__main__":
    main()
