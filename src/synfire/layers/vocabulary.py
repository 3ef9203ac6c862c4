"""Between tokens and channels: tables that spend less on rare tokens, and the read-out that shares them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from synfire.base import ConfigError
from synfire.layers.embedding import check_tokens
from synfire.layers.folding import Linear

INITIAL = 0.5  # deviation of what an embedding gives at the start


class AdaptiveEmbedding(nn.Module):
    """A row of numbers for every token, (T, B) to (T, B, H); rare tokens, which have high numbers, have shorter ones.

    Between two cut-offs, rows have H / shrink^k numbers and are projected to H. Without cut-offs this is the usual
    embedding. Source: arXiv:1809.10853.

    Args:
        vocabulary: number of tokens.
        channels: H.
        cutoffs: first numbers of the rarer groups, rising.
        shrink: how much shorter the rows of a group are than those of the one before.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(self, vocabulary: int, channels: int, cutoffs: Sequence[int] = (), shrink: int = 4) -> None:
        super().__init__()
        if vocabulary < 1 or channels < 1:
            raise ConfigError(
                f"AdaptiveEmbedding: vocabulary is {vocabulary} and channels {channels}; give at least 1 of each."
            )
        self.edges = (0, *cutoffs, vocabulary)
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ConfigError(
                f"AdaptiveEmbedding: cutoffs are {tuple(cutoffs)}; give rising numbers above 0 and below the "
                f"vocabulary's {vocabulary}."
            )
        self.widths = widths = [channels // shrink**group if shrink > 0 else 0 for group in range(len(cutoffs) + 1)]
        if min(widths) < 1:
            raise ConfigError(
                f"AdaptiveEmbedding: {len(cutoffs)} cut-offs and shrink={shrink} leave no number of {channels} "
                "channels for the rarest tokens; give fewer cut-offs, a smaller shrink of at least 1, or more channels."
            )
        self.vocabulary, self.channels = vocabulary, channels
        sizes = [high - low for low, high in pairwise(self.edges)]
        tables = [nn.Embedding(size, width) for size, width in zip(sizes, widths, strict=True)]
        # From H to the width, as the read-out that shares them takes them; here they go from the width to H.
        projections = [Linear(channels, width, bias=False) for width in widths if cutoffs]
        for table in tables:
            nn.init.normal_(table.weight, std=INITIAL * table.embedding_dim**-0.5)
        for projection in projections:
            nn.init.normal_(projection.weight, std=channels**-0.5)
        self.tables, self.projections = nn.ModuleList(tables), nn.ModuleList(projections)

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up whole numbers (T, B).

        Raises:
            ShapeError, DtypeError, DataError: see `check_tokens`.
        """
        check_tokens(tokens, self.vocabulary, "AdaptiveEmbedding")
        scale, first = self.channels**0.5, cast(Tensor, self.tables[0].weight)
        if not self.projections:
            return functional.embedding(tokens, first) * scale
        found = first.new_zeros(*tokens.shape, self.channels)
        groups = zip(self.tables, self.projections, pairwise(self.edges), strict=True)
        for table, projection, (low, high) in groups:
            mine = (tokens >= low) & (tokens < high)
            found[mine] = (table(tokens[mine] - low) @ projection.weight).to(found.dtype)
        return found * scale

    def extra_repr(self) -> str:
        """Describe the layer in one line for `print(net)`."""
        return f"vocabulary={self.vocabulary}, channels={self.channels}, cutoffs={self.edges[1:-1]}"


class AdaptiveSoftmax(nn.Module):
    """Logarithms of the probabilities of all tokens, (T, B, H) to (T, B, V), in the groups of an embedding.

    The first group holds a place for each rarer one, so that in training the rare ones are computed only where they
    are the target. Without cut-offs this is a linear layer, and gives logits. Source: arXiv:1609.04309.

    Args:
        embedding: whose groups it has.
        tie: share its tables, and the projections of its rarer groups.
    """

    def __init__(self, embedding: AdaptiveEmbedding, tie: bool = True) -> None:
        super().__init__()
        self.edges, widths = embedding.edges, embedding.widths
        channels, rare = embedding.channels, len(widths) - 1
        self.project = Linear(channels, widths[0], bias=False) if rare else None
        self.groups = Linear(widths[0], rare) if rare else None
        sizes = [high - low for low, high in pairwise(self.edges)]
        tables = [Linear(width, size) for width, size in zip(widths, sizes, strict=True)]
        for table in tables:
            nn.init.normal_(table.weight, std=INITIAL * table.in_features**-0.5)
            nn.init.zeros_(table.bias)
        self.tables = nn.ModuleList(tables)
        self.projections = nn.ModuleList(Linear(channels, width, bias=False) for width in widths[1:])
        if tie:
            self.projections = embedding.projections[1:]
            for mine, theirs in zip(self.tables, embedding.tables, strict=True):
                mine.weight = theirs.weight

    def forward(self, x: Tensor) -> Tensor:
        """Return logarithms of probabilities, or logits without cut-offs, (T, B, V)."""
        if self.project is None or self.groups is None:
            return self.tables[0](x)
        head = self._head(x)
        first = self.edges[1]
        parts = [head[..., :first]]
        for place, (table, projection) in enumerate(zip(self.tables[1:], self.projections, strict=True)):
            within = _log_softmax(table(projection(x)))
            parts.append(within + head[..., first + place : first + place + 1])
        return torch.cat(parts, -1)

    def nll(self, x: Tensor, targets: Tensor) -> Tensor:
        """Return the negative logarithm of the probabilities of targets, int64, (T, B), of that shape."""
        if self.project is None:
            chances = _log_softmax(self.tables[0](x))
            return -chances.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        head = self._head(x)
        first = self.edges[1]
        groups = torch.bucketize(targets, targets.new_tensor(self.edges[1:-1]), right=True)
        in_head = torch.where(groups == 0, targets, first + groups - 1)
        found = head.gather(-1, in_head.unsqueeze(-1)).squeeze(-1)
        for group, (table, projection) in enumerate(zip(self.tables[1:], self.projections, strict=True), 1):
            mine = groups == group
            # a sequence of one step, as the layers take it
            within = _log_softmax(table(projection(x[mine].unsqueeze(0))))[0]
            rows = targets[mine] - self.edges[group]
            found = found.masked_scatter(mine, found[mine] + within.gather(-1, rows.unsqueeze(-1)).squeeze(-1))
        return -found

    def _head(self, x: Tensor) -> Tensor:
        """Return logarithms of the probabilities of the first group's tokens, and of the other groups."""
        assert self.project is not None
        assert self.groups is not None
        x = self.project(x)
        return _log_softmax(torch.cat([self.tables[0](x), self.groups(x)], -1))


def _log_softmax(x: Tensor) -> Tensor:
    """Return it in at least float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32)).log_softmax(-1)
