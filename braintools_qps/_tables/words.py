"""Numbers with their units, as they stand in sentences."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """How scores are written."""

    factor: float = 1.0
    form: str = "{:.3g}"
    name: str = ""  # of a difference

    def number(self, value: float) -> str:
        """The number alone."""
        text = self.form.format(self.factor * value)
        return text if float(text) else text.lstrip("-")

    def __call__(self, value: float) -> str:
        """The number with its unit, as "1 point"."""
        return self._named(self.number(value))

    def span(self, low: float, high: float) -> str:
        """From one number to another."""
        return self._named(f"{self.number(low)} to {self.number(high)}")

    def _named(self, text: str) -> str:
        text = text.removesuffix(".0") if text == "1.0" else text
        return f"{text} {self.name}{'s' * (text != '1')}" if self.name else text


POINTS = Unit(100.0, "{:.1f}", "point")


def plural(count: int, name: str) -> str:
    """A number of things, as "2 seeds"."""
    return f"{count:,} {name}{'s' * (count != 1)}"
