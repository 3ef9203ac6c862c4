import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, DataError, RunError, read_json, write_json
from synfire.data import Bytes, HuggingFaceText, PythonSources, TextData, TextFiles, Words
from synfire.data.reading import PIECE
from synfire.data.text.corpus import whole_lines
from synfire.data.text.encoded import Encoded, encode
from synfire.data.text.text_data import WindowLoader


def numbers(count: int) -> Encoded:
    return Encoded(np.arange(count, dtype=np.int32), count, "the text")


def batches(loader: WindowLoader) -> list[torch.Tensor]:
    return [tokens for (tokens,) in loader]


@settings(deadline=None)
@given(count=st.integers(2, 60), length=st.integers(1, 9), size=st.integers(1, 4))
def test_evaluation_predicts_every_token_but_the_first_once(count: int, length: int, size: int) -> None:
    loader = WindowLoader(numbers(count), length, size, roll=False)
    found = batches(loader)
    assert len(found) == len(loader)
    targets = [int(t) for tokens in found for t in tokens[:, 1:].flatten()]
    assert sorted(targets) == list(range(1, count))
    assert all(torch.equal(tokens[:, 1:], tokens[:, :-1] + 1) for tokens in found)


@settings(deadline=None)
@given(count=st.integers(12, 80), length=st.integers(1, 10), epoch=st.integers(0, 5), seed=st.integers(0, 9))
def test_training_windows_are_whole_lie_end_to_end_and_move_with_the_epoch(count, length, epoch, seed) -> None:
    loader = WindowLoader(numbers(count), length, 3, roll=True, shuffle=True, seed=seed)
    loader.set_epoch(epoch)
    starts = sorted(int(row[0]) for tokens in batches(loader) for row in tokens)
    assert all(tokens.shape[1] == length + 1 for tokens in batches(loader))
    assert np.diff(starts).tolist() == [length] * (len(starts) - 1)
    assert len(starts) == max(1, (count - length) // length)
    again = WindowLoader(numbers(count), length, 3, roll=True, shuffle=True, seed=seed)
    again.set_epoch(epoch)
    assert all(torch.equal(a, b) for a, b in zip(batches(loader), batches(again), strict=True))


def test_starts_differ_between_epochs() -> None:
    loader = WindowLoader(numbers(500), 50, 2, roll=True, shuffle=True)
    starts = set()
    for epoch in range(10):
        loader.set_epoch(epoch)
        starts.add(min(int(row[0]) for tokens in batches(loader) for row in tokens))
    assert len(starts) > 5
    assert max(starts) < 50


def test_it_goes_on_in_the_middle_of_an_epoch() -> None:
    loader = WindowLoader(numbers(100), 7, 2, roll=True, shuffle=True)
    whole = batches(loader)
    first = iter(loader)
    seen = [next(first)[0] for _ in range(3)]
    fresh = WindowLoader(numbers(100), 7, 2, roll=True, shuffle=True)
    fresh.load_state_dict(loader.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(whole, [*seen, *batches(fresh)], strict=True))


@pytest.mark.parametrize(("line", "ends"), [("x" * 40 + "\n", "\n"), ("word ", " "), ("x", "x")])
def test_chunks_end_at_the_end_of_a_line_or_at_a_blank(line: str, ends: str) -> None:
    text = line * (2_500_000 // len(line))
    sizes = np.random.default_rng(0).integers(0, PIECE // 2, 20).cumsum()
    pieces = [text[a:b] for a, b in zip([0, *sizes], [*sizes, None], strict=True)]
    chunks = list(whole_lines(pieces))
    assert "".join(chunks) == text
    assert 2 <= len(chunks) <= 5
    assert all(chunk.endswith(ends) for chunk in chunks)


def test_files_folders_and_packed_files(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("two\n")
    with gzip.open(tmp_path / "a.txt.gz", "wt") as file:
        file.write("one\n")
    (tmp_path / "c.md").write_text("no text")
    assert "".join(TextFiles(tmp_path).chunks("train")) == "one\ntwo\n"
    assert "".join(TextFiles([tmp_path / "c.md", tmp_path / "b.txt"]).chunks("train")) == "no texttwo\n"


def test_parts_are_cut_from_the_end_where_the_corpus_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(range(100)))
    data = TextData(TextFiles(tmp_path / "a.txt"), length=8, val_share=0.2, test_share=0.1, cache=tmp_path / "cache")
    assert [data.text(part).tokens.tolist() for part in ("train", "val", "test")] == [
        list(range(70)), list(range(70, 90)), list(range(90, 100)),
    ]  # fmt: skip
    assert data.characters_per_token("test") == 1
    (tmp_path / "b.txt").write_text("hello")
    data = TextData(TextFiles(tmp_path / "a.txt", test=tmp_path / "b.txt"), length=8, cache=tmp_path / "cache")
    assert bytes(data.text("test").tokens) == b"hello"
    assert len(data.text("train")) == 95


def test_the_cache_is_used_and_notices_change(tmp_path: Path) -> None:
    text, cache = tmp_path / "a.txt", tmp_path / "cache"
    text.write_text("one two one\n")

    def tokens() -> list[int]:
        data = TextData(TextFiles(text, text, text), Words(), length=2, cache=cache)
        return data.text("train").tokens.tolist()

    assert tokens() == [0, 2, 0, 1]
    files = sorted(path.name for path in cache.iterdir())
    assert tokens() == [0, 2, 0, 1]
    assert sorted(path.name for path in cache.iterdir()) == files
    text.write_text("one two one two two\n")
    assert tokens() == [1, 0, 1, 0, 0, 2]
    for path in cache.glob("train-*.tokens"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"has \d+ bytes, but \d+ were written. Run again"):
        tokens()
    assert tokens() == [1, 0, 1, 0, 0, 2]


def test_a_text_larger_than_a_chunk_is_read_in_parts(tmp_path: Path) -> None:
    line = "a line of text\n"
    (tmp_path / "a.txt").write_text(line * (3 * PIECE // len(line)))
    corpus = TextFiles(tmp_path / "a.txt")
    sizes = [len(chunk) for chunk in corpus.chunks("train")]
    assert len(sizes) > 2
    assert max(sizes) <= 2 * PIECE
    found = encode(Bytes(), corpus, "train", tmp_path / "cache")
    assert isinstance(found.tokens, np.memmap)
    assert bytes(found.tokens[-15:]) == line.encode()


def test_pythons_own_sources_are_a_text(tmp_path: Path) -> None:
    data = TextData(PythonSources(), cache=tmp_path)
    assert len(data.text("train")) > 1_000_000
    assert b"import " in bytes(data.text("test").tokens)


def test_a_hugging_face_folder(tmp_path: Path) -> None:
    rows = tmp_path / "set"
    rows.mkdir()
    (rows / "train.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    corpus = HuggingFaceText(str(rows), val_split=None, test_split=None)
    assert "".join(corpus.chunks("train")) == "one\ntwo\n"
    assert not corpus.has("val")
    with pytest.raises(DataError, match=r"row 0 has no text in column 'body'; its columns are text"):
        list(HuggingFaceText(str(rows), column="body").chunks("train"))


def broken(tmp_path: Path, data: bytes, name: str = "a.txt") -> TextData:
    (tmp_path / name).write_bytes(data)
    return TextData(TextFiles(tmp_path / name), length=4, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"", "the train text holds 0 tokens, so there is nothing to predict. Give a longer text"),
        ("a.txt", b"ab", "the train text holds 2 tokens, but a window takes 5"),
        ("a.txt", b"good " * 9 + b"\xff bad", "a.txt: byte 0xff at about character 0 is no UTF-8"),
        ("a.txt.gz", gzip.compress(b"text" * 999)[:-20], "a.txt.gz: cannot be read as text .*cut short"),
    ],
)
def test_bad_texts(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        broken(tmp_path, data, name).setup()
    assert not list((tmp_path / "cache").glob(".*")) if (tmp_path / "cache").exists() else True


def test_a_text_shorter_than_a_window(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100)
    with pytest.raises(DataError, match=r"the train text holds 90 tokens, but a window takes 201\. Give a longer text"):
        TextData(TextFiles(tmp_path / "a.txt"), length=200, cache=tmp_path).setup()


def test_bad_options_and_places(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="length is 0, but at least 1"):
        TextData(PythonSources(), length=0)
    with pytest.raises(ConfigError, match=r"val_share is 0.5; give a share of the text above 0 and below 0.5"):
        TextData(PythonSources(), val_share=0.5)
    with pytest.raises(ConfigError, match="seed is -1"):
        TextData(PythonSources(), seed=-1)
    with pytest.raises(DataError, match=r"nowhere\.txt does not exist"):
        TextData(TextFiles(tmp_path / "nowhere.txt"), cache=tmp_path).setup()
    with pytest.raises(DataError, match=r"holds no \*.txt and no \*.txt.gz"):
        TextData(TextFiles(tmp_path), cache=tmp_path).setup()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be made: .*Set data.cache"):
        TextData(PythonSources(), cache=tmp_path / "file" / "cache").setup()


def test_a_damaged_vocabulary_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two " * 50)
    cache = tmp_path / "cache"
    _ = TextData(TextFiles(tmp_path / "a.txt"), Words(), cache=cache).vocabulary
    [file] = cache.glob("words-*.json")
    record = read_json(file)
    write_json(file, {"kind": record["kind"]})
    with pytest.raises(RunError, match="holds no vocabulary of synfire"):
        _ = TextData(TextFiles(tmp_path / "a.txt"), Words(), cache=cache).vocabulary
