import pytest
import torch
from jsonargparse import ArgumentParser

from synfire.base import ConfigError
from synfire.data import ListOps, SequenceData, TokenSource, TokenSplit


class Made(TokenSource):
    """Rows of a number each, the class of which is its rest by 3."""

    def __init__(self, validation: bool = False) -> None:
        self.validation = validation

    def read(self) -> tuple[TokenSplit, TokenSplit]:
        return self._part(1, 41), self._part(50, 62)

    def read_validation(self) -> TokenSplit | None:
        return self._part(80, 86) if self.validation else None

    def _part(self, first: int, last: int) -> TokenSplit:
        rows = torch.arange(first, last)
        return TokenSplit(rows[:, None].expand(-1, 4).short().contiguous(), rows % 3, ("a", "b", "c"), 100)


def rows(data: SequenceData, part: str) -> set[int]:
    return set(data.split(part).tokens[:, 0].tolist())


def test_batches_parts_and_limits():
    data = SequenceData(Made(), batch_size=9, val_fraction=0.25, limit_train=20, limit_test=5)
    batches = list(data.train_dataloader())
    assert [len(labels) for _, labels in batches] == [9, 9, 2]
    for tokens, labels in batches:
        assert tokens.dtype == torch.int64
        assert torch.equal(tokens[:, 0] % 3, labels)
    assert not rows(data, "train") & rows(data, "val")
    assert rows(data, "train") | rows(data, "val") < set(range(1, 41))
    assert (len(rows(data, "train")), len(rows(data, "val")), len(rows(data, "test"))) == (20, 5, 5)
    assert (data.length, data.vocabulary, data.padding, data.num_classes) == (4, 100, 0, 3)


def test_what_the_source_sets_aside_is_for_validation():
    assert rows(SequenceData(Made(validation=True)), "val") == set(range(80, 86))
    assert rows(SequenceData(Made(validation=True), val_fraction=0.5), "val") < set(range(1, 41))
    data = SequenceData(Made())
    assert data.split("val") is data.split("test")


def test_a_recipe_builds_it():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(SequenceData, "data")
    source = {"class_path": "synfire.data.ListOps", "init_args": {"sizes": [3, 2, 1]}}
    recipe = {"class_path": "synfire.data.SequenceData", "init_args": {"source": source, "batch_size": 2}}
    built = parser.instantiate(parser.parse_object({"data": recipe})).data
    assert isinstance(built, SequenceData)
    assert isinstance(built.source, ListOps)
    assert [len(built.split(part)) for part in ("train", "val", "test")] == [3, 2, 1]


def test_bad_options():
    with pytest.raises(ConfigError, match="batch_size is 0"):
        SequenceData(Made(), batch_size=0)
    with pytest.raises(ConfigError, match=r"val_fraction 0\.001 of 40 training sequences is 0 for validation and 40"):
        SequenceData(Made(), val_fraction=0.001).setup()
