"""The meaning of a diagonal state space system, in plain PyTorch: h_t = Abar h_(t-1) + Bbar x_t;  y_t = 2 Re C h_t.

The stored modes are half of the system; the other half are their complex conjugates, hence twice the real part.
Source: arXiv:2206.11893, sections 3.2 and 3.3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Diagonal:
    """A discrete system of H channels with n complex modes each, by zero-order hold of a continuous one.

    Attributes:
        log_a: step * A, complex, (H, n): the logarithm of Abar.
        b: Bbar = B (exp(step A) - 1) / A, complex, (H, n).
        c: C, complex, (directions, H, n).
    """

    log_a: Tensor
    b: Tensor
    c: Tensor

    @classmethod
    def hold(cls, step: Tensor, a: Tensor, b: Tensor | None, c: Tensor) -> "Diagonal":
        """Discretise h' = A h + B x for inputs that are held over a step.

        Args:
            step: length of a step, (H,).
            a: A, complex with a negative real part, (H, n).
            b: B, complex, (H, n), or None for 1.
            c: C, complex, (directions, H, n).
        """
        log_a = step[:, None] * a
        held = _expm1(log_a) / a
        return cls(log_a, held if b is None else held * b, c)


def _expm1(z: Tensor) -> Tensor:
    """Return exp(z) - 1 without cancellation near 0; PyTorch has it for real numbers alone."""
    grown = torch.expm1(z.real)
    half = torch.sin(z.imag / 2)
    return torch.complex(grown * torch.cos(z.imag) - 2 * half * half, (grown + 1) * torch.sin(z.imag))


def kernel(system: Diagonal, length: int) -> Tensor:
    """Return K_l = 2 Re sum_n C Bbar Abar^l, l = 0..length-1; real, (directions, H, length)."""
    lags = torch.arange(length, device=system.b.device, dtype=system.b.real.dtype)
    powers = torch.exp(system.log_a[:, :, None] * lags)
    return 2 * torch.einsum("dhn,hnl->dhl", system.c * system.b, powers).real


def convolve(x: Tensor, k: Tensor) -> Tensor:
    """Return y_t = sum_(j>=0) K0_j x_(t-j) + sum_(j>=1) K1_(j-1) x_(t+j), the second for two directions.

    Args:
        x: inputs, (T, B, H).
        k: kernels, (directions, H, T).
    """
    steps = len(x)
    at = torch.arange(steps, device=x.device)
    lag = at[:, None] - at[None, :]
    toeplitz = torch.where(lag >= 0, k[0][:, lag.clamp_min(0)], 0)
    if len(k) == 2:
        toeplitz = toeplitz + torch.where(lag < 0, k[1][:, (-lag - 1).clamp_min(0)], 0)
    return torch.einsum("hts,sbh->tbh", toeplitz, x)


def recur(system: Diagonal, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return y, (T, B, H), and the last state, complex, (B, H, n), of a causal system, step by step.

    Args:
        system: of one direction.
        x: inputs, (T, B, H).
        h: state to continue from, or None for 0.
    """
    a = torch.exp(system.log_a)
    h = system.b.new_zeros(x.shape[1], *system.b.shape) if h is None else h
    outputs = []
    for current in x:
        h = a * h + system.b * current[..., None]
        outputs.append(2 * (system.c[0] * h).real.sum(-1))
    return torch.stack(outputs), h
