"""From tokens to rows of numbers."""

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, DataError, DtypeError, ShapeError


class Embedding(nn.Embedding):
    """`torch.nn.Embedding` over (T, B): the row of a table for each token, (T, B, H). It keeps no state.

    Args:
        vocabulary: number of tokens; ids are 0 .. vocabulary - 1.
        channels: H, length of a row.
        padding: token whose row is zero and is not learned; None for none.

    Raises:
        ConfigError: a size is below 1, or the padding is no token.
    """

    def __init__(self, vocabulary: int, channels: int, padding: int | None = None) -> None:
        if vocabulary < 1 or channels < 1:
            raise ConfigError(
                f"Embedding: vocabulary is {vocabulary} and channels {channels}; give at least 1 of each."
            )
        if padding is not None and not 0 <= padding < vocabulary:
            raise ConfigError(
                f"Embedding: padding is {padding}, but the tokens are 0 to {vocabulary - 1}; give one of these."
            )
        super().__init__(vocabulary, channels, padding_idx=padding)

    def forward(self, input: Tensor) -> Tensor:
        """Look up tokens, whole numbers (T, B), and return (T, B, H).

        Raises:
            ShapeError: there are not two axes, or T is 0.
            DtypeError: the tokens are no whole numbers.
            DataError: a token is not in the table; on a GPU, PyTorch itself stops at it.
        """
        if input.dim() != 2 or not len(input):
            raise ShapeError(
                f"Embedding: x has shape {tuple(input.shape)}, but tokens (T, B) of at least one step were expected. "
                "Sequences (B, T) get their order from synfire.layers.TokenSequence."
            )
        if input.is_floating_point() or input.is_complex() or input.dtype == torch.bool:
            raise DtypeError(
                f"Embedding: x has dtype {input.dtype}, but tokens are whole numbers. Convert with x.long(); for real "
                "numbers take a linear layer (vocabulary 0)."
            )
        tokens = input.long()
        if tokens.device.type == "cpu" and not torch.compiler.is_compiling() and tokens.numel():
            self._check(tokens)
        return super().forward(tokens)

    def _check(self, tokens: Tensor) -> None:
        low, high = (int(bound) for bound in tokens.aminmax())
        if low < 0 or high >= self.num_embeddings:
            raise DataError(
                f"Embedding: token {low if low < 0 else high}, but the table has {self.num_embeddings} rows, for "
                f"tokens 0 to {self.num_embeddings - 1}. Build the network with vocabulary={high + 1} or more, or "
                "repair the data."
            )
