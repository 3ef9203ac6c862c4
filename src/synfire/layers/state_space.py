"""Diagonal state space layers over long sequences; real-valued, and of use without any spike."""

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, ShapeError, check_sequence
from synfire.neurons import current_stream
from synfire.ops.ssm import Diagonal, continue_from, convolve, kernel

RATE = 1e-3  # of the parameters of the dynamics, whatever the rate of the rest


class S4D(nn.Module):
    """A linear system with diagonal state of its own per channel, (T, B, H) to (T, B, H): y = K * x + D x.

    h' = A h + x of `modes` complex states in conjugate pairs, held over a learned step; K is its response, and a second
    one looks at the future if bidirectional. A sequence is a convolution (Fourier transform); in a stream it is the
    recurrence, equal up to rounding. Source: arXiv:2206.11893.

    Args:
        channels: H.
        modes: N, complex states per channel, conjugates included; an even number.
        bidirectional: whether outputs also see later inputs; then there is no streaming.
        initial: frequencies at the start; "lin" pi n, "inv" N/pi (N/(2n+1) - 1).
        learn_input: whether the weights of the input, B, are learned instead of 1.
        step: shortest and longest initial step, drawn uniformly in the logarithm per channel.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        channels: int,
        modes: int = 64,
        *,
        bidirectional: bool = False,
        initial: Literal["lin", "inv"] = "lin",
        learn_input: bool = False,
        step: tuple[float, float] = (1e-3, 0.1),
    ) -> None:
        super().__init__()
        shortest, longest = step
        if channels < 1 or modes < 2 or modes % 2:
            raise ConfigError(f"S4D: channels is {channels} and modes {modes}; give at least 1, and an even number.")
        if initial not in ("lin", "inv"):
            raise ConfigError(f"S4D: initial is {initial!r}; choose 'lin' or 'inv'.")
        if not 0 < shortest <= longest < math.inf:
            raise ConfigError(f"S4D: step is {step}; give the shortest and the longest, both above 0.")
        self.channels, self.modes, self.bidirectional = channels, modes, bidirectional
        pairs, directions = modes // 2, 1 + bidirectional
        n = torch.arange(pairs)
        frequency = torch.pi * n if initial == "lin" else modes / torch.pi * (modes / (2 * n + 1) - 1)
        low, high = math.log(shortest), math.log(longest)
        self.log_step = nn.Parameter(low + (high - low) * torch.rand(channels))
        self.log_decay = nn.Parameter(torch.full((channels, pairs), math.log(0.5)))
        self.frequency = nn.Parameter(frequency.float().expand(channels, pairs).clone())
        unit = torch.tensor([1.0, 0.0]).expand(channels, pairs, 2)
        self.input = nn.Parameter(unit.clone()) if learn_input else None
        self.output = nn.Parameter(torch.randn(directions, channels, pairs, 2) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(channels))

    def system(self) -> Diagonal:
        """Return the discrete system of the present parameters."""
        a = torch.complex(-self.log_decay.exp(), self.frequency)
        b = None if self.input is None else torch.view_as_complex(self.input)
        return Diagonal.hold(self.log_step.exp(), a, b, torch.view_as_complex(self.output))

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (T, B, H) to outputs of the same shape, in at least float32.

        Raises:
            ShapeError: x has another number of channels.
            ConfigError: the layer is bidirectional and a stream is running.
        """
        check_sequence(x, "S4D", "H")
        if x.dim() != 3 or x.shape[2] != self.channels:
            raise ShapeError(f"S4D: x has shape {tuple(x.shape)}; (T, B, {self.channels}) was expected.")
        stream = current_stream()
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.skip.dtype)
            if stream is None:
                return convolve(x, kernel(self.system(), len(x))) + self.skip * x
            if self.bidirectional:
                raise ConfigError(
                    "S4D: a bidirectional layer needs the whole sequence, so it has no stream. Build the network with "
                    "bidirectional=False, or call it on whole sequences."
                )
            system = stream.made(self, list(self.parameters()), self.system)
            y, state = continue_from(system, x, stream.take(self))
            stream.put(self, state)
            return y + self.skip * x

    def fan_out(self, shape: torch.Size, dense: bool = False) -> Tensor:
        """Return the real multiplications that each number of a step meets in the recurrence, int64, (H,).

        A complex mode takes 4 for its decay, 2 for the input and 2 for the output, in each direction; D takes one.
        """
        each = 8 * (self.modes // 2) * len(self.output) + 1
        return torch.full(tuple(shape), each, dtype=torch.int64)

    def optimizer_options(self) -> dict[nn.Parameter, dict[str, Any]]:
        """Return what sets single parameters apart in training: the dynamics learn slowly and never decay."""
        dynamics = [p for p in (self.log_step, self.log_decay, self.frequency, self.input) if p is not None]
        return {parameter: {"lr": RATE, "weight_decay": 0.0} for parameter in dynamics} | {self.output: {}}

    def extra_repr(self) -> str:
        """Describe the layer in one line for `print(net)`."""
        learned = ", learn_input=True" if self.input is not None else ""
        return f"{self.channels}, modes={self.modes}, bidirectional={self.bidirectional}{learned}"
