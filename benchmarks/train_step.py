"""One training step of Sparse-ResNet-18 on images of 32x32, against the same network in SpikingJelly, on a CPU.

python -m benchmarks.train_step --levels 1 4 --out results/train_step_cpu.json
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import (
    CLOCKS,
    Run,
    environment,
    in_own_process,
    in_turns,
    mib,
    peak_growth,
    print_environment,
    print_table,
    use_threads,
    write_json,
)

CLASSES = 10
DEPTHS, WIDTHS = (2, 2, 2, 2), (64, 128, 256, 512)
OURS, JELLY = "synfire", "SpikingJelly, multi-step"

# A leak that rounds to none: ILIFNode divides by it, and no other node of SpikingJelly has more than one level.
NO_LEAK = 1e30


def our_network(levels: int) -> nn.Module:
    """Sparse-ResNet-18 with fixed thresholds; binary neurons start at zero and have the arctan surrogate."""
    from synfire.models import sparse_resnet18
    from synfire.neurons import IF

    return sparse_resnet18(CLASSES, levels, neuron=IF if levels == 1 else None, learn_threshold=False)


def our_learned(levels: int) -> nn.Module:
    """Sparse-ResNet-18 with its builder's own neurons and learned thresholds, which no rival has."""
    from synfire.models import sparse_resnet18

    return sparse_resnet18(CLASSES, levels, learn_threshold=True)


def rectified() -> nn.Module:
    """The same convolutions and norms with ReLU in the neurons' places and none after the joins."""
    from synfire.models import sparse_resnet18

    net = sparse_resnet18(CLASSES, 1, neuron=nn.ReLU)
    for module in net.modules():
        if hasattr(module, "after_merge"):
            module.after_merge = None
    return net


class JellyBlock(nn.Module):
    """The residual block, of SpikingJelly's layers."""

    def __init__(self, channels: int, width: int, stride: int, node: Callable[[], nn.Module], barrier: nn.Module):
        super().__init__()
        self.branch = nn.Sequential(
            *jelly_synapse(channels, width, 3, stride), node(), *jelly_synapse(width, width, 3, 1), node()
        )
        same = stride == 1 and channels == width
        self.shortcut = nn.Identity() if same else nn.Sequential(*jelly_synapse(channels, width, 1, stride), node())
        self.barrier = barrier

    def forward(self, x: Tensor) -> Tensor:
        """Map spikes to spikes, of one step or of all, as the step mode says."""
        return self.barrier(self.branch(x) + self.shortcut(x))


def jelly_synapse(channels: int, width: int, kernel: int, stride: int) -> Iterator[nn.Module]:
    """Make a convolution and its norm."""
    from spikingjelly.activation_based import layer

    yield layer.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
    yield layer.BatchNorm2d(width)


def jelly_nodes(levels: int) -> tuple[Callable[[], nn.Module], Callable[[], nn.Module]]:
    """Return makers of the neurons and of the barriers that equal ours in `our_network`."""
    from spikingjelly.activation_based import neuron, surrogate

    if levels == 1:
        make = partial(neuron.IFNode, v_reset=None)
        slope, barrier_slope = surrogate.ATan(2.0), surrogate.DeterministicPass()
    else:
        make = partial(neuron.ILIFNode, tau=NO_LEAK)
        slope = surrogate.MultiLevelSpikeCount(levels, grad_window=(-0.5, float(levels)))
        barrier_slope = surrogate.MultiLevelSpikeCount(levels, grad_window=(-NO_LEAK, NO_LEAK))
    return (
        partial(make, surrogate_function=slope, detach_reset=True),
        partial(make, surrogate_function=barrier_slope, detach_reset=False),
    )


