"""Figures from the records of runs, for notebooks; the report page shows the same.

Every function returns a plotly figure, or raises `NothingToShow` with the reason.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from synfire.report import drawings, samples
from synfire.report.drawings import NothingToShow
from synfire.report.runs import Run

__all__ = [
    "NothingToShow",
    "accuracy_energy",
    "avalanche",
    "confusion",
    "curves",
    "density",
    "energy_per_layer",
    "events",
    "picture",
    "raster",
]


def accuracy_energy(runs: Sequence[Run], pricer: str) -> go.Figure:
    """Accuracy against energy of one inference, a point per run; a conventional network has a second, skipping zeros.

    The line joins the Pareto front: the runs that no other beats in both.
    """
    return go.Figure(drawings.accuracy_energy(runs, pricer))


def energy_per_layer(run: Run, pricer: str) -> go.Figure:
    """Energy of every layer under a price list, stacked by what it is spent on."""
    return go.Figure(drawings.energy_per_layer(run, pricer))


def density(run: Run) -> go.Figure:
    """Share of non-zero outputs of every layer of neurons and every merge, at each step."""
    return go.Figure(drawings.density(run))


def avalanche(run: Run) -> go.Figure:
    """Mean and largest value behind every merge of a residual network, and its barrier (arXiv:2510.24637)."""
    return go.Figure(drawings.avalanche(run))


def confusion(run: Run) -> go.Figure:
    """Which class (row) was taken for which (column), in percent of the row."""
    return go.Figure(drawings.confusion(run))


def raster(run: Run, sample: int) -> go.Figure:
    """What chosen neurons of every layer emit on one sample: a column per step, layers side by side."""
    return go.Figure(samples.raster(run, sample))


def events(run: Run, sample: int) -> go.Figure:
    """One sample of events, step by step (brighter in orange, darker in blue), above what neurons emit on it."""
    return go.Figure(samples.events(run, sample))


def picture(run: Run, sample: int) -> go.Figure:
    """One stored sample as the network's encoder saw it, normalised to its own darkest and brightest point."""
    return go.Figure(samples.picture(run, sample))


def curves(runs: Sequence[Run]) -> go.Figure:
    """Accuracy, or what else a task measures first, and loss in training (dotted) and validation, by epoch."""
    return go.Figure(drawings.curves(runs))
