"""How two branches meet: a merge of spikes, and what follows it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from synfire.base import ConfigError, ShapeError
from synfire.ops.saving import tell_sum

MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,  # spikes add up, so values grow with every join (arXiv:2102.04159, ADD)
    "and": torch.mul,  # of binary spikes (arXiv:2102.04159, AND)
    "iand": lambda branch, shortcut: (1 - branch) * shortcut,  # of binary spikes (arXiv:2102.04159, IAND)
    "or": torch.maximum,  # the larger value; of binary spikes the logical or
}


class Join(nn.Module):
    """Merge a branch and a shortcut, both (T, B, ...), then pass the result through an optional neuron.

    Args:
        merge: "add", "and", "iand" or "or".
        after_merge: a neuron that bounds the merged spikes (a barrier), or None to hand them on as they are.

    Raises:
        ConfigError: the merge is unknown.
    """

    def __init__(self, merge: str = "add", after_merge: nn.Module | None = None) -> None:
        super().__init__()
        if merge not in MERGES:
            raise ConfigError(f"Join: merge {merge!r} is unknown; choose one of {', '.join(MERGES)}.")
        self.merge = merge
        self.after_merge = after_merge

    def forward(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        """Return the merged sequence, shaped like the branch.

        Raises:
            ShapeError: the two differ in shape.
        """
        if branch.shape != shortcut.shape:
            raise ShapeError(
                f"Join: the branch has shape {tuple(branch.shape)} and the shortcut {tuple(shortcut.shape)}; "
                "they must be equal. Give the shortcut a projection with the branch's stride and channels."
            )
        merged = MERGES[self.merge](branch, shortcut)
        if self.merge in ("add", "or"):  # products may exceed the sum
            tell_sum(merged, branch, shortcut)
        return merged if self.after_merge is None else self.after_merge(merged)

    def extra_repr(self) -> str:
        """Describe the join in one line for `print(net)`."""
        return f"merge={self.merge}"
