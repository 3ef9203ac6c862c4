"""Optional packages, imported where they are used."""

import importlib
from types import ModuleType

from synfire.base.errors import MissingExtraError


def need(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say which extra brings it.

    Args:
        module: dotted name to import, such as "pyarrow.parquet".
        extra: the extra of synfire that installs it.
        purpose: what needs it, the subject of the error message.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as err:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs the package {package}, which cannot be imported here ({err}). "
            f"Install it with: pip install 'synfire[{extra}]'"
        ) from err
