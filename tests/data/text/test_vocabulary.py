import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire.base import ConfigError, DataError, RunError
from synfire.data import Bytes, Subwords, Vocabulary, Words, restore_vocabulary

TEXT = "the cat sat on the mat\nthe dog sat\n"


def fitted(vocabulary: Vocabulary, text: str = TEXT) -> Vocabulary:
    vocabulary.fit(iter([text]))
    return vocabulary


@given(text=st.text())
def test_bytes_give_every_text_back(text: str) -> None:
    assert Bytes().decode(Bytes().encode(text)) == text


def test_a_character_is_shown_with_its_last_byte() -> None:
    assert list(Bytes().pieces("aé€".encode())) == ["a", "é", "€"]
    assert Bytes().decode([0xE2, 0x82, 0x41]) == "�A"


def test_words_by_hand() -> None:
    words = fitted(Words())
    assert words.words == ("the", "<eos>", "sat", "cat", "dog", "mat", "on", "<unk>")
    assert words.encode("the dog ate\n").tolist() == [0, 4, 7, 1]
    assert words.decode([0, 4, 7, 1, 0]) == "the dog <unk>\nthe"


def test_a_limit_makes_rare_words_unknown_and_counts_them() -> None:
    words = fitted(Words(limit=4))
    assert words.words == ("<unk>", "the", "<eos>", "sat")  # four rare words, three of "the"
    assert words.size == 4


@settings(deadline=None)
@given(text=st.text(alphabet="ab c\n\té€", max_size=60))
def test_subwords_give_every_text_back(text: str) -> None:
    subwords = fitted(Subwords(limit=300))
    assert subwords.decode(subwords.encode(text)) == text


def test_subwords_learn_what_is_frequent() -> None:
    subwords = fitted(Subwords(limit=270), TEXT * 20)
    assert subwords.size <= 270
    assert len(subwords.encode(TEXT)) < len(TEXT) / 2


def test_a_tokenizer_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    learned = fitted(Subwords(limit=270), TEXT * 20)
    file.write_text(learned.record()["tokenizer"])
    read = fitted(Subwords(file=file), "something else")
    assert read.encode(TEXT).tolist() == learned.encode(TEXT).tolist()
    file.write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer.json: cannot be read as a tokenizer.json"):
        Subwords(file=file)


@pytest.mark.parametrize("vocabulary", [Bytes(), Words(), Subwords(limit=260)], ids=lambda v: v.kind)
def test_records_round_trip(vocabulary: Vocabulary) -> None:
    fitted(vocabulary)
    read = restore_vocabulary(json.loads(json.dumps(vocabulary.record())), "a file")
    assert (type(read), read.size) == (type(vocabulary), vocabulary.size)
    assert read.encode(TEXT).tolist() == vocabulary.encode(TEXT).tolist()


def test_errors() -> None:
    with pytest.raises(ConfigError, match="limit is 1; give at least 2"):
        Words(1)
    with pytest.raises(ConfigError, match="limit is 256; give at least 257"):
        Subwords(256)
    for vocabulary in (Words(), Subwords()):
        with pytest.raises(ConfigError, match="is made from a text; call fit first"):
            _ = vocabulary.size
    with pytest.raises(DataError, match=r"'cow' is not in the vocabulary of 8 words \(2 of the prompt's words are"):
        fitted(Words()).check_prompt("the cow ate")
    with pytest.raises(RunError, match=r"x.json holds no vocabulary of synfire \(KeyError: 'tokens'\)"):
        restore_vocabulary({"kind": "tokens"}, "x.json")


def test_wikitext_has_the_published_counts(real_data: Callable[[str], Path]) -> None:
    text = gzip.decompress((real_data("lm_text") / "wikitext2_valid.txt.gz").read_bytes()).decode()
    words = fitted(Words(), text)
    assert len(words.encode(text)) == 217_646
    assert words.size == 13_777
