"""Figures as SVG within the page, one panel each, in the colours of the page around them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..plotting import (
    accuracy_height,
    plot_comparison,
    plot_gradient_flow,
    plot_membrane,
    tuned_results,
    tuning_size,
)
from ..plotting.tuning import draw_tuning
from ..records import Comparison, GradientFlow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.6, 3.4)  # inches
WIDE = 4.8

# A placeholder for the colour of the page's text, which `_inline` puts in.
INK = "#010203"
# Colours that change with the page's background; the other curves suit light and dark.
COLOURS = {
    INK: "currentColor",
    "#000000": "currentColor",
    "#666666": "var(--faint-text)",
    "#cccccc": "var(--line)",
    "#0072b2": "var(--blue)",
}
STYLE: Any = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 10,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


class Drawing(NamedTuple):
    title: str
    svg: str


def comparison_drawings(comparison: Comparison) -> list[Drawing]:
    """The panels of `plot_comparison`, each by itself; the last is that of tuning, if there was
    any."""
    with _style():
        panels = [_panel((WIDE, accuracy_height(comparison))), *(_panel() for _ in range(4))]
        plot_comparison(comparison, panels)
        if tuned_results(comparison):
            panels.append(_panel(tuning_size(comparison)))
            draw_tuning(comparison, panels[-1])
        return _drawings(panels)


def flow_drawings(flows: Mapping[str, GradientFlow]) -> list[Drawing]:
    """The gradient back in time of all candidates, and the membrane potentials of populations."""
    with _style():
        panels = [plot_gradient_flow(flows, _panel())]
        for flow in flows.values():
            panels += plot_membrane(flow, [_panel() for _ in flow.populations])
        return _drawings(panels)


def _style() -> AbstractContextManager:
    import matplotlib

    return matplotlib.rc_context(STYLE)


def _panel(size: tuple[float, float] = SIZE) -> Axes:
    """Axes in a new figure that pyplot does not know, so that no window opens."""
    from matplotlib.figure import Figure

    return Figure(size, layout="constrained").subplots()


def _drawings(panels: Iterable[Axes]) -> list[Drawing]:
    """The figures as SVG, each with its own salt, so that element names differ in the page."""
    return [_drawing(panel, salt=f"figure {number}") for number, panel in enumerate(panels)]


def _drawing(panel: Axes, salt: str) -> Drawing:
    import matplotlib

    title = panel.get_title().replace(r"\$", "$")
    panel.set_title("")
    figure: Any = panel.get_figure(root=True)
    lines, labels = panel.get_legend_handles_labels()
    if legend := panel.get_legend():
        legend.remove()
    if labels:  # below the panel, where it covers no curve
        figure.legend(lines, labels, loc="outside lower left")
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    return Drawing(title, _inline(text.getvalue()))


def _inline(svg: str) -> str:
    """The svg element alone, without the header of a file, in the page's colours."""
    svg = svg[svg.index("<svg") :]
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg
