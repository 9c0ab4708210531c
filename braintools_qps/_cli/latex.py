"""Formulas of docstrings as one reads them in a terminal, without LaTeX."""

from __future__ import annotations

import re

_SIGNS = {"cdot": "*", "ge": ">=", "geq": ">=", "le": "<=", "leq": "<="}
_SIMPLE = re.compile(r"\\?\w+(\([^()]*\))?(\^\d+)?")  # what needs no parentheses around it


def plain(formula: str) -> str:
    r"""A display formula in plain text, a line for each equation or case.

    It knows what docstrings of surrogates use; other commands come out as their names.

    >>> print(plain(r"g'(x) &= \left(1 + \frac{2 |x|}{\alpha}\right)^{-\alpha}"))
    g'(x) = (1 + (2 |x|)/alpha)^(-alpha)
    """
    formula = re.sub(r"\\+(?=[A-Za-z])", r"\\", formula)  # some docstrings double them
    formula = re.sub(r"\\(begin|end)\{\w+\}|\\(left|right)(?![a-z])", "", formula)
    formula = re.sub(r"\\(text|mathrm|mathcal)\{(\w+)\}", r"\2", formula)
    formula = re.sub(r",\s*&", " if ", formula).replace("&", "")
    formula = re.sub(r"\\[,;:! ]", " ", formula)
    lines = [" ".join(_words(_ungrouped(line)).split()) for line in re.split(r"\\{2,}", formula)]
    lines = [re.sub(r" (?=[)\],])", "", line) for line in lines if line]
    return "\n".join(line if " = " in line else " " * len("g'(x) = ") + line for line in lines)


def _ungrouped(line: str) -> str:
    """Braces as parentheses, from the inside out."""
    before = None
    while line != before:
        before = line
        line = re.sub(r"\\sqrt\{([^{}]*)\}", r"\\sqrt(\1)", line)
        line = re.sub(r"([_^])\{([^{}]*)\}", lambda m: m[1] + _grouped(m[2]), line)
        line = re.sub(
            r"\\frac\{([^{}]*)\}\{([^{}]*)\}",
            lambda m: f"{_grouped(m[1])}/{_grouped(m[2])} ",
            line,
        )
    return line


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text.strip()) else f"({text})"


def _words(line: str) -> str:
    line = re.sub(r"(?<=[\w)\]])\\", r" \\", line)
    line = re.sub(r"(\^\d+)(?=[a-z])", r"\1 ", line)
    return re.sub(r"\\([A-Za-z]+)", lambda m: _SIGNS.get(m[1], m[1]), line)
