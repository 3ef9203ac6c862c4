"""The operations: the best back end that takes the events."""

from torch import Tensor

from synfire.base import ConfigError, ShapeError, choose
from synfire.ops.events import numba, reference
from synfire.ops.events.batch import EventBatch
from synfire.ops.events.cells import Cells
from synfire.ops.events.cut import ends

FRAMES = (numba.FRAMES, reference.FRAMES)
VOXELS = (numba.VOXELS, reference.VOXELS)
SURFACE = (numba.SURFACE, reference.SURFACE)


def frames(events: EventBatch, edges: Tensor, cells: Cells) -> Tensor:
    """Count the events of each step that fall into each cell; exact up to 2**24 to a cell.

    Args:
        events: B recordings.
        edges: where the steps begin and end, see `synfire.ops.events.cut`, int64, (B, T + 1).
        cells: of a frame, for the sensor of the events.

    Returns:
        Counts, or brighter minus darker where the cells are signed, float32, (B, T, C, H, W).

    Raises:
        ShapeError: an event is outside the sensor, cells are of another sensor, or edges do not fit; on a GPU, where
            looking waits for the device, only shapes are looked at.
    """
    _check(events, cells, edges)
    return choose("frames", FRAMES, events.t).forward(events, edges, cells)


def voxels(events: EventBatch, bins: int, cells: Cells) -> Tensor:
    """Share each event between the two bins that are nearest in time.

    With s = (bins - 1) (t - first) / (last - first) over each recording, bin k takes max(0, 1 - |k - s|) of an event,
    negative for darker where the cells are signed. Source: arXiv:1812.08156, equations 1 to 3.

    Returns:
        Sums, float32, (B, bins, C, H, W).

    Raises:
        ConfigError: bins is below 1.
        ShapeError: as for `frames`.
    """
    if bins < 1:
        raise ConfigError(f"voxels: bins is {bins}; give at least 1.")
    _check(events, cells)
    return choose("voxels", VOXELS, events.t).forward(events, *ends(events), bins, cells)


def surface(events: EventBatch, edges: Tensor, ends: Tensor, tau: float, cells: Cells) -> Tensor:
    """Tell how recent the last event in each cell is at the end of each step: exp(-(end - t) / tau), 0 without any.

    Events of all earlier steps count, too. Source: Lagorce et al., IEEE TPAMI 39(7), 2017, equation 3.

    Args:
        events: B recordings.
        edges: where the steps begin and end, int64, (B, T + 1).
        ends: when they end, microseconds, int64, (B, T).
        tau: microseconds after which 1 has become 1 / e, above 0.
        cells: of a frame; those that are signed are refused, since a time has no sign.

    Returns:
        Values in 0..1, float32, (B, T, C, H, W).

    Raises:
        ConfigError: tau is not above 0, or the cells are signed.
        ShapeError: as for `frames`.
    """
    if not tau > 0:
        raise ConfigError(f"surface: tau is {tau}; give a time above 0, in microseconds.")
    if cells.polarities == "signed":
        raise ConfigError("surface: a time has no sign. Take polarities 'both', and the difference of the channels.")
    if ends.shape != (edges.shape[0], edges.shape[1] - 1):
        raise ShapeError(
            f"surface: ends have shape {tuple(ends.shape)}, but edges {tuple(edges.shape)}; give one end for each step."
        )
    _check(events, cells, edges)
    return choose("surface", SURFACE, events.t).forward(events, edges, ends, tau, cells)


def _check(events: EventBatch, cells: Cells, edges: Tensor | None = None) -> None:
    """Raise unless the events fit the cells and the edges, so that no back end writes where it must not."""
    if cells.sensor_size != events.sensor_size:
        raise ShapeError(f"events of a sensor of {events.sensor_size} do not fit cells for {cells.sensor_size}.")
    if edges is not None and (edges.dim() != 2 or edges.shape[0] != len(events) or edges.shape[1] < 2):
        raise ShapeError(f"edges have shape {tuple(edges.shape)}, but ({len(events)}, T + 1) was expected, T >= 1.")
    if events.device.type != "cpu" or not len(events.t):
        return
    for name, column, most in zip("xyp", (events.x, events.y, events.p), (*events.sensor_size, 2), strict=True):
        low, high = (int(bound) for bound in column.aminmax())
        if low < 0 or high >= most:
            raise ShapeError(f"events: {name} goes from {low} to {high}, but 0 to {most - 1} were expected. Leave out "
                             "what is outside.")  # fmt: skip
    own, most = events.offsets, len(events.t)
    if not _ascends(own, most) or own[0] != 0 or own[-1] != most:
        raise ShapeError(f"events: offsets must ascend from 0 to {most}, the number of events.")
    if edges is not None and not _ascends(edges.reshape(-1), most):
        raise ShapeError(f"events: edges must ascend, within 0 to {most}, the number of events.")


def _ascends(places: Tensor, most: int) -> bool:
    return bool((places.diff() >= 0).all()) and int(places[0]) >= 0 and int(places[-1]) <= most
