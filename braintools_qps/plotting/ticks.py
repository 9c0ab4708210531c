"""What is written at the ticks of a logarithmic axis; it needs matplotlib to be imported."""

from __future__ import annotations

from matplotlib.ticker import LogFormatter


class Numbers(LogFormatter):
    """Plain numbers, at as many ticks as matplotlib finds room for."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""
