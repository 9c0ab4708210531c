"""The cheat sheet names what there is, with the parameters and defaults that it has."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import braintools_qps
from braintools_qps import plotting, testing

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "cheat_sheet.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
CALLS = [line for block in BLOCKS for line in block.splitlines()]
RECORDS = {"Comparison", "GradientFlow", "UnknownSurrogateError"}  # nobody calls these


def found(name):
    return next(getattr(m, name) for m in (braintools_qps, plotting, testing) if hasattr(m, name))


@pytest.mark.parametrize("line", CALLS)
def test_a_signature_is_that_of_the_code(line):
    call = ast.parse(line, mode="eval").body
    parameters = inspect.signature(found(call.func.id)).parameters
    names = [*(argument.id for argument in call.args), *(one.arg for one in call.keywords)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert takes_any or set(names) <= set(parameters)
    for keyword in call.keywords:
        shown = ast.literal_eval(keyword.value)
        if shown is not ...:
            assert parameters[keyword.arg].default == shown


@pytest.mark.parametrize("name", sorted({*braintools_qps.__all__, *plotting.__all__} - RECORDS))
def test_every_public_name_is_on_the_sheet(name):
    assert re.search(rf"\b{name}\b", TEXT)
