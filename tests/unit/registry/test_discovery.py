"""Distributions that are broken in every way that their authors or a crash can break them."""

import os
import shutil
import sys
from importlib.metadata import entry_points

import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import (
    QPseudoSpike,
    UnknownSurrogateError,
    get_surrogate,
    list_surrogates,
    surrogate_spec,
)
from braintools_qps.__main__ import main
from braintools_qps._registry import discovery, resolution

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Write a distribution as an installer leaves it, with modules, and forget these afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(entry_points_text, name="sabotage", metadata=METADATA, **modules):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(metadata.format(name))
        (folder / "entry_points.txt").write_bytes(entry_points_text.encode("latin-1"))
        for module, source in modules.items():
            (tmp_path / f"{module}.py").write_text(source)

    yield write
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


EXITS = [
    "import sys; sys.exit('no licence')",
    "raise SystemExit",
    "raise GeneratorExit('stop')",
    "import asyncio; raise asyncio.CancelledError",
    "raise BaseException('bare')",
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


BAD_LINES = [
    "[console_scripts]\nno equals sign\n",
    "[braintools.surrogate]\nno equals sign\n",
    "[anything]\nname = a:b\nother\n",
]
GOOD = "[braintools.surrogate]\n# a comment = a\nGood = braintools.surrogate:Sigmoid\n"


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_line_that_cannot_be_read_spoils_no_other_line(bad, install):
    install(bad + GOOD)
    with pytest.raises((TypeError, ValueError)):
        list(entry_points(group="braintools.surrogate"))  # the standard library gives up
    assert get_surrogate("Sigmoid").alpha == 4.0
    assert type(get_surrogate("q_pseudo_spike")) is QPseudoSpike
    assert type(get_surrogate("sabotage:Good")) is Sigmoid
    assert set(list_surrogates()) >= {"Good", "S2NN", "QPseudoSpike", "braintools:QPseudoSpike"}


def test_what_is_read_line_by_line_is_what_the_standard_library_reads(install):
    install(GOOD + "[ other ]\nX = x:X\n[braintools.surrogate]\n  Spaced  =  spaced : Spaced \n")
    usual = sorted(discovery.published())
    assert {entry.name for entry in usual} >= {"Good", "Spaced", "QPseudoSpike", "S2NN"}
    install("[x]\nbroken\n", name="broken")
    assert sorted(discovery.published()) == usual


def test_bytes_that_are_no_text_and_metadata_without_a_name_spoil_nothing(install):
    install("[braintools.surrogate]\nCaf\xe9 = a:b\n", name="latin")
    install("[x]\nbroken\n" + GOOD, name="nameless", metadata="Metadata-Version: 2.1\n")
    assert get_surrogate("Sigmoid").alpha == 4.0
    assert type(get_surrogate("unknown:Good")) is Sigmoid


@pytest.mark.parametrize("name", ["sabotage", "zoo"])  # before and after "unknown"
def test_the_first_of_two_copies_on_the_path_counts(name, install, monkeypatch, tmp_path):
    older = tmp_path / "older"
    (older / f"{name}-0.9.dist-info").mkdir(parents=True)
    (older / f"{name}-0.9.dist-info" / "METADATA").write_text(METADATA.format(name.title()))
    text = "[braintools.surrogate]\nOld = braintools.surrogate:Sigmoid\n"
    (older / f"{name}-0.9.dist-info" / "entry_points.txt").write_text(text)
    install("[x]\nbroken\n" + GOOD, name=name)
    monkeypatch.setattr(sys, "path", [*sys.path, str(older)])
    assert "Good" in list_surrogates()
    assert "Old" not in list_surrogates()


UNREACHABLE = ["a:b", "QPseudoSpike(alpha", ":", "(", "Sigmoid()", "a)"]


@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_name_that_no_spec_can_hold_is_not_listed(name, install):
    before = list_surrogates()
    install(f"[braintools.surrogate]\n{name} = braintools.surrogate:Sigmoid\n")
    assert list_surrogates() == before
    with pytest.raises((UnknownSurrogateError, ValueError)):
        get_surrogate("sabotage:" + name)


@pytest.mark.parametrize("name", ["with space", "dotted.name", "Größe", "2nd"])
def test_every_name_that_is_listed_can_be_asked_for(name, install):
    text = f"[braintools.surrogate]\n{name} = braintools.surrogate:Sigmoid\n"
    install(text.encode().decode("latin-1"))
    assert name in list_surrogates()
    assert type(get_surrogate(name)) is Sigmoid
    assert get_surrogate(f"{name}(alpha=2)").alpha == 2


@pytest.fixture
def scans(monkeypatch):
    """The scans of all distributions, one item for each."""
    seen = []
    scan = discovery.entry_points
    monkeypatch.setattr(discovery, "entry_points", lambda **group: seen.append(1) or scan(**group))
    return seen


def age(folder, seconds=3600):
    then = folder.stat().st_mtime - seconds
    os.utime(folder, (then, then))


def test_distributions_are_read_once_until_one_comes_or_goes(install, scans, tmp_path):
    install(GOOD)
    age(tmp_path)
    names = list_surrogates()
    assert surrogate_spec(get_surrogate("Good"))
    assert list_surrogates() == names
    assert len(scans) == 1
    install("[braintools.surrogate]\nLater = braintools.surrogate:Sigmoid\n", name="later")
    assert {*list_surrogates()} - {*names} == {"Later"}
    shutil.rmtree(tmp_path / "later-1.0.dist-info")
    assert list_surrogates() == names


def test_a_folder_that_is_put_on_the_path_later_is_read(install, monkeypatch, tmp_path):
    install(GOOD)
    age(tmp_path)
    monkeypatch.chdir(tmp_path)
    elsewhere = [folder for folder in sys.path if folder not in ("", str(tmp_path))]
    monkeypatch.setattr(sys, "path", elsewhere)
    assert "Good" not in list_surrogates()
    monkeypatch.setattr(sys, "path", [*sys.path, ""])  # as in an interactive session
    assert "Good" in list_surrogates()
    monkeypatch.chdir("/")
    assert "Good" not in list_surrogates()


def test_another_folder_in_the_place_of_one_is_read(install, tmp_path):
    """Though its time is the same to the nanosecond."""
    install(GOOD)
    age(tmp_path)
    then = tmp_path.stat().st_mtime_ns
    assert "Good" in list_surrogates()
    aside = tmp_path.rename(tmp_path.with_name("aside"))
    tmp_path.mkdir()
    os.utime(tmp_path, ns=(then, then))
    assert "Good" not in list_surrogates()
    assert aside.stat().st_mtime_ns == then


def test_writing_a_spec_imports_no_plugin(install):
    install("[braintools.surrogate]\nOther = other_spikes:Other\n", other_spikes="")
    assert surrogate_spec(Sigmoid())["name"] == "Sigmoid"
    assert "other_spikes" not in sys.modules


def test_a_folder_that_has_just_changed_is_read_again(install, scans):
    install(GOOD)  # a second change within a tick of the clock would show the same time
    list_surrogates()
    list_surrogates()
    assert len(scans) == 2


def test_a_debug_line_names_the_distribution_of_a_plugin(install, caplog):
    source = "from braintools.surrogate import Sigmoid\nclass Own(Sigmoid): pass\n"
    install("[braintools.surrogate]\nOwn = own_spikes:Own\n", own_spikes=source)
    with caplog.at_level("DEBUG", logger=discovery.__name__):
        get_surrogate("braintools:Sigmoid")
        assert not caplog.messages
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
    assert resolution.qualified_name(Own) == "sabotage:Own"
