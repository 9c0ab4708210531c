"""Distributions that are broken as their authors or a crash can break them, as on a real path."""

import sys

import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import QPseudoSpike, get_surrogate, list_surrogates, surrogate_spec
from braintools_qps.__main__ import main
from braintools_qps._registry import one_scan, qualified_name

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
GOOD = "[braintools.surrogate]\nGood = braintools.surrogate:Sigmoid\n"


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Write a distribution as an installer leaves it, with modules, and forget these afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(entry_points_text, name="sabotage", metadata=METADATA, folder=tmp_path, **modules):
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        if metadata:
            (info / "METADATA").write_text(metadata.format(name))
        (info / "entry_points.txt").write_bytes(entry_points_text.encode("latin-1"))
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)

    yield write
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


EXITS = [
    "import sys; sys.exit('no licence')",
    "raise GeneratorExit('stop')",
    "class Own(BaseException): pass\nraise Own",
    "class Mute(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Mute",
]


@pytest.mark.parametrize("source", EXITS)
def test_a_plugin_that_ends_the_interpreter_spoils_only_its_own_name(source, install, capsys):
    install("[braintools.surrogate]\nExits = exits:Exits\nArctan = exits:Arctan\n", exits=source)
    with pytest.raises(ImportError, match="'Exits' of the distribution 'sabotage' cannot be load"):
        get_surrogate("Exits")
    arctan = get_surrogate("braintools:Arctan")
    assert surrogate_spec(arctan)["name"] == "braintools:Arctan"
    assert main(["list"]) == 0
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert "Broken" in rows["Exits"]
    assert "braintools:Arctan" in rows


def test_ctrl_c_while_a_plugin_is_imported_is_no_fault_of_the_plugin(install):
    install("[braintools.surrogate]\nSlow = slow:Slow\n", slow="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        get_surrogate("Slow")


UNREADABLE = {
    "a line of another group": ("[console_scripts]\nno equals sign\n", METADATA),
    "bytes that are no text": (GOOD + "Caf\xe9 = a:b\n", METADATA),
    "no name": (GOOD, "Metadata-Version: 2.1\n"),
}


@pytest.mark.filterwarnings("ignore:Implicit None:DeprecationWarning")  # of Python 3.13 itself
@pytest.mark.parametrize("case", UNREADABLE)
def test_metadata_that_cannot_be_read_leaves_what_is_not_published(case, install):
    text, metadata = UNREADABLE[case]
    before = list_surrogates()
    install(text, metadata=metadata)
    with pytest.warns(UserWarning, match="cannot be read, so .* Reinstall the package"):
        assert list_surrogates() == before
    with pytest.warns(UserWarning, match="cannot be read"):
        assert get_surrogate("q_pseudo_spike") == QPseudoSpike()


def test_our_entry_points_hide_nothing_that_a_package_publishes(install):
    """Ours name Sigmoid and S2NN, for the standard library's list: they are still braintools'."""
    source = "from braintools.surrogate import Arctan\nclass Sigmoid(Arctan): pass\n"
    install("[braintools.surrogate]\nSigmoid = own_spikes:Sigmoid\n", own_spikes=source)
    assert type(get_surrogate("Sigmoid")).__module__ == "own_spikes"
    assert {"Sigmoid", "braintools:Sigmoid"} <= set(list_surrogates())
    assert surrogate_spec(Sigmoid())["name"] == "braintools:Sigmoid"


def test_the_first_of_two_copies_on_the_path_counts(install, monkeypatch, tmp_path):
    old = "[braintools.surrogate]\nOld = braintools.surrogate:Sigmoid\n"
    install(GOOD)
    install(old, name="Sabotage", folder=tmp_path / "older")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "older")])
    assert "Good" in list_surrogates()
    assert "Old" not in list_surrogates()


@pytest.mark.parametrize("name", ["with space", "dotted.name", "Größe", "2nd"])
def test_every_name_that_is_listed_can_be_asked_for(name, install):
    text = f"[braintools.surrogate]\n{name} = braintools.surrogate:Sigmoid\n"
    install(text.encode().decode("latin-1"))
    assert name in list_surrogates()
    assert get_surrogate(f"{name}(alpha=2)").alpha == 2


def test_what_is_installed_later_is_found_in_the_same_process(install):
    assert "Good" not in list_surrogates()
    install(GOOD)
    assert "Good" in list_surrogates()


def test_writing_a_spec_imports_no_plugin(install):
    install("[braintools.surrogate]\nOther = other_spikes:Other\n", other_spikes="")
    assert surrogate_spec(Sigmoid())["name"] == "Sigmoid"
    assert "other_spikes" not in sys.modules


def test_a_debug_line_names_the_distribution_of_a_plugin(install, caplog):
    source = "from braintools.surrogate import Sigmoid\nclass Own(Sigmoid): pass\n"
    install("[braintools.surrogate]\nOwn = own_spikes:Own\n", own_spikes=source)
    with caplog.at_level("DEBUG", logger="braintools_qps"):
        get_surrogate("Own")
    assert "Own is own_spikes:Own, published by sabotage" in caplog.messages


def test_the_name_of_a_class_that_another_module_of_its_package_publishes(install, tmp_path):
    (tmp_path / "own_package").mkdir()
    files = {
        "__init__": "",
        "inner": "from braintools.surrogate import Sigmoid\nclass Own(Sigmoid): pass\n",
        "public": "from .inner import Own\n",
    }
    for name, source in files.items():
        (tmp_path / "own_package" / f"{name}.py").write_text(source)
    install("[braintools.surrogate]\nBad = own_package.public:Bad\nOwn = own_package.public:Own\n")
    from own_package.inner import Own

    assert surrogate_spec(Own()) == {"name": "Own", "alpha": 4.0}
    assert qualified_name(Own) == "sabotage:Own"
    assert type(get_surrogate("q_pseudo_spike")) is QPseudoSpike


def test_within_one_scan_a_package_that_is_installed_meanwhile_is_not_seen(install):
    with one_scan():
        install("[braintools.surrogate]\nLate = braintools.surrogate:Sigmoid\n")
        assert "Late" not in list_surrogates()
    assert "Late" in list_surrogates()
