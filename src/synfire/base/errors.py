"""Errors that a user may meet. Each message says what was wrong, what was expected and how to mend it."""


class SynfireError(Exception):
    """Base of all synfire errors."""


class ShapeError(SynfireError, ValueError):
    """A tensor has the wrong number of axes or the wrong sizes."""


class DtypeError(SynfireError, TypeError):
    """A tensor has a dtype that the operation cannot take."""


class ConfigError(SynfireError, ValueError):
    """An option, a recipe key or a combination of options is invalid."""


class DataError(SynfireError, ValueError):
    """A data file or a batch is missing, corrupt, truncated or out of range."""


class NumericsError(SynfireError, ArithmeticError):
    """A loss or a gradient is not a finite number."""


class BackendError(SynfireError, RuntimeError):
    """No back end can run the operation, or the one asked for refuses."""


class RunError(SynfireError, RuntimeError):
    """A run folder is missing, incomplete, corrupt or cannot be written."""


class MissingExtraError(SynfireError, ImportError):
    """A feature needs a package that is not installed."""
