import gzip

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from synfire.base import ConfigError, DataError
from synfire.data import HuggingFaceTexts, TextClasses, TextFolder

ODD = b"caf\xe9 \xff\x00'\"quoted"  # no UTF-8


def text_of(row) -> bytes:
    return bytes(token - 1 for token in row.tolist() if token)


@pytest.fixture
def write(tmp_path):
    def put(content: bytes, name: str = "t.tsv") -> str:
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(tmp_path / name)

    return put


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.txt"])
def test_tables_between_tabs_keep_every_byte(write, name):
    path = write(b"1\t" + ODD + b"\n\n0\tplain\r\n", name)
    train, test = TextClasses(path, path, length=20).load()
    assert [text_of(row) for row in train.tokens] == [ODD, b"plain"]
    assert train.tokens[1].tolist() == [*(byte + 1 for byte in b"plain"), *[0] * 15]
    assert (train.labels.tolist(), train.classes, train.vocabulary, train.padding) == ([1, 0], ("0", "1"), 257, 0)
    assert len(test) == 2


def test_a_csv_with_names_quotation_marks_and_commas(write):
    path = write(b'id,text,stars\n7,"a, ""b""\nc\xe9",good\n8,d,bad\n', "t.csv")
    source = TextClasses(path, path, "text", "stars", classes=["bad", "good"], length=10)
    assert [text_of(row) for row in source.load()[0].tokens] == [b'a, "b"\nc\xe9', b"d"]
    assert source.load()[0].labels.tolist() == [1, 0]


def test_columns_by_number(write):
    path = write(b"0_9\t1\t9\tFine.\n1_2\t0\t2\tPoor.\n")
    train = TextClasses(path, path, text_column=3, label_column=1, length=8).load()[0]
    assert (text_of(train.tokens[1]), train.labels.tolist()) == (b"Poor.", [1, 0])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        pytest.param(b"1\ta\n0\n", {}, r"t.tsv: line 2: 1 cells, but the first line has 2", id="a cell less"),
        pytest.param(b"1\ta\n0\tb\tc\n", {}, "line 2: 3 cells.*tabs within a text", id="a cell more"),
        pytest.param(b"1\ta\n\n0\t\n", {}, "line 3: the text is empty", id="empty"),
        pytest.param(b"1\tabcdef\n", {"length": 5}, "line 1: the text has 6 bytes, but length is 5", id="long"),
        pytest.param(b"one\ta\n", {}, "line 1: label 'one', but a whole number", id="a word"),
        pytest.param(b"-1\ta\n", {}, "line 1: label '-1'", id="negative"),
        pytest.param(b"so\ta\n", {"classes": ["no"]}, "label 'so', but a whole number from 0 or one of no", id="names"),
        pytest.param(b"2\ta\n", {"classes": ["no", "yes"]}, "label 2 at row 0, but labels 0 to 1", id="too high"),
        pytest.param(b"1\ta\n", {"text_column": 2}, "no column 2; it has 2 columns, from 0 on", id="no such number"),
        pytest.param(
            b"l\tt\n1\ta\n", {"text_column": "text", "label_column": "l"}, "no column 'text'; it has the columns l, t",
            id="no such name",
        ),
        pytest.param(b"\n", {}, "no text in it", id="nothing"),
        pytest.param(b"label\ttext\n", {"text_column": "text", "label_column": "label"}, "no text in it", id="a head"),
    ],
)  # fmt: skip
def test_bad_tables_name_file_line_and_mend(write, content, options, message):
    path = write(content)
    with pytest.raises(DataError, match=message) as caught:
        TextClasses(path, path, **options).load()
    assert str(caught.value).startswith(path)


def test_longer_texts_are_cut_only_if_asked(write):
    path = write(b"1\tabcdef\n")
    assert text_of(TextClasses(path, path, length=4, truncate=True).load()[0].tokens[0]) == b"abcd"


@settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_damaged_archives(write, damage, only_data_errors, data):
    spoilt = damage(gzip.compress(b"1\tsome text\n0\tother text\n" * 5), data)
    path = write(spoilt, "t.tsv")
    with only_data_errors("t.tsv"):
        TextClasses(path, path, length=50).load()


def test_missing_and_damaged_files(write, tmp_path):
    with pytest.raises(DataError, match=r"nowhere.tsv: cannot be opened"):
        TextClasses(str(tmp_path / "nowhere.tsv"), "x").load()
    whole = gzip.compress(b"1\tsome text\n" * 50)
    path = write(whole[: len(whole) // 2], "t.tsv")
    with pytest.raises(DataError, match=r"t.tsv: cannot be read as a table of texts \(EOFError"):
        TextClasses(path, path, length=50).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "TextClasses: length is 0"),
        ({"text_column": "text"}, "text_column is 'text' and label_column 0; give two numbers"),
        ({"text_column": -1}, "text_column is -1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ConfigError, match=message):
        TextClasses("a", "b", **options)


@pytest.fixture
def tree(tmp_path):
    for name, text in {
        "train/pos/0_9.txt": b"good\n", "train/pos/1_8.txt": b"fine", "train/neg/0_1.txt": ODD,
        "train/unsup/0_0.txt": b"unlabelled", "test/pos/0_7.txt": b"nice", "test/neg/0_2.txt": b"poor",
        "test/urls_pos.txt": b"http",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text)
    return tmp_path


def test_a_folder_per_class(tree):
    train, test = TextFolder(str(tree), length=20).load()
    assert (train.classes, train.labels.tolist(), test.labels.tolist()) == (("neg", "pos"), [0, 1, 1], [0, 1])
    assert [text_of(row) for row in train.tokens] == [ODD, b"good", b"fine"]


def test_bad_folders(tree, tmp_path):
    with pytest.raises(DataError, match=r"0_1.txt: the text has \d+ bytes, but length is 4"):
        TextFolder(str(tree), length=4).load()
    (tree / "train/neg/0_1.txt").unlink()
    with pytest.raises(DataError, match=r"train/neg: no \*.txt in it"):
        TextFolder(str(tree)).load()
    with pytest.raises(DataError, match=r"the folder .*train/train does not exist"):
        TextFolder(str(tree / "train")).load()
    (tmp_path / "bare/train").mkdir(parents=True)
    (tmp_path / "bare/test").mkdir()
    with pytest.raises(DataError, match="bare/test: no folder in it"):
        TextFolder(str(tmp_path / "bare")).load()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    import datasets

    root = tmp_path_factory.mktemp("hub")
    names = datasets.ClassLabel(names=["neg", "pos"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    parts = {
        part: datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)
        for part, texts, labels in (("train", ["é", "ab"], [1, 0]), ("test", ["c"], [1]), ("gaps", ["", "d"], [0, 1]))
    }
    datasets.DatasetDict(parts).save_to_disk(root / "saved")
    return str(root / "saved")


def test_a_set_of_hugging_face(saved):
    train, test = HuggingFaceTexts(saved, length=8).load()
    assert [text_of(row) for row in train.tokens] == ["é".encode(), b"ab"]
    assert (train.labels.tolist(), train.classes, len(test)) == ([1, 0], ("neg", "pos"), 1)
    with pytest.raises(DataError, match=r"saved\[gaps\] row 0: the text is empty"):
        HuggingFaceTexts(saved, test_split="gaps").load()
    with pytest.raises(DataError, match=r"'words' is no text column. The columns are text \(string\)"):
        HuggingFaceTexts(saved, text_column="words").load()


def test_real_reviews(real_data):
    folder = real_data("imdb")
    path = str(folder / "imdb_test.tsv.gz")
    train = TextClasses(path, path, 3, 1, truncate=True).load()[0]
    assert (len(train), train.labels.bincount().tolist(), train.length) == (25_000, [12_500, 12_500], 4096)
