"""Sending recorded events as a camera would."""

import socket
import time

from synfire.base import ConfigError, RunError
from synfire.data.events.events import Events
from synfire.data.events.live.words import encode

PACKET = 512  # bytes, what AEStream sends at most


def send_events(
    events: Events, address: tuple[str, int], speed: float | None = 1.0, times: bool = True, packet: int = PACKET
) -> int:
    """Send events as UDP packets in AEStream's form, and return how many packets that took.

    Args:
        events: what to send, in this order.
        address: host and port.
        speed: 1 sends at the speed of the recording, 2 at twice that, None as fast as can be. Packets get lost where
            the receiver, or the system it runs on, cannot follow.
        times: send the times, modulo 2**32 microseconds.
        packet: bytes of a packet, at most.

    Raises:
        ConfigError: speed or packet is out of range.
        DataError: a coordinate is below 0.
        RunError: the packets cannot be sent.
    """
    size = 8 if times else 4
    if not (speed is None or speed > 0) or not size <= packet <= 65_000:
        raise ConfigError(f"speed is {speed} and packet {packet}; give a speed above 0, and {size} to 65,000 bytes.")
    per_packet = packet // size
    words = encode(events, times)
    began, sent = time.monotonic(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for first in range(0, len(events), per_packet):
            if speed is not None:
                due = began + int(events.t[first] - events.t[0]) / 1e6 / speed
                time.sleep(max(0.0, due - time.monotonic()))
            try:
                sender.sendto(words[size * first : size * (first + per_packet)], address)
            except (OSError, OverflowError) as err:
                raise RunError(f"cannot send to {address[0]}:{address[1]}: {err}. Check host and port.") from err
            sent += 1
    return sent
