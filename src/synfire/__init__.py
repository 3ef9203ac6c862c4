"""Spiking neural networks that are accurate and cheap to run.

A spiking network is an ordinary `torch.nn.Module` that maps a sequence (T, B, ...) to a sequence (T, B, ...), keeps no
state, and whose spikes are small whole numbers.
"""

import lazy_loader

from synfire.base.version import VERSION

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = VERSION
