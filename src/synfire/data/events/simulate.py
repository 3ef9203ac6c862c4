"""Events that a camera would see in a video."""

import importlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np

from synfire.base import ConfigError, DataError, ShapeError
from synfire.data.events.events import LARGEST, Events
from synfire.data.events.frames import check_times, intensity

BLOCK = 1 << 20  # pixels of as many frames as are taken at once; 8 bytes each
LEAST = 0.1  # of the mean; a threshold is not drawn below, or a pixel would fire without end
BRIGHT_NOISE = 0.25  # rate of shot noise at white, as a share of that at black (Hu et al. 2021)


@dataclass(frozen=True, kw_only=True)
class EventCamera:
    """What the pixels of a simulated event camera are like; without more, all but the thresholds are ideal.

    Attributes:
        on, off: contrast thresholds: the mean change of log(eps + intensity) that makes an event.
        sigma: deviation of the thresholds from pixel to pixel, in the same unit. None is drawn below a tenth of the
            mean.
        refractory: microseconds after an event in which a pixel gives no other. What it would have given is lost.
        leak: events per second and pixel that a leaking reference makes without any change, all of them ON.
        shot_noise: events per second of a black pixel by chance, half of them ON; a white pixel has a quarter.
        eps: what is added to the intensity before the logarithm, in units of white. At 0.02, or 5 of 255 grey values,
            one step between dark values of 8 bits stays below a threshold of 0.2.

    Raises:
        ConfigError: a number is out of its range.
    """

    on: float = 0.2
    off: float = 0.2
    sigma: float = 0.03
    refractory: int = 0
    leak: float = 0.0
    shot_noise: float = 0.0
    eps: float = 0.02

    def __post_init__(self) -> None:
        for name, least in (("on", 1e-3), ("off", 1e-3), ("eps", 1e-9)):
            if not least <= (value := getattr(self, name)) < math.inf:
                raise ConfigError(f"EventCamera: {name} is {value}; give a finite number of at least {least:g}.")
        for name in ("sigma", "refractory", "leak", "shot_noise"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ConfigError(f"EventCamera: {name} is {value}; give a finite number of at least 0.")
        if self.refractory != int(self.refractory):
            raise ConfigError(f"EventCamera: refractory is {self.refractory}; give whole microseconds.")


class EventSimulator:
    """Turns frames into events, some frames at a time: S(t) crosses R + on, or R - off, and R follows.

    S(t) = log(eps + intensity) runs straight from frame to frame, and R is the level that a pixel has memorised, at
    first that of the first frame. When S reaches R + on there is an ON event and R grows by `on`; when it reaches
    R - off there is an OFF event and R falls by `off`; so a large change between two frames gives several events, each
    at its own time. The model is that of ESIM (Rebecq et al., CoRL 2018), with the noise of v2e (Hu et al., CVPR
    Workshops 2021): a leak lets R sink steadily, from a random place between two events on; a shot of noise is an event
    at a random time, after which R is S. Within the refractory time R moves on and gives no event, and noise does
    nothing.

    Times are rounded to whole microseconds, later than the frame before. Events come in the order of t, then y, then x.

    Args:
        sensor_size: width and height in pixels.
        camera: what its pixels are like; by default `EventCamera()`.
        seed: of the thresholds and the noise, a whole number >= 0.
        backend: "numba", or "reference", which is plain, slow and gives the same events.

    Raises:
        ConfigError: the sensor has no pixel or too large a side, or the seed or the backend is none.
    """

    def __init__(
        self,
        sensor_size: tuple[int, int],
        camera: EventCamera | None = None,
        seed: int = 0,
        backend: Literal["numba", "reference"] = "numba",
    ) -> None:
        if not all(1 <= side <= LARGEST for side in sensor_size):
            raise ConfigError(f"EventSimulator: sensor_size is {sensor_size}; give sides of 1 to {LARGEST} pixels.")
        if seed < 0:
            raise ConfigError(f"EventSimulator: seed is {seed}; give a whole number of at least 0.")
        if backend not in ("numba", "reference"):
            raise ConfigError(f"EventSimulator: backend is {backend!r}; choose 'numba' or 'reference'.")
        self.sensor_size, self.backend = sensor_size, backend
        self.camera = camera = camera or EventCamera()
        pixels, self._counts, self._shots = (np.random.default_rng([seed, stream]) for stream in range(3))
        self.on, self.off = (
            np.maximum(pixels.normal(mean, camera.sigma, self.pixels), LEAST * mean) for mean in (camera.on, camera.off)
        )
        self._phase = pixels.random(self.pixels)  # of the leak
        self.restart()

    @property
    def pixels(self) -> int:
        """Pixels of the sensor."""
        return self.sensor_size[0] * self.sensor_size[1]

    def restart(self) -> None:
        """Forget the frames so far, so that another video may begin. The pixels stay the same, the noise goes on."""
        self._times = np.empty(0, np.int64)  # of the last frame, if there was one
        self._signal = np.empty((0, self.pixels))
        self._light = np.empty((0, self.pixels))

    def advance(self, frames: np.ndarray, times: Sequence[int] | np.ndarray) -> Events:
        """Return the events up to the last of some further frames; the very first frame gives none.

        Args:
            frames: grey, (F, H, W): uint8, of which 255 is white, or floating point from 0 to 1. Both are taken to be
                linear in the light.
            times: in microseconds, whole numbers that grow from frame to frame, also from call to call, (F,).

        Raises:
            ShapeError: the frames are not (F, H, W), or of another size than the sensor, or the times are not (F,).
            DataError: frames are of another dtype, out of range or NaN; or times do not grow or are not whole.
        """
        frames = np.asarray(frames)
        self._check_shape(frames)
        times = check_times(times, len(frames), self._times)
        if not len(frames):
            return Events.none(self.sensor_size)
        light = np.concatenate([self._light, intensity(frames).reshape(len(frames), -1)])
        every = np.concatenate([self._times, times])
        if not len(self._times):
            self._begin(every[0], light[0])
        signal = np.concatenate([self._signal, self._signal_of(light[len(self._times) :], times)])
        events = self._events(signal, light, every)
        self._times, self._signal, self._light = every[-1:], signal[-1:], light[-1:]
        return events

    def _check_shape(self, frames: np.ndarray) -> None:
        width, height = self.sensor_size
        if frames.ndim != 3 or frames.shape[1:] != (height, width):
            raise ShapeError(
                f"frames have shape {frames.shape}, but (F, {height}, {width}) was expected, grey images of the "
                "sensor's height and width. Make colour grey first, and crop or scale to the sensor."
            )

    def _begin(self, start: int, light: np.ndarray) -> None:
        self._start = start
        self._level = self._signal_of(light[None], np.array([start]))[0]
        if self.camera.leak:
            self._level -= self._phase * self.on
        self._last = np.full(self.pixels, start - int(self.camera.refractory))

    def _signal_of(self, light: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return S, (F, pixels). That R sinks is the same as that S grows; leak events per second are leak * on / s."""
        signal = np.log(self.camera.eps + light)
        if self.camera.leak:
            signal += (times - self._start)[:, None] * (1e-6 * self.camera.leak * self.on)
        return signal

    def _events(self, signal: np.ndarray, light: np.ndarray, times: np.ndarray) -> Events:
        noise = self._noise(light, times)
        run = crossings
        if self.backend == "numba":  # importing numba takes a second
            run = importlib.import_module("synfire.data.events._numba_simulate").crossings
        limits = (self.on, self.off, int(self.camera.refractory))
        t, place, p = run(signal, times, self._level, self._last, *limits, *noise)
        order = np.argsort(t, kind="stable")  # they come frame by frame, row by row
        y, x = np.divmod(place[order], self.sensor_size[0])
        return Events(x.astype(np.int16), y.astype(np.int16), t[order], p[order], self.sensor_size)

    def _noise(self, light: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw shots of noise: interval * pixels + pixel, time and polarity, each (N,), in that order.

        Counts and shots have generators of their own, so that it makes no difference how many frames come at once.
        """
        if not self.camera.shot_noise:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
        spans = np.diff(times)
        counts = self._counts.poisson(1e-6 * self.camera.shot_noise * self.pixels * spans)
        interval = np.repeat(np.arange(len(spans)), counts)
        where, when, lost, which = self._shots.random((len(interval), 4)).T
        pixel = (where * self.pixels).astype(np.int64)
        t = times[interval] + 1 + (when * spans[interval]).astype(np.int64)
        index, p = interval * self.pixels + pixel, (which < 0.5).astype(np.uint8)
        order = np.lexsort((t, index))
        order = order[(lost >= (1 - BRIGHT_NOISE) * light[interval, pixel])[order]]
        return index[order], t[order], p[order]


def simulate_events(
    frames: Iterable[np.ndarray],
    times: Iterable[int],
    camera: EventCamera | None = None,
    seed: int = 0,
    backend: Literal["numba", "reference"] = "numba",
) -> Events:
    """Return the events that a camera sees in a video; the model is that of `EventSimulator`.

    Args:
        frames: at least two grey images of one size, as an array (T, H, W) or anything that yields (H, W): uint8, of
            which 255 is white, or floating point from 0 to 1, both linear in the light.
        times: of the frames, in microseconds, growing whole numbers.
        camera: what its pixels are like; by default `EventCamera()`.
        seed: of thresholds and noise, a whole number >= 0.
        backend: "numba", or "reference", which is plain, slow and gives the same events.

    Returns:
        The events in the order of t, then y, then x, of a sensor of the size of the frames.

    Raises:
        ShapeError: frames are no grey images of one size.
        DataError: there are fewer than two frames, or not as many as times; frames are of another dtype, out of range
            or NaN; times do not grow.
    """
    parts = list(stream_events(_pairs(frames, times), camera, seed, backend))
    return Events.join(parts, parts[0].sensor_size)


def stream_events(
    frames: Iterable[tuple[np.ndarray, int]],
    camera: EventCamera | None = None,
    seed: int = 0,
    backend: Literal["numba", "reference"] = "numba",
) -> Iterator[Events]:
    """Yield the events of a video of any length in parts, without keeping its frames.

    Args:
        frames: pairs of a frame (H, W) and its time, as `read_frames` yields them.
        camera, seed, backend: as for `simulate_events`; the events are the same, too.

    Raises:
        ShapeError, DataError: as for `simulate_events`.
    """
    simulator, waiting, count = None, [], 0
    for frame, time in frames:
        frame = np.asarray(frame)
        if simulator is None:
            if frame.ndim != 2 or not frame.size:
                raise ShapeError(f"frame 0 has shape {frame.shape}, but a grey image (H, W) was expected.")
            simulator = EventSimulator((frame.shape[1], frame.shape[0]), camera, seed, backend)
        if waiting and (frame.shape, frame.dtype) != (waiting[0][0].shape, waiting[0][0].dtype):
            first = waiting[0][0]
            raise ShapeError(
                f"frame {count} is {frame.dtype} of shape {frame.shape}, but {first.dtype} of shape {first.shape} was "
                "expected, like the frames before it."
            )
        waiting.append((frame, time))
        count += 1
        if len(waiting) > 1 and len(waiting) * frame.size >= BLOCK:
            yield _advance(simulator, waiting)
            waiting = []
    if simulator is None or count < 2:
        raise DataError(f"{count} frames, but events need at least two to see a change. Give more.")
    if waiting:
        yield _advance(simulator, waiting)


def _advance(simulator: EventSimulator, pairs: list[tuple[np.ndarray, int]]) -> Events:
    frames, times = zip(*pairs, strict=True)
    return simulator.advance(np.stack(frames), times)


def _pairs(frames: Iterable[np.ndarray], times: Iterable[int]) -> Iterator[tuple[np.ndarray, int]]:
    for count, (frame, time) in enumerate(zip_longest(frames, times)):
        if frame is None or time is None:
            raise DataError(
                f"there are not as many frames as times: one of them ends after {count}. Give a time for each frame."
            )
        yield frame, time


def crossings(
    signal: np.ndarray,
    times: np.ndarray,
    level: np.ndarray,
    last: np.ndarray,
    on: np.ndarray,
    off: np.ndarray,
    refractory: int,
    noise_index: np.ndarray,
    noise_t: np.ndarray,
    noise_p: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the events of all pixels, interval by interval: the meaning of the kernel of the same name.

    Args:
        signal: S at the frames, float64, (F, pixels).
        times: of the frames in microseconds, int64, (F,).
        level: R of every pixel, float64, (pixels,); moved.
        last: time of every pixel's last event, int64, (pixels,); moved.
        on, off: thresholds of every pixel, float64, (pixels,).
        refractory: microseconds.
        noise_index, noise_t, noise_p: shots of noise: interval * pixels + pixel, time and polarity, in that order.

    Returns:
        Time, pixel and polarity of every event: int64, int64 and uint8, (N,), in order of interval, pixel and time.
    """
    found: list[tuple[int, int, int]] = []

    def emit(t: int, pixel: int, p: int) -> bool:
        if t - last[pixel] < refractory:
            return False
        found.append((t, pixel, p))
        last[pixel] = t
        return True

    for i, pixel in np.ndindex(len(times) - 1, len(level)):
        (t0, t1), (s0, s1) = times[i : i + 2].tolist(), signal[i : i + 2, pixel].tolist()
        shots = np.flatnonzero(noise_index == i * len(level) + pixel)
        ends = [(int(noise_t[n]), s0 + (s1 - s0) * ((int(noise_t[n]) - t0) / (t1 - t0)), n) for n in shots]
        for end, s, shot in [*ends, (t1, s1, None)]:
            while s >= level[pixel] + on[pixel] or s <= level[pixel] - off[pixel]:
                p = int(s >= level[pixel] + on[pixel])
                level[pixel] += on[pixel] if p else -off[pixel]
                t = round(t0 + (level[pixel] - s0) / (s1 - s0) * (t1 - t0))
                emit(max(t, t0 + 1), pixel, p)
            if shot is not None and emit(end, pixel, int(noise_p[shot])):
                level[pixel] = s
    t, pixel, p = np.array(found, np.int64).reshape(-1, 3).T
    return t, pixel, p.astype(np.uint8)
