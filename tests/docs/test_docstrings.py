"""Examples that pytest's own doctests do not reach, and that every public name has one."""

import ast
import dataclasses
import doctest
import inspect
import re
from dataclasses import is_dataclass

import pytest

import braintools_qps
from braintools_qps import plotting, records, testing

PUBLIC = {
    name: getattr(module, name)
    for module in (braintools_qps, plotting, records, testing)
    for name in module.__all__
}
RECORDS = [member for member in map(vars(records).get, records.__all__) if is_dataclass(member)]
# doctest takes a class and its methods for another module's where `__module__` is set by hand.
CLASSES = [
    name
    for name, member in PUBLIC.items()
    if inspect.isclass(member) and member.__module__ == "braintools_qps"
]
METHODS = [
    f"{name}.{method}"
    for name in CLASSES
    for method in vars(PUBLIC[name])
    if not method.startswith("_")
    and ">>>" in (getattr(getattr(PUBLIC[name], method), "__doc__", None) or "")
]


@pytest.mark.parametrize("name", CLASSES + METHODS)
def test_example_of_a_class_or_method_runs(name):
    owner, _, method = name.partition(".")
    docstring = (getattr(PUBLIC[owner], method) if method else PUBLIC[owner]).__doc__
    example = doctest.DocTestParser().get_doctest(docstring, PUBLIC.copy(), name, None, None)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # those of pyproject.toml
    assert doctest.DocTestRunner(optionflags=flags).run(example).failed == 0


def test_methods_with_examples_are_found():
    assert "QPseudoSpike.from_q" in METHODS


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_has_an_example(name):
    assert ">>>" in PUBLIC[name].__doc__


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isfunction(PUBLIC[name])])
def test_defaults_can_be_read(name):
    parameters = inspect.signature(PUBLIC[name]).parameters.values()
    for default in (p.default for p in parameters if p.default is not p.empty):
        assert ast.literal_eval(repr(default)) == default


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_of_a_record_is_described(record):
    attributes = inspect.getdoc(record).partition("Attributes\n")[2].partition("\n\n")[0]
    described = re.findall(r"^(\w+(?:, \w+)*) : ", attributes, re.M)
    names = [name for line in described for name in line.split(", ")]
    own = [
        field.name
        for field in dataclasses.fields(record)
        if field.name in vars(record)["__annotations__"]
    ]
    assert names == own  # what it inherits is described there
