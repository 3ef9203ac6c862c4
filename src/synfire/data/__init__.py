"""Images, text, tokens and events: sources, splits, loaders on the device, and data modules for Lightning."""

from typing import Any

import lazy_loader

from synfire.base.extras import need

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_NEEDS_LIGHTNING = ("EventData", "ImageData", "RandomCurrents", "SequenceData", "TextData")


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that reading recordings, say, takes neither PyTorch nor its memory."""
    if name in _NEEDS_LIGHTNING:
        need("lightning.pytorch", extra="train", purpose=f"synfire.data.{name}")
    return _load(name)
