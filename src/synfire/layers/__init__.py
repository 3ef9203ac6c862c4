"""Layers between neurons: time-folding synapses and pools, state spaces, joins, encoders, tables."""

from synfire.layers.dropout import SequenceDropout
from synfire.layers.embedding import Embedding, check_tokens
from synfire.layers.encoders import Direct, Encoder, Frames, Latency, PixelSequence, Poisson, TokenSequence
from synfire.layers.folding import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    GlobalSumPool2d,
    Linear,
    MaxPool2d,
    check_image_size,
)
from synfire.layers.joins import MERGES, Join
from synfire.layers.norms import fold_norms
from synfire.layers.shift import TokenShift
from synfire.layers.state_space import S4D
from synfire.layers.vocabulary import AdaptiveEmbedding, AdaptiveSoftmax

__all__ = [
    "MERGES",
    "S4D",
    "AdaptiveEmbedding",
    "AdaptiveSoftmax",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "Direct",
    "Embedding",
    "Encoder",
    "Flatten",
    "Frames",
    "GlobalAvgPool2d",
    "GlobalSumPool2d",
    "Join",
    "Latency",
    "Linear",
    "MaxPool2d",
    "PixelSequence",
    "Poisson",
    "SequenceDropout",
    "TokenSequence",
    "TokenShift",
    "check_image_size",
    "check_tokens",
    "fold_norms",
]
