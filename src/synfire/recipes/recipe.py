"""From a recipe and overrides to objects: jsonargparse reads the signatures, so no option is described here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional

import jsonargparse
import lightning.pytorch as L
import numba
import torch
import yaml
from jsonargparse.typing import PositiveInt

from synfire.base import ConfigError, SynfireError
from synfire.recipes.mistakes import explain
from synfire.training import TRAINER_DEFAULTS, seed_all

# A recipe comes from anywhere, so it may name classes of these alone; nothing else is imported.
ALLOWED = ("synfire", "torch.nn", "torch.optim", "lightning.pytorch", "torchmetrics", "kornia.augmentation")

_trusted: set[str] = set()

_TORCH_THREADS, _NUMBA_THREADS = torch.get_num_threads(), numba.get_num_threads()

# What synfire decides itself, or what would keep it from writing the run folder.
_HIDDEN: set[str | int] = {
    "enable_checkpointing",
    "barebones",
    "fast_dev_run",
    "default_root_dir",
    "enable_autolog_hparams",
}


@dataclass(frozen=True)
class Recipe:
    """A recipe whose every value has been checked against the signature that it is for.

    Attributes:
        values: of all keys.
        parser: what checked them.
        trust: packages beside synfire's own that its class paths may name.
    """

    values: jsonargparse.Namespace
    parser: jsonargparse.ArgumentParser
    trust: tuple[str, ...] = ()

    @classmethod
    def resolve(cls, recipe: dict[str, Any], overrides: Sequence[str] = (), trust: Iterable[str] = ()) -> "Recipe":
        """Check a recipe, apply overrides such as ("--trainer.max_epochs", "2") and fill in all defaults.

        Args:
            recipe: nested plain values, as YAML gives them.
            overrides: command-line arguments.
            trust: further packages that class paths may name.

        Raises:
            ConfigError: a key is unknown, a value does not fit, or a class path is not allowed.
        """
        trust = tuple(trust)
        allowed = (*ALLOWED, *trust)
        parser = build_parser(trust)
        _refuse_data_seed(recipe, overrides)
        # What a class named by the recipe leaves open is its own default, not that of the class which is ours.
        named = [key for key in ("task", "data") if isinstance(recipe.get(key), dict) and "class_path" in recipe[key]]
        parser.set_defaults(dict.fromkeys(named))
        try:
            values = parser.parse_object(recipe)
            if overrides:
                values = parser.parse_args(list(overrides), namespace=values)
        except (jsonargparse.ArgumentError, TypeError, ValueError) as err:
            raise ConfigError(explain(err, parser, allowed)) from err
        return cls(values, parser, trust)

    @property
    def seed(self) -> int:
        """Seed of weights, data and all that is drawn in training."""
        return self.values.seed

    @property
    def keep(self) -> Literal["last", "best"]:
        """Which weights are kept."""
        return self.values.keep

    def plain(self) -> dict[str, Any]:
        """Return every value as plain data; of the Trainer's options, those that are set."""
        plain = yaml.safe_load(self.parser.dump(self.values, skip_unset=False))
        plain["trainer"] = {key: value for key, value in plain["trainer"].items() if value is not None}
        return plain

    def text(self) -> str:
        """Return the resolved recipe as YAML."""
        return yaml.safe_dump(self.plain(), sort_keys=False)

    def build(self, threads: int | None = None) -> tuple[L.LightningModule, L.LightningDataModule, dict[str, Any]]:
        """Return the task, the data and the options of the Trainer; the weights depend on the seed alone.

        Args:
            threads: threads on the CPU where the recipe leaves them open; by default one per core. Their number decides
                the order of sums, so a run that goes on needs those it began with.

        Raises:
            SynfireError: a constructor refuses a value.
        """
        torch.set_num_threads(self.values.threads or threads or _TORCH_THREADS)
        numba.set_num_threads(min(torch.get_num_threads(), _NUMBA_THREADS))
        seed_all(self.seed)
        return self.instantiate()

    def instantiate(self) -> tuple[L.LightningModule, L.LightningDataModule, dict[str, Any]]:
        """Return the same as `build`, with weights drawn from wherever the random state is, and no setting changed."""
        try:
            objects = self.parser.instantiate(self.values)
        except (TypeError, ValueError) as err:
            raise _ours(err) or ConfigError(explain(err, self.parser, ALLOWED)) from err
        return objects.task, objects.data, objects.trainer.as_dict()


def build_parser(trust: Iterable[str] = ()) -> jsonargparse.ArgumentParser:
    """Return the parser whose keys are those of a recipe, and which imports from allowed and trusted packages alone."""
    withdrawn = _trusted.difference(trust)  # the setting is the process's, so an earlier trust would stay
    _trusted.update(trust)
    jsonargparse.set_parsing_settings(
        instantiate_subclass_spec_in_any=False,
        import_path_denylist=["*", *withdrawn],
        import_path_allowlist=[*ALLOWED, *trust],
    )
    parser = jsonargparse.ArgumentParser(
        prog="synfire train", exit_on_error=False, print_config=None, allow_abbrev=False
    )
    parser.add_argument("--seed", type=int, default=0, help="Seeds weights, data order and augmentation.")
    parser.add_argument(
        "--keep",
        type=Literal["last", "best"],
        default="last",
        help="Keep the weights of the last epoch, or of the one that validated best.",
    )
    parser.add_argument(
        "--threads",
        type=Optional[PositiveInt],  # noqa: UP045 (a type that only jsonargparse knows)
        default=None,
        help="Threads on the CPU, by default one per core. Small networks are faster with 1.",
    )
    parser.add_subclass_arguments(L.LightningModule, "task", default={"class_path": "synfire.tasks.Classification"})
    parser.add_subclass_arguments(L.LightningDataModule, "data", default={"class_path": "synfire.data.ImageData"})
    parser.add_class_arguments(L.Trainer, "trainer", instantiate=False, skip=_HIDDEN)
    parser.set_defaults({f"trainer.{key}": value for key, value in TRAINER_DEFAULTS.items()})
    parser.link_arguments("seed", "data.init_args.seed")
    return parser


def _ours(err: BaseException | None) -> SynfireError | None:
    """Return the error of ours that jsonargparse wrapped in one of its own."""
    while err is not None and not isinstance(err, SynfireError):
        err = err.__cause__ or err.__context__
    return err


def _refuse_data_seed(recipe: dict[str, Any], overrides: Sequence[str]) -> None:
    """Raise for a second seed, which the parser would drop in silence."""
    data = recipe.get("data")
    given = isinstance(data, dict) and ("seed" in data or "seed" in (data.get("init_args") or {}))
    if given or any(o.startswith(("--data.seed", "--data.init_args.seed")) for o in overrides):
        raise ConfigError("data.seed follows the recipe's seed; leave it out and set seed (--seed) alone.")
