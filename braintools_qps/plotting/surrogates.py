"""The figure of surrogates: their gradients and their original functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import brainunit as u
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate
from jax import Array
from jax.typing import ArrayLike

from .._registry import candidates
from .._surrogate import require_one_shape, scale_of, scale_unit
from ..typing import Distance, SurrogateSpecs
from .panels import FAINT, Axes, Look, add_legend, panels_of, styles, typed

# How far surrogates are drawn to each side, in multiples of the largest scale.
WIDTH = 4.0
POINTS = 801


def plot_surrogates(surrogates: SurrogateSpecs, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw surrogate gradients and their original functions, which are their integrals.

    If a surrogate does not define its original function, it is integrated numerically.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Each as `get_surrogate` takes it. Either all have a scale with a unit, such as mV, which the
        horizontal axis then shows, or none has.
    axes : sequence of two matplotlib.axes.Axes, optional
        Axes for the gradient and for the original function.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If only some have a scale with a unit, the units differ in dimension, a parameter has
        several values, or ``axes`` has the wrong length.

    Examples
    --------
    >>> from braintools_qps.plotting import plot_surrogates
    >>> left, right = plot_surrogates(["QPseudoSpike(alpha=1.0)", "Sigmoid"])
    >>> left.get_title()
    'Surrogate gradient'
    """
    panels, named = panels_of(axes, 2), candidates(surrogates)
    for surrogate in named.values():
        require_one_shape(surrogate)
    draw_surrogates(named, panels[0], panels[1])
    add_legend(panels, outside=axes is None)
    return panels


def draw_surrogates(
    named: Mapping[str, Surrogate],
    left: Axes,
    right: Axes | None = None,
    looks: Mapping[str, Look] | None = None,
) -> None:
    """Draw gradients into one panel, and original functions and the step into another, if given."""
    x, unit, shown = _axis(list(named.values()))
    where = u.get_mantissa(x)
    looks = dict(zip(named, styles())) if looks is None else looks
    for label, surrogate in named.items():
        style: Look = {"label": typed(label), **looks[label]}
        gradient = u.get_mantissa(surrogate.surrogate_grad(x))
        left.plot(where, gradient, **style)
        if right is not None:
            right.plot(where, _original(surrogate, x, where, gradient), **style)
    distance = f"membrane potential minus threshold{shown}"
    per_unit = "" if unit is None else f" (1/{unit})"
    left.set(title="Surrogate gradient", xlabel=distance, ylabel=f"gradient{per_unit}")
    left.set_ylim(bottom=min(0, left.get_ylim()[0]))
    if right is not None:
        right.step(where, where >= 0, where="post", color=FAINT, linewidth=1, zorder=0)
        right.text(0, 1, "spike ", color=FAINT, ha="right", va="center")
        right.set(title="Original function", xlabel=distance, ylabel="integral of the gradient")


def _original(surrogate: Surrogate, x: Distance, where: Array, gradient: Array) -> ArrayLike:
    """The original function; the integral of the gradient where its author has not defined one."""
    try:
        return surrogate.surrogate_fun(x)
    except NotImplementedError:  # as braintools leaves it to authors
        areas = np.cumsum(np.diff(where) * (gradient[1:] + gradient[:-1]) / 2)
        return 0.5 + np.r_[0.0, areas] - areas[POINTS // 2 - 1]  # 1/2 at the threshold


def of_one_axis(named: Mapping[str, Surrogate]) -> dict[str, Surrogate]:
    """The surrogates that fit on one axis: one value per parameter, and units like the first."""
    kept: dict[str, Surrogate] = {}
    for label, surrogate in named.items():
        with suppress(ValueError):
            require_one_shape(surrogate)
            _axis([*kept.values(), surrogate])
            kept[label] = surrogate
    return kept


def _axis(surrogates: Sequence[Surrogate]) -> tuple[Distance, u.Unit | None, str]:
    """Distances to draw, in the unit of the first scale; that unit; and how the axis names it."""
    given = list(map(scale_of, surrogates))
    scales = [1.0 if scale is None else scale for scale in given]
    if len(set(map(u.get_dim, scales))) > 1:
        raise ValueError(
            "surrogates in one figure need scales of one dimension, got "
            f"{list(map(str, given))}. Give all of them a scale in mV, or none"
        )
    unit = scale_unit(surrogates[0]) if surrogates else None
    widths = [
        float(np.max(scale if unit is None else u.Quantity(scale).to_decimal(unit)))
        for scale in scales
    ]
    x = jnp.linspace(-1, 1, POINTS) * WIDTH * max(widths, default=1.0)
    if unit is None:
        return x, None, "\n(in units of the scale)" * all(width == 1 for width in widths)
    return u.Quantity(x, unit=unit), unit, f" ({unit})"
