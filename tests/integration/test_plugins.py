"""Plugins that other people publish, as an installer leaves them on a path: good, rival, broken.

One that pip has built is in tests/docs/test_publish_guide.py.
"""

import inspect
import re
import sys

import pytest
from braintools.surrogate import S2NN, LeakyRelu, ReluGrad, Sigmoid
from lif_networks import Network, inputs

from braintools_qps import (
    QPseudoSpike,
    UnknownSurrogateError,
    _defaults,
    compare,
    get_surrogate,
    list_surrogates,
    prepare,
    surrogate_spec,
)
from braintools_qps.__main__ import main
from braintools_qps.testing import check_surrogate

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
TRIANGLE = '''
import jax.numpy as jnp
from braintools.surrogate import Surrogate

class TriangularSpike(Surrogate):
    """A triangle as the derivative."""

    def __init__(self, width=1.0):
        self.width = width

    def surrogate_grad(self, x):
        return jnp.maximum(0.0, 1.0 - jnp.abs(x) / self.width) / self.width
'''
# Distribution -> its entry points, and the source of its module, which has the same name.
PLUGINS = {
    "triangle_spikes": ("TriangularSpike = triangle_spikes:TriangularSpike", TRIANGLE),
    "rival_spikes": (
        "QPseudoSpike = rival_spikes:QPseudoSpike",
        "from braintools.surrogate import SoftSign\nclass QPseudoSpike(SoftSign): pass",
    ),
    "alias_spikes": (
        "S2NN = alias_spikes:S2NN\nSigmoid = braintools.surrogate:Sigmoid",
        "from braintools.surrogate import S2NN",
    ),
    "function_spikes": ("FunctionSpike = function_spikes:spike", "def spike(x): pass"),
    "broken_spikes": (
        "BrokenSpike = broken_spikes:BrokenSpike\nArctan = broken_spikes:Arctan",
        "raise RuntimeError('too old')",
    ),
    "ending_spikes": ("EndingSpike = ending_spikes:EndingSpike", "raise SystemExit(3)"),
}


