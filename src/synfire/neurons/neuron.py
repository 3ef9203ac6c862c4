"""What every neuron is: a sequence in, a sequence of spikes out, and no state of its own in between."""

from typing import Any

import torch
from torch import Tensor, nn

from synfire.base import check_sequence
from synfire.neurons.streaming import current_stream
from synfire.ops.spike import Surrogate, fire


class Neuron(nn.Module):
    """Base of all neurons; write `charge` and `fire` in plain PyTorch to make your own.

    A subclass says what happens in one step. `forward` runs it over the sequence from rest and keeps nothing, so there
    is nothing to reset between batches; `synfire.stream` runs it step by step. A state is a tensor or, for a neuron
    with several variables, a tuple of tensors shaped like one step; override `rest`, and `step` or `reset`, then.
    """

    surrogate: Surrogate = Surrogate()

    def forward(self, x: Tensor) -> Tensor:
        """Map currents (T, B, ...) to spikes of the same shape and dtype, starting from rest.

        Raises:
            ShapeError: x has no time axis or no step.
            DtypeError: x is not floating point.
        """
        stream, run = current_stream(), type(self).run  # not self.run: who watches that sees calls by other code alone
        if stream is None:
            return run(self, x, None, keep=False)[0]
        spikes, state = run(self, x, stream.take(self), keep=True)
        stream.put(self, state)
        return spikes

    def run(self, x: Tensor, state: Any, keep: bool = True) -> tuple[Tensor, Any]:
        """Continue from a state: spikes of all steps of x, (T, B, ...), and the state after the last one.

        Args:
            x: currents, (T, B, ...).
            state: what the last call returned, or None to start from rest.
            keep: whether the last state is wanted; a neuron may return None for it otherwise.
        """
        check_sequence(x, type(self).__name__)
        state = self.rest(x[0]) if state is None else state
        spikes = []
        for current in x:
            s, state = self.step(current, state)
            spikes.append(s)
        return torch.stack(spikes), state

    def rest(self, x: Tensor) -> Any:
        """Return the state before the first step; x is one step of the input, (B, ...)."""
        return torch.zeros_like(x)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run one step: charge, fire, reset. Returns spikes and state, both shaped like x, (B, ...)."""
        u = self.charge(state, x)
        s = self.fire(u)
        return s, self.reset(u, s)

    def charge(self, v: Any, x: Tensor) -> Any:
        """Return the potential after the current x has arrived; by default v + x."""
        return v + x

    def fire(self, u: Any) -> Tensor:
        """Return the spikes of the potential u; by default one where u >= 1, with `self.surrogate` as its slope."""
        return fire(u, surrogate=self.surrogate)

    def reset(self, u: Any, s: Tensor) -> Any:
        """Return the potential after firing; by default u - s, without a gradient through s."""
        return u - s.detach()
