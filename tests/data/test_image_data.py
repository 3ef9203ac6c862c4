import subprocess
import sys
from types import SimpleNamespace

import lightning.pytorch as L
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch.callbacks import ModelCheckpoint

from synfire.base import ConfigError
from synfire.data import Digits, ImageData, Normalisation

lightning_with_new_torch = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
FAST = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 1,
}


class Witness(L.LightningModule):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, int, bytes, list[int]]] = []
        self.tested: list[tuple[bytes, list[int]]] = []

    def training_step(self, batch, number):
        images, labels = batch
        self.seen.append((self.current_epoch, number, images.numpy().tobytes(), labels.tolist()))
        return self.weight * images.sum()

    def validation_step(self, batch, number):
        self.log("mean", batch[0].mean())

    def test_step(self, batch, number):
        self.tested.append((batch[0].numpy().tobytes(), batch[1].tolist()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(data, folder, ckpt=None, **options):
    witness = Witness()
    options = {"enable_checkpointing": "callbacks" in options, "default_root_dir": folder} | FAST | options
    L.Trainer(**options).fit(witness, datamodule=data, ckpt_path=ckpt)
    return witness.seen


@pytest.fixture
def data(made):
    return lambda **options: ImageData(made(), **{"batch_size": 9, "augment": ["crop1", "flip"]} | options)


@lightning_with_new_torch
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("length", [{"max_epochs": 3}, {"max_epochs": -1, "max_steps": 15}])
def test_a_resumed_run_sees_the_same_bits(data, tmp_path, length):
    savers = [
        ModelCheckpoint(tmp_path / "step", "{step}", every_n_train_steps=1, save_top_k=-1),
        ModelCheckpoint(tmp_path / "epoch", "{epoch}", every_n_epochs=1, save_top_k=-1, save_on_train_epoch_end=True),
    ]
    whole = fit(data(), tmp_path, callbacks=savers, **length)
    assert [place[:2] for place in whole] == [(epoch, number) for epoch in range(3) for number in range(5)]
    assert len({image for _, _, image, _ in whole}) == 15
    for name, done in (
        ("step/step=2", 2),
        ("step/step=5", 5),
        ("step/step=8", 8),
        ("epoch/epoch=0", 5),
        ("epoch/epoch=1", 10),
    ):
        rest = fit(data(), tmp_path, str(tmp_path / f"{name}.ckpt"), **length)
        assert rest == whole[done:], name


@lightning_with_new_torch
def test_augmentation_is_for_training_and_leaves_no_trace(data, tmp_path):
    before = torch.get_rng_state()
    seen = fit(data(), tmp_path, max_epochs=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert fit(data(seed=1), tmp_path, max_epochs=1) != seen
    assert fit(data(augment=[]), tmp_path, max_epochs=1) != seen
    assert [labels for *_, labels in fit(data(augment=[]), tmp_path, max_epochs=1)] == [labels for *_, labels in seen]
    tested = []
    for augment in ([], ["crop1"]):
        witness = Witness()
        L.Trainer(**FAST, enable_checkpointing=False).test(witness, datamodule=data(augment=augment), verbose=False)
        tested.append(witness.tested)
    assert tested[0] == tested[1]


@lightning_with_new_torch
def test_overfitting_repeats_its_batches(data, tmp_path):
    seen = fit(data(augment=[]), tmp_path, max_epochs=2, overfit_batches=2)
    assert [part[2:] for part in seen[:2]] == [part[2:] for part in seen[2:]]


def test_without_a_fraction_validation_is_the_test_split(data):
    honest, plain = data(val_fraction=0.25), data()
    assert plain.split("val") is plain.split("test")
    assert (len(honest.split("train")), len(honest.split("val")), len(honest.split("test"))) == (30, 10, 12)
    both = torch.cat([honest.split("train").images, honest.split("val").images]).flatten(1)
    assert sorted(both.tolist()) == sorted(plain.split("train").images.flatten(1).tolist())


def test_limits_take_nested_subsets_by_seed(data):
    def images(part, **options):
        return {tuple(image) for image in data(**options).split(part).images.flatten(1).tolist()}

    assert images("train", limit_train=5) < images("train", limit_train=9) < images("train", limit_train=99)
    assert images("train", limit_train=5) != images("train", limit_train=5, seed=1)
    assert len(images("test", limit_test=3)) == 3
    assert len(images("val", limit_test=3, val_fraction=0.5)) == 3
    assert not images("train", val_fraction=0.5, limit_train=5) & images("val", val_fraction=0.5)


def test_normalisation_is_that_of_the_images_trained_on(made):
    data = ImageData(made(), batch_size=100, limit_train=20)
    images, _ = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert images.double().mean().item() == pytest.approx(0, abs=1e-6)
    assert images.double().std(correction=0).item() == pytest.approx(1, abs=1e-6)
    for normalize, want in ((None, 1.0), (Normalisation([0.5], [0.25]), 2.0)):
        data = ImageData(made(), normalize=normalize)
        assert data.on_after_batch_transfer((torch.ones(2, 1, 4, 5), None), 0)[0].unique().tolist() == [want]


def test_ranks_share_the_training_images(data):
    def labels(rank):
        module = data(seed=4, resident="cpu")
        module.trainer = SimpleNamespace(global_rank=rank, world_size=2, overfit_batches=0, current_epoch=1)  # type: ignore[assignment]
        return [images.numpy().tobytes() for batch, _ in module.train_dataloader() for images in batch]

    first, second = labels(0), labels(1)
    assert (len(first), len(set(first) | set(second))) == (20, 40)


def test_a_recipe_builds_it():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(ImageData, "data")
    recipe = {
        "class_path": "synfire.data.ImageData",
        "init_args": {
            "source": {"class_path": "synfire.data.Digits", "init_args": {"seed": 3}},
            "augment": ["flip", {"class_path": "torch.nn.Dropout", "init_args": {"p": 0.1}}],
            "normalize": {"mean": [0.5], "std": [0.25]},
        },
    }
    built = parser.instantiate(parser.parse_object({"data": recipe})).data
    assert isinstance(built, ImageData)
    assert isinstance(built.source, Digits)
    assert built.source.seed == 3
    assert built.normalisation == Normalisation([0.5], [0.25])
    assert (len(built.augment.steps), built.num_classes, built.shape, built.classes[2]) == (2, 10, (1, 8, 8), "2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"limit_train": 0}, "limit_train is 0"),
        ({"val_fraction": 1.0}, r"val_fraction is 1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"normalize": "imagenet"}, "normalize is 'imagenet'"),
        ({"augment": ["twist"]}, "'twist' is unknown"),
    ],
)
def test_bad_options(made, options, message):
    with pytest.raises(ConfigError, match=message):
        ImageData(made(), **options)


def test_a_fraction_that_leaves_nothing(data):
    with pytest.raises(ConfigError, match=r"val_fraction 0.001 of 40 training images is 0 for validation and 40"):
        data(val_fraction=0.001).setup()


def test_importing_the_room_loads_no_optional_package():
    code = (
        "import sys, synfire.data; "
        "print([m for m in ('lightning', 'kornia', 'sklearn', 'pyarrow', 'datasets', 'PIL') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_public_name_is_there():
    import synfire.data

    for name in synfire.data.__all__:
        assert getattr(synfire.data, name).__doc__
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = synfire.data.nothing


def test_grey_images_and_a_validation_split_of_the_publisher(made):
    class WithValidation(made):
        def read_validation(self):
            return self.read()[1].take(torch.arange(5))

    data = ImageData(WithValidation(shape=(3, 4, 5)), batch_size=100, grey=True)
    images, _ = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert (data.shape, tuple(images.shape[1:]), data.split("val").shape) == ((1, 4, 5), (1, 4, 5), (1, 4, 5))
    assert images.double().mean().item() == pytest.approx(0, abs=1e-6)
    assert (len(data.split("val")), len(data.split("test"))) == (5, 12)
    assert len(ImageData(WithValidation(), val_fraction=0.25).split("val")) == 10
