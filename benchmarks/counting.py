"""What counting costs, and how far the usual shortcut is from the exact count.

    python -m benchmarks.counting --out results/counting_cpu.json

Evaluates a network with and without `synfire.metering.counting`, in turns; then prints, layer by layer, synaptic
operations by rate (density times MACs) over the exact ones, with the usual MACs, which count padding as input, and with
those that leave padding out. Give the folders of finished runs to have trained weights and real test images; without
one, a Sparse-ResNet-18 of random weights sees random images of 3x32x32.
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
        torch.manual_seed(0)
        net = synfire.models.sparse_resnet18(levels=4)
        x = torch.rand(1, batch, 3, 32, 32)
        for _ in range(3):  # for the statistics of its norms
            net(x)
        return net.eval(), x
    task, data = restore(run)
    data.prepare_data()
    data.setup("test")
    images, labels = next(iter(data.test_dataloader()))
    images, _ = data.on_after_batch_transfer((images[:batch], labels[:batch]), 0)
    return task.model.eval(), task.encode(images)


def measure(run: Path | None, batch: int, rounds: int) -> dict[str, Any]:
    """Return the times of a network's evaluation and the gaps of its layers."""
    net, x = subject(run, batch)
    meter = Meter(net)

    def plain() -> Any:
        return net(x)

    def counted() -> Any:
        with counting(net, meter):
            return net(x)

    with torch.no_grad():
        times = in_turns({"plain": plain, "counted": counted}, rounds)
    name = run.name if run else "sparse_resnet18, random weights"
    rows = [(kind, *timing.show()) for kind, timing in times.items()]
    print_table(f"Evaluating a batch of {x.shape[1]}: {name}", ("", "ms, median", "times plain (quartiles)"), rows)
    gaps = {
        row.name: {
            "usual MACs": row.synops_by_rate / row.synops - 1,
            "MACs without padding": row.density * row.dense_macs / row.synops - 1,
        }
        for row in meter.trace().of_kind("synapse")
        if row.synops
    }
    shown = [(layer, *(f"{gap:+.1%}" for gap in of.values())) for layer, of in gaps.items()]
    print_table("By rate beside exact", ("layer", "usual MACs", "MACs without padding"), shown)
    return {
        "batch": x.shape[1],
        "times": {kind: {"seconds": timing.seconds, "ratios": timing.ratios} for kind, timing in times.items()},
        "gaps": gaps,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="*", default=[], help="finished run folders")
    parser.add_argument("--batch", type=int, default=512, help="images at once, at most those of a run's batch")
    parser.add_argument("--rounds", type=int, default=25, help="timed evaluations of each kind")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    found = environment()
    print_environment(found)
    subjects = {run.name: measure(run, options.batch, options.rounds) for run in options.runs}
    subjects["sparse_resnet18"] = measure(None, min(32, options.batch), max(1, options.rounds // 3))
    write_json(options.out, {"environment": found, "networks": subjects})


if __name__ == "__main__":
    main()
