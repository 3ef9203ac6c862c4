"""The weights of a network as a safetensors file that any program can read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from synfire.base.errors import RunError
from synfire.base.records import write_atomic

DIGEST = "synfire.sha256"  # key of the metadata: the digest of all tensors


def save_weights(net: nn.Module, path: Path) -> None:
    """Write the state of a network under the names of its state_dict, whole or not at all.

    The metadata hold a digest of the tensors, by which `read_tensors` notices a changed bit.

    Raises:
        RunError: the disk is full or the folder cannot be written.
    """
    state = {
        name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in net.state_dict().items()
    }
    data = save(state, {DIGEST: digest(state)})
    write_atomic(path, lambda file: file.write(data))


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and bytes of tensors on the CPU, in the order of their names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        sha.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors, on the CPU, and metadata of any safetensors file.

    Raises:
        RunError: the file is missing, truncated or corrupt, or its tensors are not those of the digest it holds.
    """
    if not path.is_file():
        raise RunError(f"{path} does not exist; check the name of the run folder.")
    try:
        opened: Any = safe_open(path, "pt")  # the library gives it no type
        with opened as file:
            names: list[str] = file.keys()
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
            metadata: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as err:
        raise RunError(
            f"{path} is no whole safetensors file ({err}); it was truncated or changed. Copy it again or train again."
        ) from err
    if DIGEST in metadata and metadata[DIGEST] != (found := digest(tensors)):
        raise RunError(
            f"{path} was changed after it was written: its tensors have the SHA-256 {found[:12]}..., but "
            f"{metadata[DIGEST][:12]}... was expected. Copy it again or train again."
        )
    return tensors, metadata


def load_weights(net: nn.Module, path: Path) -> None:
    """Read the state of a network in place.

    Raises:
        RunError: the file is missing, truncated, corrupt, or belongs to another network.
    """
    tensors, _ = read_tensors(path)
    state = net.state_dict()
    missing, extra = sorted(state.keys() - tensors.keys()), sorted(tensors.keys() - state.keys())
    if missing or extra:
        named = [
            f"{len(names)} {what} ({names[0]})" for names, what in ((missing, "missing"), (extra, "extra")) if names
        ]
        raise RunError(
            f"{path} belongs to another network: {' and '.join(named)}. Build the network of its recipe.yaml."
        )
    for name, tensor in tensors.items():
        if tensor.shape != state[name].shape:
            raise RunError(
                f"{path}: {name} has shape {tuple(tensor.shape)}, but the network has {tuple(state[name].shape)}. "
                "Build the network of its recipe.yaml."
            )
    net.load_state_dict(tensors)
