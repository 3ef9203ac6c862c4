"""Every message of the core, a row each: what was wrong, what was expected, with its numbers."""

import ast
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

import synfire
from synfire import (
    IF,
    LIF,
    PSN,
    MaskedPSN,
    MultiLevelIF,
    NeuronSpec,
    ParametricLIF,
    QuantisedReLU,
    ReLU,
    SlidingPSN,
    Surrogate,
    models,
)
from synfire.base import (
    BackendError,
    ConfigError,
    DataError,
    DtypeError,
    MissingExtraError,
    RunError,
    ShapeError,
    SynfireError,
    append_json_line,
    backend,
    choose,
    load_weights,
    need,
    read_json,
    read_tensors,
    save_weights,
    write_atomic,
)
from synfire.blocks import ResidualBlock, StateSpaceBlock, barrier
from synfire.layers import (
    S4D,
    AdaptiveEmbedding,
    BatchNorm1d,
    Conv2d,
    Direct,
    Embedding,
    Flatten,
    Frames,
    GlobalAvgPool2d,
    GlobalSumPool2d,
    Join,
    Linear,
    PixelSequence,
    Poisson,
    SequenceDropout,
    TokenSequence,
    fold_norms,
)
from synfire.neurons import ScanNeuron, SequenceLIF, SurrogateDynamics
from synfire.ops import ssm
from synfire.ops.accumulate import accumulate
from synfire.ops.events import Cells, EventBatch, frames, surface, voxels
from synfire.ops.lif import lif
from synfire.ops.lif.fixed_point import fixed_point, settle
from synfire.ops.lif.spec import uniform_levels

ROOMS = ("base", "ops", "neurons", "layers", "blocks", "models")
zeros = torch.zeros


@dataclass(frozen=True)
class Row:
    """A call that is wrong, and what must be said about it."""

    call: Callable[[Path], Any]
    error: type[SynfireError]
    says: str


def forced(name: str, call: Callable[[], Any]) -> Callable[[Path], Any]:
    def run(_: Path) -> None:
        with backend(name):
            call()

    return run


