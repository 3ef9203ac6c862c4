"""The commands train and eval."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from lightning.fabric.utilities import rank_zero_only

from synfire.base import ConfigError, RunError
from synfire.recipes.catalogue import find_recipe, read_recipe
from synfire.recipes.loading import stored_recipe, stored_values
from synfire.recipes.recipe import Recipe, build_parser
from synfire.recipes.running import run_recipe
from synfire.report import Run, describe_results, run_table, text_table
from synfire.training import RunFolder
from synfire.training import evaluate as test_run


def train(args: argparse.Namespace, overrides: list[str]) -> None:
    """Train as the command line says, and print the results."""
    if args.all_options:
        build_parser().print_help()
        return
    show = rank_zero_only(lambda text: print(text, flush=True))
    run = _run_to_resume(args) if args.resume else None
    recipe = Recipe.resolve(_read(args, run), [*_flags(args), *overrides], args.trust)
    if args.print_recipe:
        sys.stdout.write(recipe.text())
        return
    run = run_recipe(recipe, _opener(args), run, health=not args.no_health, show=show)
    if results := run.read_summary():  # written by the first process, which is also the one that shows it
        show(f"{run.path} is finished: {describe_results(results)}")


def evaluate(args: argparse.Namespace, overrides: list[str]) -> None:
    """Test the network of a run, and print the results."""
    run = RunFolder(args.run)
    recipe = stored_recipe(run, overrides, args.trust)
    task, data, options = recipe.build()
    options.update(callbacks=None, logger=None)
    results = test_run(task, data, run, seed=recipe.seed, options=options)
    print(text_table(*run_table([Run(run.path, summary=results)])))


def _flags(args: argparse.Namespace) -> list[str]:
    given = {"--seed": args.seed, "--threads": args.threads, "--keep": args.keep}
    return [word for flag, value in given.items() if value is not None for word in (flag, str(value))]


def _run_to_resume(args: argparse.Namespace) -> RunFolder | None:
    """Return the run to continue, or None where --run names a folder in which nothing has begun."""
    if args.run is None and args.recipe is None:
        raise ConfigError("--resume needs to know the run: give RECIPE for its latest run, or --run DIR.")
    run = RunFolder(args.run) if args.run is not None else RunFolder.latest(find_recipe(args.recipe).stem)
    if not run.recipe.exists() and args.recipe is None:
        raise RunError(f"{run.path} holds no recipe.yaml, so no run to resume. Check the name, or add RECIPE.")
    return run if run.recipe.exists() else None


def _read(args: argparse.Namespace, run: RunFolder | None) -> dict[str, Any]:
    if args.recipe is not None:
        return read_recipe(find_recipe(args.recipe))
    if run is None:
        raise ConfigError("train needs a RECIPE: a name from `synfire list recipes`, or the path of a YAML file.")
    return stored_values(run)


def _opener(args: argparse.Namespace) -> Callable[[], RunFolder]:
    """Return how the first process makes the folder of a new run, once the data has been read."""
    if args.run is not None:
        return lambda: RunFolder.at(args.run)
    return lambda: RunFolder.new(find_recipe(args.recipe).stem)
