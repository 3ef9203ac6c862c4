"""What single neurons emit on a few samples: a spike raster."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from synfire.metering.trace import EMITTERS


def raster(net: nn.Module, x: Tensor, neurons: int = 96) -> list[dict[str, Any]]:
    """Run a network on a few samples and return what chosen neurons of every layer emit, as plain data.

    Args:
        net: maps (T, B, ...) to (T, B, ...); its mode is left as it is.
        x: a sequence (T, B, ...) of a few samples.
        neurons: neurons of each layer that are shown; they are spread evenly over the layer.

    Returns:
        A record per layer in the order of execution: its name, the number of its neurons, those shown (their places in
        the flattened layer), and the values, nested as [sample][step][neuron].
    """
    layers: list[dict[str, Any]] = []

    def keep(name: str, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        values = output.detach().flatten(2)
        size = values.shape[2]
        shown = _spread(min(neurons, size), size)
        picked = values[:, :, torch.tensor(shown, device=values.device)].transpose(0, 1).float().cpu()
        whole = bool((picked == picked.round()).all())
        layers.append(
            {
                "name": name,
                "neurons": size,
                "shown": shown,
                "values": picked.int().tolist()
                if whole
                else [[[round(v, 3) for v in s] for s in p] for p in picked.tolist()],
            }
        )

    handles = [
        module.register_forward_hook(partial(keep, name or type(module).__name__))
        for name, module in net.named_modules()
        if isinstance(module, tuple(EMITTERS))
    ]
    try:
        with torch.no_grad():
            net.forward(x)  # not a call, since compiled code may ignore hooks
    finally:
        for handle in handles:
            handle.remove()
    return layers


def _spread(count: int, size: int) -> list[int]:
    """Return `count` places from 0 to size - 1, as evenly as whole numbers allow; floats may be too coarse for it."""
    gaps = max(1, count - 1)
    return [(2 * i * (size - 1) + gaps) // (2 * gaps) for i in range(count)]
