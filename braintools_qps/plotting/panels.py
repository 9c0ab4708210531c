"""The axes of a figure, how its curves look, and its one legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._wording import shortened
from ..records import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:  # matplotlib is imported at the first figure
    Axes = Any

# The colours of Okabe and Ito, which colour-blind readers can tell apart; the purple is darker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B85C92", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")  # with fewer gaps farther back
GREY = "0.8"
FAINT = "0.5"  # of lines and letters: can be read on white and on black
LONGEST_DRAWN = 45

Look: TypeAlias = dict[str, Any]  # of a curve or a text, as matplotlib takes it


def panels_of(
    axes: Axes | Sequence[Axes] | None, count: int, size: tuple[float, float] | None = None
) -> list[Axes]:
    """The user's axes, one or several, or those of a new figure; ``size`` is in inches."""
    if axes is None:
        import matplotlib.pyplot as plt

        size = size or (3.6 * count, 3.1)
        _, grid = plt.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
        axes = list(grid.flat)
        for panel in axes:
            panel.spines[["top", "right"]].set_visible(False)
    panels: list[Axes] = list(np.ravel(np.asarray(axes, object)))
    if len(panels) != count:
        raise ValueError(
            f"this figure needs {count} axes, got {len(panels)}. Pass that many, or axes=None"
        )
    return panels


def add_legend(panels: Sequence[Axes], *, outside: bool) -> None:
    """Add one legend: below a figure of ours, or inside the last panel of axes that we were
    given."""
    lines: dict[str, Any] = {}  # not every candidate is drawn in every panel
    for panel in panels:
        for line, label in zip(*panel.get_legend_handles_labels()):
            lines.setdefault(label, line)
    look: Look = {"frameon": False, "fontsize": "small"}
    if not outside:
        panels[-1].legend(lines.values(), lines.keys(), **look)
        return
    part, figure = panels[0].get_figure(), panels[0].get_figure(root=True)
    assert part is not None  # we have just made it
    assert figure is not None
    columns = max(1, int(14 * figure.get_figwidth()) // (4 + max(map(len, lines), default=0)))
    look |= {"loc": "outside lower center", "ncols": columns}
    part.legend(lines.values(), lines.keys(), **look)


def candidate_styles(comparison: Comparison) -> dict[str, Look]:
    """The look of each candidate, the same in all panels, by label; the best has the first look."""
    return dict(zip((result.label for result in comparison.ranked), styles()))


def typed(label: str, longest: int = LONGEST_DRAWN) -> str:
    """A label as it was typed, in one line that is not too long."""
    line = shortened(label, longest)
    hidden = " " if line.startswith("_") else ""  # a legend leaves these out
    return hidden + typed_text(line)


def typed_text(text: str) -> str:
    """Text as it was typed: matplotlib takes dollars for mathematics."""
    return text.replace("$", r"\$")


def styles() -> Iterator[Look]:
    """Looks of curves: both colour and line style change, so that curves that coincide both show.

    Solid lines lie under dashed ones for the same reason. After 28 looks they repeat.
    """
    for colour, (rank, style) in zip(cycle(COLOURS), cycle(enumerate(STYLES))):
        thick = {"linewidth": 2.2} if style == ":" else {}  # dots look thinner than lines
        yield {"color": colour, "linestyle": style, "zorder": 2 + rank / len(STYLES), **thick}
