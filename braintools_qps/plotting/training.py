"""The figure of how far the gradient reaches back in time while a network trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..records import GradientFlow, PopulationFlow, relative_gradient
from .panels import GREY, Axes, panels_of

FARTHEST = 1e4  # gradients that change more have the last colour


def plot_flow_over_training(
    history: Mapping[int, GradientFlow], axes: Axes | Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw how far back the gradient reaches at each step of a training.

    Parameters
    ----------
    history : mapping of int to GradientFlow
        Measurements of one model by training step: ``TrainingMonitor.history``.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Axes for each population; by default those of a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        For each population, steps back in time against the training step. Colour is the size of the
        gradient relative to the last step that has one: white for equal, blue for smaller, red for
        larger. The black line is at 1%. Each measurement fills the space up to the next.

    Raises
    ------
    ValueError
        If nothing was measured, or ``axes`` has the wrong length.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax
    >>> from braintools_qps import TrainingMonitor
    >>> from braintools_qps.plotting import plot_flow_over_training
    >>> inputs = jax.random.uniform(jax.random.key(0), (20, 2, 4)) * 6 * u.mA
    >>> monitor = TrainingMonitor(brainpy.state.LIF(4), inputs)
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flow = monitor()
    >>> plot_flow_over_training(monitor.history)[0].get_ylabel()
    'steps back in time'
    """
    if not history:
        raise ValueError("history has no measurement to draw. Call the monitor while training")
    names = [population.name for population in next(iter(history.values())).populations]
    panels = panels_of(axes, len(names))
    edges = _edges(list(history))
    for i, (name, panel) in enumerate(zip(names, panels)):
        _draw(panel, name, edges, [flow.populations[i] for flow in history.values()])
    return panels


def _draw(axes: Axes, name: str, edges: np.ndarray, populations: Sequence[PopulationFlow]) -> None:
    from matplotlib.colors import LogNorm

    lags = len(populations[0].gradient.second_moments)
    columns = [_column(population.gradient.second_moments, lags) for population in populations]
    picture = axes.pcolormesh(
        edges,
        np.arange(lags + 1) - 0.5,
        np.ma.masked_invalid(np.stack(columns, axis=1)),
        norm=LogNorm(1 / FARTHEST, FARTHEST, clip=True),
        cmap="RdBu_r",
        rasterized=True,
    )
    axes.set_facecolor(GREY)  # shows where there is no gradient
    axes.stairs(list(map(_boundary, populations)), edges, baseline=None, color="black")
    axes.locator_params(integer=True)
    axes.set(title=name, xlabel="training step", ylabel="steps back in time")
    axes.set_ylim(-0.5, lags - 0.5)
    figure = axes.get_figure()
    assert figure is not None  # it was given to us in one, or made in one
    figure.colorbar(picture, ax=axes, label="gradient, relative")


def _column(second_moments: np.ndarray, lags: int) -> np.ndarray:
    """Relative size by steps back from the last that has a gradient; NaN where there is none."""
    relative = relative_gradient(second_moments)
    return np.concatenate([relative, np.full(lags - len(relative), np.nan)])


def _boundary(population: PopulationFlow) -> float:
    """Where the line lies between the last lag above 1% and the first below."""
    return population.gradient.reach + (0.5 if population.gradient.reached_start else -0.5)


def _edges(steps: list[int]) -> np.ndarray:
    """Edges of the columns, the last one as wide as the one before it."""
    last = steps[-1] - steps[-2] if len(steps) > 1 else 1
    return np.array([*steps, steps[-1] + last])
