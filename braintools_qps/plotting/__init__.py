"""Figures of surrogates, of the gradient's way through a network and of comparisons.

Every function draws into matplotlib axes, makes them where none are given, and returns them.
Matplotlib is imported when one is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import brainunit as u
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._candidates import candidates, label_of
from .._surrogate import require_one_shape
from ..records.comparison import relative_gradient
from ..typing import SurrogateSpecs
from .panels import COLOURS, GREY, add_legend, panels_of, styles
from .ranking import plot_ranking
from .training import plot_flow_over_training
from .tuning import draw_tuning, plot_tuning, tuned_results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..records.comparison import Comparison
    from ..records.flow import GradientFlow, PopulationFlow

__all__ = [
    "plot_comparison",
    "plot_flow_over_training",
    "plot_gradient_flow",
    "plot_learning_curves",
    "plot_membrane",
    "plot_ranking",
    "plot_surrogates",
    "plot_tuning",
]

# How far surrogates are drawn to each side, in multiples of the largest scale.
WIDTH = 4.0
POINTS = 801


def plot_surrogates(surrogates: SurrogateSpecs, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw the gradient and the original function of some surrogates.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Each as `get_surrogate` takes them. Either all of them have a scale with a dimension, which
        the horizontal axis then shows, or none has.
    axes : sequence of two matplotlib.axes.Axes, optional
        For the gradient and for the original function.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If only some have a scale with a dimension, the dimensions differ, or a parameter has
        several values.

    Examples
    --------
    >>> from braintools_qps.plotting import plot_surrogates
    >>> left, right = plot_surrogates(["QPseudoSpike(alpha=1.0)", "Sigmoid"])
    >>> left.get_title()
    'Gradient'
    """
    panels = panels_of(axes, 2)
    _draw_surrogates(_named(surrogates), *panels)
    add_legend(panels, outside=axes is None)
    return panels


def plot_gradient_flow(
    flows: Mapping[str, GradientFlow] | GradientFlow, axes: Axes | None = None
) -> Axes:
    """Draw by how much the gradient has grown or fallen, by steps back, for each candidate.

    Parameters
    ----------
    flows : mapping of labels to GradientFlow, or a GradientFlow
        What `gradient_flow` returns. Where a model has several populations, each is a line.
    axes : matplotlib.axes.Axes, optional
        What to draw into.

    Returns
    -------
    matplotlib.axes.Axes
        The root mean square of the gradient by the membrane potential, relative to the last step
        that has one, on a logarithmic axis. A grey line marks the 1 % that defines the reach.

    Examples
    --------
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> from braintools_qps.plotting import plot_gradient_flow
    >>> with brainstate.environ.context(dt=1.0 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), jnp.ones((20, 4)) * 3 * u.mA, target=None)
    >>> plot_gradient_flow(flows).get_xlabel()
    'steps back in time'
    """
    panels = panels_of(axes, 1)
    flows = flows if isinstance(flows, Mapping) else {flows.name: flows}
    _draw_gradient_flow(_relative_gradients(flows), *panels)
    add_legend(panels, outside=axes is None)
    return panels[0]


def plot_membrane(flow: GradientFlow | PopulationFlow, axes: Axes | None = None) -> Axes:
    """Draw where the membrane lies, and the surrogate's derivative over it.

    Where the two hardly overlap, most neuron-steps pass next to no gradient on; the title says for
    how many the gradient is below 1 % of its peak.

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
    >>> import brainpy
    >>> import brainstate
    >>> import brainunit as u
    >>> import jax.numpy as jnp
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
    flat = f"{100 * population.flat_share:.0f} % with a gradient below 1 % of its peak"
    axes.set_title(f"{label_of(flow.name)}\n{flat}", fontsize="medium")
    axes.set(xlabel="$(V - V_{th})$ / scale", ylabel="density of neuron-steps", ylim=(0, None))
    over = axes.twinx()
    over.plot(middle, histogram.slope, color=COLOURS[1])
    over.set_ylim(0, 1.05)
    over.set_ylabel("gradient / peak", color=COLOURS[1])
    over.spines["right"].set_visible(True)
    return axes


def plot_learning_curves(comparison: Comparison, axes: Axes | None = None) -> Axes:
    """Draw the loss by epoch of each candidate: the mean over seeds, and their range as a band.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : matplotlib.axes.Axes, optional
        What to draw into.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_learning_curves
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> plot_learning_curves(comparison).get_ylabel()
    'training loss'
    """
    panels = panels_of(axes, 1)
    _draw_learning_curves(comparison, *panels)
    add_legend(panels, outside=axes is None)
    return panels[0]


def plot_comparison(comparison: Comparison, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw learning curves, gradient flow before training, and the shapes of the surrogates.

    A figure of its own also has a panel of `plot_tuning` for each candidate that was tuned.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returns.
    axes : sequence of four matplotlib.axes.Axes, optional
        For the learning curves, the gradient flow, the gradients and the original functions.

    Returns
    -------
    list of matplotlib.axes.Axes

    Examples
    --------
    >>> from braintools_qps import compare
    >>> from braintools_qps.plotting import plot_comparison
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> [axes.get_title() for axes in plot_comparison(comparison)]
    ['Learning curves', 'Gradient flow', 'Gradient', 'Original function']
    """
    tuned = tuned_results(comparison) if axes is None else []
    panels = panels_of(axes, 4 + len(tuned))
    _draw_learning_curves(comparison, panels[0])
    _draw_gradient_flow({r.label: r.gradient_by_lag for r in comparison.results}, panels[1])
    _draw_surrogates({r.label: r.surrogate for r in comparison.results}, *panels[2:4])
    for panel, result in zip(panels[4:], tuned):
        draw_tuning(result, comparison.score, panel)
    add_legend(panels[:4], outside=axes is None)
    return panels


