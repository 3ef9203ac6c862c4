"""Models of language: which token comes next."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.layers import S4D, AdaptiveEmbedding, AdaptiveSoftmax
from synfire.models.spiking_ssm import PUBLISHED, spiking_ssm
from synfire.neurons import Stream, stream


class LanguageModel(nn.Module):
    """An embedding, a body, and a read-out: tokens (T, B) to logits of what comes next, (T, B, V).

    Args:
        embedding: of the tokens.
        body: maps (T, B, H) to (T, B, H), and no step to an earlier one.
        tie: share the embedding's weights with the read-out.
        dropout: share of the numbers that is zeroed behind the embedding and before the read-out.
    """

    def __init__(
        self, embedding: AdaptiveEmbedding, body: nn.Module, *, tie: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ConfigError(f"LanguageModel: dropout is {dropout}; give a share from 0 up to, but not including, 1.")
        self.embedding, self.body = embedding, body
        self.norm = nn.LayerNorm(embedding.channels)
        self.dropout = nn.Dropout(dropout)
        self.head = AdaptiveSoftmax(embedding, tie)

    @property
    def vocabulary(self) -> int:
        """V, number of tokens."""
        return self.embedding.vocabulary

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens, whole numbers (T, B), to logits of the next one at every step, (T, B, V)."""
        return self.head(self._features(tokens))

    def nll(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the negative logarithm of the probability of every target, int64, (T, B), of that shape.

        The same as from `forward`, without the logits of rare tokens that are no target.
        """
        return self.head.nll(self._features(tokens), targets)

    def _features(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.norm(self.body(self.dropout(self.embedding(tokens)))))


def spiking_ssm_language(
    vocabulary: int = 256,
    levels: int = 1,
    *,
    config: str = "wikitext103",
    channels: int | None = None,
    cutoffs: Sequence[int] = (),
    tie: bool = True,
    embedding_dropout: float = 0.0,
    **options: Any,
) -> LanguageModel:
    """Spiking state space model of language, in the published size or one of your own.

    The published one has `vocabulary=267735` and `cutoffs=(19997, 39997, 199997)`. Source: arXiv:2408.14909.

    Args:
        vocabulary: number of tokens, V; 256 for bytes.
        levels: highest spike of the default neuron; 1 is binary.
        config: a key of `synfire.models.spiking_ssm.PUBLISHED` that is causal; what follows replaces its choices.
        channels: width of the blocks, H.
        cutoffs: first numbers of groups of rarer tokens, see `synfire.layers.AdaptiveEmbedding`.
        tie: share the embedding's weights with the read-out.
        embedding_dropout: share of the numbers that is zeroed behind the embedding and before the read-out.
        options: of the blocks, see `synfire.models.spiking_ssm`.

    Raises:
        ConfigError: the configuration is unknown, sees later tokens, or an option is out of its range.
    """
    made = spiking_ssm(1, levels, config=config, channels=channels, **options)
    if any(isinstance(layer, S4D) and layer.bidirectional for layer in made.modules()):
        raise ConfigError(
            "spiking_ssm_language: with bidirectional=True a step would see the token that it is to predict. Set "
            f"bidirectional=False, or another config than {config!r}."
        )
    embedding = AdaptiveEmbedding(vocabulary, channels or PUBLISHED[config].channels, cutoffs)
    return LanguageModel(embedding, made.blocks, tie=tie, dropout=embedding_dropout)


def generate(
    net: nn.Module,
    prompt: Sequence[int],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    event_driven: bool = False,
    generator: torch.Generator | None = None,
) -> Iterator[int]:
    """Yield token after token, without end, as a network of language goes on behind a prompt.

    The network runs as a stream, so memory and time per token stay the same however long the text gets.

    Args:
        net: maps tokens (T, B) to logits (T, B, V); in evaluation mode.
        prompt: the first tokens, at least one.
        temperature: the logits are divided by it; 0 takes the most probable token.
        top_k: draw from so many of the most probable tokens alone.
        event_driven: read only the weights of the spikes, where that is faster; see `synfire.stream`.
        generator: source of randomness, on the CPU; None takes PyTorch's global one.

    Raises:
        ConfigError: an option is out of its range, or the prompt is empty.
    """
    if not len(prompt):
        raise ConfigError("generate: the prompt is empty; give at least one token to go on from.")
    if not 0 <= temperature < math.inf or (top_k is not None and top_k < 1):
        raise ConfigError(
            f"generate: temperature is {temperature} and top_k {top_k}; give a temperature of at least 0, and top_k of "
            "at least 1."
        )
    draw = partial(_draw, temperature=temperature, top_k=top_k, generator=generator)
    return _continue(stream(net, event_driven=event_driven), prompt, draw)


def _continue(run: Stream, prompt: Sequence[int], draw: Callable[[Tensor], int]) -> Iterator[int]:
    device = next(run.net.parameters()).device
    fed = torch.tensor(prompt, device=device).unsqueeze(1)
    while True:
        with torch.inference_mode():
            token = draw(run.run(fed)[-1, 0].float().cpu())
        yield token
        fed = torch.tensor([[token]], device=device)


def _draw(logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator | None) -> int:
    if temperature == 0:
        return int(logits.argmax())
    values, tokens = logits.topk(min(top_k or len(logits), len(logits)))
    chances = (values.double() / temperature).softmax(0)
    return int(tokens[torch.multinomial(chances, 1, generator=generator)])
