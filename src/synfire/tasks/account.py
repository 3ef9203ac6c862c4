"""What a test leaves beside its means: the trace, the confusion matrix and a few samples with their spikes."""

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torchmetrics.classification import MulticlassConfusionMatrix

from synfire.metering import Meter, Trace, counting
from synfire.metering.raster import raster

EXAMPLES = 8
PICTURE = 48  # pixels on the longer side of a stored picture
MOST, FEWEST = 96, 8  # neurons of a layer that are shown
FRAMES, FRAME = 16, 32  # stored frames of events of a sample, and picture elements on their longer side
SHOWN = 1 << 16  # of these times T: a long sequence shows fewer neurons, since a page that holds all would not open


class Account:
    """Collects over the batches of a test.

    Args:
        net: the network under test.
    """

    units_per_sample = 1  # such as the tokens of a sequence, where each is an inference

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.meter = Meter(net)

    def wants(self, x: Tensor) -> bool:
        """Whether an input (T, B, ...) is to be counted."""
        return True

    def run(self, x: Tensor) -> Tensor:
        """Return what the network makes of a sequence (T, B, ...), counted."""
        with counting(self.net, self.meter) as meter:
            meter.begin()
            return self.net.forward(x)  # not a call, since compiled code may ignore hooks

    def add(self, x: Tensor, output: Tensor, batch: Any) -> None:
        """Take in a batch: the encoded input, (T, B, ...), and what the network made of it."""

    def trace(self) -> Trace:
        """Return the account over the samples of all processes."""
        mine = self.meter.trace()
        if not distributed.is_initialized() or distributed.get_world_size() == 1:
            return mine
        theirs: list[Trace | None] = [None] * distributed.get_world_size()
        distributed.all_gather_object(theirs, mine)
        first, *others = cast(list[Trace], theirs)
        return first.joined(others)

    def records(self, data: Any) -> dict[str, dict[str, Any]]:
        """Return plain records by name; with several processes, all of them must call it.

        Args:
            data: the data module of the test, or None.
        """
        return {"trace": self.trace().record()}


