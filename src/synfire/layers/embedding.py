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
            ShapeError, DtypeError, DataError: see `check_tokens`.
        """
        check_tokens(input, self.num_embeddings, "Embedding")
        return super().forward(input.long())


def check_tokens(tokens: Tensor, vocabulary: int, who: str) -> None:
    """Raise unless tokens are whole numbers of a vocabulary, (T, B).

    Raises:
        ShapeError: there are not two axes, or T is 0.
        DtypeError: the tokens are no whole numbers.
        DataError: a token is outside 0 .. vocabulary - 1; on a GPU, PyTorch itself stops at it.
    """
    if tokens.dim() != 2 or not len(tokens):
        raise ShapeError(
            f"{who}: x has shape {tuple(tokens.shape)}, but tokens (T, B) of at least one step were expected. "
            "Sequences (B, T) get their order from synfire.layers.TokenSequence."
        )
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise DtypeError(
            f"{who}: x has dtype {tokens.dtype}, but tokens are whole numbers. Convert with x.long(); for real numbers "
            "take a linear layer (vocabulary 0)."
        )
    if tokens.device.type != "cpu" or torch.compiler.is_compiling() or not tokens.numel():
        return
    low, high = (int(bound) for bound in tokens.aminmax())
    if low < 0 or high >= vocabulary:
        raise DataError(
            f"{who}: token {low if low < 0 else high}, but the table has {vocabulary} rows, for tokens 0 to "
            f"{vocabulary - 1}. Build the network with vocabulary={high + 1} or more, or repair the data."
        )
