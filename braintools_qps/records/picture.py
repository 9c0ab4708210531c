"""The picture above a gradient flow in a notebook: rates and slopes by layer, as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flow import GradientFlow

# The colours of Okabe and Ito, which colour-blind readers can tell apart; the purple is darker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B85C92", "#E69F00", "#56B4E9")
WIDE, HIGH, LEFT, ABOVE = 220, 90, 56, 26  # of a panel, in pixels, and what surrounds it


def picture_of(flows: Mapping[str, GradientFlow]) -> str:
    """Firing rates and mean slopes by population, in the order in which signals reach them."""
    first, names = next(iter(flows.values())), [*flows][: len(COLOURS)]
    rates = {names[0]: [p.activity.firing_rate for p in first.populations]}
    slopes = {name: [p.slopes.per_scale for p in flows[name].populations] for name in names}
    panels = _panel("spikes per neuron and step", rates) + _panel("mean slope", slopes, 1)
    width, below = 2 * (LEFT + WIDE) + 16, ABOVE + HIGH + 34
    keys = [
        _text(LEFT, below + 16 * n, name, fill=colour)
        for n, (name, colour) in enumerate(zip(names, COLOURS))
        if len(names) > 1
    ]
    size = f'width="{width}" height="{below + 16 * len(keys)}"'
    look = 'font-size="11" fill="currentColor" style="max-width: 100%"'
    return f'<svg {size} {look} role="img">{panels}{"".join(keys)}</svg>'


def _panel(title: str, curves: Mapping[str, Sequence[float]], place: int = 0) -> str:
    """Curves over the number of the layer, from 0 to the highest value."""
    left, count = LEFT + place * (LEFT + WIDE), len(next(iter(curves.values())))
    known = [value for curve in curves.values() for value in curve if math.isfinite(value)]
    highest = max(known, default=0.0) or 1.0
    across = [left + WIDE * (n + 0.5) / count for n in range(count)]
    parts = [_text(left, ABOVE - 10, title), *_axes(left, across, highest)]
    for colour, curve in zip(COLOURS, curves.values()):
        points = [
            (x, ABOVE + HIGH * (1 - value / highest))
            for x, value in zip(across, curve)
            if math.isfinite(value)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return "".join(parts)


def _axes(left: float, across: Sequence[float], highest: float) -> Iterator[str]:
    """Lines at 0 and at the highest value, and the numbers of the first and the last layer."""
    for y, height in ((ABOVE + HIGH, 0.0), (ABOVE, highest)):
        yield _text(left - 6, y + 4, f"{height:.2g}", anchor="end")
        yield f'<path d="M{left},{y:.1f}h{WIDE}" stroke="currentColor" opacity="0.3"/>'
    for n in {0, len(across) - 1}:
        yield _text(across[n], ABOVE + HIGH + 16, str(n + 1), anchor="middle")
    yield _text(left - 6, ABOVE + HIGH + 16, "layer", anchor="end")


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = "") -> str:
    colour = f' fill="{fill}"' if fill else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{colour}>{html.escape(text)}</text>'
    )
