"""Train a multi-level Sparse-ResNet on handwritten digits beside its twins, and print one table.

The four networks have the same layout, seed, data and number of epochs: spikes 0..4 at T = 1, binary spikes at T = 4,
ReLU quantised to 0..4, and plain ReLU. A second call shows what the first one trained. Arguments, such as
--trainer.max_epochs 2, go to every training.
"""

import sys

from synfire.cli.main import main

RECIPES = ("digits", "digits-binary", "digits-quantised-ann", "digits-ann")


def demo(overrides: list[str]) -> int:
    """Train what is not trained yet, print the table and return the exit code."""
    runs = [f"runs/demo-{name}" for name in RECIPES]
    for number, (name, run) in enumerate(zip(RECIPES, runs, strict=True), 1):
        print(f"\n{number}/{len(RECIPES)} synfire train {name}", flush=True)
        if code := main(["train", name, "--run", run, "--resume", *overrides]):
            return code
    print("\nAll four, on images that none was trained on:\n", flush=True)
    return main(["report", *runs])


if __name__ == "__main__":
    sys.exit(demo(sys.argv[1:]))
