"""Which cell of a frame an event goes to."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from synfire.base import ConfigError
from synfire.ops.events.batch import EventBatch

Polarities = Literal["both", "merge", "signed"]
Size = int | tuple[int, int] | None

# Channels of polarity 0 (darker) and 1 (brighter), and what one event of either adds.
_CHANNELS: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "both": ((0, 1), (1, 1)),
    "merge": ((0, 0), (1, 1)),
    "signed": ((0, 0), (-1, 1)),
}


@dataclass(frozen=True)
class Cells:
    """The cells (channel, row, column) of a frame, and the events of a sensor that fall into each.

    A frame may be smaller than the sensor: then several pixels share a cell.

    Args:
        sensor_size: width and height of the sensor, in pixels.
        polarities: "both" has two channels, darker and brighter in this order; "merge" one for both; "signed" one to
            which brighter adds and from which darker takes away.
        size: of a frame: None for that of the sensor; a whole number n for cells of n x n pixels, the last ones of
            fewer where n does not divide the sensor; or height and width, each at most the sensor's, with pixel y in
            row floor(y height / sensor height).

    Raises:
        ConfigError: polarities is unknown, or a size below 1 or beyond the sensor.
    """

    sensor_size: tuple[int, int]
    polarities: Polarities = "both"
    size: Size = None

    def __post_init__(self) -> None:
        if self.polarities not in _CHANNELS:
            raise ConfigError(f"polarities is {self.polarities!r}; choose one of {', '.join(_CHANNELS)}.")
        width, height = self.sensor_size
        size = (self.size,) if isinstance(self.size, int) else self.size or (1,)
        limits = (min(width, height),) if len(size) == 1 else (height, width)
        if len(size) > 2 or any(not 1 <= one <= most for one, most in zip(size, limits, strict=True)):
            raise ConfigError(
                f"size is {self.size}, but the sensor has {width} x {height} pixels. Give a whole number of pixels to "
                "a cell, or a height and a width of frames that are no larger than the sensor."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows and columns."""
        width, height = self.sensor_size
        size = self.size or 1
        rows, columns = (-(-height // size), -(-width // size)) if isinstance(size, int) else size
        return (2 if self.polarities == "both" else 1), rows, columns

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what polarity, row and column of an event add to the number of its cell: int64, (2), (H,) and (W,)."""
        _, rows, columns = self.shape
        channels, _ = _CHANNELS[self.polarities]
        width, height = self.sensor_size
        x, y = torch.arange(width), torch.arange(height)
        if isinstance(self.size, int):
            x, y = x // self.size, y // self.size
        elif self.size is not None:
            x, y = x * columns // width, y * rows // height
        return torch.tensor(channels) * rows * columns, y * columns, x

    def signs(self) -> Tensor:
        """Return what one event of either polarity adds, float32, (2)."""
        return torch.tensor(_CHANNELS[self.polarities][1], dtype=torch.float32)

    def of(self, events: EventBatch) -> Tensor:
        """Return the number of the cell that each event goes to, int64, (N,)."""
        channel, row, column = (table.to(events.device) for table in self.tables())
        return channel[events.p.long()] + row[events.y.long()] + column[events.x.long()]
