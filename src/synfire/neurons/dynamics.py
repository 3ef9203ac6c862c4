"""The surrogate dynamic network: a small convolution that predicts what a neuron's potential carries into a step."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from synfire.base import check_sequence, load_weights, read_tensors
from synfire.ops.lif import NeuronSpec, lif

WINDOW = 8  # steps of the past that it sees


class SurrogateDynamics(nn.Module):
    """Predicts m_t = decay v_(t-1) of a hard-reset neuron with threshold 1 from its currents i_(t-8)..i_(t-1).

    One network of 193 parameters serves all channels and layers, and all thresholds, since currents come in units of
    them. It is fitted to one decay and stores that beside its weights. Its prediction is nearly
    right for random currents and wrong for regular trains, whose phase lies outside its window. Source:
    arXiv:2408.14909.

    Args:
        decay: the decay that it is fitted to.
    """

    decay: Tensor

    def __init__(self, decay: float = 0.125) -> None:
        super().__init__()
        self.register_buffer("decay", torch.tensor(float(decay), dtype=torch.float64))
        self.spread = nn.Conv1d(1, WINDOW, 1, bias=False)
        self.past = nn.Conv1d(WINDOW, WINDOW, WINDOW, padding=WINDOW, groups=WINDOW)
        self.past_norm = nn.BatchNorm1d(WINDOW)
        self.mix = nn.Conv1d(WINDOW, WINDOW, 1)
        self.mix_norm = nn.BatchNorm1d(WINDOW)
        self.gather = nn.Conv1d(WINDOW, 1, 1)

    def forward(self, i: Tensor) -> Tensor:
        """Map currents (T, B, ...) in units of the threshold to what each step finds, of the same shape."""
        check_sequence(i, "SurrogateDynamics")
        padded = functional.pad(i.reshape(len(i), -1).T, (WINDOW, -1))  # (neurons, T + 7)
        windows = padded.unfold(1, WINDOW, 1).reshape(-1, WINDOW)  # of step t: t - 8 .. t - 1
        # Products of matrices give the same as its convolutions, whose backward pass is many times slower on a CPU.
        past = functional.linear(windows, (self.past.weight * self.spread.weight)[:, 0], self.past.bias)
        z = torch.relu(self.past_norm(past))
        z = torch.relu(z + self.mix_norm(functional.linear(z, self.mix.weight[..., 0], self.mix.bias)))
        found = functional.linear(z, self.gather.weight[..., 0], self.gather.bias)
        return found.view(-1, len(i)).T.reshape(i.shape)

    def fold(self) -> "FoldedDynamics":
        """Return the same function with 153 numbers: encoder and norms folded into their neighbours."""
        return FoldedDynamics(self)

    @classmethod
    def load(cls, path: str | Path) -> "SurrogateDynamics":
        """Read one from a file of weights, or from a folder that holds weights.safetensors; nothing is drawn.

        Raises:
            RunError: the file is missing, damaged or of another network.
        """
        file = Path(path)
        file = file / "weights.safetensors" if file.is_dir() else file
        tensors, _ = read_tensors(file)
        decay = float(tensors["decay"]) if "decay" in tensors and tensors["decay"].numel() == 1 else 0.0
        with torch.random.fork_rng(devices=()):  # so that a model starts from the same weights under every engine
            made = cls(decay)
        load_weights(made, file)
        return made.eval()


@torch.no_grad()
def exact_dynamics(i: Tensor, decay: float) -> tuple[Tensor, Tensor]:
    """Return what `SurrogateDynamics` is to predict, m_t = decay v_(t-1), and the spikes [m_t + i_t >= 1].

    Args:
        i: currents in units of the threshold, (T, B, ...).
        decay: share of the potential kept per step.

    Returns:
        m and spikes of the exact hard-reset neuron from rest, both shaped like i.
    """
    check_sequence(i, "exact_dynamics")
    carried, spikes = torch.zeros_like(i), torch.empty_like(i)
    spec, v = NeuronSpec(reset="zero"), None
    for t in range(len(i)):
        if v is not None:
            carried[t] = decay * v
        fired, v = lif(i[t : t + 1], v, decay=decay, spec=spec)
        spikes[t] = fired[0]
    return carried, spikes


class FoldedDynamics(nn.Module):
    """What `SurrogateDynamics.fold` returns; it holds no parameters, so nothing of it is trained or updated."""

    decay: Tensor
    past_weight: Tensor
    past_bias: Tensor
    mix_weight: Tensor
    mix_bias: Tensor
    gather_weight: Tensor
    gather_bias: Tensor

    def __init__(self, made: SurrogateDynamics) -> None:
        super().__init__()
        with torch.no_grad():
            past = _with_norm(made.past, made.past_norm)
            mix = _with_norm(made.mix, made.mix_norm)
            weights = {
                "decay": made.decay,
                "past_weight": past[0] * made.spread.weight,
                "past_bias": past[1],
                "mix_weight": mix[0],
                "mix_bias": mix[1],
                "gather_weight": made.gather.weight,
                "gather_bias": made.gather.bias,
            }
        for name, value in weights.items():
            assert value is not None
            self.register_buffer(name, value.detach().clone(), persistent=False)

    def forward(self, i: Tensor) -> Tensor:
        """Predict as `SurrogateDynamics` does."""
        rows = functional.pad(i.reshape(len(i), 1, -1).permute(2, 1, 0), (WINDOW, -1))
        z = torch.relu(functional.conv1d(rows, self.past_weight, self.past_bias))
        z = torch.relu(z + functional.conv1d(z, self.mix_weight, self.mix_bias))
        found = functional.conv1d(z, self.gather_weight, self.gather_bias)
        return found.permute(2, 1, 0).reshape(i.shape)


def _with_norm(conv: nn.Conv1d, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
