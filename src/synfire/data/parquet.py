"""Images in Parquet files, as the Hugging Face hub serves them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from synfire.base import DataError, need
from synfire.data.decode import ImageDecoder, Size
from synfire.data.reading import reading
from synfire.data.split import ImageSource, ImageSplit
from synfire.data.tables import Part, class_names, make_splits, pick_columns, read_tables

ROWS = 1024  # per batch: bounds the memory that encoded images take


class ParquetImages(ImageSource):
    """Encoded images (PNG, JPEG, ...) and labels in Parquet files.

    The image column is a struct with the field `bytes`, as Hugging Face writes it, or plain bytes; the label column
    holds whole numbers from 0. Class names are taken from Hugging Face's metadata if they are there.

    Args:
        train: a file, a folder (all its *.parquet, sorted by name), or a list of files.
        test: the same for the test split.
        image_column: name of the image column; found by itself if only one fits.
        label_column: name of the label column; found by itself if only one fits.
        size: None if all images have one size; else the side, or (height, width), to scale and centre-crop to.
        channels: 1 for grey, 3 for colour; by default grey if the images are grey, else colour.
    """

    def __init__(
        self,
        train: str | Sequence[str],
        test: str | Sequence[str],
        image_column: str | None = None,
        label_column: str | None = None,
        size: Size = None,
        channels: Literal[1, 3] | None = None,
    ) -> None:
        self.train, self.test = train, test
        self.image_column, self.label_column = image_column, label_column
        self.decoder = ImageDecoder(size, channels)

    def read(self) -> tuple[ImageSplit, ImageSplit]:
        """Return (train, test)."""
        (train, names), (test, _) = self._read(self.train), self._read(self.test)
        return make_splits(train, test, names, (str(self.train), str(self.test)))

    def _read(self, place: str | Sequence[str]) -> tuple[Part, Sequence[str] | None]:
        parquet: Any = need("pyarrow.parquet", extra="data", purpose="ParquetImages")
        parts, names = [], None
        for path in _files(place):
            with reading(path, "a Parquet file"), parquet.ParquetFile(path) as file:
                columns = pick_columns(file.schema_arrow, self.image_column, self.label_column, str(path))
                names = names or class_names(file.schema_arrow, columns[1])
                batches: Iterator[Any] = file.iter_batches(batch_size=ROWS, columns=list(columns))
                parts.append(read_tables(batches, columns, self.decoder, str(path)))
        for images, _ in parts:
            if images.shape[1:] != parts[0][0].shape[1:]:
                raise DataError(
                    f"{place}: images of {tuple(parts[0][0].shape[1:])} in one file and {tuple(images.shape[1:])} in "
                    "another. Give size=... and channels=... to bring all images to one shape."
                )
        images, labels = zip(*parts, strict=True)
        return (torch.cat(images), torch.cat(labels)), names


def _files(place: str | Sequence[str]) -> list[Path]:
    """Return the Parquet files that a path or a list of paths stands for."""
    paths = [Path(place)] if isinstance(place, str) else [Path(path) for path in place]
    files = [file for path in paths for file in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])]
    if not files:
        raise DataError(
            f"ParquetImages: no *.parquet in {place}. Give a file, a folder of such files or a list of files."
        )
    for file in files:
        if not file.is_file():
            raise DataError(f"ParquetImages: {file} does not exist. Give a file, a folder or a list of files.")
    return files
