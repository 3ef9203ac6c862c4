"""The one table of model names, for the command line and for the tests that run over all of them."""

from collections.abc import Callable

from torch import nn

from synfire.models.cnn import cnn4
from synfire.models.language import spiking_ssm_language
from synfire.models.sparse_resnet import (
    sew_resnet18,
    sew_resnet34,
    sparse_resnet18,
    sparse_resnet34,
    sparse_resnet_narrow,
)
from synfire.models.spiking_ssm import spiking_ssm
from synfire.models.vgg import vgg16

ZOO: dict[str, Callable[..., nn.Module]] = {
    "cnn4": cnn4,
    "sew_resnet18": sew_resnet18,
    "sew_resnet34": sew_resnet34,
    "sparse_resnet18": sparse_resnet18,
    "sparse_resnet34": sparse_resnet34,
    "sparse_resnet_narrow": sparse_resnet_narrow,
    "spiking_ssm": spiking_ssm,
    "spiking_ssm_language": spiking_ssm_language,
    "vgg16": vgg16,
}
