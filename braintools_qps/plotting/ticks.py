"""Labels of the ticks of a logarithmic axis; importing this imports matplotlib."""

from __future__ import annotations

from matplotlib.ticker import LogFormatter


class Numbers(LogFormatter):
    """Plain numbers, at as many ticks as matplotlib finds room for."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""
