"""What counting costs, and how far the usual shortcut is from the exact count.

    python -m benchmarks.counting --out results/counting_cpu.json

Evaluates a network with and without `synfire.metering.counting`, in turns, on images of the shape of its training data;
then prints, layer by layer, synaptic operations by rate (density times MACs) over the exact ones. Give the folder of a
finished run to have trained weights and real test images; without one, both are random.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import synfire
from benchmarks.timing import environment, in_turns, print_environment, print_table, write_json
from synfire.metering import Meter, counting
from synfire.recipes.loading import restore


def subject(run: Path | None, batch: int) -> tuple[nn.Module, Tensor]:
    """Return a network in evaluation mode and one input (T, B, C, H, W)."""
    if run is None:
        net = synfire.models.cnn4(in_channels=1, levels=4)
        x = torch.randn(1, batch, 1, 28, 28)
        net(x)  # for the statistics of its norms
        return net.eval(), x
    task, data = restore(run)
    data.prepare_data()
    data.setup("test")
    images, labels = next(iter(data.test_dataloader()))
    images, _ = data.on_after_batch_transfer((images[:batch], labels[:batch]), 0)
    return task.model.eval(), task.encode(images)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a finished run folder")
    parser.add_argument("--batch", type=int, default=128, help="images at once")
    parser.add_argument("--rounds", type=int, default=15, help="timed evaluations of each kind")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    found = environment()
    print_environment(found)
    net, x = subject(options.run, options.batch)
    meter = Meter(net)

    def plain() -> Any:
        return net(x)

    def counted() -> Any:
        with counting(net, meter):
            return net(x)

    with torch.no_grad():
        times = in_turns({"plain": plain, "counted": counted}, options.rounds)
    rows = [(name, *timing.show()) for name, timing in times.items()]
    print_table("Evaluating a batch", ("evaluation", "ms, median", "times the plain one (quartiles)"), rows)
    trace = meter.trace()
    gaps = {row.name: row.synops_by_rate / row.synops - 1 for row in trace.of_kind("synapse") if row.synops}
    print_table("By rate beside exact", ("layer", "gap"), [(name, f"{gap:+.1%}") for name, gap in gaps.items()])
    record = {name: {"seconds": timing.seconds, "ratios": timing.ratios} for name, timing in times.items()}
    write_json(options.out, {"environment": found, "batch": options.batch, "times": record, "gaps": gaps})


if __name__ == "__main__":
    main()
