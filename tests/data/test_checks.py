import pytest
import torch

from synfire.base import DataError, ShapeError
from synfire.data import check_batch

IMAGES, LABELS = torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 2, 1])
SPOILT = IMAGES.clone()
SPOILT[2, 0, 0, 1] = float("nan")


def test_a_good_batch_passes():
    check_batch(IMAGES, LABELS, 3)
    check_batch(IMAGES.bfloat16(), LABELS, 3)
    check_batch(torch.ones(4, 7, dtype=torch.int64), LABELS, 3)  # tokens
    check_batch(IMAGES[:, None], LABELS, 3)  # frames
    check_batch(IMAGES, torch.full((4, 3), 1 / 3), 3)  # labels that are mixed


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        pytest.param(SPOILT, LABELS, DataError, "image 2 of the batch holds NaN or infinity, and 1 of 4", id="NaN"),
        pytest.param(IMAGES.byte(), LABELS, DataError, r"dtype torch.uint8.*images.float\(\) / 255", id="bytes"),
        pytest.param(IMAGES[:, 0], LABELS, ShapeError, r"\(4, 2, 2\), but \(B, C, H, W\).*unsqueeze\(1\)", id="3 axes"),
        pytest.param(IMAGES[None, None], LABELS, ShapeError, r"\(1, 1, 4, 1, 2, 2\), but .* Reshape", id="6 axes"),
        pytest.param(IMAGES.flatten(1), LABELS, ShapeError, "unflatten", id="2 axes"),
        pytest.param(IMAGES, LABELS[:3], ShapeError, r"shape \(3,\), but \(4,\) was expected", id="counts"),
        pytest.param(IMAGES, torch.eye(4), ShapeError, r"argmax\(1\)", id="one-hot"),
        pytest.param(IMAGES, LABELS.float(), DataError, r"dtype torch.float32, but int64.*labels.long\(\)", id="dtype"),
        pytest.param(IMAGES, torch.ones(4, 3), DataError, "do not add up to 1. Divide each row", id="shares"),
        pytest.param(IMAGES, torch.tensor([[1.5, -0.5, 0]] * 4), DataError, "some are below 0", id="negative shares"),
        pytest.param(IMAGES, LABELS + 1, DataError, "label 3 at row 2, but labels 0 to 2", id="too high"),
        pytest.param(IMAGES, LABELS - 1, DataError, "label -1 at row 0", id="negative"),
    ],
)
def test_a_bad_batch_says_how_to_mend_it(images, labels, error, message):
    with pytest.raises(error, match=message):
        check_batch(images, labels, 3)
