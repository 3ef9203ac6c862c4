"""Layers between neurons: time-folding synapses and pools, joins, encoders, folding of norms."""

from synfire.layers.encoders import Direct, Encoder, Latency, Poisson
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

__all__ = [
    "MERGES",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "Direct",
    "Encoder",
    "Flatten",
    "GlobalAvgPool2d",
    "GlobalSumPool2d",
    "Join",
    "Latency",
    "Linear",
    "MaxPool2d",
    "Poisson",
    "check_image_size",
    "fold_norms",
]
