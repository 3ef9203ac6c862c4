"""The handwritten digits that come with scikit-learn, as an event camera sees them move."""

from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from synfire.data.cache import cache_folder
from synfire.data.digits import Digits
from synfire.data.events.simulate import EventCamera, EventSimulator
from synfire.data.events.split import EventSource, EventSplit, digest, pack
from synfire.data.split import stratified_rows
from synfire.data.store import Columns, stored
from synfire.ops.events import EventBatch

SIDE = 34  # pixels of the sensor, as of N-MNIST
SCALE = 3.0  # pixels of the sensor per pixel of a digit
REACH = 3.0  # pixels from the middle of the triangle to its sides
SACCADE = 100_000  # microseconds, as of N-MNIST
FRAMES = 20  # per saccade; a digit moves by less than 0.6 pixels between two
DARK = 0.1  # light of a black pixel, as a share of that of a white one
CAMERA = EventCamera(on=0.4, off=0.4, sigma=0.04, refractory=1000, leak=0.1, shot_noise=0.5)
RULES = 1  # goes up when other events come of the same options, so that no cache serves the old ones


class MovingDigits(EventSource):
    """1797 moving handwritten digits, recordings of 34 x 34 pixels and 0.3 seconds: no download.

    Each of scikit-learn's digits, 8 x 8, is spread smoothly over 24 x 24 pixels and moves along the three sides of an
    isosceles triangle, 100 ms each, as the camera did for N-MNIST (Orchard et al., 2015), starting and stopping gently.
    What an `EventCamera` sees of it is simulated, see `EventSimulator`; all recordings are of the same pixels. The
    events are made once, which takes seconds, and kept in the cache. The splits are those of `Digits`.

    Args:
        test_fraction: share of each class in the test split, above 0 and below 1.
        seed: which digits are set aside, a whole number >= 0. The events do not depend on it.
        camera: what its pixels are like; by default thresholds of 0.4, a refractory time of 1 ms and some noise.
        cache: folder in which the events are kept; by default that of `SYNFIRE_CACHE`, or the user's own.
    """

    def __init__(
        self, test_fraction: float = 0.2, seed: int = 0, camera: EventCamera | None = None, cache: str | None = None
    ) -> None:
        self.test_fraction, self.seed, self.camera, self.cache = test_fraction, seed, camera or CAMERA, cache

    def read(self) -> tuple[EventSplit, EventSplit]:
        """Return (train, test)."""
        digits = Digits().read_all()
        chosen = stratified_rows(digits, self.test_fraction, self.seed)
        about = {"events": "moving digits", "rules": RULES, "camera": asdict(self.camera)}
        folder = Path(self.cache) if self.cache else cache_folder()
        arrays, _ = stored(folder, about, lambda columns: self._make(columns, digits.images[:, 0].numpy()))
        x, y, t, p, offsets, digests = (torch.from_numpy(arrays[name]) for name in (*"xytp", "offsets", "digests"))
        events = EventBatch(x, y, t, p, offsets, (SIDE, SIDE))
        rows = torch.arange(len(digits))
        whole = EventSplit(rows, digits.labels, digits.classes, events, digests, "moving digits")
        return whole.take(rows[~chosen]), whole.take(rows[chosen])

    def _make(self, columns: Columns, digits: np.ndarray) -> None:
        simulator, times = EventSimulator((SIDE, SIDE), self.camera), frame_times()
        film = camera_film()
        recordings = []
        for digit in digits:
            simulator.restart()
            recordings.append(simulator.advance(film(digit), times))
        events = pack(recordings, (SIDE, SIDE))
        names = {name: getattr(events, name).numpy() for name in (*"xytp", "offsets")}
        columns.append(**names, digests=digest(events).numpy())


def frame_times() -> np.ndarray:
    """Return the microseconds of the frames, int64, (3 FRAMES + 1,)."""
    return np.arange(3 * FRAMES + 1) * (SACCADE // FRAMES)


def path() -> np.ndarray:
    """Return where a digit is in each frame, in pixels to the right of and below the middle, (3 FRAMES + 1, 2)."""
    corners = REACH * np.array([[-1.0, -1.0], [0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    gone = (1 - np.cos(np.pi * np.arange(FRAMES) / FRAMES)) / 2  # of the way; at rest in the corners
    sides = [start + gone[:, None] * (end - start) for start, end in pairwise(corners)]
    return np.concatenate([*sides, corners[-1:]])


def camera_film() -> Callable[[np.ndarray], np.ndarray]:
    """Return what makes frames, float64 (3 FRAMES + 1, SIDE, SIDE) in 0..1, of a digit, uint8 (8, 8)."""
    across, down = (spread(place) for place in path().T)

    def film(digit: np.ndarray) -> np.ndarray:
        grey = np.minimum(down @ digit.astype(np.float64) @ across.transpose(0, 2, 1), 255) / 255
        return DARK + (1 - DARK) * grey

    return film


def spread(place: np.ndarray) -> np.ndarray:
    """Return the share of each of 8 pixels of a digit in each pixel of the sensor, (F, SIDE, 8), at F places.

    The shares are those of a cubic B-spline, rounded to multiples of 2^-10. With these and bytes the products and sums
    are exact, so that no machine's order of adding decides when an event comes.
    """
    pixel = np.arange(SIDE) + 0.5 - SIDE / 2
    wanted = (pixel - place[:, None])[:, :, None] / SCALE - (np.arange(8) + 0.5 - 4)
    z = np.abs(wanted)
    near, far = 2 / 3 - z**2 + z**3 / 2, (2 - z) ** 3 / 6
    return np.rint(1024 * np.where(z < 1, near, np.where(z < 2, far, 0))) / 1024
