"""Models: plain builders, one per published size, and one table of their names."""

from synfire.models.cnn import SpikingCNN, cnn4
from synfire.models.language import LanguageModel, generate, spiking_ssm_language
from synfire.models.sparse_resnet import (
    SparseResNet,
    sew_resnet18,
    sew_resnet34,
    sparse_resnet18,
    sparse_resnet34,
    sparse_resnet_narrow,
)
from synfire.models.spiking_ssm import PUBLISHED, SpikingSSM, spiking_ssm
from synfire.models.twins import TWINS, twin
from synfire.models.vgg import VGG, vgg16
from synfire.models.zoo import ZOO

__all__ = [
    "PUBLISHED",
    "TWINS",
    "VGG",
    "ZOO",
    "LanguageModel",
    "SparseResNet",
    "SpikingCNN",
    "SpikingSSM",
    "cnn4",
    "generate",
    "sew_resnet18",
    "sew_resnet34",
    "sparse_resnet18",
    "sparse_resnet34",
    "sparse_resnet_narrow",
    "spiking_ssm",
    "spiking_ssm_language",
    "twin",
    "vgg16",
]
