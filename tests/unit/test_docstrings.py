"""Examples that pytest's own doctests do not reach, and that there is one for every function."""

import doctest
import inspect

import pytest

import braintools_qps
from braintools_qps import plotting, testing

PUBLIC = {
    name: getattr(module, name)
    for module in (braintools_qps, plotting, testing)
    for name in module.__all__
}
FUNCTIONS = [name for name, member in PUBLIC.items() if inspect.isfunction(member)]
# doctest takes the methods of a class for another module's where `__module__` is set by hand.
METHODS = [
    f"{name}.{method}"
    for name, member in PUBLIC.items()
    if inspect.isclass(member)
    for method in vars(member)
    if not method.startswith("_")
    and ">>>" in (getattr(getattr(member, method), "__doc__", None) or "")
]


@pytest.mark.parametrize("name", METHODS)
def test_example_of_a_method_runs(name):
    owner, _, method = name.partition(".")
    docstring = getattr(PUBLIC[owner], method).__doc__
    example = doctest.DocTestParser().get_doctest(docstring, PUBLIC.copy(), name, None, None)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_methods_with_examples_are_found():
    assert {"QPseudoSpike.from_q", "QPseudoSpike.replace"} <= set(METHODS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_an_example(name):
    assert ">>>" in PUBLIC[name].__doc__
