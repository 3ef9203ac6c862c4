"""How often, and how strongly, the numbers of sequences differ from zero."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from synfire.ops.tally import Tally, tally


@dataclass(frozen=True)
class Counts:
    """What one sequence (T, B, *n) holds.

    Attributes:
        samples: B.
        steps: T.
        computed_steps: steps that differ from each other: 1 for a frame that is held over time, else T.
        tally: of these steps, on the device of the sequence.
    """

    samples: int
    steps: int
    computed_steps: int
    tally: Tally


def count(x: Tensor) -> Counts:
    """Count one sequence, (T, B, *n), of at least one sample and one number each."""
    steps, samples = x.shape[:2]
    held = steps > 1 and x.stride(0) == 0
    return Counts(samples, steps, 1 if held else steps, tally(x[:1] if held else x))


class Activity:
    """Adds up sequences of one shape. Sums stay on the device until they are read, which is what a GPU waits for.

    Args:
        fan_out: live weights that each number of a sample meets, int64, or None where there are none.
    """

    WAITING = 64  # sequences whose small sums are kept: many added at once cost a tenth of each added by itself

    def __init__(self, fan_out: Tensor | None = None) -> None:
        self.samples = self.steps = self.computed_steps = 0
        self._fan_out = None if fan_out is None else fan_out.double()
        self._laid_out: tuple[list[int], Tensor] | None = None
        self._waiting: list[tuple[int, int, Tensor, Tensor, Tensor | None]] = []
        self._by_step: Tensor | None = None  # (2, a step or more beyond the last), as in Tally
        self._tops = self._synops = torch.zeros(0)

    def add(self, counts: Counts, first_step: int = 0, repeated: bool = False) -> None:
        """Add what was counted in one sequence, or in the part of a streamed one that begins at a step.

        Args:
            counts: of the sequence.
            first_step: at which it begins.
            repeated: whether it is a frame that was there one step before, whose products are known already.
        """
        seen, stop = counts.tally, first_step + counts.steps
        if first_step == 0:
            self.samples += counts.samples
        self.steps = max(self.steps, stop)
        synops = None
        if not repeated:
            self.computed_steps = max(self.computed_steps, first_step + counts.computed_steps)
            if self._fan_out is not None:
                synops = self._pairs(seen.by_place, self._fan_out)
        self._waiting.append((first_step, stop, seen.by_step, seen.tops, synops))
        if len(self._waiting) == self.WAITING:
            self._sum_up()

    def _pairs(self, by_place: Tensor, fan_out: Tensor) -> Tensor:
        """Return what meets weights, (2,); weights are laid out in memory as the counts, which else would be copied."""
        order = sorted(range(1, by_place.dim()), key=by_place.stride, reverse=True)
        if self._laid_out is None or self._laid_out[0] != order:
            self._laid_out = order, fan_out.permute([axis - 1 for axis in order]).flatten()
        return by_place.permute(0, *order).flatten(1) @ self._laid_out[1]

    def _sum_up(self) -> None:
        """Add what waits to the sums."""
        for first, stop, seen, tops, synops in self._waiting:
            self._reserve(stop, seen)[:, first:stop] += seen  # the one step of a held frame is that of all
            torch.maximum(self._tops, tops, out=self._tops)
            if synops is not None:
                self._synops += synops
        self._waiting.clear()

    def _reserve(self, steps: int, like: Tensor) -> Tensor:
        """Return the counts by step, with room for so many; doubled, so that a long stream does not copy them often."""
        old = self._by_step
        if old is not None and old.shape[1] >= steps:
            return old
        with torch.inference_mode(False):  # else nothing could be added outside of it
            if old is None:
                self._by_step = torch.zeros(2, steps, dtype=like.dtype, device=like.device)
                self._tops, self._synops = self._by_step.new_zeros(2), self._by_step.new_zeros(2)
            else:
                self._by_step = torch.cat([old, old.new_zeros(2, max(steps, 2 * old.shape[1]) - old.shape[1])], 1)
        return self._by_step

    def read(self) -> dict[str, Any]:
        """Return the totals under the names that they have in a `Row`."""
        self._sum_up()
        if self._by_step is None:
            return {}
        by_step = self._by_step[:, : self.steps]
        ends = torch.cat([self._tops, self._synops, by_step[1].sum()[None], by_step[0]]).tolist()
        largest, odd, pairs, unary, spikes, *events = ends
        return {
            "samples": self.samples,
            "computed_steps": self.computed_steps,
            "event_count": int(sum(events)),
            "spike_total": spikes,
            "synop_count": int(pairs),
            "synop_sum": unary,
            "largest": largest,
            "whole": not odd,
            "events_by_step": [int(n) for n in events],
        }
