"""Image sets from the Hugging Face hub, or from a folder that the `datasets` library can read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from synfire.base import DataError, need
from synfire.data.decode import ImageDecoder, Size
from synfire.data.reading import reading
from synfire.data.split import ImageSource, ImageSplit
from synfire.data.tables import Part, class_names, make_splits, pick_columns, read_tables

ROWS = 1024  # per batch: bounds the memory that encoded images take


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
            rows = self._rows(split)
            schema = rows.features.arrow_schema
            columns = pick_columns(schema, self.image_column, self.label_column, where)
            tables = rows.select_columns(list(columns)).with_format("arrow").iter(batch_size=ROWS)
            return read_tables(tables, columns, self.decoder, where, follow_paths=True), class_names(schema, columns[1])

    def _rows(self, split: str) -> Any:
        datasets: Any = need("datasets", extra="data", purpose="HuggingFaceImages")
        if (Path(self.name) / "dataset_dict.json").is_file():
            saved = datasets.load_from_disk(self.name)
            if split not in saved:
                raise DataError(f"{self.name}: no split {split!r}; it has {', '.join(saved)}. Give one of these.")
            return saved[split]
        try:
            return datasets.load_dataset(
                self.name, self.config, split=split, revision=self.revision, cache_dir=self.cache_dir
            )
        except ConnectionError as err:
            raise DataError(
                f"{self.name}: the Hugging Face hub cannot be reached ({err}). Check the network and HF_HUB_OFFLINE, "
                "or give a local copy of the data set."
            ) from err
