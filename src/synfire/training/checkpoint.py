"""The whole state of a training run in one safetensors file: tensors as tensors, the rest as JSON, never pickle."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import CheckpointIO
from safetensors.torch import save
from torch import Tensor, nn

from synfire.base import RunError, read_tensors, write_atomic

FORMAT = "synfire-state-1"


class SafeCheckpointIO(CheckpointIO):
    """Stores Lightning's checkpoints with `write_state` and `read_state`; use it as a plugin of the Trainer.

    Args:
        task: the Lightning module whose checkpoints are read; if given, those of another network are refused.
    """

    def __init__(self, task: nn.Module | None = None) -> None:
        self.task = task

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint, whole or not at all."""
        write_state(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint onto the CPU, from where Lightning moves it; the file can hold no code.

        Raises:
            RunError: the file is damaged, or is of another network.
        """
        state = read_state(Path(path))
        if self.task is not None and (other := _difference(state.get("state_dict", {}), self.task.state_dict())):
            raise RunError(
                f"{path} belongs to another network: {other}. Resume with the checkpoint of this run and its "
                "recipe.yaml, or train again."
            )
        return state

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint, if it is there."""
        Path(path).unlink(missing_ok=True)


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested plain values and tensors to one safetensors file, whole or not at all.

    Dictionaries (with any plain keys), lists, tuples, numbers, strings, None and tensors come back as they were; a
    tensor that occurs twice is stored twice. The JSON stands in the metadata of the file, under "state".

    Raises:
        RunError: the disk is full, or a value is of another type.
    """
    tensors: dict[str, Tensor] = {}
    plain = _to_plain(state, "state", tensors)
    # One key alone, because the order of several would differ between two writes of the same state.
    data = save(tensors, {"state": json.dumps({"format": FORMAT, "state": plain})})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda file: file.write(data))


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote; tensors are on the CPU.

    Raises:
        RunError: the file is missing, truncated, corrupt or of another kind.
    """
    tensors, metadata = read_tensors(path)
    try:
        record = json.loads(metadata["state"])
        if record["format"] != FORMAT:
            raise RunError(f"{path} has the format {record['format']!r}, but {FORMAT!r} was expected; upgrade synfire.")
        return _from_plain(record["state"], tensors)
    except (KeyError, ValueError, TypeError) as err:
        raise RunError(
            f"{path} is a safetensors file, but not a checkpoint of synfire ({type(err).__name__}: {err}). "
            "Give the checkpoint/last.safetensors of a run folder."
        ) from err


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return in words where the tensors of two networks differ first, or nothing."""
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or extra:
        parts = (missing, "missing"), (extra, "extra")
        return " and ".join(f"{len(names)} {what} ({names[0]})" for names, what in parts if names)
    for name, value in wanted.items():
        if isinstance(value, Tensor) and getattr(found[name], "shape", None) != value.shape:
            shape = tuple(getattr(found[name], "shape", ()))
            return f"{name} has shape {shape} there, but {tuple(value.shape)} here"
    return ""


def _to_plain(value: Any, where: str, tensors: dict[str, Tensor]) -> Any:
    """Turn a value into JSON; every container but a list becomes an object with one key that tells its type."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, Tensor):
        name = where if where not in tensors else f"{where}#{len(tensors)}"  # keys 0 and "0" give the same path
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, Mapping):
        pairs = value.items()
        return {"dict": [[_to_plain(k, where, tensors), _to_plain(v, f"{where}.{k}", tensors)] for k, v in pairs]}
    if isinstance(value, list | tuple):
        items = [_to_plain(v, f"{where}.{i}", tensors) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    raise RunError(
        f"the checkpoint cannot hold {where}, which is a {type(value).__name__}; numbers, strings, None, lists, "
        "tuples, dictionaries and tensors were expected. Let the callback's state_dict return one of these."
    )


def _from_plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_from_plain(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "dict":
        return {_from_plain(k, tensors): _from_plain(v, tensors) for k, v in content}
    if kind == "tuple":
        return tuple(_from_plain(v, tensors) for v in content)
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    raise ValueError(f"unknown kind {kind!r}")