def write(folder, points, name="sabotage", metadata=METADATA, **modules):
    """A distribution in a folder."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(metadata.format(name))
    (info / "entry_points.txt").write_bytes(f"[braintools.surrogate]\n{points}\n".encode("latin-1"))
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    return folder


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Write distributions, known ones by their names alone, and forget their modules afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def of(*names, **distribution):
        for name in names:
            points, source = PLUGINS[name]
            write(tmp_path, points, name, **{name: source})
        if distribution:
            write(tmp_path, **distribution)

    yield of
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


def loaded():
    return PLUGINS.keys() & sys.modules


def rows(capsys):
    """What is listed of each name, its description included."""
    assert main(["list"]) == 0
    entries = re.sub(r"\n {4,}", " ", capsys.readouterr().out).splitlines()
    return {entry.split()[0]: entry for entry in entries if entry}


def test_a_plugin_is_found_by_its_name(install):
    before = list_surrogates()
    install("triangle_spikes")
    assert set(list_surrogates()) == {*before, "TriangularSpike"}
    for name in ("TriangularSpike", "triangular_spike", "triangle-spikes:TriangularSpike"):
        surrogate = get_surrogate(name, width=2.0)
        assert float(surrogate.surrogate_grad(1.0)) == 0.25
    assert surrogate_spec(surrogate) == {"name": "TriangularSpike", "width": 2.0}
    check_surrogate("TriangularSpike(width=0.5)")


def test_a_package_that_is_installed_while_python_runs_is_found(install):
    with pytest.raises(UnknownSurrogateError):
        get_surrogate("Late")
    install(points="Late = braintools.surrogate:Sigmoid")
    assert type(get_surrogate("Late")) is Sigmoid


def test_only_the_plugin_that_is_asked_for_is_imported(install):
    before = list_surrogates()
    install(*PLUGINS)
    added = {
        "TriangularSpike", "BrokenSpike", "EndingSpike", "FunctionSpike",
        "braintools-qps:QPseudoSpike", "rival-spikes:QPseudoSpike", "braintools:S2NN",
        "braintools:Arctan",
    }  # fmt: skip
    assert set(list_surrogates()) == (set(before) | added) - {"QPseudoSpike"}
    get_surrogate("sigmoid")
    assert surrogate_spec(Sigmoid())["name"] == "Sigmoid"
    assert loaded() == set()
    get_surrogate("triangular_spike")
    assert loaded() == {"triangle_spikes"}


def test_a_broken_plugin_is_named_and_spoils_no_other(install, capsys):
    install(*PLUGINS)
    with pytest.raises(ImportError, match=r"'broken-spikes'.*'broken_spikes:BrokenSpike'.*too old"):
        get_surrogate("BrokenSpike")
    with pytest.raises(ImportError, match="'ending-spikes' cannot be loaded .* SystemExit: 3"):
        get_surrogate("EndingSpike")
    with pytest.raises(TypeError, match=r"'function-spikes' names 'function_spikes:spike'"):
        get_surrogate("FunctionSpike")
    arctan = get_surrogate("braintools:Arctan")
    assert surrogate_spec(arctan)["name"] == "braintools:Arctan"
    lines = rows(capsys)
    assert lines["TriangularSpike"].split()[1:3] == ["triangle-spikes", "width=1.0"]
    assert lines["TriangularSpike"].endswith("A triangle as the derivative.")
    install(points="Tent = triangle_spikes:TriangularSpike", name="spiky_things")
    assert rows(capsys)["Tent"].split()[1:3] == ["spiky-things", "width=1.0"]
    for name in ("BrokenSpike", "EndingSpike", "FunctionSpike"):
        assert "Broken: " in lines[name]


@pytest.mark.filterwarnings("ignore:Implicit None:DeprecationWarning")  # of Python 3.13 itself
@pytest.mark.parametrize(
    "changes",
    [
        {"points": "[console_scripts]\nno equals sign"},
        {"points": "Caf\xe9 = a:b"},
        {"points": "Good = braintools.surrogate:Sigmoid", "metadata": "Metadata-Version: 2.1\n"},
    ],
    ids=["a line of another group", "bytes that are no text", "no name"],
)
def test_metadata_that_cannot_be_read_leaves_what_is_not_published(changes, install):
    before = list_surrogates()
    install(**changes)
    with pytest.warns(UserWarning, match="cannot be read, so .* Reinstall the package"):
        assert get_surrogate("q_pseudo_spike") == QPseudoSpike()
    assert list_surrogates() == before


def test_a_name_that_two_distributions_claim_is_refused_until_it_is_qualified(install):
    install("rival_spikes")
    with pytest.raises(LookupError) as caught:
        get_surrogate("q_pseudo_spike(alpha=2)")
    for name in ("braintools-qps:QPseudoSpike", "rival-spikes:QPseudoSpike"):
        assert repr(name) in str(caught.value)
        assert surrogate_spec(get_surrogate(name))["name"] == name
    assert type(get_surrogate("braintools_qps:QPseudoSpike")) is QPseudoSpike
    assert type(get_surrogate("rival_spikes:QPseudoSpike")).__module__ == "rival_spikes"
    assert type(get_surrogate("braintools:QPseudoSpike")).__module__ == "braintools.surrogate"


def test_a_name_claimed_twice_where_one_claim_is_broken_says_so(install):
    install("triangle_spikes", points="TriangularSpike = no_such_module:TriangularSpike")
    with pytest.raises(ImportError, match=r"of the distribution 'sabotage' cannot be loaded"):
        get_surrogate("TriangularSpike")
    assert type(get_surrogate("triangle-spikes:TriangularSpike")).__name__ == "TriangularSpike"


def test_one_class_claimed_by_two_distributions_is_no_conflict(install):
    install("alias_spikes")
    assert type(get_surrogate("S2NN")) is S2NN
    assert type(get_surrogate("Sigmoid")) is Sigmoid
    assert surrogate_spec(S2NN())["name"] == "S2NN"


def test_a_plugin_that_takes_a_name_of_braintools_is_found_with_a_warning(install):
    """Ours name Sigmoid and S2NN, for the standard library's list: they are still braintools'."""
    source = "from braintools.surrogate import Arctan\nclass Sigmoid(Arctan): pass\n"
    points = "Sigmoid = own_spikes:Sigmoid\nq_pseudo_spike = own_spikes:Sigmoid"
    install(points=points, own_spikes=source)
    with pytest.warns(UserWarning, match="'sabotage:q_pseudo_spike' .*, not 'braintools-qps:QPse"):
        assert type(get_surrogate("q_pseudo_spike")).__module__ == "own_spikes"
    said = "'sabotage:Sigmoid' .from 'own_spikes:Sigmoid'., not 'braintools:Sigmoid'. Pass one of"
    for spec in ("Sigmoid", "sigmoid(alpha=2)", {"name": "SIGMOID"}):
        with pytest.warns(UserWarning, match=said) as caught:
            assert type(get_surrogate(spec)).__module__ == "own_spikes"
        assert caught[0].filename == __file__
    assert type(get_surrogate("sabotage:Sigmoid")).__module__ == "own_spikes"
    assert {"Sigmoid", "braintools:Sigmoid"} <= set(list_surrogates())
    assert surrogate_spec(Sigmoid())["name"] == "braintools:Sigmoid"


@pytest.mark.parametrize("name", ["with space", "dotted.name", "Größe", "2nd", "with:colon"])
def test_every_name_that_is_listed_can_be_asked_for(name, install):
    install(points=f"{name} = braintools.surrogate:Sigmoid".encode().decode("latin-1"))
    assert name in list_surrogates()
    for spec in (name, f"sabotage:{name}"):
        assert get_surrogate(f"{spec}(alpha=2)").alpha == 2


def test_the_name_of_a_class_that_another_module_of_its_package_publishes(install, tmp_path):
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").touch()
    inner = "from braintools.surrogate import Sigmoid\nclass Own(Sigmoid): pass\n"
    (package / "inner.py").write_text(inner)
    (package / "public.py").write_text("from .inner import Own\n")
    install(points="Bad = own_package.public:Bad\nOwn = own_package.public:Own")
    from own_package.inner import Own

    assert surrogate_spec(Own()) == {"name": "Own", "alpha": 4.0}
    assert type(get_surrogate("q_pseudo_spike")) is QPseudoSpike


@pytest.mark.thorough
@pytest.mark.usefixtures("one_millisecond")
def test_another_package_may_publish_the_name_of_ours(install):
    install(points="QPseudoSpike = braintools.surrogate:Sigmoid")
    with pytest.raises(LookupError, match="has several"):
        get_surrogate("QPseudoSpike")
    model = Network(gain=8.0, spk_fun=LeakyRelu(alpha=0.0, beta=0.0))
    done = prepare(model, inputs())
    assert type(model.lif[0].spk_fun) is QPseudoSpike
    assert any("surrogate='braintools-qps:QPseudoSpike(alpha=8" in line for line in done.lines)
    usual = inspect.signature(compare).parameters["surrogates"].default
    assert [*usual] == [*_defaults.SURROGATES]
    assert [*map(type, usual.values())] == [ReluGrad, Sigmoid, QPseudoSpike]
