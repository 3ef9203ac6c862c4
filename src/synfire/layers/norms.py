"""Folding what is linear at inference into the weights next to it, so that only whole numbers travel between layers."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from synfire.base import ConfigError


def fold_norms(net: nn.Module) -> nn.Module:
    """Return a copy in which every batch norm is part of the weights before it; outputs stay equal up to rounding.

    Looks at each `nn.Sequential` for a convolution or linear layer followed by a batch norm.

    Raises:
        ConfigError: the network is in training mode, where norms still change.
    """
    if net.training:
        raise ConfigError("fold_norms: the network is in training mode, where its norms change; call net.eval() first.")
    net = copy.deepcopy(net)
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for index in range(len(module) - 1):
                synapse, norm = module[index], module[index + 1]
                if isinstance(synapse, nn.Conv2d | nn.Linear) and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d):
                    _fold_into(synapse, norm)
                    module[index + 1] = nn.Identity()
    return net


def _fold_into(synapse: nn.Conv2d | nn.Linear, norm: nn.BatchNorm2d | nn.BatchNorm1d) -> None:
    if norm.running_mean is None or norm.running_var is None:
        raise ConfigError(
            "fold_norms: a norm keeps no running statistics (track_running_stats=False), so it has no fold."
        )
    fuse = fuse_conv_bn_weights if isinstance(synapse, nn.Conv2d) else fuse_linear_bn_weights
    with torch.no_grad():
        synapse.weight, synapse.bias = fuse(
            synapse.weight, synapse.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
    synapse.bias.requires_grad_(synapse.weight.requires_grad)  # a bias that was not there before comes back frozen
