"""The figure of a membrane: where it lies, and what gradient it meets there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .panels import COLOURS, GREY, panels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records import GradientFlow, PopulationFlow


def plot_membrane(flow: GradientFlow | PopulationFlow, axes: Axes | None = None) -> Axes:
    """Draw where the membrane lies, and the surrogate gradient over it.

    Where the two hardly overlap, most neuron-steps pass next to no gradient on; the title says for
    how many the gradient is below 1% of its peak.

    Parameters
    ----------
    flow : GradientFlow or PopulationFlow
        One candidate of what `gradient_flow` returns, of which the first population is drawn, or a
        population of it.
    axes : matplotlib.axes.Axes, optional
        What to draw into.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> from braintools_qps.plotting import plot_membrane
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), jnp.ones((20, 4)) * 3 * u.mA, target=None)
    >>> plot_membrane(flows["model"]).get_ylabel()
    'density of neuron-steps'
    """
    (axes,) = panels_of(axes, 1)
    population = getattr(flow, "populations", [flow])[0]
    histogram = population.distances
    middle = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    density = histogram.share / np.diff(histogram.edges)
    axes.fill_between(middle, density, step="mid", color=COLOURS[5], alpha=0.6, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1, zorder=0)
    flat = f"{100 * population.flat_share:.0f}% with a gradient below 1% of its peak"
    axes.set_title(f"{flow.name}\n{flat}", fontsize="medium")
    axes.set(xlabel="$(V - V_{th})$ / scale", ylabel="density of neuron-steps", ylim=(0, None))
    over = axes.twinx()
    over.plot(middle, histogram.slope, color=COLOURS[1])
    over.set_ylim(0, 1.05)
    over.set_ylabel("gradient / peak", color=COLOURS[1])
    over.spines["right"].set_visible(True)
    return axes
