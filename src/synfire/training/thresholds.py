"""Thresholds from the first batch instead of from the recipe."""

from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn

from synfire.base import ConfigError
from synfire.layers import Join
from synfire.neurons import ACTIVATIONS


def init_thresholds(net: nn.Module, x: Tensor) -> dict[str, float]:
    """Set every learned threshold to 2 mean(|current|) / sqrt(levels), layer by layer, from one batch.

    A layer sees the spikes of the layers before it as they fire with their new thresholds. Barriers after a join keep
    theirs, which is one level. The statistics of norms stay. Source: arXiv:1902.08153, section 2.1.

    Args:
        net: the network.
        x: its input, (T, B, ...).

    Returns:
        The new threshold of each neuron, by its name.

    Raises:
        ConfigError: no neuron learns its threshold.
    """
    barriers = {module.after_merge for module in net.modules() if isinstance(module, Join)}
    places = {
        name: module
        for name, module in net.named_modules()
        if isinstance(module, ACTIVATIONS) and module not in barriers and _learned(module) is not None
    }
    if not places:
        raise ConfigError(
            "init_thresholds: no neuron of the network learns its threshold. "
            "Set learn_threshold: true in the model, or leave InitThresholds out."
        )
    buffers = {buffer: buffer.clone() for buffer in net.buffers()}
    hooks = [module.register_forward_pre_hook(_set_threshold) for module in places.values()]
    try:
        with torch.no_grad():
            net.forward(x)
            for buffer, before in buffers.items():
                buffer.copy_(before)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: float(_require(module).detach().mean()) for name, module in places.items()}


class InitThresholds(L.Callback):
    """Runs `init_thresholds` on the first training batch; put it in a recipe under trainer.callbacks."""

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Set the thresholds once, before the first step; over several processes, to those of the first."""
        if trainer.global_step > 0 or batch_idx > 0:
            return
        with trainer.precision_plugin.forward_context():
            init_thresholds(pl_module.model, pl_module.encode(batch[0]))
        for module in pl_module.model.modules():
            if (value := _learned(module)) is not None:
                value.data.copy_(trainer.strategy.broadcast(value.data))


def _set_threshold(neuron: nn.Module, args: tuple[Any, ...]) -> None:
    levels = getattr(neuron, "levels", 1)
    _require(neuron).fill_((2 * args[0].float().abs().mean() / levels**0.5).clamp_min(1e-3))


def _learned(neuron: nn.Module) -> nn.Parameter | None:
    """Return the threshold of a spiking neuron or the step of its quantised twin, if it is a parameter."""
    own = dict(neuron.named_parameters(recurse=False))
    return own.get("_threshold", own.get("_step"))


def _require(neuron: nn.Module) -> nn.Parameter:
    value = _learned(neuron)
    assert value is not None
    return value
