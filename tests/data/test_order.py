import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from synfire.base import ConfigError
from synfire.data.order import EpochOrder, content_order, derive_seed

FIXED = settings(max_examples=50, deadline=None, derandomize=True, database=None)


def test_seeds_differ_by_place_of_the_words():
    seeds = {derive_seed(*words) for words in [(0, 1), (1, 0), (0, 0), (0,), (1, 1)]}
    assert len(seeds) >= 4
    assert derive_seed(3, 4) == derive_seed(3, 4)


@FIXED
@given(seed=st.integers(0, 2**70), count=st.integers(1, 30), shuffle=st.integers(0, 99))
def test_content_order_picks_the_same_images_whatever_the_file_order(seed, count, shuffle):
    generator = torch.Generator().manual_seed(shuffle)
    images = torch.randint(0, 256, (count, 1, 3, 3), generator=generator).to(torch.uint8)
    labels = torch.arange(count)
    other = torch.randperm(count, generator=generator)
    order, again = content_order(images, labels, seed), content_order(images[other], labels[other], seed)
    assert sorted(order.tolist()) == list(range(count))
    assert torch.equal(labels[order], labels[other][again])


def test_content_order_depends_on_the_seed():
    images, labels = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1), torch.zeros(50, dtype=torch.int64)
    assert not torch.equal(content_order(images, labels, 0), content_order(images, labels, 1))
    with pytest.raises(ConfigError, match="seed is -1"):
        content_order(images, labels, -1)


@FIXED
@given(count=st.integers(1, 40), world=st.integers(1, 5), full=st.integers(0, 4), epoch=st.integers(0, 3))
def test_ranks_share_the_rows(count, world, full, epoch):
    orders = [EpochOrder(count, shuffle=True, seed=5, rank=r, world_size=world, full=full) for r in range(world)]
    for order in orders:
        order.set_epoch(epoch)
    shares = [order.rows().tolist() for order in orders]
    assert {len(share) for share in shares} == {len(orders[0])}
    rows = [row for share in shares for row in share]
    if full:
        assert len(set(rows)) == len(rows) == count // (world * full) * world * full
    else:
        assert set(rows) == set(range(count))
        assert len(rows) - count < world


def test_order_changes_with_epoch_and_seed_and_not_with_the_call():
    def rows(seed: int, epoch: int) -> list[int]:
        order = EpochOrder(50, shuffle=True, seed=seed)
        order.set_epoch(epoch)
        assert order.rows().tolist() == order.rows().tolist()
        return order.rows().tolist()

    assert rows(0, 1) == rows(0, 1)
    assert len({tuple(rows(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4
    assert EpochOrder(4, shuffle=False).rows().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rank": 2, "world_size": 2}, r"rank is 2 of 2"), ({"seed": -3}, r"seed is -3")],
)
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        EpochOrder(4, shuffle=True, **options)
