"""Keeping less for backward: spikes as bytes, and currents not at all where a norm can make them again.

Autograd keeps the input of every layer. Here that is spikes, small whole numbers in 32 bits each, and the output of a
norm, which follows from the norm's own input that is kept anyway. `compact` looks at what is kept while a network runs;
gradients are the same bit for bit.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class _Known:
    """What is known of one tensor.

    Attributes:
        tensor: to tell it from a later one in the same place of memory.
        version: of its contents, when it became known.
        lowest: lower bound of its numbers, which are whole.
        highest: upper bound, or 0 if they are not whole.
        again: makes it again, or None.
        packed: it as bytes, once somebody kept it.
    """

    tensor: "weakref.ref[Tensor]"
    version: int
    lowest: int = 0
    highest: int = 0
    again: Callable[[], Tensor] | None = None
    packed: Tensor | None = None

    @property
    def bytes(self) -> torch.dtype | None:
        """The type of a byte that holds all its numbers, or None."""
        for kind in (torch.uint8, torch.int8):
            if self.highest and torch.iinfo(kind).min <= self.lowest and self.highest <= torch.iinfo(kind).max:
                return kind
        return None


_known: ContextVar[dict[int, _Known] | None] = ContextVar("synfire_saving", default=None)


@contextmanager
def compact() -> Iterator[None]:
    """Run a network so that backward keeps spikes as bytes and makes the outputs of batch norms again.

    Put the forward pass inside; backward may run outside. It takes a batch norm more per layer. Inside torch.compile it
    changes nothing, and the gradients of torch.func cannot be taken inside it.

    Example:
        >>> with synfire.compact():
        ...     loss = criterion(net(x).mean(0), labels)
        >>> loss.backward()
    """
    token = _known.set({})
    try:
        with torch.autograd.graph.saved_tensors_hooks(_pack, _unpack):
            yield
    finally:
        _known.reset(token)


def tell_spikes(spikes: Tensor, lowest: int, highest: int) -> None:
    """Tell `compact` that a tensor holds whole numbers between two bounds."""
    _tell(spikes, lowest=lowest, highest=highest)


def tell_sum(result: Tensor, *parts: Tensor) -> None:
    """Tell `compact` that a tensor holds whole numbers within the sum of the bounds of others, if it knows those."""
    found = [_find(part) for part in parts]
    if all(part is not None and part.highest for part in found):
        _tell(result, lowest=sum(part.lowest for part in found if part), highest=sum(p.highest for p in found if p))


def tell_again(result: Tensor, again: Callable[[], Tensor]) -> None:
    """Tell `compact` how to make a tensor again, equal bit for bit, from what is kept anyway."""
    _tell(result, again=again)


def _tell(tensor: Tensor, lowest: int = 0, highest: int = 0, again: Callable[[], Tensor] | None = None) -> None:
    known, place = _listening(), _place(tensor)
    if known is not None and place is not None and tensor.requires_grad and torch.is_grad_enabled():
        known[place] = _Known(weakref.ref(tensor), tensor._version, lowest, highest, again)


def _find(tensor: Tensor) -> _Known | None:
    """Return what is known of a tensor or a view of all of it.

    A tensor that is gone may have left its place to another, and one that was changed is not what was told.
    """
    known, place = _listening(), _place(tensor)
    found = known.get(place) if known and place is not None else None
    original = found.tensor() if found is not None else None
    if found is None or original is None:
        return None
    same = (tensor._version, tensor.dtype, tensor.numel()) == (found.version, original.dtype, original.numel())
    return found if same else None


def _listening() -> dict[int, _Known] | None:
    return None if torch.compiler.is_compiling() else _known.get()


def _place(tensor: Tensor) -> int | None:
    """Return where a tensor begins in memory, or None for one that has no memory, as inside torch.func."""
    try:
        return tensor.data_ptr()
    except RuntimeError:
        return None


Packed = Tensor | tuple[Tensor, torch.dtype] | Callable[[], Tensor]


def _pack(tensor: Tensor) -> Packed:
    found = _find(tensor)
    original = found.tensor() if found is not None else None
    if found is None or original is None:
        return tensor
    if found.again is not None:
        return found.again if tensor.shape == original.shape and tensor.stride() == original.stride() else tensor
    if found.bytes is None:
        return tensor
    if found.packed is None or found.packed.shape != tensor.shape or found.packed.stride() != tensor.stride():
        found.packed = tensor.detach().to(found.bytes)
    return found.packed, tensor.dtype


def _unpack(packed: Packed) -> Tensor:
    if isinstance(packed, Tensor):
        return packed
    if isinstance(packed, tuple):
        return packed[0].to(packed[1])
    with torch.no_grad():
        return packed()
