"""Which implementation of an operation runs: the best that accepts the input, or the one asked for."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from synfire.base.errors import BackendError

BACKENDS = ("reference", "numba", "triton")

_forced: str | None = None


@contextmanager
def backend(name: str) -> Generator[None]:
    """Force every synfire operation inside the block onto one back end.

    A back end that cannot take an input raises; it never falls back in silence. The choice is the
    process's, like `torch.set_num_threads`, so that it also holds in autograd's own threads.

    Args:
        name: "reference" (plain PyTorch), "numba" (CPU) or "triton" (GPU, or CPU with TRITON_INTERPRET=1).

    Raises:
        BackendError: the name is unknown.
    """
    global _forced
    if name not in BACKENDS:
        raise BackendError(f"backend: {name!r} is unknown; choose one of {', '.join(BACKENDS)}.")
    before, _forced = _forced, name
    try:
        yield
    finally:
        _forced = before


def forced() -> str | None:
    """Return the back end that `backend` forces at present, or None."""
    return _forced


@dataclass(frozen=True)
class Kernel:
    """One implementation of an operation.

    Attributes:
        name: the back end that it belongs to.
        why_not: a reason why it cannot take this input, or None if it can.
        forward: the computation; its signature is the operation's own.
        backward: the gradient, or None where PyTorch's autograd differentiates `forward`.
    """

    name: str
    why_not: Callable[[Tensor], str | None]
    forward: Callable[..., Any]
    backward: Callable[..., Any] | None = None


def choose(op: str, kernels: Sequence[Kernel], x: Tensor) -> Kernel:
    """Return the first kernel that accepts `x`, or the forced one.

    Args:
        op: name of the operation, for the error message.
        kernels: implementations, best first.
        x: the input that decides (its device, dtype and layout).

    Raises:
        BackendError: none fits, or the forced one refuses; every refusal is listed.
    """
    candidates = [k for k in kernels if _forced in (None, k.name)]
    refusals: list[str] = []
    for kernel in candidates:
        reason = kernel.why_not(x)
        if reason is None:
            return kernel
        refusals.append(f"{kernel.name}: {reason}")
    if not candidates:
        refusals.append(f"{_forced}: it has no implementation of this operation")
    raise BackendError(
        f"{op}: no back end can run this input ({'; '.join(refusals)}). "
        "Leave the `synfire.backend(...)` block, or use `synfire.backend('reference')`, which takes every input."
    )