def jelly_network(levels: int, step_mode: str) -> nn.Module:
    """The same network of SpikingJelly's layers, from currents to logits of one step or of all."""
    from spikingjelly.activation_based import functional, layer

    node, barrier = jelly_nodes(levels)
    blocks, channels = [], WIDTHS[0]
    for stage, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
        for block in range(depth):
            blocks.append(JellyBlock(channels, width, 2 if stage > 0 and block == 0 else 1, node, barrier()))
            channels = width
    net = nn.Sequential(*jelly_synapse(3, WIDTHS[0], 3, 1), node(), *blocks, _Mean(), layer.Linear(channels, CLASSES))
    functional.set_step_mode(net, step_mode)
    return net


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((-2, -1))


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Give the target the source's weights, by their order.

    Raises:
        SystemExit: the two do not have the same parameters.
    """
    ours, theirs = [list(net.parameters()) for net in (source, target)]
    if [p.shape for p in ours] != [p.shape for p in theirs]:
        raise SystemExit("the two networks have different parameters: they are not the same network")
    with torch.no_grad():
        for a, b in zip(ours, theirs, strict=True):
            b.copy_(a)


def jelly_forward(net: nn.Module, step_mode: str) -> Callable[[Tensor], Tensor]:
    """Return how the network is run over a sequence (T, B, ...) from rest."""
    from spikingjelly.activation_based import functional

    def forward(x: Tensor) -> Tensor:
        functional.reset_net(net)
        return net(x) if step_mode == "m" else torch.stack([net(current) for current in x])

    return forward


def jelly(levels: int, step_mode: str, checkpointed: bool = False) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """Build SpikingJelly's network with our weights."""
    net = jelly_network(levels, step_mode)
    copy_weights(our_network(levels), net)
    forward = jelly_forward(net, step_mode)
    if checkpointed:
        from spikingjelly.activation_based import memopt

        # Levels 2 to 4 measure memory on a GPU.
        example = torch.zeros(2, 1, 3, 32, 32)
        memopt.optimize_memory(net, JellyBlock, lambda net: net(example), level=1)
    return net, forward


def ours(make: Callable[[], nn.Module], compact: bool = True) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """Build a network of ours, which by default keeps little for backward, as the library's own training does."""
    import synfire

    net = make()

    def forward(x: Tensor) -> Tensor:
        with synfire.compact() if compact else nullcontext():
            return net(x)

    return net, forward


def contenders(levels: int) -> dict[str, tuple[Callable[[], tuple[nn.Module, Callable[[Tensor], Tensor]]], str]]:
    """Return the rows of the table: how each is built, and a note."""
    return {
        OURS: (partial(ours, partial(our_network, levels)), "fixed thresholds; synfire.compact"),
        "synfire, thresholds learned": (
            partial(ours, partial(our_learned, levels)),
            "straight-through; synfire.compact",
        ),
        "synfire, not compact": (partial(ours, partial(our_network, levels), False), "fixed thresholds"),
        "SpikingJelly, default": (partial(jelly, levels, "s"), 'step_mode "s"; norms see one step at a time'),
        JELLY: (partial(jelly, levels, "m"), 'step_mode "m"'),
        "SpikingJelly, memopt": (partial(jelly, levels, "m", True), "level 1, blocks recomputed, spikes as bits"),
        "without neurons": (partial(ours, rectified, False), "ReLU, same convolutions and norms, T images"),
    }


def check_equality(levels: int, steps: int) -> tuple[float, float]:
    """Return the largest difference of logits and of gradients, relative to the largest value, in float64.

    Float64, because a rounding error that moves one spike is no difference between the networks.
    """
    source = our_network(levels).double()
    target = jelly_network(levels, "m").double()
    copy_weights(source, target)
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64).unsqueeze(0).expand(steps, -1, -1, -1, -1)
    results = []
    for net, forward in ((source, source), (target, jelly_forward(target, "m"))):
        logits = forward(x)
        F.cross_entropy(logits.mean(0), torch.tensor([0, 1])).backward()
        results.append((logits.detach(), torch.cat([p.grad.flatten() for p in net.parameters()])))
    return tuple(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results, strict=True))  # type: ignore[return-value]


