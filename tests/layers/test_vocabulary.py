import pytest
import torch
from torch.nn import functional

from synfire.layers import AdaptiveEmbedding, AdaptiveSoftmax

CUTS = [(), (5,), (3, 4, 9)]


def made(cutoffs: tuple[int, ...], tie: bool = True) -> tuple[AdaptiveEmbedding, AdaptiveSoftmax]:
    torch.manual_seed(0)
    embedding = AdaptiveEmbedding(12, 64, cutoffs).double()
    return embedding, AdaptiveSoftmax(embedding, tie).double()


@pytest.mark.parametrize("cutoffs", CUTS)
def test_an_embedding_by_the_token(cutoffs: tuple[int, ...]) -> None:
    embedding, _ = made(cutoffs)
    tokens = torch.arange(12).view(4, 3)
    rows = embedding(tokens)
    assert rows.shape == (4, 3, 64)
    for token in range(12):
        group = sum(token >= cut for cut in cutoffs)
        row = embedding.tables[group].weight[token - embedding.edges[group]]
        want = (row @ embedding.projections[group].weight if cutoffs else row) * 8
        torch.testing.assert_close(rows[token // 3, token % 3], want)
    assert 0.3 < rows.std() < 0.8


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("cutoffs", CUTS)
@pytest.mark.parametrize("steps", [1, 5])
def test_the_losses_are_those_of_all_probabilities(cutoffs, tie, steps) -> None:
    _, softmax = made(cutoffs, tie)
    x = torch.randn(steps, 3, 64, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 12, (steps, 3))
    logits = softmax(x)
    assert logits.shape == (steps, 3, 12)
    want = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(steps, 3)
    got = softmax.nll(x, targets)
    torch.testing.assert_close(got, want)
    if cutoffs:
        torch.testing.assert_close(logits.exp().sum(-1), torch.ones(steps, 3, dtype=torch.float64))
    inputs = [x, *softmax.parameters()]
    grads = [torch.autograd.grad(loss.sum(), inputs, retain_graph=True, allow_unused=True) for loss in (got, want)]
    for mine, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(mine, torch.zeros_like(theirs) if mine is None else theirs)


def test_tied_weights_are_the_same_parameters() -> None:
    embedding, softmax = made((5,))
    assert all(a.weight is b.weight for a, b in zip(softmax.tables, embedding.tables, strict=True))
    assert softmax.projections[0] is embedding.projections[1]
    assert made((5,), tie=False)[1].tables[0].weight is not embedding.tables[0].weight


def test_rare_rows_are_short_and_projected() -> None:
    embedding, _ = made((3, 4, 9))
    assert [table.embedding_dim for table in embedding.tables] == [64, 16, 4, 1]
    assert [table.num_embeddings for table in embedding.tables] == [3, 1, 5, 3]
