"""Pictures of slices of a recording: one sheet with all of them, or an animation."""

import base64
import io
import math
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from synfire.base import need

if TYPE_CHECKING:
    from PIL.Image import Image

# Told apart also by those who see few colours (M. Okabe and K. Ito, Color Universal Design, 2008); both make white.
ON, OFF, GROUND = (0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9), (0x10, 0x13, 0x18)
LEVELS = 16  # of either polarity, so that both fit a byte
FAINTEST = 5  # level of a single event, so that it can be seen
WHITE = LEVELS * LEVELS - 1
BRIGHT = 0.99  # quantile of the counts that is shown at full brightness
EDGE = LEVELS + 1  # a colour of the palette that no event has, between and below the slices
SIDE = 160  # small sensors are enlarged by a whole number, up to this
LOWEST = 12  # pixels that a row of channels is high
LINE, MARGIN, NARROWEST = 18, 6, 380  # pixels
SECONDS = 5.0  # that an animation takes


def levels(counts: np.ndarray) -> np.ndarray:
    """Return slices (N, 2, h, w) of counts, OFF before ON, as colours of `palette`, uint8, (N, h, w).

    Brightness follows the count, up to its 99 % quantile over all pixels with events; one event can be seen.
    """
    some = counts[counts > 0]
    most = max(1.0, float(np.quantile(some, BRIGHT))) if len(some) else 1.0
    share = np.minimum(1.0, counts / most)
    found = np.where(counts > 0, FAINTEST + np.round((LEVELS - 1 - FAINTEST) * share), 0).astype(np.uint8)
    return found[:, 1] * np.uint8(LEVELS) + found[:, 0]


def palette() -> list[int]:
    """Return red, green and blue of each colour: of 16 levels of ON times 16 of OFF, light added."""
    made = []
    for index in range(LEVELS * LEVELS):
        on, off = divmod(index, LEVELS)
        made += [
            min(255, ground + (a * on + b * off) // (LEVELS - 1)) for ground, a, b in zip(GROUND, ON, OFF, strict=True)
        ]
    return made


def event_picture(off: str, on: str, height: int, width: int) -> str:
    """Return a frame of events as a PNG in a data URL, from digits 0 to 9 for every picture element, row by row.

    Raises:
        ValueError: they are no digits, or not as many as height times width.
    """
    if len(off) != height * width or not (off + on).isascii() or not (off + on).isdigit():
        raise ValueError(f"a frame of {height} x {width} is not as many digits")
    darker, brighter = (np.array(list(digits), np.uint8).reshape(height, width) for digits in (off, on))
    scaled = [
        np.where(digits > 0, FAINTEST + digits * (LEVELS - 1 - FAINTEST) // 9, 0) for digits in (darker, brighter)
    ]
    image, _ = _image((scaled[1] * LEVELS + scaled[0]).astype(np.uint8))
    file = io.BytesIO()
    image.convert("RGB").resize((4 * width, 4 * height), 0).save(file, "PNG")  # browsers blur what they enlarge
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def write_sheet(file: IO[bytes], counts: np.ndarray, times: Sequence[str], title: str) -> None:
    """Write all slices as one PNG, row by row, with the time of each below it.

    Args:
        file: open for writing.
        counts: events of every slice, OFF before ON, (N, 2, h, w).
        times: what stands below each, N.
        title: what stands above all.
    """
    pictures = _enlarged(levels(counts))
    height, width = pictures.shape[1:]
    cell_width, cell_height = max(width, 110) + MARGIN, height + LINE + MARGIN
    columns = max(1, min(len(pictures), round(math.sqrt(1.5 * len(pictures) * cell_height / cell_width))))
    rows = -(-len(pictures) // columns)
    columns = -(-len(pictures) // rows)  # no more than fill the rows
    top = 2 * LINE + MARGIN
    sheet = np.full((top + rows * cell_height, max(NARROWEST, MARGIN + columns * cell_width)), EDGE, np.uint8)
    places = [(top + i // columns * cell_height, MARGIN + i % columns * cell_width) for i in range(len(pictures))]
    for picture, (y, x) in zip(pictures, places, strict=True):
        sheet[y : y + height, x : x + width] = picture
    image, write = _image(sheet)
    write((MARGIN, 3), title, WHITE)
    write((MARGIN, 3 + LINE), "ON", (LEVELS - 1) * LEVELS)
    write((MARGIN + 30, 3 + LINE), "OFF", LEVELS - 1)
    write((MARGIN + 66, 3 + LINE), "both, in white", WHITE)
    for text, (y, x) in zip(times, places, strict=True):
        write((x, y + height + 1), text, WHITE)
    image.save(file, "PNG")


def write_animation(file: IO[bytes], counts: np.ndarray, times: Sequence[str]) -> None:
    """Write slices as an animation of 5 seconds, a GIF that begins anew at its end; arguments as in `write_sheet`."""
    frames = []
    for picture, text in zip(_enlarged(levels(counts)), times, strict=True):
        height, width = picture.shape
        frame = np.full((height + LINE + MARGIN, max(width, 200)), EDGE, np.uint8)
        frame[:height, :width] = picture
        image, write = _image(frame)
        write((MARGIN, height + 2), text, WHITE)
        frames.append(image)
    # The format counts in hundredths of a second, and browsers slow down what is faster than two of them.
    wait = max(20, 10 * round(100 * SECONDS / len(frames)))
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=wait, loop=0, optimize=False)


def _enlarged(pictures: np.ndarray) -> np.ndarray:
    times = max(1, SIDE // max(pictures.shape[1:]))
    return pictures.repeat(max(times, LOWEST // pictures.shape[1]), 1).repeat(times, 2)


def _image(colours: np.ndarray) -> tuple["Image", Callable[[tuple[int, int], str, int], None]]:
    """Return a picture of colours of the palette, and what writes on it: at (x, y) a text in a colour."""
    images: Any = need("PIL.Image", extra="train", purpose="drawing a recording")
    drawing: Any = need("PIL.ImageDraw", extra="train", purpose="drawing a recording")
    fonts: Any = need("PIL.ImageFont", extra="train", purpose="drawing a recording")
    image = images.fromarray(colours)
    image.putpalette(palette())
    pen, font = drawing.Draw(image), fonts.load_default(12)
    pen.fontmode = "1"  # smooth edges would be colours in between, which the palette does not have

    def write(place: tuple[int, int], text: str, colour: int) -> None:
        pen.text(place, text, fill=colour, font=font)

    return image, write
