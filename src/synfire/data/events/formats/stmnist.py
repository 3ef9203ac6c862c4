"""Spike trains of tactile skin in MATLAB files: ST-MNIST (See et al., arXiv:2005.04319)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synfire.base import need
from synfire.data.events.format import Block, Format
from synfire.data.events.formats.columns import Converter

ARRAY = "spiketrain"  # taxels, 0 or -1 or 1, in its rows, and the time in seconds in the last
SIDE = 10  # taxels
DENSEST = 100  # numbers in a byte of the file: of the 101 in a column the time alone takes several bytes, packed or not
KINDS = ("double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


class TactileMat(Format):
    """MATLAB 5 files with one matrix, (101, N): 100 taxels and the time in seconds for each of N moments.

    Taxel i is the pixel (i % 10, i // 10); -1 is the polarity 0.
    """

    NAME = "ST-MNIST .mat"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sensor_size = (SIDE, SIDE)

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Whether it is a MATLAB file of version 5, of either byte order; later versions are HDF5."""
        return head[:6] == b"MATLAB" and head[124:128] in (b"\x00\x01IM", b"\x01\x00MI")

    def blocks(self) -> Iterator[Block]:
        """Yield the events, all at once: the format has no parts."""
        matlab = need("scipy.io", extra="events", purpose="reading a MATLAB file")
        held = {name: (shape, kind) for name, shape, kind in matlab.whosmat(self.path)}
        shape, kind = held.get(ARRAY, ((), "nothing"))
        if len(shape) != 2 or shape[0] != SIDE**2 + 1 or kind not in KINDS:
            raise self.damaged(f"{ARRAY} is {kind} of shape {shape}, but numbers of shape (101, N) were expected")
        if shape[0] * shape[1] > DENSEST * self.path.stat().st_size:
            raise self.damaged(f"{ARRAY} announces {shape[1]} columns, too many for a file of this size")
        spikes = matlab.loadmat(self.path, variable_names=[ARRAY])[ARRAY]
        moments, taxels = np.nonzero(spikes[:-1].T)
        yield Converter(str(self.path), seconds=True).block(
            taxels % SIDE, taxels // SIDE, spikes[-1][moments], spikes[taxels, moments]
        )
