"""The one shape that runs through everything: a sequence (T, B, ...)."""

from torch import Tensor

from synfire.base.errors import DtypeError, ShapeError


def check_sequence(x: Tensor, who: str, axes: str = "...") -> None:
    """Raise unless x is a floating-point sequence (T, B, <axes>) of at least one step.

    Args:
        x: the input of a layer.
        who: name of the layer, for the message.
        axes: names of the axes behind the batch, such as "C, H, W"; "..." stands for any number of them.

    Raises:
        ShapeError: axes are missing or too many, or T is 0.
        DtypeError: x is not floating point.
    """
    fits = x.dim() >= 2 if axes == "..." else x.dim() == 3 + axes.count(",")
    if not fits:
        raise ShapeError(
            f"{who}: x has shape {tuple(x.shape)}, but a sequence (T, B, {axes}) was expected. "
            "Add the time axis with x.unsqueeze(0) for one step, or with an encoder such as synfire.layers.Direct(4)."
        )
    if x.shape[0] == 0:
        raise ShapeError(f"{who}: x has shape {tuple(x.shape)}, that is T = 0 steps; give at least one step.")
    if not x.is_floating_point():
        raise DtypeError(
            f"{who}: x has dtype {x.dtype}, but floating-point numbers were expected. "
            "Convert it with x.float(), and images of 0..255 with x.float() / 255."
        )