def second_derivative() -> None:
    x = zeros(2, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(lif(x)[1].pow(2).sum(), x, create_graph=True)
    torch.autograd.grad(grad.sum(), x)


def forward_derivative() -> None:
    with forward_ad.dual_level():
        lif(forward_ad.make_dual(zeros(2, 3), zeros(2, 3)))


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def flipped(path: Path) -> Path:
    """Change the last bit of a file."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return path


def stray_neuron() -> None:
    """Run a neuron that its network does not know, because it hides in a list."""

    class Net(nn.Module):
        hidden = (LIF(),)

        def forward(self, x):
            return self.hidden[0](x)

    synfire.stream(Net())(zeros(2, 3))


def some_events(x: int = 0, columns: int = 1, dtype: torch.dtype = torch.int64) -> EventBatch:
    """Return one event of a sensor of 4 x 3 pixels."""
    place = torch.full((1,), x, dtype=torch.int16)
    t = zeros(columns, dtype=dtype)
    return EventBatch(place, place, t, torch.ones(1, dtype=torch.uint8), torch.tensor([0, 1]), (4, 3))


def full_disk(file: Any) -> None:
    raise OSError(28, "No space left on device")


ROWS = {
    # base
    "unknown back end": Row(
        lambda _: backend("cuda").__enter__(), BackendError,
        "backend: 'cuda' is unknown; choose one of reference, numba, triton.",
    ),
    "no back end fits": Row(
        lambda _: choose("scan", [], zeros(1)), BackendError, "scan: no back end can run this input (",
    ),
    "missing extra": Row(
        lambda _: need("no_such_module", extra="data", purpose="reading parquet"), MissingExtraError,
        "reading parquet needs the package no_such_module, which cannot be imported here",
    ),
    "full disk": Row(
        lambda p: write_atomic(p / "weights", full_disk), RunError, "weights: No space left on device. Free some space",
    ),
    "no folder": Row(
        lambda p: write_atomic(p / "gone" / "weights", full_disk), RunError, "gone/weights: No such file or directory.",
    ),
    "no record": Row(lambda p: read_json(p / "run.json"), RunError, "run.json does not exist; check the name"),
    "torn record": Row(
        lambda p: read_json(write(p, "run.json", b'{"loss": 0.')), RunError, "run.json cannot be read as JSON (",
    ),
    "record of bytes": Row(
        lambda p: read_json(write(p, "run.json", b"\xff\xfe\xfd")), RunError, "run.json cannot be read as JSON (",
    ),
    "record that is a list": Row(
        lambda p: read_json(write(p, "run.json", b"[1]")), RunError, "run.json holds a list, but a record (an object)",
    ),
    "record whose schema is no number": Row(
        lambda p: read_json(write(p, "run.json", b'{"schema": "x"}')), RunError,
        "run.json has a schema that is a str, but a whole number was expected; restore it",
    ),
    "record of the future": Row(
        lambda p: read_json(write(p, "run.json", b'{"schema": 99}')), RunError,
        "run.json has schema 99, but this synfire reads up to 1; upgrade synfire.",
    ),
    "line that cannot be appended": Row(
        lambda p: append_json_line(p, {"step": 1}), RunError, ": Is a directory. Free some space and resume the run.",
    ),
    # ops
    "surrogate of unknown shape": Row(
        lambda _: Surrogate("step"), ConfigError, "Surrogate: shape 'step' is unknown; choose one of arctan, sigmoid,",
    ),
    "surrogate without width": Row(
        lambda _: Surrogate(width=0.0), ConfigError, "Surrogate: width is 0.0; it is a distance",
    ),
    "no level": Row(lambda _: NeuronSpec(levels=()), ConfigError, "NeuronSpec: levels are (); give one or more"),
    "level at zero": Row(lambda _: NeuronSpec(levels=(0.0, 1.0)), ConfigError, "NeuronSpec: levels are (0.0, 1.0);"),
    "descending levels": Row(lambda _: NeuronSpec(levels=(2.0, 1.0)), ConfigError, "NeuronSpec: levels are (2.0, 1.0)"),
    "equal levels": Row(lambda _: NeuronSpec(levels=(1.0, 1.0)), ConfigError, "NeuronSpec: levels are (1.0, 1.0);"),
    "unknown reset": Row(
        lambda _: LIF(reset="hard"), ConfigError, "reset 'hard' is unknown; choose one of subtract, zero, none.",
    ),
    "initial potential that is no number": Row(
        lambda _: NeuronSpec(initial=float("nan")), ConfigError, "NeuronSpec: initial is nan; give a finite number",
    ),
    "signed and floored": Row(
        lambda _: MultiLevelIF(signed=True, floor_at_zero=True), ConfigError, "floor_at_zero removes what a signed",
    ),
    "no levels": Row(lambda _: MultiLevelIF(0), ConfigError, "levels is 0; a neuron needs a whole number of levels"),
    "half a level": Row(lambda _: uniform_levels(1.5), ConfigError, "levels is 1.5; a neuron needs a whole number"),
    "no levels in a rectifier": Row(lambda _: QuantisedReLU(-1), ConfigError, "levels is -1; a neuron needs"),
    "scan without a batch": Row(
        lambda _: lif(zeros(3)), ShapeError, "lif: x has shape (3,), but a sequence (T, B, ...) was expected.",
    ),
    "scan of no step": Row(lambda _: lif(zeros(0, 3)), ShapeError, "lif: x has shape (0, 3), that is T = 0 steps"),
    "scan of integers": Row(
        lambda _: lif(zeros(2, 3).long()), DtypeError, "lif: x has dtype torch.int64, but floating-point numbers",
    ),
    "levels beyond bfloat16": Row(
        lambda _: MultiLevelIF(257)(zeros(1, 2, 3).bfloat16()), DtypeError,
        "torch.bfloat16 holds whole numbers up to 256, but the neuron has 257 levels",
    ),
    "levels beyond float16": Row(
        lambda _: MultiLevelIF(2049)(zeros(1, 2, 3).half()), DtypeError,
        "torch.float16 holds whole numbers up to 2048, but the neuron has 2049 levels",
    ),
    "potential of another shape": Row(
        lambda _: lif(zeros(4, 2, 5), zeros(3)), ShapeError, "v has shape (3,), but one step of x has (2, 5). Pass",
    ),
    "threshold of zero": Row(
        lambda _: lif(zeros(2, 3), threshold=0.0), ConfigError, "lif: threshold is 0.0; give a positive number.",
    ),
    "threshold that is text": Row(
        lambda _: lif(zeros(2, 3), threshold="1"), ConfigError, "lif: threshold is '1'; give a number or a tensor",
    ),
    "thresholds of which one is negative": Row(
        lambda _: lif(zeros(2, 1, 2), threshold=torch.tensor([1.0, -1.0])), ConfigError,
        "lif: threshold is a tensor of -1 to 1; give a positive number.",
    ),
    "decay that is no number": Row(
        lambda _: lif(zeros(2, 3), decay=float("nan")), ConfigError, "lif: decay is nan; it is the share of the",
    ),
    "values without levels": Row(
        lambda _: synfire.fire(zeros(2), values=(1.0, 2.0)), ConfigError,
        "fire: values are (1.0, 2.0), but there are 1 levels; give one value per level.",
    ),
    "channels along time": Row(
        lambda _: lif(zeros(4, 2, 4), threshold=torch.ones(4), channel_axis=0), ConfigError,
        "lif: channel_axis is 0, the axis of time in x of shape (4, 2, 4)",
    ),
    "forward mode": Row(
        lambda _: forward_derivative(), BackendError,
        "lif: spikes have no forward-mode derivative (torch.func.jvp, jacfwd, hessian); use reverse mode",
    ),
    "threshold that is no number": Row(
        lambda _: lif(zeros(2, 3), threshold=float("nan")), ConfigError, "lif: threshold is nan; give a positive",
    ),
    "decay per channel that does not fit": Row(
        lambda _: lif(zeros(4, 2, 5), decay=zeros(3)), ShapeError,
        "lif: decay has shape (3,), but x of shape (4, 2, 5) has 5 channels on axis 2.",
    ),
    "threshold per channel without channels": Row(
        lambda _: lif(zeros(4, 3), threshold=torch.ones(3)), ShapeError,
        "lif: threshold has shape (3,), but x of shape (4, 3) has no channels on axis 2.",
    ),
    "threshold with two axes": Row(
        lambda _: lif(zeros(4, 2, 5), threshold=torch.ones(2, 5)), ShapeError, "lif: threshold has shape (2, 5), but x",
    ),
    "second derivative": Row(
        forced("numba", second_derivative), BackendError, "lif: the fast back ends have no second derivative; run",
    ),
    "vmap over the decay": Row(
        forced("numba", lambda: torch.func.vmap(lambda d: lif(zeros(2, 3), decay=d)[0])(torch.rand(4))), ConfigError,
        "lif: vmap over decay or threshold needs the reference back end",
    ),
    "frames of unknown polarities": Row(
        lambda _: Cells((4, 3), "on"), ConfigError, "polarities is 'on'; choose one of both, merge, signed.",
    ),
    "frames larger than the sensor": Row(
        lambda _: Cells((4, 3), size=(4, 4)), ConfigError, "size is (4, 4), but the sensor has 4 x 3 pixels. Give",
    ),
    "times of another dtype": Row(
        lambda _: some_events(dtype=torch.int32), DtypeError, "EventBatch: t is torch.int32, but torch.int64 was",
    ),
    "columns of several lengths": Row(
        lambda _: some_events(columns=2), ShapeError, "EventBatch: columns of one length, (N,), were expected, but",
    ),
    "no bins": Row(lambda _: voxels(some_events(), 0, Cells((4, 3))), ConfigError, "voxels: bins is 0; give at least"),
    "cells of another sensor": Row(
        lambda _: voxels(some_events(), 1, Cells((3, 4))), ShapeError,
        "events of a sensor of (4, 3) do not fit cells for (3, 4).",
    ),
    "an event outside the sensor": Row(
        lambda _: voxels(some_events(x=4), 1, Cells((4, 3))), ShapeError, "events: x goes from 4 to 4, but 0 to 3 were",
    ),
    "edges without a step": Row(
        lambda _: frames(some_events(), torch.tensor([[0]]), Cells((4, 3))), ShapeError,
        "edges have shape (1, 1), but (1, T + 1) was expected, T >= 1.",
    ),
    "edges beyond the events": Row(
        lambda _: frames(some_events(), torch.tensor([[0, 2]]), Cells((4, 3))), ShapeError,
        "events: edges must ascend, within 0 to 1, the number of events.",
    ),
    "offsets that leave events out": Row(
        lambda _: voxels(replace(some_events(), offsets=torch.tensor([0, 0])), 1, Cells((4, 3))), ShapeError,
        "events: offsets must ascend from 0 to 1, the number of events.",
    ),
    "surface that lasts no time": Row(
        lambda _: surface(some_events(), torch.tensor([[0, 1]]), torch.tensor([[9]]), 0.0, Cells((4, 3))), ConfigError,
        "surface: tau is 0.0; give a time above 0, in microseconds.",
    ),
    "surface with a sign": Row(
        lambda _: surface(some_events(), torch.tensor([[0, 1]]), torch.tensor([[9]]), 1.0, Cells((4, 3), "signed")),
        ConfigError, "surface: a time has no sign. Take polarities 'both',",
    ),
    "surface without an end": Row(
        lambda _: surface(some_events(), torch.tensor([[0, 1]]), torch.tensor([[1, 2]]), 1.0, Cells((4, 3))),
        ShapeError, "surface: ends have shape (1, 2), but edges (1, 2); give one end for each step.",
    ),
    # neurons
    "decay above one": Row(lambda _: LIF(1.5), ConfigError, "LIF: decay is 1.5; it is the share of the potential"),
    "negative decay": Row(lambda _: LIF(-0.1), ConfigError, "LIF: decay is -0.1; it is the share of the potential"),
    "learned decay at its limit": Row(
        lambda _: ParametricLIF(1.0), ConfigError, "ParametricLIF: decay is 1.0, which a logistic function never",
    ),
    "threshold of zero in a neuron": Row(lambda _: IF(0.0), ConfigError, "IF: threshold is 0.0; give a positive"),
    "negative threshold in a neuron": Row(
        lambda _: MultiLevelIF(4, -2.0), ConfigError, "MultiLevelIF: threshold is -2.0; give a positive number.",
    ),
    "threshold of infinity": Row(
        lambda _: IF(float("inf")), ConfigError, "IF: threshold is inf; give a positive number.",
    ),
    "threshold of text": Row(lambda _: IF("1"), ConfigError, "IF: threshold is '1'; give a number, or a list or a"),
    "more thresholds than channels": Row(
        lambda _: LIF(threshold=[1.0, 2.0], channels=3), ConfigError,
        "LIF: channels is 3, with 1 decays and 2 thresholds; give one number, or one per channel.",
    ),
    "channels along the batch": Row(
        lambda _: ScanNeuron(NeuronSpec(), channel_axis=1), ConfigError,
        "ScanNeuron: channel_axis is 1, but axes 0 and 1 are time and the batch",
    ),
    "no axis of channels": Row(
        lambda _: ScanNeuron(NeuronSpec(), channels=3, channel_axis=-1)(zeros(2, 3)), ShapeError,
        "ScanNeuron: channel_axis is -1, which is time or the batch in x of shape (2, 3)",
    ),
    "no channels": Row(
        lambda _: ScanNeuron(NeuronSpec(), channels=0), ConfigError, "ScanNeuron: channels is 0; give at least 1",
    ),
    "rectifier without a step": Row(
        lambda _: QuantisedReLU(4, step=0.0), ConfigError, "QuantisedReLU: step is 0.0; give a positive number.",
    ),
    "rectifier without channels": Row(
        lambda _: QuantisedReLU(4, channels=0), ConfigError, "QuantisedReLU: channels is 0; give at least 1, or None",
    ),
    "quantised twin of an unknown neuron": Row(
        lambda _: models.twin(synfire.Neuron(), "quantised"), ConfigError,
        "what equals Neuron at T = 1 is unknown, because it is no ScanNeuron or has a run of its own. Take the twin",
    ),
    "neuron without a batch": Row(
        lambda _: LIF()(zeros(3)), ShapeError, "LIF: x has shape (3,), but a sequence (T, B, ...) was expected.",
    ),
    "neuron without a step": Row(
        lambda _: LIF()(zeros(0, 2, 3)), ShapeError, "LIF: x has shape (0, 2, 3), that is T = 0 steps; give",
    ),
    "neuron on integers": Row(
        lambda _: LIF()(zeros(2, 3, dtype=torch.uint8)), DtypeError, "LIF: x has dtype torch.uint8, but floating-point",
    ),
    "rectifier on integers": Row(
        lambda _: ReLU()(zeros(2, 3, dtype=torch.uint8)), DtypeError, "ReLU: x has dtype torch.uint8, but floating",
    ),
    "stream in training mode": Row(
        lambda _: synfire.stream(BatchNorm1d(3))(zeros(2, 3)), ConfigError,
        "stream: the network is in training mode, where batch norm sees each step alone",
    ),
    "state of another network": Row(
        lambda _: synfire.stream(LIF()).load_state_dict({"features.3": zeros(1)}), ConfigError,
        "stream: state 'features.3' belongs to no module of this network",
    ),
    "state of no use": Row(
        lambda _: synfire.stream(LIF()).load_state_dict({"#x": zeros(1)}), ConfigError,
        "stream: state '#x' has 'x' behind '#', but the number of a use was expected",
    ),
    "neuron without a name": Row(
        lambda _: stray_neuron(), ConfigError, "stream: LIF is not a submodule of the network, so its state",
    ),
    # layers
    "encoder without steps": Row(
        lambda _: Direct(0), ConfigError, "Direct: steps is 0; give at least one step, T >= 1.",
    ),
    "encoder on integer images": Row(
        lambda _: Poisson(4)(zeros(2, 1, 8, 8, dtype=torch.uint8)), DtypeError,
        "Poisson: the images have dtype torch.uint8, but floating-point numbers were expected.",
    ),
    "encoder of 0..1 on normalised images": Row(
        lambda _: Poisson(4)(torch.tensor([[-1.25, 0.5, 2.0]])), ConfigError,
        "Poisson: the images go from -1.25 to 2, but values in 0..1 were expected, as they are before they",
    ),
    "image without time": Row(
        lambda _: Conv2d(3, 4, 3)(zeros(2, 3, 8, 8)), ShapeError,
        "Conv2d: x has shape (2, 3, 8, 8), but a sequence (T, B, C, H, W) was expected. Add the time axis",
    ),
    "features without time": Row(
        lambda _: Linear(3, 4)(zeros(2, 3)), ShapeError, "Linear: x has shape (2, 3), but a sequence (T, B, F) was",
    ),
    "pool without time": Row(
        lambda _: GlobalAvgPool2d()(zeros(2, 3, 8, 8)), ShapeError, "GlobalAvgPool2d: x has shape (2, 3, 8, 8), but",
    ),
    "sum pool without time": Row(
        lambda _: GlobalSumPool2d()(zeros(2, 3, 8, 8)), ShapeError, "GlobalSumPool2d: x has shape (2, 3, 8, 8), but",
    ),
    "layer without a step": Row(
        lambda _: Linear(3, 4)(zeros(0, 2, 3)), ShapeError, "Linear: x has shape (0, 2, 3), that is T = 0 steps",
    ),
    "layer on integers": Row(
        lambda _: Conv2d(3, 4, 3)(zeros(1, 2, 3, 8, 8, dtype=torch.uint8)), DtypeError,
        "Conv2d: x has dtype torch.uint8, but floating-point numbers were expected. Convert it with x.float()",
    ),
    "another number of channels": Row(
        lambda _: models.sparse_resnet18()(zeros(1, 2, 1, 8, 8)), ShapeError,
        "Conv2d: x has shape (1, 2, 1, 8, 8), that is 1 channels, but 3 were expected. Build the layer with in_chan",
    ),
    "norm of one number": Row(
        lambda _: BatchNorm1d(3)(zeros(1, 1, 3)), ShapeError,
        "BatchNorm1d: x has shape (1, 1, 3), that is one number per channel, which has no variance.",
    ),
    "nothing to flatten": Row(
        lambda _: Flatten()(zeros(2, 3)), ShapeError, "Flatten: x has shape (2, 3), but a sequence (T, B, ...) was",
    ),
    "unknown merge": Row(
        lambda _: Join("xor"), ConfigError, "Join: merge 'xor' is unknown; choose one of add, and, iand, or.",
    ),
    "branches of two shapes": Row(
        lambda _: Join()(zeros(1, 2, 3), zeros(1, 2, 4)), ShapeError,
        "Join: the branch has shape (1, 2, 3) and the shortcut (1, 2, 4); they must be equal.",
    ),
    "folding in training mode": Row(
        lambda _: fold_norms(nn.Sequential()), ConfigError, "fold_norms: the network is in training mode",
    ),
    "folding a norm without statistics": Row(
        lambda _: fold_norms(nn.Sequential(Linear(2, 2), BatchNorm1d(2, track_running_stats=False)).eval()),
        ConfigError, "a norm keeps no running statistics (track_running_stats=False), so it has no fold.",
    ),
    # blocks
    "unknown barrier gradient": Row(
        lambda _: barrier(4, gradient="ste"), ConfigError,
        "barrier: gradient 'ste' is unknown; choose one of identity, clipped.",
    ),
    "block whose sum is a current": Row(
        lambda _: ResidualBlock(3, 3, 1, IF, inner_neuron=False), ConfigError, "without inner_neuron the merge sees a",
    ),
    # models
    "residual network without classes": Row(
        lambda _: models.sparse_resnet_narrow(0), ConfigError, "SparseResNet: num_classes is 0; give at least 1.",
    ),
    "depths without widths": Row(
        lambda _: models.SparseResNet((2, 2), (16,)), ConfigError,
        "SparseResNet: 2 depths and 1 widths; give one of each per stage.",
    ),
    "stage without channels": Row(
        lambda _: models.sparse_resnet_narrow(widths=[0, 4], depths=[1, 1]), ConfigError,
        "SparseResNet: widths are [0, 4]; give at least 1.",
    ),
    "VGG without channels": Row(
        lambda _: models.VGG(((4,), (0,))), ConfigError, "VGG: stages are (0,); give at least 1.",
    ),
    "CNN on images without channels": Row(
        lambda _: models.cnn4(in_channels=0), ConfigError, "SpikingCNN: in_channels is 0; give at least 1.",
    ),
    "no stage": Row(lambda _: models.SparseResNet((), ()), ConfigError, "SparseResNet: 0 depths and 0 widths;"),
    "VGG without classes": Row(lambda _: models.vgg16(-3), ConfigError, "VGG: num_classes is -3; give at least 1."),
    "VGG on an image that cannot be halved": Row(
        lambda _: models.vgg16(image_size=28), ConfigError,
        "VGG: image_size is 28; 5 stages halve it each, so give a multiple of 32, for example by padding",
    ),
    "VGG on a tiny image": Row(lambda _: models.vgg16(image_size=16), ConfigError, "VGG: image_size is 16; 5 stages"),
    "VGG on another image size": Row(
        lambda _: models.VGG(((4,),), 8, hidden=())(zeros(1, 2, 3, 16, 16)), ShapeError,
        "VGG: x has shape (1, 2, 3, 16, 16), but the dense layers were built for images of 8x8. Build the network with "
        "image_size=16",
    ),
    "CNN without classes": Row(lambda _: models.cnn4(0), ConfigError, "SpikingCNN: num_classes is 0; give at least 1."),
    "unknown twin": Row(
        lambda _: models.twin(LIF(), "binary"), ConfigError, "twin: kind 'binary' is unknown; choose one of relu",
    ),
    "twin of nothing": Row(
        lambda _: models.twin(nn.Sequential(Linear(2, 2))), ConfigError, "twin: the network has no neuron (no module",
    ),
    # long sequences
    "kernel of no step": Row(
        lambda _: ssm.kernel(S4D(1, 2).system(), 0), ConfigError, "the kernel's length is 0; give at least one step",
    ),
    "kernel shorter than the sequence": Row(
        lambda _: ssm.convolve(zeros(5, 1, 3), zeros(1, 3, 4)), ShapeError, "the kernel (1, 3, 4); (T, B, H) and (1 or",
    ),
    "odd modes": Row(lambda _: S4D(4, 3), ConfigError, "S4D: channels is 4 and modes 3; give at least 1, and an even"),
    "unknown frequencies": Row(lambda _: S4D(4, initial="legs"), ConfigError, "initial is 'legs'; choose 'lin' or"),
    "step of no length": Row(lambda _: S4D(4, step=(0, 1)), ConfigError, "S4D: step is (0, 1); give the shortest"),
    "channels of another layer": Row(
        lambda _: S4D(4)(zeros(2, 1, 3)), ShapeError, "S4D: x has shape (2, 1, 3); (T, B, 4) was expected",
    ),
    "stream that needs the future": Row(
        lambda _: synfire.stream(nn.Sequential(S4D(4, bidirectional=True)))(zeros(1, 4)), ConfigError,
        "a bidirectional layer needs the whole sequence, so it has no stream. Build",
    ),
    "all channels dropped": Row(lambda _: SequenceDropout(1.0), ConfigError, "SequenceDropout: p is 1.0; give a share"),
    "unknown order of pixels": Row(
        lambda _: PixelSequence(4, "hilbert"), ConfigError, "PixelSequence: order is 'hilbert'; choose one of rows,",
    ),
    "another number of pixels": Row(
        lambda _: PixelSequence(4)(zeros(1, 1, 3, 3)), ShapeError, "9 pixels, but steps is 4. Set steps: 9.",
    ),
    "tokens: dtype": Row(
        lambda _: TokenSequence(4)(zeros(1, 4)), DtypeError, "the tokens have dtype torch.float32, but whole numbers",
    ),
    "tokens: length": Row(
        lambda _: TokenSequence(4)(zeros(1, 5).long()), ShapeError, "shape (1, 5), but (B, 4) was expected, since",
    ),
    "frames of another T": Row(
        lambda _: Frames(4)(zeros(2, 3, 1, 5, 5)), ShapeError,
        "Frames: the frames have shape (2, 3, 1, 5, 5), but (B, 4, C, H, W) was expected, since steps is 4.",
    ),
    "table: sizes": Row(
        lambda _: Embedding(0, 4), ConfigError, "Embedding: vocabulary is 0 and channels 4; give at least 1 of each.",
    ),
    "table: padding": Row(
        lambda _: Embedding(3, 4, 3), ConfigError, "padding is 3, but the tokens are 0 to 2; give one of these.",
    ),
    "table: axes": Row(
        lambda _: Embedding(3, 4)(zeros(2, 1, 1).long()), ShapeError, "shape (2, 1, 1), but tokens (T, B) of at least",
    ),
    "table: dtype": Row(
        lambda _: Embedding(3, 4)(zeros(2, 1)), DtypeError, "dtype torch.float32, but tokens are whole numbers",
    ),
    "table: token": Row(
        lambda _: Embedding(3, 4)(zeros(2, 1).long() + 7), DataError,
        "token 7, but the table has 3 rows, for tokens 0 to 2. Build the network with vocabulary=8 or more",
    ),
    "long sequences: vocabulary": Row(
        lambda _: models.SpikingSSM(padding=0), ConfigError, "vocabulary is 0 and padding 0; give the number of tokens",
    ),
    "unknown engine": Row(lambda _: SequenceLIF(engine="fft"), ConfigError, "engine is 'fft'; choose one of scan, fix"),
    "engine of no sweep": Row(lambda _: SequenceLIF(sweeps=0), ConfigError, "SequenceLIF: sweeps is 0; give at"),
    "dynamics of another neuron": Row(
        lambda p: (save_weights(SurrogateDynamics(0.2), p / "w"), SequenceLIF(engine="sdn", dynamics=p / "w")),
        ConfigError, "with reset='zero' and decay=0.2, but this one has levels=1, reset='zero' and decay=0.125. Fit an",
    ),
    "no dynamics": Row(lambda _: SequenceLIF(engine="sdn"), ConfigError, "give their file as dynamics, or take"),
    "parallel neuron of no step": Row(lambda _: PSN(0), ConfigError, "PSN: steps is 0; give the number of steps"),
    "parallel neuron that sees the future": Row(
        lambda _: synfire.stream(PSN(1))(zeros(1, 3)), ConfigError, "all others, so it has no stream. Take MaskedPSN",
    ),
    "parallel neuron of another number of steps": Row(
        lambda _: PSN(4)(zeros(3, 1, 2)), ShapeError,
        "PSN: x has shape (3, 1, 2), that is 3 steps, but it was built for 4. Build it with steps=3",
    ),
    "order above the steps": Row(
        lambda _: MaskedPSN(4, 5), ConfigError, "MaskedPSN: order is 5 of 4 steps; give 1 to 4.",
    ),
    "more than all masked": Row(
        lambda _: MaskedPSN(4, 2, masking=2), ConfigError, "MaskedPSN: masking is 2; it is the share that is masked",
    ),
    "stream that is half masked": Row(
        lambda _: synfire.stream(MaskedPSN(4, 2, 0.5))(zeros(1, 3)), ConfigError,
        "MaskedPSN: masking is 0.5, where each step sees later ones, so it has no stream. Call set_masking(1.0)",
    ),
    "stream beyond the last step": Row(
        lambda _: synfire.stream(MaskedPSN(4, 2)).run(zeros(5, 1, 3)), ShapeError,
        "MaskedPSN: step 5 was reached, but it was built for 4. Reset the stream",
    ),
    "window of no step": Row(
        lambda _: SlidingPSN(0), ConfigError, "SlidingPSN: order is 0 and initial 'exponential'; give at least 1",
    ),
    "inputs before of another batch": Row(
        lambda _: SlidingPSN(2).run(zeros(1, 2, 3), zeros(1, 4, 3)), ShapeError,
        "the inputs before have shape (1, 4, 3), but one step of x has (2, 3). Pass state=None",
    ),
    "no sweep": Row(lambda _: settle(zeros(2, 1), sweeps=0), ConfigError, "settle: sweeps is 0; give at least 1, or"),
    "fixed point through time": Row(
        lambda _: fixed_point(zeros(2, 1)), ConfigError, "its gradient does not follow the potential through",
    ),
    "embedding of nothing": Row(lambda _: AdaptiveEmbedding(0, 4), ConfigError, "vocabulary is 0 and channels 4; give"),
    "cut-offs that fall": Row(
        lambda _: AdaptiveEmbedding(9, 4, (5, 3)), ConfigError, "cutoffs are (5, 3); give rising numbers above 0 and",
    ),
    "cut-offs that leave no width": Row(
        lambda _: AdaptiveEmbedding(9, 4, (2, 5)), ConfigError, "2 cut-offs and shrink=4 leave no number of 4 channels",
    ),
    "language without embedding": Row(
        lambda _: models.LanguageModel(AdaptiveEmbedding(9, 4), nn.Identity(), dropout=1.0), ConfigError,
        "LanguageModel: dropout is 1.0; give a share from 0",
    ),
    "language that sees ahead": Row(
        lambda _: models.spiking_ssm_language(config="text", channels=4, modes=2), ConfigError,
        "a step would see the token that it is to predict. Set bidirectional=False, or another config than 'text'",
    ),
    "generation from nothing": Row(lambda _: models.generate(nn.Identity(), []), ConfigError, "the prompt is empty"),
    "generation of no token": Row(
        lambda _: models.generate(nn.Identity(), [1], top_k=0), ConfigError, "temperature is 1.0 and top_k 0; give a t",
    ),
    "weights of another product": Row(
        lambda _: accumulate(zeros(1, 3), zeros(2, 3), zeros(2)), ShapeError,
        "accumulate: spikes, weight and bias have shapes (1, 3), (2, 3), (2,), but (B, N_in), (N_in, N_out) and",
    ),
    "spikes of another precision": Row(
        lambda _: accumulate(zeros(1, 2).double(), zeros(2, 3)), DtypeError,
        "have dtypes torch.float64, torch.float32; give one floating-point dtype for all.",
    ),
    "unknown norm": Row(
        lambda _: StateSpaceBlock(4, IF, norm="group"), ConfigError, "norm is 'group'; choose one of batch, layer,",
    ),
    "sequence model without blocks": Row(
        lambda _: models.SpikingSSM(depth=0), ConfigError, "SpikingSSM: depth is 0; give at least 1.",
    ),
    "sequence model on images": Row(
        lambda _: models.SpikingSSM()(zeros(1, 1, 1, 8, 8)), ShapeError, "was expected. Images become sequences by",
    ),
    "unknown configuration": Row(
        lambda _: models.spiking_ssm(config="mnist"), ConfigError, "config 'mnist' is unknown; choose one of listops,",
    ),
    # weights
    "weights that are missing": Row(
        lambda p: load_weights(nn.Linear(2, 2), p / "none"), RunError, "none does not exist; check the name of the run",
    ),
    "weights that are truncated": Row(
        lambda p: load_weights(nn.Linear(2, 2), write(p, "w", b"abc")), RunError, "is no whole safetensors file",
    ),
    "weights that were changed": Row(
        lambda p: (save_weights(nn.Linear(2, 2), p / "w"), read_tensors(flipped(p / "w"))), RunError,
        "w was changed after it was written: its tensors have the SHA-256 ",
    ),
    "weights of another network": Row(
        lambda p: (save_weights(nn.Linear(2, 2), p / "w"), load_weights(nn.Linear(2, 2, bias=False), p / "w")),
        RunError, "belongs to another network: 1 extra (bias). Build the network of its recipe.yaml",
    ),
    "weights of another shape": Row(
        lambda p: (save_weights(nn.Linear(2, 2), p / "w"), load_weights(nn.Linear(2, 3), p / "w")), RunError,
        "but the network has (3,). Build the network of its recipe.yaml",
    ),
}  # fmt: skip


by_forward_mode = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # of torch's own code


@by_forward_mode
@pytest.mark.parametrize("name", ROWS)
def test_messages(name, tmp_path):
    row = ROWS[name]
    with pytest.raises(row.error) as caught:
        row.call(tmp_path)
    assert row.says in str(caught.value)
    assert isinstance(caught.value, SynfireError)


@by_forward_mode
def test_every_message_of_the_core_has_a_row(tmp_path):
    """Compare the places where the rows' errors arose with all `raise` statements of synfire errors."""
    source = Path(synfire.__file__).parent
    names = {error.__name__ for error in SynfireError.__subclasses__()}
    statements = {
        (str(file), node.lineno, node.end_lineno)
        for room in ROOMS
        for file in (source / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in names
    }
    arose = set()
    for row in ROWS.values():
        with pytest.raises(SynfireError) as caught:
            row.call(tmp_path)
        arose |= {(f.filename, f.lineno) for f in traceback.extract_tb(caught.value.__traceback__)}
    forgotten = [s for s in statements if not any((s[0], line) in arose for line in range(s[1], s[2] + 1))]
    assert len(statements) > 30
    assert not forgotten
