"""The command live."""

import argparse
import sys
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

import synfire
from synfire.base import ConfigError, RunError, read_json
from synfire.data import FramesByTime, Representation, StepsAsChannels
from synfire.data.events.live import Live
from synfire.data.events.representations import Counts
from synfire.recipes.loading import restore
from synfire.training import RunFolder


def live(args: argparse.Namespace) -> None:
    """Print for every step of live events which class the network of a run sees, until Ctrl-C; then what was counted.

    Raises:
        ConfigError: an option is out of range, or the run is none on frames of events.
        RunError: the run is not whole, or the port cannot be had.
        DataError: what came through a pipe is damaged.
    """
    if args.window == 0:
        raise ConfigError("--window is 0; give at least 1 step to take the mean over.")
    data: Any
    task, data = restore(args.run, args.trust)
    seen: Any = getattr(data, "representation", None)
    frames, step_us = _frames(seen, args)
    names = _names(RunFolder(args.run))
    watch = _Watcher(task.model.eval(), seen, args.window)
    with ExitStack() as stack:
        source = {"file": _opened(args.file, stack)} if args.file else {"port": args.port, "host": args.host}
        steps = Live(tuple(args.sensor_size), step_us, **source, **frames, timeout_s=args.timeout)
        with suppress(KeyboardInterrupt), torch.inference_mode(), steps:
            stack.callback(lambda: print(steps.tally))  # however it ends, once it has begun
            if not args.file:
                print("listening on {}:{}; end with Ctrl-C".format(*steps.address), flush=True)
            for frame in steps:
                chances = watch(frame)
                best = int(chances.argmax())
                name = names[best] if best < len(names) else str(best)
                time = (steps.number + 1) * step_us / 1e6
                print(f"{time:10.3f} s  {name}  {100 * chances[best]:.0f} %", flush=True)


class _Watcher:
    """Returns the probabilities of the classes, by the mean of the logits over the last steps.

    A network that was trained on one step begins anew at each; where frames were its channels it sees the last ones.
    """

    def __init__(self, net: nn.Module, seen: Representation, window: int | None) -> None:
        self._stream, self._seen = synfire.stream(net), seen
        self._logits: deque[Tensor] = deque(maxlen=window or seen.steps)
        self._shown: deque[Tensor] = deque(maxlen=seen.of.steps if isinstance(seen, StepsAsChannels) else 1)

    def __call__(self, frame: Tensor) -> Tensor:
        """Take in the frame of a step, (1, C, H, W), and return (classes,)."""
        if not self._shown:
            self._shown.extend([torch.zeros_like(frame)] * (self._shown.maxlen or 1))
        self._shown.append(frame)
        if self._seen.steps == 1:
            self._stream.reset()
        self._logits.append(self._stream(torch.cat([*self._shown], 1))[0].float())
        return torch.stack([*self._logits]).mean(0).softmax(0)


def _frames(seen: Representation | None, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Return the frames that the network knows, as options of `Live`, and the length of a step."""
    found = seen.of if isinstance(seen, StepsAsChannels) else seen
    if not isinstance(found, Counts):
        raise ConfigError(f"{args.run} was not trained on counts of events, so it cannot see live ones.")
    step_us = found.step_us if args.step_us is None and isinstance(found, FramesByTime) else args.step_us
    if step_us is None:
        raise ConfigError(
            f"{args.run} was trained with {type(found).__name__}, whose steps have no fixed time. Give --step-us."
        )
    return {name: getattr(found, name) for name in ("polarities", "size", "clip", "scale")}, step_us


def _names(run: RunFolder) -> list[str]:
    path = run.record("test")
    with suppress(RunError):
        return [str(name) for name in read_json(path).get("classes") or ()] if path.exists() else []
    return []


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(path.open("rb"))
    except OSError as err:
        raise ConfigError(f"{path} cannot be opened: {err.strerror}. Give a pipe or file that can be read.") from err
