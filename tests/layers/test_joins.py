"""How two branches meet."""

import pytest
import torch

from synfire import MultiLevelIF
from synfire.layers import MERGES, Join

BITS = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
TABLE = {"add": [0, 1, 1, 2], "and": [0, 0, 0, 1], "iand": [0, 1, 0, 0], "or": [0, 1, 1, 1]}


def test_every_merge_is_in_the_table():
    assert TABLE.keys() == MERGES.keys()


@pytest.mark.parametrize("merge", TABLE)
def test_merges_of_binary_spikes(merge):
    branch, shortcut = BITS[:, None, None]
    assert Join(merge)(branch, shortcut).flatten().tolist() == TABLE[merge]


def test_or_of_levels_is_the_larger():
    assert Join("or")(torch.tensor([[3.0]]), torch.tensor([[2.0]])).item() == 3


def test_a_barrier_after_the_merge_bounds_it():
    join = Join("add", MultiLevelIF(4))
    levels = torch.arange(5.0)
    out = join(levels.repeat(5)[None], levels.repeat_interleave(5)[None])
    assert out.flatten().tolist() == [min(4, a + b) for a in range(5) for b in range(5)]
    assert sum(p.numel() for p in join.parameters()) == 0
    assert repr(join).startswith("Join(\n  merge=add")
