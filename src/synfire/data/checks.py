"""What a batch must be before a network sees it."""

import torch
from torch import Tensor

from synfire.base import DataError, ShapeError
from synfire.data.split import check_labels

SLACK = 1e-3  # in the sum of shares, of half precision


def check_batch(images: Tensor, labels: Tensor, num_classes: int) -> None:
    """Raise unless a batch is fit for training: finite floating-point images or frames, or tokens, with labels.

    On a GPU this waits for the device; call it on the first batch, not on every one.

    Args:
        images: floating point, (B, C, H, W); or frames, (B, T, C, H, W); or tokens, int64, (B, L).
        labels: int64, (B,), each in 0 .. num_classes - 1; or shares of classes, floating point, (B, num_classes), which
            add up to 1.
        num_classes: number of classes.

    Raises:
        ShapeError: the number of axes is wrong, or the counts of images and labels differ.
        DataError: images are whole numbers or not finite, or a label is no class index, out of range or no shares.
    """
    of_tokens = images.dim() == 2 and images.dtype == torch.int64
    if images.dim() not in (4, 5) and not of_tokens:
        mend = {
            2: "Give images their axes with .unflatten(1, (C, H, W))",
            3: "Add the missing axis with .unsqueeze(1) for grey images, or .unsqueeze(0) for a single one",
        }.get(images.dim(), "Reshape the images")
        raise ShapeError(f"images have shape {tuple(images.shape)}, but (B, C, H, W) was expected. {mend}.")
    of_shares = labels.is_floating_point() and labels.shape == (len(images), num_classes)
    if not of_shares and (labels.dim() != 1 or len(labels) != len(images)):
        raise ShapeError(
            f"labels have shape {tuple(labels.shape)}, but ({len(images)},) was expected, one label per image. "
            "For one-hot rows use labels.argmax(1)."
        )
    if not images.is_floating_point() and not of_tokens:
        raise DataError(
            f"images have dtype {images.dtype}, but floating point was expected. "
            "Convert images of 0..255 with images.float() / 255."
        )
    if not of_shares and labels.dtype != torch.int64:
        raise DataError(f"labels have dtype {labels.dtype}, but int64 was expected. Convert with labels.long().")
    finite = images.isfinite().flatten(1).all(1)
    if not finite.all():
        row = int((~finite).nonzero()[0])
        raise DataError(
            f"image {row} of the batch holds NaN or infinity, and {int((~finite).sum())} of {len(images)} images do. "
            "Look at the file it came from, and at augmentations that divide by a deviation."
        )
    if not of_shares:
        check_labels(labels, num_classes, "batch")
    elif not ((labels >= 0).all() and ((labels.sum(1) - 1).abs() < SLACK).all()):
        raise DataError(
            "labels are shares of classes, but some are below 0, not finite or do not add up to 1. Divide each row by "
            "its sum."
        )
