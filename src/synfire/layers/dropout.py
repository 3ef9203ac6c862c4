"""Dropout over sequences."""

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, check_sequence


class SequenceDropout(nn.Module):
    """Zero whole channels of a sequence over all its steps, the same at every step; the others grow by 1 / (1 - p).

    Args:
        p: share of the channels that is zeroed in training, at least 0 and below 1.

    Raises:
        ConfigError: p is out of its range.
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ConfigError(f"SequenceDropout: p is {p}; give a share of at least 0 and below 1.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map (T, B, C, ...) to the same shape."""
        check_sequence(x, "SequenceDropout")
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[1:3], device=x.device) >= self.p
        mask = kept.to(x.dtype) / (1 - self.p)
        return x * mask.view(1, *mask.shape, *[1] * (x.dim() - 3))

    def extra_repr(self) -> str:
        """Describe the layer in one line for `print(net)`."""
        return f"p={self.p}"
