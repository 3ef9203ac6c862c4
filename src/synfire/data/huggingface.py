"""Sets of images or texts from the Hugging Face hub, or from a folder that the `datasets` library can read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from synfire.base import DataError, need
from synfire.data.decode import ImageDecoder, Size
from synfire.data.reading import reading
from synfire.data.split import ImageSource, ImageSplit
from synfire.data.tables import Part, class_names, make_splits, pick_column, pick_columns, read_tables
from synfire.data.text_classes import ByteTexts, Texts
from synfire.data.tokens import TokenSplit

ROWS = 1024  # per batch: bounds the memory that encoded images and texts take


class HuggingFaceImages(ImageSource):
    """An image set that the `datasets` library loads: by its name on the hub, or from a local folder without network.

    Args:
        name: name on the hub, such as "uoft-cs/cifar10", or a local folder, also one written by `save_to_disk`.
        config: configuration of the set, if it has several.
        train_split: its name in the set; slices such as "train[:10%]" are allowed, except from `save_to_disk` folders.
        test_split: likewise.
        image_column: name of the image column; found by itself if only one fits.
        label_column: name of the label column; found by itself if only one fits.
        size: None if all images have one size; else the side, or (height, width), to scale and centre-crop to.
        channels: 1 for grey, 3 for colour; by default grey if the images are grey, else colour.
        revision: commit, tag or branch on the hub; name a commit for results that can be repeated.
        cache_dir: where `datasets` keeps its files; by default its own folder.
    """

    def __init__(
        self,
        name: str,
        config: str | None = None,
        train_split: str = "train",
        test_split: str = "test",
        image_column: str | None = None,
        label_column: str | None = None,
        size: Size = None,
        channels: Literal[1, 3] | None = None,
        revision: str | None = None,
        cache_dir: str | None = None,
    ) -> None:
        self.name, self.config, self.revision, self.cache_dir = name, config, revision, cache_dir
        self.train_split, self.test_split = train_split, test_split
        self.image_column, self.label_column = image_column, label_column
        self.decoder = ImageDecoder(size, channels)

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        (train, names), (test, _) = self._read(self.train_split), self._read(self.test_split)
        return make_splits(train, test, names, (f"{self.name}[{self.train_split}]", f"{self.name}[{self.test_split}]"))

    def _read(self, split: str) -> tuple[Part, Sequence[str] | None]:
        where = f"{self.name}[{split}]"
        with reading(where, "a Hugging Face data set"):
            rows = _rows(self, split)
            schema = rows.features.arrow_schema
            columns = pick_columns(schema, self.image_column, self.label_column, where)
            tables = rows.select_columns(list(columns)).with_format("arrow").iter(batch_size=ROWS)
            return read_tables(tables, columns, self.decoder, where, follow_paths=True), class_names(schema, columns[1])


class HuggingFaceTexts(ByteTexts):
    """A set of labelled texts that the `datasets` library loads, byte by byte; see `TextClasses` for the tokens.

    Args:
        name: name on the hub, such as "stanfordnlp/imdb", or a local folder, also one written by `save_to_disk`.
        config: configuration of the set, if it has several.
        train_split: its name in the set; slices such as "train[:10%]" are allowed, except from `save_to_disk` folders.
        test_split: likewise.
        text_column: name of the text column; found by itself if only one fits.
        label_column: name of the label column; found by itself if only one fits.
        length: L, in bytes of UTF-8.
        truncate: cut longer texts; otherwise they are an error.
        revision: commit, tag or branch on the hub; name a commit for results that can be repeated.
        cache_dir: where `datasets` keeps its files; by default its own folder.
    """

    def __init__(
        self,
        name: str,
        config: str | None = None,
        train_split: str = "train",
        test_split: str = "test",
        text_column: str | None = None,
        label_column: str | None = None,
        length: int = 4096,
        truncate: bool = False,
        revision: str | None = None,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__(length, truncate)
        self.name, self.config, self.revision, self.cache_dir = name, config, revision, cache_dir
        self.train_split, self.test_split = train_split, test_split
        self.text_column, self.label_column = text_column, label_column

    def read(self) -> tuple[TokenSplit, TokenSplit]:
        """Return (train, test)."""
        (train, names), (test, _) = self._read(self.train_split), self._read(self.test_split)
        return self.splits(train, test, names, (f"{self.name}[{self.train_split}]", f"{self.name}[{self.test_split}]"))

    def _read(self, split: str) -> tuple[Texts, Sequence[str] | None]:
        where = f"{self.name}[{split}]"
        texts, labels = [], []
        with reading(where, "a Hugging Face data set"):
            rows = _rows(self, split)
            schema = rows.features.arrow_schema
            columns = (
                pick_column(schema, self.text_column, "text", where),
                pick_column(schema, self.label_column, "label", where),
            )
            for table in rows.select_columns(list(columns)).with_format("arrow").iter(batch_size=ROWS):
                for text, label in zip(*(table.column(name).to_pylist() for name in columns), strict=True):
                    if label is None:
                        raise DataError(f"{where} row {len(labels)}: no label. Drop rows without a label.")
                    texts.append(self.fit((text or "").encode(errors="surrogatepass"), f"{where} row {len(labels)}"))
                    labels.append(label)
        return (texts, torch.tensor(labels, dtype=torch.int64)), class_names(schema, columns[1])


def _rows(source: HuggingFaceImages | HuggingFaceTexts, split: str) -> Any:
    """Return the rows of a split, from the disk or from the hub."""
    datasets: Any = need("datasets", extra="data", purpose=type(source).__name__)
    if (Path(source.name) / "dataset_dict.json").is_file():
        saved = datasets.load_from_disk(source.name)
        if split not in saved:
            raise DataError(f"{source.name}: no split {split!r}; it has {', '.join(saved)}. Give one of these.")
        return saved[split]
    try:
        return datasets.load_dataset(
            source.name, source.config, split=split, revision=source.revision, cache_dir=source.cache_dir
        )
    except ConnectionError as err:
        raise DataError(
            f"{source.name}: the Hugging Face hub cannot be reached ({err}). Check the network and HF_HUB_OFFLINE, "
            "or give a local copy of the data set."
        ) from err
