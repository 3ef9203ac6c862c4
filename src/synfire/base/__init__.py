"""What every room stands on: errors, back-end choice, records, the check of a sequence, optional imports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
