import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from synfire.base import ConfigError
from synfire.neurons import LIF, MultiLevelIF
from synfire.recipes.catalogue import find_recipe, first_comment, read_recipe, shipped
from synfire.recipes.recipe import Recipe
from synfire.tasks import LanguageModelling, Task
from synfire.training import InitThresholds

DIGITS = read_recipe(find_recipe("digits"))


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the digits recipe with one value changed, below init_args where there are some."""
    recipe = copy.deepcopy(DIGITS)
    *parents, last = path.split(".")
    place = recipe
    for parent in parents:
        place = place[parent]
        place = place.get("init_args", place) if last != "class_path" or parent != parents[-1] else place
    place[last] = value
    return recipe


def complaint(recipe: dict[str, Any], *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Recipe.resolve(recipe, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# T of the recipes for sequences and frames.
STEPS = {
    "digits-sequence": 64, "digits-sequence-gelu": 64, "image": 1024, "listops": 2048, "path-x": 16384,
    "pathfinder": 1024, "psmnist": 784, "smnist": 784, "smnist-small": 784, "smnist-small-gelu": 784, "text": 4096,
    "nmnist-binary": 10, "events-digits-binary": 10,
}  # fmt: skip


@pytest.mark.parametrize("name", shipped())
def test_every_recipe_is_whole(name: str) -> None:
    assert len(shipped()) >= 20
    path = find_recipe(name)
    assert find_recipe(path.stem) == path
    assert path.read_text().startswith("# ")
    assert len(first_comment(path)) > 20
    raw = read_recipe(path)
    of_images = raw["data"]["class_path"] == "synfire.data.ImageData"
    recipe = Recipe.resolve(raw, ["--data.augment", "[]"] if of_images else [])  # kornia builds nothing on meta
    with torch.device("meta"):
        task, data, options = recipe.build()
    assert isinstance(task, Task)
    if not isinstance(task, LanguageModelling):  # whose data decides
        assert task.steps == STEPS.get(path.stem, 4 if name.endswith("binary") else 1)
    assert data.seed == recipe.seed == 0
    assert options["max_epochs"] in (3, 5, 8, 16, 30, 32, 40, 50, 64, 100, 200)
    assert options["devices"] == 1


def test_a_resolved_recipe_resolves_to_itself() -> None:
    overrides = ["--data.normalize", "null", "--trainer.callbacks", "synfire.training.InitThresholds", "--seed", "7"]
    recipe = Recipe.resolve(DIGITS, overrides)
    again = Recipe.resolve(yaml.safe_load(recipe.text()))
    assert again.text() == recipe.text()
    assert again.plain()["data"]["init_args"]["normalize"] is None
    _, data, options = again.build()
    assert data.normalize is None
    assert data.seed == 7
    assert isinstance(options["callbacks"], InitThresholds)


def test_overrides_with_and_without_init_args() -> None:
    neuron = '{"class_path": "synfire.LIF", "init_args": {"decay": 0.25}}'
    overrides = ["--task.model.levels", "2", "--task.model.init_args.widths=[4,8]", "--task.model.neuron", neuron]
    task, _, options = Recipe.resolve(
        DIGITS, [*overrides, "--trainer.max_epochs", "5", "--task.optimizer.lr", "1e-3"]
    ).build()
    assert isinstance(task.model.stem[1], LIF)
    assert task.model.stem[1].decay == 0.25
    assert task.model.stages[0][0].join.after_merge.levels == 2
    assert task.model.head[1].in_features == 8
    assert options["max_epochs"] == 5
    assert task._make_optimizer().param_groups[0]["lr"] == 1e-3


def test_short_recipes_take_the_default_classes() -> None:
    recipe = {"task": {"model": "synfire.models.cnn4"}, "data": {"source": "synfire.data.Digits"}}
    task, _, _ = Recipe.resolve(recipe).build()
    assert isinstance(task.model.features[1], MultiLevelIF)


def test_another_class_has_its_own_defaults() -> None:
    task = {"class_path": "synfire.tasks.DynamicsFit", "init_args": {"model": "synfire.SurrogateDynamics"}}
    _, data, _ = Recipe.resolve({"task": task, "data": {"class_path": "synfire.data.RandomCurrents"}}).build()
    assert (data.batch_size, data.val_count) == (64, 500)  # not the batch of 128 and the share of 0 of ImageData


def test_equal_seeds_give_equal_weights() -> None:
    weights = [Recipe.resolve(DIGITS, ["--seed", seed]).build()[0].model.head[1].weight for seed in "112"]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "tusk",
            3,
            "'tusk' is no key of a recipe, perhaps task was meant. Valid keys: data, keep, seed, task, threads",
        ),
        ("trainer.max_epoch", 3, "'max_epoch' is no key of trainer, perhaps max_epochs or min_epochs was meant"),
        ("task.modle", 3, "task: 'modle' is no key of synfire.tasks.Classification, perhaps model was meant"),
        (
            "task.model.levles",
            3,
            "task.model: 'levles' is no key of synfire.models.sparse_resnet_narrow, perhaps levels",
        ),
        ("task.optimizer.lrr", 3, "task.optimizer: 'lrr' is no key of torch.optim.SGD, perhaps lr was meant"),
        ("task.model.levels", "many", "task.model.levels: the value is many, but int was expected."),
        ("trainer.max_epochs", "x", "trainer.max_epochs: the value is x, but int or null was expected."),
        ("task.twin", "rely", "task.twin: the value is rely, but one of 'relu', 'gelu', 'quantised' or null was"),
        ("task.model", None, "task: model is missing"),
        ("task.model.class_path", "synfire.models.vgg61", "task.model: synfire.models has no vgg61, perhaps vgg16"),
        (
            "data.source",
            "synfire.models.vgg16",
            "data.source: synfire.models.vgg16 is no ImageSource; name a class that",
        ),
        ("data.seed", 3, "data.seed follows the recipe's seed"),
        ("threads", 0, "threads: the value is 0, but"),
    ],
)
def test_mistakes_get_one_line(path: str, value: Any, message: str) -> None:
    assert complaint(changed(path, value)).startswith(message)


def test_a_missing_model_and_unknown_options() -> None:
    assert complaint({"data": DIGITS["data"]}).startswith("task: model is missing")
    assert complaint(DIGITS, "--trainer.max_epoch", "2").startswith(
        "--trainer.max_epoch is no option, perhaps --trainer.max_epochs or"
    )
    assert complaint(DIGITS, "--trainr.x", "2").startswith("--trainr.x is no option")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("task.model", "os.system", id="a plain name"),
        pytest.param("task.model", {"class_path": "os.system", "init_args": {"command": "touch pwned"}}, id="a call"),
        pytest.param("task.model.neuron", "subprocess.getoutput", id="a callable"),
        pytest.param("task.model.neuron", "synfire.base.records.os.system", id="through a module of ours"),
        pytest.param(
            "task.optimizer", {"class_path": "subprocess.Popen", "init_args": {"args": "x"}}, id="an optimizer"
        ),
        pytest.param("data.augment", [{"class_path": "hostile.Bomb"}], id="inside a list"),
        pytest.param("trainer.callbacks", [{"class_path": "hostile.Bomb"}], id="a callback"),
        pytest.param("trainer.logger", {"class_path": "hostile.Bomb"}, id="a logger"),
        pytest.param("task.class_path", "hostile.Bomb", id="the task"),
        pytest.param("data", {"class_path": "hostile.Bomb"}, id="the data"),
    ],
)
def test_hostile_recipes_import_nothing(path: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hostile.py").write_text("open('pwned', 'w')")

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a recipe has run a command")

    monkeypatch.setattr("os.system", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    message = complaint(changed(path, value))
    assert "is not allowed; a recipe may name classes of synfire, torch.nn," in message
    assert not (tmp_path / "pwned").exists()


def test_a_trusted_package_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_nets.py").write_text("from torch import nn\nclass Net(nn.Linear): pass\n")
    recipe = changed("task.model", {"class_path": "my_nets.Net", "init_args": {"in_features": 2, "out_features": 3}})
    assert "add --trust my_nets" in complaint(recipe)
    task, _, _ = Recipe.resolve(recipe, trust=["my_nets"]).build()
    assert task.model.out_features == 3
    assert "add --trust my_nets" in complaint(recipe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: !!python/object/apply:os.system ['touch pwned']", "is no plain YAML", id="a tag that calls"),
        pytest.param("a: !!python/name:os.system", "is no plain YAML", id="a tag that names"),
        pytest.param("a: [1", "is no plain YAML", id="cut off"),
        pytest.param("- 1", "holds a list, but keys such as task, data and trainer were expected", id="no mapping"),
        pytest.param("", "holds a NoneType", id="empty"),
        pytest.param("\xff\xfe", "cannot be read", id="odd characters"),
    ],
)
def test_files_that_are_no_recipes(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=message):
        read_recipe(path)
    assert not (tmp_path / "pwned").exists()


def test_names_of_recipes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"recipe 'digit' is unknown, perhaps digits was meant\. There are"):
        find_recipe("digit")
    with pytest.raises(ConfigError, match=r"recipe nothing\.yaml does not exist"):
        find_recipe("nothing.yaml")
    assert find_recipe("multilevel_sparse_resnet/fashion-cnn4") == find_recipe("fashion-cnn4")
