"""Random changes to recordings, a batch at a time on the device, repeatable from one seed."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError
from synfire.data.augment import seeded
from synfire.ops.events import EventBatch, ends

NAMES = ("flip", "shift<pixels>", "jitter<microseconds>", "drop", "mixup")
WAYS = ("chance", "time", "area")


class EventShift(nn.Module):
    """Move each recording by up to `pixels` in both directions; what leaves the sensor is dropped.

    Args:
        pixels: at least 1.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        if pixels < 1:
            raise ConfigError(f"shift{pixels}: moves by {pixels} pixels; give at least 1, such as shift2.")
        self.pixels = pixels

    def forward(self, events: EventBatch) -> EventBatch:
        """Return the batch with each recording moved; draws from the global generator of the CPU."""
        moves = torch.randint(-self.pixels, self.pixels + 1, (2, len(events)), dtype=torch.int16).to(events.device)
        right, down = moves[:, events.sample]
        x, y = events.x + right, events.y + down
        width, height = events.sensor_size
        return replace(events, x=x, y=y).where((x >= 0) & (x < width) & (y >= 0) & (y < height))


class EventCrop(nn.Module):
    """Cut a window out of the sensor: at random in training, the middle one else. The sensor becomes as large as it.

    Args:
        height, width: of the window in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        if height < 1 or width < 1:
            raise ConfigError(f"EventCrop: height is {height} and width {width}; give at least 1 of each.")
        self.size = height, width

    def forward(self, events: EventBatch) -> EventBatch:
        """Return the events in a window for each recording; draws from the global generator of the CPU."""
        top, left = (torch.randint(0, room + 1, (len(events),)) for room in self._room(events))
        return self._cut(events, top, left)

    def middle(self, events: EventBatch) -> EventBatch:
        """Return the events in the middle window."""
        top, left = (torch.full((len(events),), room // 2) for room in self._room(events))
        return self._cut(events, top, left)

    def _room(self, events: EventBatch) -> tuple[int, int]:
        """Return by how many rows and columns the sensor is larger than the window."""
        (width, height), (rows, columns) = events.sensor_size, self.size
        if rows > height or columns > width:
            raise ConfigError(
                f"EventCrop: a window of {columns} x {rows} pixels does not fit a sensor of {width} x {height}. Give a "
                "smaller one."
            )
        return height - rows, width - columns

    def _cut(self, events: EventBatch, top: Tensor, left: Tensor) -> EventBatch:
        rows, columns = self.size
        y, x = (
            place - first.to(torch.int16).to(events.device)[events.sample]
            for place, first in ((events.y, top), (events.x, left))
        )
        inside = replace(events, x=x, y=y).where((x >= 0) & (x < columns) & (y >= 0) & (y < rows))
        return replace(inside, sensor_size=(columns, rows))


class EventFlip(nn.Module):
    """Mirror each recording, each way with probability 1/2.

    Args:
        x: left to right.
        y: top to bottom.
        time: let it run backward from its last event, where what became brighter becomes darker.
    """

    def __init__(self, x: bool = True, y: bool = False, time: bool = False) -> None:
        super().__init__()
        self.ways = x, y, time

    def forward(self, events: EventBatch) -> EventBatch:
        """Return the batch with some recordings mirrored; draws from the global generator of the CPU."""
        drawn = torch.rand(3, len(events)) < 0.5
        in_x, in_y, in_time = (drawn & torch.tensor(self.ways)[:, None]).to(events.device)[:, events.sample]
        width, height = events.sensor_size
        x, y = torch.where(in_x, width - 1 - events.x, events.x), torch.where(in_y, height - 1 - events.y, events.y)
        mirrored = replace(events, x=x, y=y)
        if not self.ways[2]:
            return mirrored
        first, last = (time[events.sample] for time in ends(events))
        t = torch.where(in_time, first + last - events.t, events.t)
        return replace(mirrored, t=t, p=torch.where(in_time, 1 - events.p, events.p)).in_order()


class TimeJitter(nn.Module):
    """Add to each time a normal random number, rounded to microseconds; none becomes less than 0.

    Args:
        std_us: its deviation in microseconds, above 0.
    """

    def __init__(self, std_us: float) -> None:
        super().__init__()
        if not std_us > 0:
            raise ConfigError(f"jitter{std_us:g}: the deviation is {std_us:g} microseconds; give more than 0.")
        self.std_us = std_us

    def forward(self, events: EventBatch) -> EventBatch:
        """Return the batch with other times, in their order; draws from the generator of the device."""
        moved = self.std_us * torch.randn(len(events.t), device=events.device)
        return replace(events, t=(events.t + moved.round().long()).clamp(min=0)).in_order()


class DropEvents(nn.Module):
    """Drop events of each recording in one way, drawn anew each time, or none: EventDrop, arXiv:2106.05836.

    A share r is drawn evenly from 0 to `share`. "chance" drops each event with probability r; "time" drops all events
    of an interval that is r of the duration; "area" those of a box that is r of the sensor.

    Args:
        share: the largest share, above 0 and at most 1.
        by: the ways; each, and to drop nothing, is as likely as the others.
    """

    def __init__(self, share: float = 0.5, by: Sequence[Literal["chance", "time", "area"]] = WAYS) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ConfigError(f"DropEvents: share is {share}; it is a share of the events, so give 0 to 1.")
        if not by or set(by) - set(WAYS):
            raise ConfigError(f"DropEvents: by is {list(by)}; give some of {', '.join(WAYS)}.")
        self.share, self.by = share, tuple(by)

    def forward(self, events: EventBatch) -> EventBatch:
        """Return what is left; draws from the global generators of the CPU and of the device."""
        count = len(events)
        way = torch.randint(len(self.by) + 1, (count,))
        share, where, right = torch.rand(3, count, dtype=torch.float64).to(events.device)
        share, sample = self.share * share, events.sample
        dropped = torch.zeros(len(events.t), dtype=torch.bool, device=events.device)
        for number, name in enumerate(self.by):
            of_way = (way == number).to(events.device)[sample]
            if name == "chance":
                chosen = torch.rand(len(events.t), device=events.device) < share[sample]
            elif name == "time":
                first, last = (time.double() for time in ends(events))
                chosen = _within(events.t, (first + where * (1 - share) * (last - first + 1))[sample],
                                 (share * (last - first + 1))[sample])  # fmt: skip
            else:
                side = share.sqrt()
                chosen = torch.ones_like(dropped)
                for place, start, pixels in zip((events.x, events.y), (right, where), events.sensor_size, strict=True):
                    begins = start * (1 - side) * pixels
                    chosen &= _within(place, begins[sample], (side * pixels)[sample])
            dropped |= of_way & chosen
        return events.where(~dropped)


class EventMixUp(nn.Module):
    """Mix each recording with another of the batch: mixup, arXiv:1710.09412, with events thinned instead of weighted.

    With a share drawn from Beta(alpha, alpha), each event of the first is kept with that probability, and each of the
    other with the rest of it, so that counts are on average those of mixed frames. Labels become shares of classes.

    Args:
        alpha: above 0; the smaller, the more one of both prevails.
    """

    def __init__(self, alpha: float = 0.5) -> None:
        super().__init__()
        if not alpha > 0:
            raise ConfigError(f"EventMixUp: alpha is {alpha}; give a number above 0.")
        self.alpha = alpha

    def forward(self, events: EventBatch, labels: Tensor) -> tuple[EventBatch, Tensor]:
        """Mix recordings and labels, (B, classes), of shares; draws from the global generators."""
        partner = torch.randperm(len(events)).to(events.device)
        share = torch.distributions.Beta(self.alpha, self.alpha).sample((len(events),)).to(events.device)
        parts = [(events, share), (events.take(partner), 1 - share)]
        kept = [part.where(torch.rand(len(part.t), device=part.device) < of[part.sample]) for part, of in parts]
        pairs = torch.arange(2 * len(events)).view(2, -1).t().reshape(-1)
        both = EventBatch.join(kept).take(pairs)  # each recording behind the one it is mixed with
        mixed = replace(both, offsets=both.offsets[::2].contiguous()).in_order()
        return mixed, share[:, None] * labels + (1 - share)[:, None] * labels[partner]


class EventAugment(nn.Module):
    """A chain of augmentations whose draws all come from one seed, and which leaves the global generators untouched.

    Args:
        steps: names ("flip", "shift2", "jitter1000", "drop", "mixup"; any numbers) or modules that map an `EventBatch`
            to another; applied in this order.

    Raises:
        ConfigError: a name is unknown.
    """

    def __init__(self, steps: Sequence[str | nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(_named(step) if isinstance(step, str) else step for step in steps)

    def forward(self, events: EventBatch, labels: Tensor, num_classes: int, seed: int) -> tuple[EventBatch, Tensor]:
        """Return augmented recordings and their labels: (B,), or shares of classes, (B, classes), where they are mixed.

        The same seed gives the same result.
        """
        with torch.no_grad(), seeded(seed, events.device):
            for step in self.steps:
                if isinstance(step, EventMixUp):
                    labels = labels if labels.dim() == 2 else functional.one_hot(labels, num_classes).float()
                    events, labels = step(events, labels)
                else:
                    events = step(events)
        return events, labels

    def sensor_size(self, sensor_size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height that remain of a sensor."""
        for step in self.steps:
            sensor_size = (step.size[1], step.size[0]) if isinstance(step, EventCrop) else sensor_size
        return sensor_size

    def evaluate(self, events: EventBatch) -> EventBatch:
        """Return what is tested: the middle of what is cropped in training, and else all."""
        for step in self.steps:
            events = step.middle(events) if isinstance(step, EventCrop) else events
        return events


def _within(values: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Return where start <= value < start + length."""
    return (values >= start) & (values < start + length)


def _named(name: str) -> nn.Module:
    if name == "flip":
        return EventFlip()
    if found := re.fullmatch(r"shift(\d+)", name):
        return EventShift(int(found[1]))
    if found := re.fullmatch(r"jitter(\d+)", name):
        return TimeJitter(int(found[1]))
    if name == "drop":
        return DropEvents()
    if name == "mixup":
        return EventMixUp()
    raise ConfigError(f"augment: {name!r} is unknown; give {', '.join(NAMES)}, or a module for an EventBatch.")
