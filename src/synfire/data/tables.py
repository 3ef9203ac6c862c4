"""Images, texts and labels in Arrow tables, as Hugging Face keeps them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from synfire.base import DataError, need
from synfire.data.decode import ImageDecoder
from synfire.data.split import ImageSplit, name_classes

Part = tuple[torch.Tensor, torch.Tensor]


def read_tables(
    tables: Iterable[Any], columns: tuple[str, str], decoder: ImageDecoder, where: str, follow_paths: bool = False
) -> Part:
    """Decode a column of images and a column of labels.

    Args:
        tables: Arrow tables or record batches with both columns.
        columns: names of the image and the label column.
        decoder: brings the images to one shape.
        where: the file or data set, the subject of error messages.
        follow_paths: read an image that is only named from the disk; never for a file from elsewhere.

    Returns:
        Images, uint8 (N, C, H, W), and labels, int64 (N,).

    Raises:
        DataError: an image is missing or damaged, or a label is missing.
    """
    labels: list[int] = []

    def encoded() -> Iterable[tuple[str, bytes]]:
        for table in tables:
            images, targets = (table.column(name).to_pylist() for name in columns)
            for image, label in zip(images, targets, strict=True):
                name = f"{where}[{columns[0]}] row {len(labels)}"
                if label is None:
                    raise DataError(f"{where}[{columns[1]}] row {len(labels)}: no label. Drop rows without a label.")
                labels.append(label)
                yield name, _bytes_of(image, name, follow_paths)

    images = decoder.stack(encoded())
    return images, torch.tensor(labels, dtype=torch.int64)


def _bytes_of(image: Any, name: str, follow_paths: bool) -> bytes:
    data = image.get("bytes") if isinstance(image, dict) else image
    if data is not None:
        return data
    path = image.get("path") if isinstance(image, dict) else None
    if follow_paths and path and Path(path).is_file():
        return Path(path).read_bytes()
    raise DataError(f"{name}: no bytes, only the path {path!r}. Write the images into the table, or use ImageFolder.")


def pick_columns(schema: Any, image_column: str | None, label_column: str | None, where: str) -> tuple[str, str]:
    """Return the names of the image and the label column: those given, or the only ones of a fitting type.

    An image is a struct with the field `bytes`, or plain bytes; a label is a whole number.

    Raises:
        DataError: a given column is missing or has another type, or none or several would fit.
    """
    return pick_column(schema, image_column, "image", where), pick_column(schema, label_column, "label", where)


def pick_column(schema: Any, given: str | None, what: Literal["image", "label", "text"], where: str) -> str:
    """Return the name of one column: that given, or the only one of a fitting type; errors as of `pick_columns`."""
    types: Any = need("pyarrow.types", extra="data", purpose="reading tables")

    def is_bytes(kind: Any) -> bool:
        return types.is_binary(kind) or types.is_large_binary(kind)

    def is_image(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and is_bytes(kind.field("bytes").type)
        return is_bytes(kind)

    def is_text(kind: Any) -> bool:
        return types.is_string(kind) or types.is_large_string(kind)

    fits = {"image": is_image, "label": types.is_integer, "text": is_text}[what]
    found = [field.name for field in schema if fits(field.type)]
    if given is not None and given in found:
        return given
    if given is None and len(found) == 1:
        return found[0]
    columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
    problem = f"{given!r} is no {what} column" if given is not None else f"{len(found)} columns could be the {what}"
    raise DataError(f"{where}: {problem}. The columns are {columns}. Give {what}_column='...'.")


def class_names(schema: Any, label_column: str) -> Sequence[str] | None:
    """Return the class names that Hugging Face wrote into the schema's metadata, or None if there are none."""
    try:
        record = json.loads(schema.metadata[b"huggingface"])
        names = record["info"]["features"][label_column]["names"]
    except (TypeError, KeyError, ValueError):  # names are a convenience; without them classes are numbered
        return None
    fits = isinstance(names, list) and names and all(isinstance(name, str) for name in names)
    return tuple(names) if fits else None


def make_splits(
    train: Part, test: Part, names: Sequence[str] | None, origins: tuple[str, str]
) -> tuple[ImageSplit, ImageSplit]:
    """Return (train, test) with classes of the given names, or numbered."""
    classes = name_classes(names, train[1], test[1], origin=origins[0])
    return ImageSplit(*train, classes, origins[0]), ImageSplit(*test, classes, origins[1])
