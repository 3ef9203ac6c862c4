"""Small data in the original formats, and where the real data lies."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from PIL import Image

from synfire.base import DataError
from synfire.data import ImageSource, ImageSplit


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return the folder of a real data set, or skip."""

    def find(name: str) -> Path:
        beside = Path(__file__).parents[2].parent / "shared" / "data"
        folder = Path(os.environ.get("SYNFIRE_DATA", beside)) / name
        if not folder.is_dir():
            pytest.skip(f"no folder {folder}; set SYNFIRE_DATA to the folder that holds {name}")
        return folder

    return find


@pytest.fixture(scope="session")
def pixels() -> Callable[..., np.ndarray]:
    """Make random uint8 of a shape."""
    return lambda *shape, seed=0: np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="session")
def png() -> Callable[[np.ndarray], bytes]:
    """Encode (H, W) or (H, W, 3) as PNG."""

    def encode(array: np.ndarray) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG")
        return stream.getvalue()

    return encode


@pytest.fixture(scope="session")
def damage() -> Callable[[bytes, st.DataObject], bytes]:
    """Cut a file short, change a few bytes, or both."""

    def spoil(valid: bytes, data: st.DataObject) -> bytes:
        spoilt = bytearray(valid)
        for place, value in data.draw(
            st.lists(st.tuples(st.integers(0, len(valid) - 1), st.integers(0, 255)), max_size=4)
        ):
            spoilt[place] = value
        return bytes(spoilt[: data.draw(st.integers(0, len(valid)) | st.just(len(valid)))])

    return spoil


@pytest.fixture(scope="session")
def only_data_errors() -> Callable[[str], AbstractContextManager[None]]:
    """Let a DataError pass that names the file; anything else fails."""

    @contextmanager
    def watch(name: str) -> Iterator[None]:
        try:
            yield
        except DataError as err:
            if name not in str(err):
                raise AssertionError(f"the message does not name {name}: {err}") from err

    return watch


class MadeImages(ImageSource):
    """Random images, the label of each in the first pixel."""

    def __init__(
        self, train: int = 40, test: int = 12, shape: tuple[int, int, int] = (1, 4, 5), classes: int = 4
    ) -> None:
        self.sizes, self.one, self.names = (train, test), shape, tuple(str(label) for label in range(classes))

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        made = []
        for seed, count in enumerate(self.sizes):
            images = torch.randint(0, 256, (count, *self.one), generator=torch.Generator().manual_seed(seed))
            labels = torch.arange(count) % len(self.names)
            images[:, 0, 0, 0] = labels
            made.append(ImageSplit(images.to(torch.uint8), labels, self.names, f"made {seed}"))
        return made[0], made[1]


@pytest.fixture(scope="session")
def made() -> type[MadeImages]:
    return MadeImages
