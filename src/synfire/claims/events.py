"""Claims about recordings of event cameras."""

from synfire.claims.claim import Arm, Check, Claim
from synfire.claims.multilevel import SOURCE, THEIRS, energy, points, ratio

ONE_FRAME = Arm("spikes 0..4, all events in one frame, T = 1", {"digits": "events-digits", "nmnist": "events/nmnist"})
CHANNELS = Arm(
    "spikes 0..4, ten frames as channels, T = 1",
    {"digits": "events-digits-channels", "nmnist": "events/nmnist-channels"},
)
TEN_FRAMES = Arm("binary, T = 10", {"digits": "events-digits-binary", "nmnist": "events/nmnist-binary"})

CHECKS = (
    Check("accuracy difference, points", points, -2.0, at_most=False),
    Check("steps ratio", ratio("steps"), 0.1, published=0.1, published_on="CIFAR10-DVS"),
    Check("milliseconds of sensor time before the answer, ratio", ratio("sensor_ms")),
    Check("non-zero events ratio", ratio("events"), 0.75),
    Check("sum of spikes ratio", ratio("spikes")),
    Check(f"energy ratio, {THEIRS}", energy(THEIRS), 0.55),
    Check("energy ratio, memory-fit-8bit", energy("memory-fit-8bit")),
    Check("energy ratio, operations-45nm-int8", energy("operations-45nm-int8")),
)

EVENTS_ONE_STEP = Claim(
    "events-one-step",
    "A network whose neurons fire 0..4 recognises what an event camera saw from one frame as well as a binary one does "
    "from ten.",
    SOURCE,
    (ONE_FRAME, TEN_FRAMES),
    CHECKS,
)
EVENTS_CHANNELS = Claim(
    "events-channels",
    "A network whose neurons fire 0..4 recognises what an event camera saw in one step, from ten frames as channels, "
    "as well as a binary one does in ten.",
    SOURCE,
    (CHANNELS, TEN_FRAMES),
    CHECKS,
)
