import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from synfire.base import ConfigError
from synfire.data import ImageSplit, ResidentLoader


def numbered(count: int) -> ImageSplit:
    """Images of one pixel that holds the row number, 0..255."""
    rows = torch.arange(count)
    return ImageSplit(rows.to(torch.uint8).view(-1, 1, 1, 1), rows % 3, ("a", "b", "c"))


def rows_of(loader: ResidentLoader) -> list[int]:
    return [row for images, _ in loader for row in (images * 255).round().flatten().long().tolist()]


def test_batches_are_scaled_and_keep_their_labels():
    loader = ResidentLoader(numbered(256), 100, shuffle=True)
    for images, labels in loader:
        assert (images.dtype, images.shape[1:], labels.dtype) == (torch.float32, (1, 1, 1), torch.int64)
        grey = (images.flatten().double() * 255).round()
        assert torch.equal(images.flatten(), grey.float() / 255)
        assert torch.equal(grey.long() % 3, labels)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(count=st.integers(1, 60), batch=st.integers(1, 20), shuffle=st.booleans())
def test_alone_each_image_comes_once(count, batch, shuffle):
    loader = ResidentLoader(numbered(count), batch, shuffle=shuffle)
    sizes = [len(labels) for _, labels in loader]
    assert len(loader) == len(sizes)
    assert set(sizes[:-1]) <= {batch}
    assert sorted(rows_of(loader)) == list(range(count))


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(count=st.integers(12, 60), batch=st.integers(1, 4), world=st.integers(1, 3), drop=st.booleans())
def test_ranks_share_an_epoch(count, batch, world, drop):
    options = {"shuffle": True, "seed": 7, "world_size": world, "drop_last": drop}
    loaders = [ResidentLoader(numbered(count), batch, rank=rank, **options) for rank in range(world)]
    assert len({len(loader) for loader in loaders}) == 1
    rows = [row for loader in loaders for row in rows_of(loader)]
    if drop:
        assert len(set(rows)) == len(rows) == len(loaders[0]) * batch * world
        assert count - len(rows) < batch * world
    else:
        assert set(rows) == set(range(count))
        assert len(rows) - count < world


def test_order_depends_on_seed_and_epoch_and_not_on_history():
    loader = ResidentLoader(numbered(50), 7, shuffle=True, seed=1)
    first = rows_of(loader)
    assert rows_of(loader) == first
    loader.set_epoch(5)
    fresh = ResidentLoader(numbered(50), 7, shuffle=True, seed=1, epoch=lambda: 5)
    assert rows_of(loader) == rows_of(fresh) != first
    assert rows_of(ResidentLoader(numbered(50), 7)) == list(range(50))


def test_the_epoch_is_read_when_the_first_batch_is_taken():
    loader = ResidentLoader(numbered(50), 7, shuffle=True)
    batches = iter(loader)
    loader.set_epoch(3)
    got = [row for images, _ in batches for row in (images * 255).round().flatten().long().tolist()]
    assert got == rows_of(loader)


def test_a_saved_place_is_taken_up_in_its_own_epoch_only():
    loader = ResidentLoader(numbered(50), 7, shuffle=True)
    loader.set_epoch(2)
    whole, batches = rows_of(loader), iter(loader)
    next(batches), next(batches)
    state = loader.state_dict()
    assert state == {"epoch": 2, "batches": 2}
    for epoch, skipped in ((2, 14), (3, 0)):
        again = ResidentLoader(numbered(50), 7, shuffle=True)
        again.load_state_dict(state)
        again.set_epoch(epoch)
        rest = rows_of(again)
        again_whole = rows_of(again)
        assert rest == again_whole[skipped:]
        assert (again_whole == whole) == (epoch == 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 8, "world_size": 2, "drop_last": True}, "no batch: 10 images, but 2 x 8 are needed"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        ResidentLoader(numbered(10), **options)
