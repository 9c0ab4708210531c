"""The figure of a gradient on its way back in time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._checks import check_record
from ..records import GradientFlow, PopulationFlow
from .panels import FAINT, GREY, Axes, Look, add_legend, panels_of, styles, typed


def plot_gradient_flow(
    flows: Mapping[str, GradientFlow] | GradientFlow, axes: Axes | None = None
) -> Axes:
    """Draw the size of the gradient at each step back in time, with a line for each candidate.

    Parameters
    ----------
    flows : mapping of labels to GradientFlow, or a GradientFlow
        Result of `gradient_flow`. A model with several populations has a line for each.
    axes : matplotlib.axes.Axes, optional
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Logarithmic axis: root mean square of the gradient with respect to the membrane potential,
        relative to the last step that has a gradient. The grey line is at 1%, where the reach ends.

    Raises
    ------
    TypeError
        If ``flows`` is not a result of `gradient_flow`.
    ValueError
        If ``axes`` is a sequence of several.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> from braintools_qps.plotting import plot_gradient_flow
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), jnp.ones((20, 4)) * 3 * u.mA)
    >>> plot_gradient_flow(flows).get_xlabel()
    'steps back in time'
    """
    check_record(flows, GradientFlow, several=GradientFlow)
    panels = panels_of(axes, 1)
    flows = flows if isinstance(flows, Mapping) else {flows.name: flows}
    curves = {
        name: _relative(population.gradient.second_moments)
        for label, flow in flows.items()
        for name, population in _named_populations(flow, label).items()
    }
    _draw(curves, panels[0])
    add_legend(panels, outside=axes is None)
    return panels[0]


def _relative(second_moments: np.ndarray) -> np.ndarray:
    """Root mean square by steps back, relative to the last step that has a gradient."""
    size = np.trim_zeros(np.sqrt(second_moments), "f")
    return np.where(size > 0, size / size[:1], np.nan)


def _draw(curves: Mapping[str, np.ndarray], axes: Axes) -> None:
    """Draw relative gradients against steps back in time, and a line at 1%."""
    for (label, curve), look in zip(curves.items(), styles()):
        axes.plot(np.arange(len(curve)), curve, label=typed(label), **look)
    axes.axhline(0.01, color=GREY, linewidth=1, zorder=0)
    text: Look = {"color": FAINT, "fontsize": "small", "verticalalignment": "center"}
    # Beside the axes, where no curve can lie over it.
    axes.text(1.01, 0.01, "reach:\n1%", transform=axes.get_yaxis_transform(), **text)
    axes.locator_params(axis="x", integer=True)
    axes.set(yscale="log", title="Gradient flow", xlabel="steps back in time")
    axes.set_ylabel("gradient, relative")


def _named_populations(flow: GradientFlow, label: str) -> dict[str, PopulationFlow]:
    """The populations of a flow by their labels in the figure."""
    if len(flow.populations) == 1:
        return {label: flow.populations[0]}
    return {f"{label}, {population.name}": population for population in flow.populations}