def training_step(net: nn.Module, forward: Callable[[Tensor], Tensor], options: argparse.Namespace) -> Run:
    """Return one training step: forward, cross-entropy of the mean over T, backward, SGD."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(options.batch, 3, 32, 32, generator=generator)
    labels = torch.randint(CLASSES, (options.batch,), generator=generator)
    if options.channels_last:
        net.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)

    def run() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if options.bf16 else nullcontext():
            logits = forward(images.unsqueeze(0).expand(options.steps, *images.shape))
        loss = F.cross_entropy(logits.float().mean(0), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return run


def parameters(net: nn.Module) -> int:
    """Count the numbers that are learned."""
    return sum(p.numel() for p in net.parameters())


def measure(levels: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one number of levels, print the table and return it as a record."""
    runs, counts, left_out = {}, {}, {}
    for name, (make, _) in contenders(levels).items():
        torch.manual_seed(0)
        try:
            net, forward = make()
        except ModuleNotFoundError as missing:
            left_out[name] = f"not installed ({missing.name})"
            continue
        counts[name] = parameters(net)
        runs[name] = training_step(net, forward, options)
    difference = check_equality(levels, options.steps) if JELLY in runs else None
    timings = in_turns(runs, options.rounds, options.clock, warm_ups=1)
    memory = {name: None if options.no_memory else peak(name, levels, options) for name in runs}

    rows = []
    for name, (_, note) in contenders(levels).items():
        if name in left_out:
            rows.append([name, *["-"] * 4, left_out[name]])
        else:
            rows.append([name, *timings[name].show(), mib(memory[name]), f"{counts[name]:,}", note])
    kind = "binary" if levels == 1 else f"{levels} levels"
    form = ["float32", "bfloat16 autocast"][options.bf16] + (", channels last" if options.channels_last else "")
    print_table(
        f"Sparse-ResNet-18, {kind}, T = {options.steps}, B = {options.batch}, {form}, {options.rounds} rounds",
        ["", "ms", f"time / {OURS}", "peak MiB", "parameters", "set-up"],
        rows,
    )
    if difference is not None:
        print(
            "\nSame weights, float64: logits differ by {:.1g} of the largest, gradients by {:.1g}.".format(*difference)
        )
    return {
        "levels": levels,
        "left_out": left_out,
        "difference": difference,
        "rows": [
            {"name": name, "peak_bytes": memory[name], "parameters": counts[name], **asdict(timings[name])}
            for name in runs
        ],
    }


def peak(name: str, levels: int, options: argparse.Namespace) -> int | None:
    """Measure the peak memory of one row in a process of its own."""
    flags = [flag for flag, on in (("--channels-last", options.channels_last), ("--bf16", options.bf16)) if on]
    sizes = ["--levels", str(levels), "--steps", str(options.steps), "--batch", str(options.batch)]
    return in_own_process("benchmarks.train_step", ["--peak-of", name, *sizes, *flags])


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=__doc__)
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 4], help="highest spike; one table for each")
    parser.add_argument("--steps", type=int, default=4, help="T")
    parser.add_argument("--batch", type=int, default=32, help="B")
    parser.add_argument("--rounds", type=int, default=7, help="timed turns of each row")
    parser.add_argument("--threads", type=int, help="threads of PyTorch and Numba")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what a time is, see benchmarks.timing")
    parser.add_argument("--channels-last", action="store_true", help="convolutions over (B, H, W, C) in memory")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast")
    parser.add_argument("--quick", action="store_true", help="B = 2, T = 2, 2 rounds: try the script")
    parser.add_argument("--no-memory", action="store_true", help="leave out peak memory")
    parser.add_argument("--out", type=Path, help="write a record here, as JSON")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.batch, options.steps, options.rounds = 2, 2, 2
    return options


def main() -> None:
    """Measure what was asked for."""
    options = parse()
    use_threads(options.threads)
    if options.peak_of:
        make, _ = contenders(options.levels[0])[options.peak_of]
        print(json.dumps(peak_growth(training_step(*make(), options), warm_ups=1)))
        return
    found = environment()
    print_environment(found)
    chosen = {key: getattr(options, key) for key in ("steps", "batch", "rounds", "clock", "channels_last", "bf16")}
    tables = [measure(levels, options) for levels in options.levels]
    write_json(options.out, {"environment": found, "options": chosen, "tables": tables})


if __name__ == "__main__":
    main()
