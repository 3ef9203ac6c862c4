"""What every room stands on: errors, back-end choice, records, the check of a sequence, optional imports."""

from synfire.base.backends import BACKENDS, Kernel, backend, choose, forced
from synfire.base.errors import (
    BackendError,
    ConfigError,
    DataError,
    DtypeError,
    MissingExtraError,
    NumericsError,
    RunError,
    ShapeError,
    SynfireError,
)
from synfire.base.extras import need
from synfire.base.records import SCHEMA_VERSION, append_json_line, read_json, write_atomic, write_json
from synfire.base.sequences import check_sequence
from synfire.base.version import VERSION
from synfire.base.weights import load_weights, read_tensors, save_weights

__all__ = [
    "BACKENDS",
    "SCHEMA_VERSION",
    "VERSION",
    "BackendError",
    "ConfigError",
    "DataError",
    "DtypeError",
    "Kernel",
    "MissingExtraError",
    "NumericsError",
    "RunError",
    "ShapeError",
    "SynfireError",
    "append_json_line",
    "backend",
    "check_sequence",
    "choose",
    "forced",
    "load_weights",
    "need",
    "read_json",
    "read_tensors",
    "save_weights",
    "write_atomic",
    "write_json",
]
