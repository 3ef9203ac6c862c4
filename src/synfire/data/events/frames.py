"""Frames of a video: read from files, and checked."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synfire.base import ConfigError, DataError, ShapeError, need
from synfire.data.decode import FORMATS, MAX_PIXELS, ImageDecoder
from synfire.data.reading import reading

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def read_frames(path: str | Path, frame_time: int | None = None) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the frames of an animation or of a folder of images, one at a time, made grey, and their times.

    Images of a folder come in the order of their names, in which numbers count as numbers: 2.png is before 10.png.
    Names that start with a dot and files that are no images are passed over.

    Args:
        path: an animated GIF, PNG, WebP or TIFF, or a folder of images of one size.
        frame_time: microseconds from frame to frame; by default as the animation says. A folder needs it.

    Yields:
        A frame, uint8 (H, W), and its time in microseconds, the first at 0.

    Raises:
        ConfigError: frame_time is below 1, or missing where neither the folder nor the animation says it.
        DataError: the file is missing, damaged or no animation, or the folder has no images or images of several sizes.
    """
    path = Path(path)
    if frame_time is not None and frame_time < 1:
        raise ConfigError(f"read_frames: frame_time is {frame_time}; give at least 1 microsecond.")
    return _of_folder(path, frame_time) if path.is_dir() else _of_animation(path, frame_time)


def _of_folder(folder: Path, frame_time: int | None) -> Iterator[tuple[np.ndarray, int]]:
    if frame_time is None:
        raise ConfigError(f"{folder}: images in a folder have no times. Give frame_time, such as 33333 microseconds.")
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
    if not files:
        raise DataError(f"{folder}: no image in it ({', '.join(sorted(SUFFIXES))}). Put the frames there.")
    decoder, shape = ImageDecoder(channels=1), None
    for number, path in enumerate(sorted(files, key=_natural)):
        with reading(path, "an image"):
            data = path.read_bytes()
        frame = decoder.stack([(str(path), data)])[0, 0].numpy()
        shape = shape or frame.shape
        if frame.shape != shape:
            raise DataError(
                f"{path}: {frame.shape[0]} x {frame.shape[1]} pixels, but {shape[0]} x {shape[1]} were expected, like "
                "the first frame. Scale or leave it out."
            )
        yield frame, number * frame_time


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"([0-9]+)", path.name)  # every other one is a number
    return [(bool(place % 2), int(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def _of_animation(path: Path, frame_time: int | None) -> Iterator[tuple[np.ndarray, int]]:
    pillow: Any = need("PIL.Image", extra="train", purpose="reading frames")
    with reading(path, "an animation"), pillow.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(f"{path}: {image.height} x {image.width} pixels, more than {MAX_PIXELS} in all. Scale it.")
        number, time = 0, 0
        while True:
            frame = np.asarray(image.convert("L"), dtype=np.uint8)
            step = frame_time or round(1000 * (image.info.get("duration") or 0))  # it is in milliseconds
            yield frame, time
            try:
                image.seek(number + 1)
            except EOFError:
                return
            if not step:
                raise ConfigError(f"{path}: the file does not say how long frame {number} lasts. Give frame_time.")
            number, time = number + 1, time + step


def intensity(frames: np.ndarray) -> np.ndarray:
    """Return grey frames of any shape as float64 from 0, black, to 1, white.

    Raises:
        DataError: they are of another dtype than uint8 and floating point, or not all from 0 to 1.
    """
    if frames.dtype == np.uint8:
        return frames / 255.0
    if frames.dtype.kind != "f":
        raise DataError(f"frames are {frames.dtype}; give uint8, of which 255 is white, or floating point, 0 to 1.")
    if np.isnan(frames).any():
        raise DataError(
            f"{int(np.isnan(frames).sum())} pixels of the frames are NaN. Give every pixel a number 0 to 1."
        )
    if frames.size and not 0 <= frames.min() <= frames.max() <= 1:
        raise DataError(
            f"frames hold {frames.min()} to {frames.max()}, but 0 to 1 was expected. Divide by their white."
        )
    return frames.astype(np.float64)


def check_times(times: Sequence[int] | np.ndarray, count: int, before: np.ndarray) -> np.ndarray:
    """Return times as int64, (count,); `before` holds those that they must exceed.

    Raises:
        ShapeError: they are not (count,).
        DataError: they are not whole, or do not grow.
    """
    given = np.asarray(times)
    if given.shape != (count,):
        raise ShapeError(f"times have shape {given.shape}, but ({count},) was expected, one for each frame.")
    whole = np.isfinite(given).all() and (given == np.round(given)).all() if given.dtype.kind in "iuf" else False
    if count and not whole:
        raise DataError("times are not whole numbers. Give microseconds, rounded.")
    every = np.concatenate([before, given.astype(np.int64)])
    if (wrong := np.flatnonzero(np.diff(every) <= 0)).size:
        earlier, later = every[wrong[0]], every[wrong[0] + 1]
        raise DataError(f"a frame at {later} us follows one at {earlier} us. Give times that grow, in microseconds.")
    return every[len(before) :]
