"""How many spikes a network fires on a batch, counted as it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from synfire.neurons import Neuron, QuantisedReLU, ReLU

NEURONS = (Neuron, QuantisedReLU, ReLU)


class Activity:
    """Adds up what the neurons of a network emit: non-zero values, and the sums of their absolute values.

    Barriers count, as every neuron does. A ReLU of a conventional twin emits real numbers, so it adds to the non-zeros
    alone and `sums_mean_spikes` is False.

    Attributes:
        non_zeros: values other than 0 so far, a 0-d tensor on the network's device.
        total: sum of the absolute values so far, likewise.
        sums_mean_spikes: whether every neuron emits whole numbers.
    """

    def __init__(self, net: nn.Module) -> None:
        self.neurons = [module for module in net.modules() if isinstance(module, NEURONS)]
        self.sums_mean_spikes = not any(isinstance(module, ReLU) for module in self.neurons)
        self.non_zeros = torch.zeros(())
        self.total = torch.zeros(())

    @contextmanager
    def counting(self) -> Iterator["Activity"]:
        """Count while the block runs the network; the tensors stay where they are until they are read."""
        hooks = [module.register_forward_hook(self._count) for module in self.neurons]
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()

    def _count(self, neuron: nn.Module, inputs: Any, spikes: Tensor) -> None:
        self.non_zeros = self.non_zeros.to(spikes.device) + spikes.count_nonzero()
        # float32 would round a sum of more than 2^24 spikes
        self.total = self.total.to(spikes.device) + spikes.abs().sum(dtype=torch.float64)
