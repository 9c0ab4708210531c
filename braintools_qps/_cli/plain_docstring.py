"""A docstring as text for a terminal: reStructuredText and its formulas without their markup."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

# Sections of a numpydoc docstring that say nothing about what a surrogate computes.
LEFT_OUT = ("Raises", "See Also", "Examples")
WORDS = {
    "geq": ">=", "ge": ">=", "leq": "<=", "le": "<=", "infty": "inf", "cdot": "*", "times": "*",
    "pm": "+-", "int": "integral", "approx": "~", "quad": " ",
}  # fmt: skip
_BLOCK = r"(?:[ \t]+.*\n|\n)*"  # what is indented below a directive
_MATH = re.compile(r"^( *)\.\. math::(.*\n(?:\1[ \t]+.*\n|\n)*)", re.MULTILINE)


def plain_docstring(documented: type) -> str:
    """The class's own docstring, without its examples, figures and errors.

    Headings, roles, references and formulas become text: ``1/(1 + |x|)^(alpha + 1)``.
    """
    docstring = inspect.cleandoc(documented.__doc__ or "") + "\n"
    docstring = re.sub(rf"^\.\. plot::.*\n{_BLOCK}", "", docstring, flags=re.MULTILINE)
    sections = re.split(r"\n\n(?=[A-Z][A-Za-z ]+\n-{3,}\n)", docstring)
    text = "\n\n".join(part for part in sections if not part.startswith(LEFT_OUT)) + "\n"
    text = re.sub(r"(?<=\w\n)-{3,}\n", "", text)  # the lines below headings
    text = _MATH.sub(_displayed, text)
    text = re.sub(r":math:`([^`]+)`", lambda m: " ".join(plain_formula(m[1])), text)
    text = re.sub(r"(?::[\w:]+:)?`+~?([^`]+)`+", r"\1", text)  # roles and literals
    text = re.sub(r"^( *)\.\. (\[\w+\])", r"\1\2", text, flags=re.MULTILINE)
    text = re.sub(r"^( *)\.\. (note|warning)::", r"\1Note:", text, flags=re.MULTILINE)
    return re.sub(r"(\[\w+\])_", r"\1", re.sub(r"\n{3,}", "\n\n", text)).strip()


def plain_formula(latex: str) -> list[str]:
    """A LaTeX formula as lines of plain text, as one would type it into a program."""
    latex = re.sub(r"\\\\(?=[A-Za-z])", r"\\", latex)  # escaped, though the docstring is raw
    text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}", _cases, latex, flags=re.DOTALL)
    text = re.sub(r"\\(?:begin|end)\{\w+\*?\}", "", text)
    text = re.sub(r"\\(?:left|right)\b|\\[,;! ]|&", " ", text)
    text = re.sub(r"(?<=[A-Za-z0-9])(?=\\[a-z])", " ", text)
    rows = re.split(r"\\\\", _without_braces(text))
    rows = [re.sub(r"\\([A-Za-z]+)", lambda m: WORDS.get(m[1], m[1]), row) for row in rows]
    rows = [re.sub(r"\s+", " ", row.replace("\\", "")).strip(" ;") for row in rows]
    return [re.sub(r"([(\[]) | (?=[)\],])", r"\1", row) for row in rows if row]


def _without_braces(text: str) -> str:
    """Commands with their arguments written out, the innermost first."""
    for pattern, replacement in _ARGUMENTS:
        changed = re.sub(pattern, replacement, text, count=1)
        if changed != text:
            return _without_braces(changed)
    return text


def _displayed(match: re.Match) -> str:
    """A formula with lines of its own, indented."""
    formula = "\n".join(plain_formula(match[2]))
    return textwrap.indent(formula, match[1] + "    ") + "\n\n"


def _cases(match: re.Match) -> str:
    """One case after the other, with ``;`` between: ``1 if x >= 0; 0 if x < 0``."""
    rows = (row.strip() for row in re.split(r"\\\\", match[1]))
    return "; ".join(re.sub(r",?\s*&\s*", " if ", row) for row in rows if row)


def _fraction(match: re.Match) -> str:
    """One half, in parentheses where a factor follows at once: ``(1/2)x``."""
    text = f"{_grouped(match[1])}/{_grouped(match[2])}"
    follows = match.string[match.end() : match.end() + 1]
    return f"({text})" if re.fullmatch(r"[\w\\(\[]", follows) else text


def _grouped(text: str) -> str:
    """The text, in parentheses unless it is one number, one name or already in brackets."""
    text = text.strip()
    return (
        text
        if re.fullmatch(r"[\d.]+|\\?[A-Za-z][\w.']*|\|[^|]*\||\([^()]*\)", text)
        else f"({text})"
    )


# The innermost braces of a command and what is written for them, in the order of trying.
_ARGUMENTS: list[tuple[str, Any]] = [
    (r"\\(?:mathrm|mathcal|text|operatorname)\{([^{}]*)\}", r"\1"),
    (r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", _fraction),
    (r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)"),
    (r"([\^_])\{([^{}]*)\}", lambda m: m[1] + _grouped(m[2])),
    (r"\{([^{}]*)\\over([^{}]*)\}", _fraction),
    (r"\{([^{}]*)\}", r"\1"),
]
