from .backends import BACKENDS, Kernel, backend, choose, forced
from .errors import (
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
from .extras import need
from .records import SCHEMA_VERSION, append_json_line, read_json, write_atomic, write_json
from .sequences import check_sequence
from .version import VERSION
from .weights import load_weights, read_tensors, save_weights

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
