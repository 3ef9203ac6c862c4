"""Looking one step back without weights."""

import torch
from torch import Tensor, nn

from synfire.base import check_sequence
from synfire.neurons import current_stream


class TokenShift(nn.Module):
    """Take the first half of the channels from the step before, the rest from the present one; nothing is multiplied.

    The idea is that of the token shift of RWKV (arXiv:2305.13048), with weights of 0 and 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (T, B, C) to the same shape; before the first step there is zero."""
        check_sequence(x, "TokenShift", "C")
        half = x.shape[2] // 2
        stream = current_stream()
        before = None if stream is None else stream.take(self)
        before = torch.zeros_like(x[:1, :, :half]) if before is None else before
        if stream is not None:
            stream.put(self, x[-1:, :, :half])
        return torch.cat([torch.cat([before, x[:-1, :, :half]]), x[:, :, half:]], 2)
