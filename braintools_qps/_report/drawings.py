"""Figures as SVG within the page, one panel each, in the colours of the page around them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..plotting import plot_comparison, plot_gradient_flow, plot_membrane, plot_tuning
from ..records import Comparison, GradientFlow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.6, 3.4)  # inches

# Stands for the colour of the page's text until the figure is in the page.
INK = "#010203"
# Colours that must change with the page's background; those of the curves suit both.
COLOURS = {
    INK: "currentColor",
    "#000000": "currentColor",
    "#666666": "var(--faint-text)",
    "#cccccc": "var(--line)",
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
    """The panels of `plot_comparison`, but for those of what was not measured or searched."""
    with _style():
        searched = [_panel() for result in comparison.results if result.tuning]
        panels = [_panel() for _ in range(3)]
        plot_comparison(comparison, panels)
        if searched:
            plot_tuning(comparison, searched)
        for panel in searched:
            panel.set_title(f"Search: {panel.get_title()}")
        return _drawings([*filter(_has_curves, panels), *searched])


def flow_drawings(flows: Mapping[str, GradientFlow]) -> list[Drawing]:
    """The gradient by lag of all candidates, and where each population's membrane lies."""
    with _style():
        panels = [plot_gradient_flow(flows, _panel())]
        for flow in flows.values():
            panels += plot_membrane(flow, [_panel() for _ in flow.populations])
        return _drawings(panels)


def _style() -> Any:
    import matplotlib

    return matplotlib.rc_context(STYLE)


def _panel() -> Axes:
    """Axes in a figure of their own, which no window and no list of open figures knows."""
    from matplotlib.figure import Figure

    return Figure(SIZE, layout="constrained").subplots()


def _has_curves(panel: Axes) -> bool:
    lines: Any = panel.get_legend_handles_labels()[0]
    return any(len(line.get_xdata()) for line in lines)


def _drawings(panels: Iterable[Axes]) -> list[Drawing]:
    """The salts keep the names within one figure apart from those of the others in the page."""
    return [_drawing(panel, salt=f"figure {number}") for number, panel in enumerate(panels)]


def _drawing(panel: Axes, salt: str) -> Drawing:
    import matplotlib

    title = panel.get_title()
    panel.set_title("")
    figure: Any = panel.get_figure(root=True)
    _add_legend(panel, figure)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata=NO_METADATA)
    return Drawing(title, _inline(text.getvalue()))


def _add_legend(panel: Axes, figure: Any) -> None:
    """Below the panel, where it covers no curve."""
    lines, labels = panel.get_legend_handles_labels()
    if legend := panel.get_legend():
        legend.remove()
    if labels:
        figure.legend(lines, labels, loc="outside lower left")


def _inline(svg: str) -> str:
    """Only the element, without the head of a file, and with the page's colours."""
    svg = svg[svg.index("<svg") :]
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg
