"""The compiled loop behind `simulate.py`; importing this module imports numba."""

import numpy as np
from numba import njit

ROOM = 4096  # events for which there is room at first


@njit(cache=True)
def _longer(column, room):
    new = np.empty(room, column.dtype)
    new[: len(column)] = column
    return new


@njit(cache=True)
def _line(s0, s1, t0, t1, until, level, on, off, last, refractory, t, p, count):
    """Write the events of a pixel on its way from s0 to `until`; return its level, its last event and their count."""
    while True:
        brighter = until >= level + on
        if not brighter and until > level - off:
            return level, last, count
        level += on if brighter else -off
        now = max(np.int64(np.rint(t0 + (level - s0) / (s1 - s0) * (t1 - t0))), t0 + 1)
        if now - last >= refractory:
            t[count], p[count] = now, brighter
            last = now
            count += 1


@njit(cache=True, nogil=True)
def crossings(signal, times, level, last, on, off, refractory, noise_index, noise_t, noise_p):
    """Find the events of all pixels, interval by interval; arguments and results are those of `simulate.crossings`."""
    t, place, p = np.empty(ROOM, np.int64), np.empty(ROOM, np.int64), np.empty(ROOM, np.uint8)
    count, shot, pixels = 0, 0, len(level)
    for i in range(len(times) - 1):
        t0, t1 = times[i], times[i + 1]
        for pixel in range(pixels):
            s0, s1, now, late, first = signal[i, pixel], signal[i + 1, pixel], level[pixel], last[pixel], count
            up, down = on[pixel], off[pixel]
            shots = shot
            while shots < len(noise_index) and noise_index[shots] == i * pixels + pixel:
                shots += 1
            if shots == shot and now - down < s1 < now + up:
                continue
            # Between two shots the level moves one way only, by no more than the signal does and a threshold,
            # and a shot is an event; one is for rounding.
            most = count + (shots - shot + 1) * (3 + np.int64(abs(s1 - s0) / min(up, down)))
            if most > len(t):
                t, place, p = _longer(t, 2 * most), _longer(place, 2 * most), _longer(p, 2 * most)
            for n in range(shot, shots):
                s = s0 + (s1 - s0) * ((noise_t[n] - t0) / (t1 - t0))
                now, late, count = _line(s0, s1, t0, t1, s, now, up, down, late, refractory, t, p, count)
                if noise_t[n] - late >= refractory:
                    t[count], p[count] = noise_t[n], noise_p[n]
                    now, late = s, noise_t[n]
                    count += 1
            now, late, count = _line(s0, s1, t0, t1, s1, now, up, down, late, refractory, t, p, count)
            place[first:count] = pixel
            level[pixel], last[pixel], shot = now, late, shots
    return t[:count], place[:count], p[:count]
