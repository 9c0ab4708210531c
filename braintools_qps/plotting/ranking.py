"""The figure of the mean slopes of all candidates, in the order of their ranks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..records import TOO_HIGH, GradientFlow, GradientFlows
from .panels import COLOURS, GREY, MARKERS, Axes, number_ticks, panels_of, typed

PER_CANDIDATE = 0.32  # inches
LEAST_HEIGHT = 2.7


def plot_ranking(flows: Mapping[str, GradientFlow], axes: Axes | None = None) -> Axes:
    """Draw the mean slope of each candidate, best first.

    Each population has a marker, which is hollow if its gradient flips its sign from step to step.
    Candidates whose mean over populations lies left of the grey line share a rank, unless a marker
    is hollow.

    Parameters
    ----------
    flows : mapping of labels to GradientFlow
        Result of `gradient_flow`.
    axes : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Mean slopes on a logarithmic axis. Right of the grey line they are too high.

    Raises
    ------
    ValueError
        If ``axes`` is a sequence of several.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> from braintools_qps.plotting import plot_ranking
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flows = gradient_flow(
    ...         brainpy.state.LIF(4), jnp.ones((20, 4)) * 3 * u.mA,
    ...         surrogates=["Sigmoid", "QPseudoSpike"],
    ...     )
    >>> [label.get_text() for label in plot_ranking(flows).get_yticklabels()]
    ['QPseudoSpike', 'Sigmoid']
    """
    names = GradientFlows(flows).ranked()
    height = max(LEAST_HEIGHT, PER_CANDIDATE * len(names) + 1)
    (panel,) = panels_of(axes, 1, (3.6, height))
    populations = [p.name for p in flows[names[0]].populations]
    for number, population in enumerate(populations):
        _draw_population(panel, [flows[name] for name in names], number, population)
    panel.axvline(TOO_HIGH, color=GREY, linewidth=1, zorder=0)
    panel.set_yticks(range(len(names)), list(map(typed, names)))
    panel.invert_yaxis()
    panel.set(xscale="log", xlabel="mean slope", title="Ranking")
    number_ticks(panel.xaxis)
    if len(populations) > 1:
        panel.legend(frameon=False, fontsize="small")
    return panel


def _draw_population(axes: Axes, flows: list[GradientFlow], number: int, name: str) -> None:
    slopes = [flow.populations[number].slopes.per_scale for flow in flows]
    hollow = np.array([flow.populations[number].gradient.overshoots for flow in flows])
    colour = COLOURS[number % len(COLOURS)]
    axes.scatter(
        slopes,
        np.arange(len(flows)),
        marker=MARKERS[number % len(MARKERS)],
        facecolors=["none" if flips else colour for flips in hollow],
        edgecolors=colour,
        label=name,
    )
