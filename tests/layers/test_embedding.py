import pytest
import torch

import synfire
from synfire.layers import Embedding


def test_every_token_becomes_its_row():
    table = Embedding(5, 3)
    tokens = torch.tensor([[0, 4], [2, 2], [1, 0]])
    rows = table(tokens)
    assert rows.shape == (3, 2, 3)
    assert torch.equal(rows[1, 1], table.weight[2])
    assert torch.equal(table(tokens.to(torch.uint8)), rows)
    assert table(tokens[:, :0]).shape == (3, 0, 3)


def test_the_padding_is_zero_and_not_learned():
    table = Embedding(5, 3, padding=4)
    table(torch.tensor([[4, 1]])).sum().backward()
    assert table.weight[4].tolist() == [0, 0, 0]
    assert table.weight.grad[:, 0].tolist() == [0, 1, 0, 0, 0]


def test_it_streams_token_by_token():
    table, tokens = Embedding(5, 3), torch.tensor([[0, 4], [2, 2], [1, 0]])
    run = synfire.stream(table)
    assert torch.equal(torch.stack([run(step) for step in tokens]), table(tokens))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_nothing_waits_for_the_tokens():
    table, tokens = Embedding(5, 3).cuda(), torch.tensor([[0, 4]], device="cuda")
    table(tokens)
    torch.cuda.set_sync_debug_mode("error")
    try:
        table(tokens)
    finally:
        torch.cuda.set_sync_debug_mode("default")
