"""The API reference prints the signatures that Python has; Sphinx builds these pages alone."""

import dataclasses
import inspect
import shutil
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest
from braintools.surrogate import Surrogate

pytest.importorskip("sphinx", reason="sphinx is not installed")
pytestmark = pytest.mark.thorough
DOCS = Path(__file__).parents[2] / "docs"
CONF = """
extensions = ["sphinx.ext.autosummary", "sphinx.ext.autodoc", "readable_signatures"]
autosummary_generate, autodoc_typehints, templates_path = True, "none", ["_templates"]
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The pages as Sphinx reads them, by their names."""
    from sphinx.application import Sphinx

    folder = tmp_path_factory.mktemp("api")
    for page in ("index.rst", "records.rst"):
        shutil.copy(DOCS / "api" / page, folder)
    shutil.copytree(DOCS / "_templates", folder / "_templates")
    (folder / "conf.py").write_text(CONF)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [str(DOCS / "ext"), *sys.path])
        built = folder / "out", folder / "trees", "dummy"
        app = Sphinx(folder, folder, *built, status=None, warning=None)
        app.build()
    return {name: app.env.get_doctree(name) for name in app.env.found_docs}


def test_every_signature_is_the_one_that_python_has(trees):
    from sphinx import addnodes

    found = [s for tree in trees.values() for s in tree.findall(addnodes.desc_signature)]
    printed = {
        (s["module"], s["fullname"]): [p.astext() for p in s.findall(addnodes.desc_parameter)]
        for s in found
        if [*s.findall(addnodes.desc_parameterlist)]
    }
    assert len(printed) > 60
    for (module, name), parameters in printed.items():
        assert parameters == expected(attrgetter(name)(import_module(module))), name
    ours = ["alpha=2.0", "*", "scale=None", "dampening=1.0", "residual_dtype=None"]
    assert printed["braintools_qps", "QPseudoSpike"] == ours
    assert printed["braintools_qps", "Scaled"] == ["surrogate", *ours[1:]]


def test_the_overview_begins_with_the_first_parameter(trees):
    overview = trees["index"].astext()
    assert "QPseudoSpike([alpha, " in overview
    assert "Scaled(surrogate, *" in overview


def expected(function):
    """The parameters one by one, as text without annotations, and a * before keyword-only ones."""
    own = inspect.signature(function)
    if [*own.parameters] == ["args", "kwargs"] and inspect.isclass(function):  # by its metaclass
        own = inspect.signature(function.__init__)
    parameters = [p for p in own.parameters.values() if p.name != "self"]
    texts = [str(p.replace(annotation=p.empty, default=shown(p, function))) for p in parameters]
    kinds = [p.kind for p in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        texts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    return texts


def shown(parameter, function):
    """The default as Sphinx writes it: of a record its class, of a factory what it makes."""
    from sphinx.util.inspect import object_description

    default = parameter.default
    if default is parameter.empty:
        return default
    if "factory" in repr(default):
        (default,) = (
            f.default_factory() for f in dataclasses.fields(function) if f.name == parameter.name
        )
    is_record = dataclasses.is_dataclass(default) and not isinstance(default, Surrogate)
    return Text(f"{type(default).__name__}()" if is_record else object_description(default))


class Text(str):
    """Text whose repr has no quotes."""

    __repr__ = str.__str__
