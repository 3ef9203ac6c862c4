"""From PNG and JPEG bytes to one uint8 tensor."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from synfire.base import ConfigError, DataError, need
from synfire.data.reading import reading

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # decoders that start no other program
MAX_PIXELS = 1 << 26  # 8192 x 8192; a damaged header may claim any size, and the decoder would allocate it

Size = int | tuple[int, int] | None


@dataclass(frozen=True)
class ImageDecoder:
    """Decodes encoded images of one size into one tensor.

    Attributes:
        size: None if all images have one size already; else the side, or (H, W), in pixels, to which each is scaled
            (bilinear, antialiased) so that it covers the target, then cropped around its centre.
        channels: 1 for grey, 3 for colour; None keeps grey images grey and takes everything else as colour. Opacity
            is dropped.
    """

    size: Size = None
    channels: Literal[1, 3] | None = None

    def __post_init__(self) -> None:
        sides = (self.size,) if isinstance(self.size, int) else self.size or (1,)
        if any(side < 1 for side in sides):
            raise ConfigError(f"size is {self.size}, but a number of pixels of at least 1 was expected.")
        if self.channels not in (None, 1, 3):
            raise ConfigError(f"channels is {self.channels}; give 1 (grey), 3 (colour) or nothing.")

    def stack(self, encoded: Iterable[tuple[str, bytes]]) -> Tensor:
        """Decode (name, bytes) pairs to uint8, (N, C, H, W); without a pair, (0, 1, 1, 1).

        Raises:
            DataError: an image is damaged, has 16 or more bits per channel, or differs in size from the first.
        """
        buffer, count, shape = bytearray(), 0, (1, 1, 1)
        for name, data in encoded:
            pixels = self._decode(name, data, shape if count else None)
            shape = pixels.shape
            buffer += pixels.tobytes()
            count += 1
        if not count:
            return torch.empty(0, *shape, dtype=torch.uint8)
        return torch.frombuffer(buffer, dtype=torch.uint8).view(count, *shape)

    def _decode(self, name: str, data: bytes, like: tuple[int, ...] | None) -> np.ndarray:
        """Return one image, uint8 (C, H, W); `like` is the shape of the first one."""
        pillow: Any = need("PIL.Image", extra="train", purpose="decoding images")
        if not data:
            raise DataError(f"{name}: the image is empty (0 bytes). Remove it or copy it again.")
        with reading(name, f"an image ({', '.join(FORMATS)})"), pillow.open(io.BytesIO(data), formats=FORMATS) as image:
            mode = self._mode(name, image)
            self._check_size(name, image, mode, like)
            pixels = np.asarray(self._fit(image.convert(mode)), dtype=np.uint8)
        return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)

    def _mode(self, name: str, image: "Image") -> str:
        """Return the mode to convert to, "L" or "RGB"."""
        if image.mode.startswith(("I", "F")):
            raise DataError(
                f"{name}: pixels of mode {image.mode} (more than 8 bits), but 8 bits per channel were expected. "
                "Scale the image to 0..255 and save it again."
            )
        if self.channels is None:
            return "L" if image.mode in ("1", "L", "LA") else "RGB"
        return "L" if self.channels == 1 else "RGB"

    def _check_size(self, name: str, image: "Image", mode: str, like: tuple[int, ...] | None) -> None:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DataError(
                f"{name}: {height} x {width} pixels, more than {MAX_PIXELS} in all. Make the image smaller."
            )
        if like is None:
            return
        channels = 1 if mode == "L" else 3
        if channels != like[0]:
            raise DataError(
                f"{name}: {channels} channels, but the first image has {like[0]}. Give channels=1 or channels=3."
            )
        if self.size is None and (height, width) != tuple(like[1:]):
            raise DataError(
                f"{name}: {height} x {width} pixels, but the first image has {like[1]} x {like[2]}. "
                "Give size=... to bring all images to one size."
            )

    def _fit(self, image: "Image") -> "Image":
        if self.size is None:
            return image
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        pillow: Any = need("PIL.Image", extra="train", purpose="decoding images")
        operations: Any = need("PIL.ImageOps", extra="train", purpose="decoding images")
        return operations.fit(image, (width, height), method=pillow.Resampling.BILINEAR)