def _draw_surrogates(named: Mapping[str, Surrogate], left: Axes, right: Axes) -> None:
    x, unit = _abscissa(list(named.values()))
    where = u.get_mantissa(x)
    for (label, surrogate), style in zip(named.items(), styles()):
        gradient = surrogate.surrogate_grad(x)
        left.plot(where, u.get_mantissa(gradient), label=label, **style)
        with suppress(NotImplementedError):  # braintools leaves it to the author to define one
            right.plot(where, surrogate.surrogate_fun(x), label=label, **style)
    right.step(where, where >= 0, where="post", color=GREY, linewidth=1, zorder=0)
    distance = "$V - V_{th}$" if unit else "$x$"
    left.set(title="Gradient", xlabel=distance + _in(unit), ylabel="gradient" + _in(unit, "1/"))
    left.set_ylim(bottom=min(0, left.get_ylim()[0]))
    right.set(title="Original function", xlabel=distance + _in(unit), ylabel="value")


def _draw_gradient_flow(curves: Mapping[str, Any], axes: Axes) -> None:
    for (label, curve), style in zip(curves.items(), styles()):
        axes.plot(np.arange(len(curve)), curve, label=label, **style)
    axes.axhline(0.01, color=GREY, linewidth=1, zorder=0)
    look: dict[str, Any] = {"color": "0.4", "fontsize": "small", "verticalalignment": "center"}
    # Beside the axes, where no curve can lie over it.
    axes.text(1.01, 0.01, "reach:\n1 %", transform=axes.get_yaxis_transform(), **look)
    axes.locator_params(axis="x", integer=True)
    axes.set(yscale="log", title="Gradient flow", xlabel="steps back in time")
    axes.set_ylabel("gradient, relative")


def _draw_learning_curves(comparison: Comparison, axes: Axes) -> None:
    for result, style in zip(comparison.results, styles()):
        if result.error:
            continue
        loss = np.asarray(result.loss)
        epochs = np.arange(1, loss.shape[1] + 1)
        axes.plot(epochs, loss.mean(0), label=result.label, **style)
        band = {"color": style["color"], "alpha": 0.2, "linewidth": 0}
        axes.fill_between(epochs, loss.min(0), loss.max(0), **band)
    axes.locator_params(axis="x", integer=True)
    axes.set(yscale="log", title="Learning curves", xlabel="epoch")
    spread = "\n(mean and range of seeds)" if len(comparison.seeds) > 1 else ""
    axes.set_ylabel("training loss" + spread)


def _named(surrogates: Any) -> dict[str, Surrogate]:
    named = candidates(surrogates)
    for surrogate in named.values():
        require_one_shape(surrogate)
    return named


def _abscissa(surrogates: Sequence[Surrogate]) -> tuple[Any, u.Unit | None]:
    """Distances to draw, in the unit of the first scale that has one."""
    scales = [getattr(surrogate, "scale", None) for surrogate in surrogates]
    units = [scale.unit if isinstance(scale, u.Quantity) else None for scale in scales]
    unit = units[0] if units else None
    if any((other is None) != (unit is None) for other in units) or (
        unit is not None and any(not unit.has_same_dim(other) for other in units)
    ):
        raise ValueError(
            f"surrogates on one axis need scales of one dimension, got {[str(s) for s in scales]}. "
            "Give all of them a scale in mV, or none"
        )
    x = jnp.linspace(-1, 1, POINTS) * WIDTH * max(_width(scale, unit) for scale in scales)
    return (x, None) if unit is None else (u.Quantity(x, unit=unit), unit)


def _width(scale: Any, unit: u.Unit | None) -> float:
    if scale is None:
        return 1.0
    return float(np.max(scale if unit is None else u.Quantity(scale).to_decimal(unit)))


def _in(unit: u.Unit | None, per: str = "") -> str:
    return f" ({per}{unit})" if unit is not None else ""


def _relative_gradients(flows: Mapping[str, GradientFlow]) -> dict[str, np.ndarray]:
    """A curve for each population of each flow; the population is named where there are several."""
    return {
        label if len(flow.populations) == 1 else f"{label}, {population.name}": relative_gradient(
            population.second_moments
        )
        for label, flow in flows.items()
        for population in flow.populations
    }
