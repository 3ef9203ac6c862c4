"""The same, fast: kernels by two short tables of powers, sequences by Fourier transform."""

import math

import torch
from torch import Tensor

from synfire.base import ConfigError, ShapeError, check_sequence
from synfire.ops.ssm.reference import Diagonal, recur

__all__ = ["Diagonal", "continue_from", "convolve", "kernel"]

PIECE = 128  # steps of a continued sequence that are run at once


def kernel(system: Diagonal, length: int) -> Tensor:
    """Return K_l = 2 Re sum_n C Bbar Abar^l, l = 0..length-1; real, (directions, H, length).

    With l = m J + j, Abar^l = Abar^(m J) Abar^j: two tables of about sqrt(length) powers each and one product of
    matrices, where the plain formula makes H n length complex numbers; gradients need no more. The powers are taken in
    double precision, since an angle grows with l.

    Raises:
        ConfigError: the length is below 1.
    """
    if length < 1:
        raise ConfigError(f"ssm: the kernel's length is {length}; give at least one step.")
    near = 1 << math.ceil(math.log2(length) / 2)
    first, step = _powers(system, near), _powers(system, -(-length // near), near)
    far = (system.c * system.b)[..., None] * step
    left = torch.cat([far.real, -far.imag], 2).transpose(2, 3)  # (directions, H, m, 2 n)
    right = torch.cat([first.real, first.imag], 1)  # (H, 2 n, j)
    return 2 * torch.matmul(left, right).flatten(2)[..., :length]


def _powers(system: Diagonal, count: int, every: int = 1, start: int = 0) -> Tensor:
    """Return Abar^(start), Abar^(start + every), ...; complex, (H, n, count)."""
    wide = system.log_a.to(torch.complex128)
    lags = start + every * torch.arange(count, device=wide.device, dtype=torch.float64)
    return torch.exp(wide[:, :, None] * lags).to(system.b.dtype)


def convolve(x: Tensor, k: Tensor) -> Tensor:
    """Return y_t = sum_(j>=0) K0_j x_(t-j) + sum_(j>=1) K1_(j-1) x_(t+j), the second for two directions.

    Args:
        x: inputs, (T, B, H); of less than 32 bits, they are widened.
        k: kernels, (directions, H, L) with L >= T.

    Returns:
        (T, B, H), in the dtype of k.

    Raises:
        ShapeError: the channels of x and k differ, or the kernel is shorter than the sequence.
    """
    check_sequence(x, "ssm", "H")
    steps = len(x)
    if k.dim() != 3 or x.dim() != 3 or x.shape[2] != k.shape[1] or k.shape[2] < steps or len(k) not in (1, 2):
        raise ShapeError(
            f"ssm: x has shape {tuple(x.shape)} and the kernel {tuple(k.shape)}; (T, B, H) and (1 or 2, H, at least T) "
            "were expected."
        )
    with torch.autocast(x.device.type, enabled=False):
        size = 2 * steps
        spectrum = torch.fft.rfft(k[0, :, :steps].to(k.dtype), n=size)
        if len(k) == 2:  # lags before 0 sit at the end of a circle
            spectrum = spectrum + torch.fft.rfft(torch.nn.functional.pad(k[1, :, :steps].flip(1), (steps, 0)), n=size)
        rows = x.to(k.dtype).permute(1, 2, 0)
        y = torch.fft.irfft(torch.fft.rfft(rows, n=size) * spectrum, n=size)[..., :steps]
    return y.permute(2, 0, 1)


def continue_from(system: Diagonal, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return y and the last state of a causal system, a piece of the sequence at a time; see `reference.recur`.

    A step alone is the recurrence. Memory beyond the output does not grow with T.
    """
    if len(x) == 1:
        return recur(system, x, h)
    h = system.b.new_zeros(x.shape[1], *system.b.shape) if h is None else h
    longest = min(PIECE, len(x))
    k, table = kernel(system, longest), _powers(system, longest + 1)
    outputs = []
    for piece in x.split(longest):
        steps = len(piece)
        held = torch.einsum("bhn,hnt->tbh", h * system.c[0], table[..., 1 : steps + 1])
        outputs.append(convolve(piece, k) + 2 * held.real)
        fresh = torch.einsum("tbh,hnt->bhn", piece.to(table.dtype), table[..., :steps].flip(2))
        h = table[..., steps] * h + system.b * fresh
    return torch.cat(outputs), h
