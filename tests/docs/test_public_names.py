"""Every public name has an example that runs, readable defaults, and its place on the pages."""

import dataclasses
import doctest
import inspect
import re
from pathlib import Path

import braintools.surrogate
import pytest

import braintools_qps
from braintools_qps import plotting, records, testing

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
SHEET = (GUIDES / "cheat_sheet.md").read_text(encoding="utf-8")
GALLERY = (GUIDES / "gallery.md").read_text(encoding="utf-8").split("\n### ")[1:]
CALLS = [
    call
    for block in re.findall(r"^```py\n(.*?)^```", SHEET, re.DOTALL | re.MULTILINE)
    for call in re.findall(r"^\w+\(.*?\)$", block, re.DOTALL | re.MULTILINE)
]
PUBLIC = {
    name: getattr(module, name)
    for module in (records, testing, plotting, braintools_qps)
    for name in module.__all__
}
# doctest takes a class and its methods for another module's where `__module__` is set by hand.
EXAMPLES = [
    example
    for name, member in PUBLIC.items()
    if inspect.isclass(member) and member.__module__ == "braintools_qps"
    for example in doctest.DocTestFinder().find(member, name, module=False, globs=PUBLIC)
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_of_a_class_or_method_runs(example):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # those of pyproject.toml
    assert doctest.DocTestRunner(optionflags=flags).run(example).failed == 0
    assert "QPseudoSpike.from_q" in {example.name for example in EXAMPLES}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example_and_defaults_that_can_be_read(name):
    member = PUBLIC[name]
    assert ">>>" in member.__doc__
    if inspect.isfunction(member) or "__init__" in vars(member):
        parameters = inspect.signature(member).parameters.values()
        assert all(p.kind is not p.POSITIONAL_ONLY for p in parameters)
    if inspect.isfunction(member):
        for default in (p.default for p in parameters if p.default is not p.empty):
            read = eval(repr(default), {**vars(braintools.surrogate), **PUBLIC})
            assert repr(read) == repr(default)


@pytest.mark.parametrize("record", [*filter(dataclasses.is_dataclass, vars(records).values())])
def test_every_field_of_a_record_is_described(record):
    attributes = inspect.getdoc(record).partition("Attributes\n")[2].partition("\n\n")[0]
    described = re.findall(r"^(\w+(?:, \w+)*) : ", attributes, re.M)
    names = [name for line in described for name in line.split(", ")]
    fields = [field.name for field in dataclasses.fields(record)]
    assert names == [name for name in fields if name in vars(record).get("__annotations__", fields)]


@pytest.mark.parametrize("call", CALLS)
def test_a_signature_on_the_cheat_sheet_is_that_of_the_code(call):
    made, name = {**vars(braintools.surrogate), **PUBLIC}, call.partition("(")[0]
    exec(f"def {call}: ...", made)
    parameters = inspect.signature(PUBLIC[name]).parameters
    for shown in inspect.signature(made[name]).parameters.values():
        known = parameters[shown.name]
        default = known.default
        if name == "compare" and shown.name == "surrogates":
            default = tuple(default.values())
        assert (shown.kind, repr(shown.default)) == (known.kind, repr(default))


def test_every_name_is_on_the_cheat_sheet_and_every_figure_in_the_gallery():
    kinds = {"Comparison", "GradientFlow", "UnknownSurrogateError"}
    names = {*braintools_qps.__all__, *plotting.__all__} - kinds
    assert [name for name in names if not re.search(rf"\b{name}\b", SHEET)] == []
    for name in plotting.__all__:
        assert any(re.search(rf"^{name}\(", section, re.MULTILINE) for section in GALLERY), name
