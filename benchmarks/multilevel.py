"""Time of a training step: spikes 0..4 at T = 1 beside binary spikes at T = 4, four convolutions (arXiv:2510.24637).

    python -m benchmarks.multilevel --out results/multilevel_step_cpu.json

The networks are those of the recipe fashion-cnn4 and its twins, untrained, on noise of the shape of Fashion-MNIST; a
step is forward, loss, backward and the optimizer. What they achieve is compared by `synfire claim multilevel-one-step`.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.timing import environment, in_turns, print_environment, print_table, write_json
from synfire import compact
from synfire.recipes.catalogue import find_recipe, read_recipe
from synfire.recipes.recipe import Recipe

RECIPES = ("fashion-cnn4", "fashion-cnn4-binary", "fashion-cnn4-quantised-ann", "fashion-cnn4-ann")


def training_step(name: str, batch: int) -> Callable[[], None]:
    """Return a function that runs one training step of a recipe's network on one batch of noise."""
    task, _, _ = Recipe.resolve(read_recipe(find_recipe(name))).instantiate()
    images, labels = torch.randn(batch, 1, 28, 28), torch.randint(10, (batch,))
    optimizer = torch.optim.SGD(task.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad()
        with compact():
            logits = task(images)
        task.loss(logits, labels).backward()
        optimizer.step()

    return step


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="images of a step, by default those of the recipes")
    parser.add_argument("--rounds", type=int, default=15, help="timed steps of each network")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    found = environment()
    print_environment(found)
    steps = in_turns({name: training_step(name, options.batch) for name in RECIPES}, options.rounds)
    table = [(name, *turns.show()) for name, turns in steps.items()]
    print_table("A training step", ("recipe", "ms, median", "times the first (quartiles)"), table)
    record = {name: {"seconds": turns.seconds, "ratios": turns.ratios} for name, turns in steps.items()}
    write_json(options.out, {"environment": found, "batch": options.batch, "steps": record})


if __name__ == "__main__":
    main()
