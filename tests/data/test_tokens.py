import pytest
import torch

from synfire.base import DataError
from synfire.data import ResidentLoader, TokenSource, TokenSplit
from synfire.data.order import content_order

TOKENS = torch.tensor([[1, 2, 0], [3, 0, 0], [2, 2, 2]], dtype=torch.uint8)
LABELS = torch.tensor([0, 1, 0])


def split(tokens=TOKENS, labels=LABELS, vocabulary=4, **options):
    return TokenSplit(tokens, labels, ("a", "b"), vocabulary, **{"origin": "some.file", **options})


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64], ids=str)
def test_batches_are_int64_whatever_is_kept(dtype):
    made = split(TOKENS.to(dtype))
    assert (len(made), made.shape, made.length, made.num_classes) == (3, (3,), 3, 2)
    assert made.take(torch.tensor([2, 1])).tokens.tolist() == [[2, 2, 2], [3, 0, 0]]
    assert made.take(torch.tensor([2])).vocabulary == 4
    [(tokens, labels)] = ResidentLoader(made, 3)
    assert (tokens.dtype, labels.tolist()) == (torch.int64, [0, 1, 0])
    assert tokens.tolist() == TOKENS.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"tokens": TOKENS.float()}, r"torch.float32 of shape \(3, 3\), but whole numbers", id="dtype"),
        pytest.param({"tokens": TOKENS[0]}, r"shape \(3,\), but whole numbers \(N, L\)", id="axes"),
        pytest.param({"tokens": TOKENS[:2]}, "2 sequences but 3 labels", id="counts"),
        pytest.param({"tokens": TOKENS[:, :0]}, "no sequence in it", id="empty"),
        pytest.param({"vocabulary": 3}, "token 3 at row 1, place 0, but tokens 0 to 2 .* at least 4", id="too high"),
        pytest.param({"tokens": TOKENS.short() - 1}, "token -1 at row 0, place 2", id="negative"),
        pytest.param({"tokens": TOKENS * 0}, r"the sequence at row 0 holds no token but the padding \(0\)", id="all"),
        pytest.param({"padding": 2}, r"row 2 holds no token but the padding \(2\)", id="another padding"),
        pytest.param({"labels": LABELS + 1}, "label 2 at row 1, but labels 0 to 1", id="label"),
    ],
)
def test_a_bad_split_names_file_row_and_mend(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        split(**changes)
    assert str(caught.value).startswith("some.file: ")


@pytest.mark.parametrize("dtype", [torch.int16, torch.int64], ids=str)
def test_the_order_of_wide_tokens_follows_the_content(dtype):
    tokens = (torch.arange(60).view(20, 3) * 5).to(dtype)
    labels, other = torch.arange(20), torch.randperm(20, generator=torch.Generator().manual_seed(0))
    order, again = content_order(tokens, labels, 1), content_order(tokens[other], labels[other], 1)
    assert torch.equal(labels[order], labels[other][again])
    assert sorted(order.tolist()) == list(range(20))
    high = tokens.clone()
    high[:, 0] += 256  # what differs in its upper byte alone
    assert not torch.equal(content_order(high, labels, 1), order)


class Mismatched(TokenSource):
    def read(self):
        return split(origin="train"), split(vocabulary=5, origin="test")


def test_both_parts_need_one_vocabulary():
    with pytest.raises(DataError, match=r"train has sequences of length 3, 4 tokens .* test has of length 3, 5 tokens"):
        Mismatched().load()