class ClassAccount(Account):
    """Also keeps the confusion matrix, and a few samples with their spikes.

    Args:
        net: the network under test.
        read_out: makes logits (B, classes) of those of every step, (T, B, classes), and the images.
    """

    def __init__(self, net: nn.Module, read_out: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(net)
        self._read_out = read_out
        self._confusion: MulticlassConfusionMatrix | None = None
        self._examples: dict[str, Any] | None = None
        self._seen = torch.empty(0)  # the images of the examples

    def add(self, x: Tensor, output: Tensor, batch: tuple[Tensor, Tensor]) -> None:
        """Take in a batch: input (T, B, ...), logits (T, B, classes), images (B, C, H, W) or frames, labels (B,)."""
        images, labels = batch
        logits = self._read_out(output, images)
        if self._confusion is None:
            classes = logits.shape[1]
            self._confusion = MulticlassConfusionMatrix(max(2, classes), validate_args=False).to(logits.device)
        self._confusion.update(logits.argmax(1), labels)
        if self._examples is None:
            self._examples = self._show(x, images, logits, labels)

    def confusion(self) -> list[list[int]]:
        """Return how often each class (row) was taken for each (column), over all processes."""
        return [] if self._confusion is None else self._confusion.compute().tolist()

    def records(self, data: Any) -> dict[str, dict[str, Any]]:
        """Return the records "trace" and "test", with the names of the classes where the data knows them."""
        classes = list(getattr(data, "classes", ()))
        examples = None if self._examples is None else {**self._examples, **_shown(self._seen, data)}
        test = {"classes": classes, "confusion": self.confusion(), "examples": examples}
        return {**super().records(data), "test": test}

    def _show(self, x: Tensor, images: Tensor, logits: Tensor, labels: Tensor) -> dict[str, Any]:
        """Return the first sample of every class, at most `EXAMPLES`, with the spikes that it causes."""
        firsts: dict[int, int] = {}
        for place, label in enumerate(labels.tolist()):
            firsts.setdefault(label, place)
        chosen = torch.tensor(sorted(firsts.values())[:EXAMPLES], device=labels.device)
        self._seen = images[chosen].detach().float().cpu()
        return {
            "labels": labels[chosen].tolist(),
            "predicted": logits[chosen].argmax(1).tolist(),
            "layers": raster(self.net, x[:, chosen], max(FEWEST, min(MOST, SHOWN // len(x)))),
        }


def _shown(images: Tensor, data: Any) -> dict[str, Any]:
    """Return pictures of what the network saw, and the frames of events, which their data knows how to part."""
    images = data.steps_of(images) if hasattr(data, "steps_of") else images
    of_events = images.dim() == 5 and images.shape[2] <= 2
    frames = {"frames": event_frames(images)} if of_events else {}
    return {"pictures": [_picture(image) for image in images], **frames}


def event_frames(frames: Tensor) -> dict[str, Any]:
    """Return frames of events, (B, T, C, H, W), made small for a page, with darker and brighter apart.

    Of one channel what is negative is darker. Neighbouring steps are added up until there are at most `FRAMES`, and
    neighbouring pixels until there are at most `FRAME` to a side.

    Returns:
        "joined": steps of a picture; "size": its height and width; "steps": T; "off" and "on": for every sample and
        picture a digit for every picture element, row by row, of which 9 is what only 1 % of those with events exceed.
    """
    both = frames if frames.shape[2] == 2 else torch.cat([-frames, frames], 2)
    batch, steps, _, height, width = both.shape
    joined, block = -(-steps // FRAMES), -(-max(height, width) // FRAME)
    padded = functional.pad(both.clamp_min(0), (0, -width % block, 0, -height % block))
    small = functional.avg_pool2d(padded.flatten(0, 1), block) * block**2
    small = functional.pad(small.view(batch, steps, -1), (0, 0, 0, -steps % joined))
    small = small.view(batch, -(-steps // joined), joined, 2, -1).sum(2)
    made: dict[str, Any] = {"joined": joined, "size": [-(-height // block), -(-width // block)], "steps": steps}
    for name, channel in (("off", 0), ("on", 1)):
        made[name] = [[_digits(picture[channel], sample) for picture in sample] for sample in small]
    return made


def _digits(values: Tensor, sample: Tensor) -> str:
    some = sample[sample > 0]
    most = some.quantile(0.99) if 0 < len(some) < 1 << 24 else torch.tensor(1.0)
    return "".join(map(str, (9 * values / most).clamp(max=9).ceil().int().tolist()))


def _picture(image: Tensor) -> list[list[list[int]]]:
    """Return an image (C, H, W) as bytes [H][W][C], darkest 0 and brightest 255, made small.

    Tokens (L) fill a square, row by row, a pixel each. Frames (T, C, H, W) are added up; of two channels the first,
    where events became darker, is blue, the second red, and where both are equal is white.
    """
    image = image.sum(0) if image.dim() == 4 else image
    if image.dim() == 3 and image.shape[0] == 2:
        darker, brighter = image
        image = torch.stack([brighter, torch.minimum(darker, brighter), darker])
    if image.dim() == 1:
        side = math.isqrt(len(image) - 1) + 1
        image = functional.pad(image, (0, side * side - len(image))).view(1, side, side)
    image = image[:3] if image.shape[0] >= 3 else image[:1]
    longest = max(image.shape[1:])
    if longest > PICTURE:
        size = [max(1, n * PICTURE // longest) for n in image.shape[1:]]
        image = functional.interpolate(image[None], size, mode="area")[0]
    low, high = image.min(), image.max()
    return ((image - low) * 255 / (high - low).clamp_min(1e-12)).round().int().permute(1, 2, 0).tolist()
