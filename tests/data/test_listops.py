import numpy as np
import pytest
import torch

from synfire.base import ConfigError, DataError
from synfire.data import ListOps, _numba_listops
from synfire.data.listops import LONGEST, SHORTEST, WORDS, evaluate, generate

HEAD = "Source\tTarget\n"
NESTED = "( ( ( ( [MAX 2 ) 9 ) ( ( ( [MIN 4 ) 7 ) ] ) ) 0 ) ] )"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("7", 7, id="a digit"),
        pytest.param("[MIN 4 7 2 9 ]", 2, id="minimum"),
        pytest.param("[MAX 2 9 [MIN 4 7 ] 0 ]", 9, id="nested"),
        pytest.param("[MED 9 1 4 ]", 4, id="the middle of three"),
        pytest.param("[MED 1 2 ]", 1, id="1.5 is cut"),
        pytest.param("[MED 8 3 9 6 ]", 7, id="the mean of 6 and 8"),
        pytest.param("[SM 9 8 7 ]", 4, id="24 modulo 10"),
        pytest.param("[SM [SM 5 5 ] [MAX [MED 0 3 ] 0 ] 6 ]", 7, id="0 + 1 + 6"),
        pytest.param(NESTED, 9, id="round brackets"),
    ],
)
def test_values_by_hand(expression, value):
    assert evaluate(expression) == value


@pytest.mark.parametrize("broken", ["", "]", "[MAX 2", "[MAX ]", "1 2", "[MIN 1 2 ] 3", "[SM 1 ] ]"])
def test_what_is_no_expression(broken):
    with pytest.raises(DataError, match="is no expression"):
        evaluate(broken)


def test_words_that_are_none():
    for word in ("x", "[MEAN", "a"):
        with pytest.raises(DataError, match=rf"evaluate: '\{word}' is no word of ListOps" if word[0] == "[" else word):
            evaluate(f"[MIN 1 {word} 2 ]")


@pytest.fixture(scope="module")
def made():
    return generate(3000, 2048, 5)


def by_definition(tokens: list[int]) -> int:
    """Evaluate by recursion, as one would write it down."""

    def node(place: int) -> tuple[int, int]:
        if tokens[place] <= 10:
            return tokens[place] - 1, place + 1
        operator, values, place = tokens[place] - 11, [], place + 1
        while tokens[place] != 15:
            value, place = node(place)
            values.append(value)
        return int((min, max, np.median, lambda v: sum(v) % 10)[operator](values)), place + 1

    value, end = node(0)
    assert end == len(tokens)
    return value


def test_generated_expressions_follow_the_rules(made):
    tokens, labels = made
    lengths = (tokens > 0).sum(1)
    assert (lengths.min() >= SHORTEST, lengths.max() <= LONGEST, tokens.max()) == (True, True, 15)
    assert len(np.unique(tokens, axis=0)) == len(tokens)
    deepest = np.cumsum(((tokens > 10) & (tokens < 15)).astype(int) - (tokens == 15), 1).max(1)
    assert deepest.max() == 9  # operators above the digits at depth 10
    for row, length, label in zip(tokens[:60].tolist(), lengths, labels, strict=False):
        assert not any(row[length:])
        assert by_definition(row[:length]) == label
    open_at, counts = [], []
    for token in tokens[0][: lengths[0]].tolist():  # arguments of every operator of one expression
        if open_at and token != 15:
            open_at[-1] += 1
        if 10 < token < 15:
            open_at.append(0)
        elif token == 15:
            counts.append(open_at.pop())
    assert min(counts) >= 2
    assert max(counts) <= 10


def test_the_seed_decides_and_fewer_are_the_first_of_more(made):
    tokens, labels = generate(20, 2048, 5)
    assert np.array_equal(tokens, made[0][:20])
    assert np.array_equal(labels, made[1][:20])
    assert tokens[0, :8].tolist() == [13, 8, 12, 7, 11, 14, 4, 13]  # the same on every machine
    assert not np.array_equal(generate(20, 2048, 6)[0], tokens)
    source = ListOps(sizes=(8, 3, 4), seed=2)
    (train, test), val = source.load(), source.read_validation()
    assert (len(train), len(val), len(test), train.vocabulary, train.padding) == (8, 3, 4, len(WORDS), 0)
    assert not torch.equal(train.tokens[:3], val.tokens)
    assert torch.equal(ListOps(sizes=(5, 1, 1), seed=2).load()[0].tokens, train.tokens[:5])


def test_checked_expressions(real_data, made):
    """2,000 expressions made from the same rules by another program, with their values."""
    with np.load(real_data("lra_rules") / "listops_check.npz") as file:
        tokens, off, label = file["tokens"], file["off"].astype(np.int64), file["label"]
    values = [_numba_listops.value(part) for part in np.split(tokens, off[1:-1])]
    assert np.array_equal(values, label)
    theirs, ours = np.diff(off), (made[0] > 0).sum(1)
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.03)
    for share in (5, 25, 50, 75, 95):
        assert np.percentile(ours, share) == pytest.approx(np.percentile(theirs, share), rel=0.06)
    shares = [np.bincount(part, minlength=10) / len(part) for part in (made[1], label)]
    assert np.abs(shares[0] - shares[1]).max() < 0.03
    words = [np.bincount(part[part > 0], minlength=16)[1:] / np.sum(part > 0) for part in (made[0], tokens)]
    assert np.abs(words[0] - words[1]).max() < 0.002


@pytest.fixture
def folder(tmp_path):
    def write(train, test=NESTED + "\t9\n", val=NESTED + "\t9\n", head=HEAD):
        for part, text in (("train", train), ("test", test), ("val", val)):
            (tmp_path / f"basic_{part}.tsv").write_text(head + text)
        return str(tmp_path)

    return write


def test_the_original_files(folder):
    root = folder(NESTED + "\t9\n( ( [SM 5 ) 7 )\t2\n")
    source = ListOps(root, length=12)
    train, test = source.load()
    assert train.tokens.tolist() == [[12, 3, 10, 11, 5, 8, 15, 1, 15, 0, 0, 0], [14, 6, 8] + [0] * 9]
    assert (train.labels.tolist(), len(test), len(source.read_validation())) == ([9, 2], 1, 1)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("( [MAX 2 foo ] )\t2\n", r"basic_train.tsv: row 0: 'foo' is no word of ListOps"),
        ("1\t2\n2\n", r"row 1: Target is '', but a digit"),
        ("1\t2\n2\tten\n", r"row 1: Target is 'ten'"),
        ("1 2 3 4\t5\n", "row 0: 4 tokens, but 1 to 3 were expected"),
        ("( )\t5\n", "row 0: 0 tokens"),
        ('"1\t2\n', "cannot be read as a table of ListOps"),
    ],
)
def test_bad_files(folder, train, message):
    with pytest.raises(DataError, match=message):
        ListOps(folder(train), length=3).load()


def test_other_files(folder, tmp_path):
    with pytest.raises(DataError, match="no column Source and Target in its first line"):
        ListOps(folder("1\t2\n", head="")).load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"ListOps: none of basic_train.tsv is in the folder"):
        ListOps(str(tmp_path / "empty")).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 1000}, "length is 1000, but expressions have up to 1999"),
        ({"sizes": (1, 0, 1)}, r"sizes are \(1, 0, 1\)"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        ListOps(**options)
