"""Networks of language side by side: perplexity, spikes and energy per token, and the stream against the whole.

    synfire train spiking_ssm/language --data.corpus TextFiles --data.corpus.train FILE
    synfire train spiking_ssm/language-gelu --data.corpus TextFiles --data.corpus.train FILE
    python -m benchmarks.language runs/language-1 runs/language-gelu-1 --out results/language_cpu.json

Perplexity is that of the runs' tests; ratios are to the last run. Energies are modelled, from the runs' traces, over
the tokens of a window. The stream predicts the first windows of the test text token by token, each from rest.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import torch

import synfire
from benchmarks.timing import environment, print_environment, print_table, write_json
from synfire.base import read_json
from synfire.metering import Trace
from synfire.metering.pricers import bills
from synfire.recipes.loading import restore
from synfire.training import RunFolder

PRICES = ("memory-constant-16bit", "memory-fit-8bit", "operations-45nm-int8")


def measure(run: Path, windows: int) -> dict[str, Any]:
    """Return the figures of one finished run."""
    folder = RunFolder(run)
    summary = read_json(folder.summary)
    trace = Trace.read(read_json(folder.record("trace")))
    neurons = trace.of_kind("neuron", "relu")
    task, data = restore(run)
    return {
        "perplexity": summary["perplexity"],
        "bits_per_character": summary["bits_per_character"],
        "parameters": summary["parameters"],
        "seconds": summary["seconds"],
        "rate": sum(row.events for row in neurons) / sum(row.neurons * row.steps for row in neurons),
        "microjoules_per_token": {
            name: bill.picojoules * 1e-6 / trace.steps for name, bill in bills(trace, PRICES).items()
        },
        "stream": streamed(task, data, windows),
    }


def streamed(task: Any, data: Any, windows: int) -> dict[str, float]:
    """Return the perplexity of the first windows of the test text, as whole sequences and token by token."""
    [tokens] = next(iter(data.test_dataloader()))
    tokens = tokens[:windows]
    task.eval()
    with torch.inference_mode():
        whole = task.objective(task.respond((tokens,)), (tokens,))
        run = synfire.stream(task.model)
        logits = torch.stack([run(step) for step in tokens[:, :-1].t()])
        steps = task.objective(logits, (tokens,))
    return {"tokens": tokens[:, 1:].numel(), "whole": math.exp(whole), "token by token": math.exp(steps)}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run folders, the real-valued one last")
    parser.add_argument("--windows", type=int, default=8, help="windows that are also streamed")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    found = environment()
    print_environment(found)
    runs = {run.name: measure(run, options.windows) for run in options.runs}
    last = list(runs.values())[-1]
    rows = [
        (
            name,
            f"{run['perplexity']:.3f}",
            f"{run['perplexity'] / last['perplexity']:.3f}",
            f"{run['bits_per_character']:.3f}",
            f"{run['rate']:.1%}",
            *(f"{run['microjoules_per_token'][price]:.3g}" for price in PRICES),
            f"{run['stream']['token by token'] / run['stream']['whole']:.5f}",
        )
        for name, run in runs.items()
    ]
    energies = [f"uJ/token, {price}" for price in PRICES]
    head = ("run", "perplexity", "over the last", "bits/character", "rate", *energies, "stream over whole")
    print_table("Language", head, rows)
    write_json(options.out, {"environment": found, "runs": runs})


if __name__ == "__main__":
    main()
