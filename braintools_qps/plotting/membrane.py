"""The figure of a membrane: distribution of the potential, and the surrogate gradient there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..records import GradientFlow, PopulationFlow
from .flow import named_populations
from .panels import COLOURS, GREY, Axes, panels_of, typed


def plot_membrane(
    flow: GradientFlow | PopulationFlow, axes: Axes | Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw how membrane potentials are distributed, and the surrogate gradient over them.

    If the two hardly overlap, hardly any gradient gets through. The title says for how many
    neuron-steps the gradient is below 0.1% of its peak. Each population has a panel.

    Parameters
    ----------
    flow : GradientFlow or PopulationFlow
        One candidate from `gradient_flow`, or one of its populations.
    axes : matplotlib.axes.Axes or sequence of them, optional
        Axes for each population; by default those of a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If ``flow`` is neither, for example all that `gradient_flow` returned.
    ValueError
        If ``axes`` has the wrong length.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> from braintools_qps.plotting import plot_membrane
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), jnp.ones((20, 4)) * 3 * u.mA)
    >>> plot_membrane(flows["model"])[0].get_ylabel()
    'density of neuron-steps'
    """
    populations = {flow.name: flow} if isinstance(flow, PopulationFlow) else named_populations(flow)
    panels = panels_of(axes, len(populations))
    for (name, population), panel in zip(populations.items(), panels):
        _draw(panel, name, population)
    return panels


def _draw(axes: Axes, name: str, population: PopulationFlow) -> None:
    histogram = population.slopes.distances
    middle = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    density = histogram.share / np.diff(histogram.edges)
    axes.fill_between(middle, density, step="mid", color=COLOURS[5], alpha=0.6, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1, zorder=0)
    flat = f"{100 * population.slopes.flat_share:.0f}% with a gradient below 0.1% of its peak"
    axes.set_title(f"{typed(name)}\n{flat}", fontsize="medium")
    axes.set(xlabel="$(V - V_{th})$ / scale", ylabel="density of neuron-steps", ylim=(0, None))
    over = axes.twinx()
    over.plot(middle, histogram.slope, color=COLOURS[1])
    over.set_ylim(0, 1.05)
    over.set_ylabel("gradient / peak", color=COLOURS[1])
    over.spines["right"].set_visible(True)
