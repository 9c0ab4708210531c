"""Plugins that other people publish: those of tests/data/plugins, as an installer leaves them.

One that pip has built is in tests/docs/test_publish_guide.py.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from threading import Barrier

import braintools.surrogate
import pytest

from braintools_qps import (
    QPseudoSpike,
    get_surrogate,
    list_surrogates,
    surrogate_spec,
)
from braintools_qps.__main__ import main
from braintools_qps.testing import check_surrogate

PLUGINS = Path(__file__).parents[1] / "data" / "plugins"


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Plugin name -> directory with the package and its dist-info, as an installer leaves them."""
    root = tmp_path_factory.mktemp("plugins")
    shutil.copytree(PLUGINS, root, dirs_exist_ok=True)
    for folder in root.iterdir():
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        info = folder / f"{project['name']}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".format_map(project)
        )
        points = project["entry-points"]["braintools.surrogate"].items()
        lines = "".join(f"{name} = {where}\n" for name, where in points)
        (info / "entry_points.txt").write_text(f"[braintools.surrogate]\n{lines}")
    return {folder.name: folder for folder in root.iterdir()}


@pytest.fixture
def on_path(installed, monkeypatch):
    """Put plugins on sys.path, the last one first, and forget them afterwards."""

    def put(*names):
        for name in names:
            monkeypatch.syspath_prepend(installed[name])

    yield put
    for name in installed:
        sys.modules.pop(name, None)


def loaded(installed):
    return {name for name in installed if name in sys.modules}


def test_a_plugin_is_found_by_its_name(on_path):
    on_path("triangle_spikes")
    assert "TriangularSpike" in list_surrogates()
    for name in ("TriangularSpike", "triangular_spike", "triangle-spikes:TriangularSpike"):
        surrogate = get_surrogate(name, width=2.0)
        assert float(surrogate.surrogate_grad(1.0)) == 0.25
    assert surrogate_spec(surrogate) == {"name": "TriangularSpike", "width": 2.0}
    check_surrogate("TriangularSpike(width=0.5)")


def test_listing_imports_no_plugin_and_hides_no_broken_one(on_path, installed):
    before = list_surrogates()
    on_path(*installed)
    names = list_surrogates()
    assert loaded(installed) == set()
    added = {
        "TriangularSpike",
        "BrokenSpike",
        "FunctionSpike",
        "braintools-qps:QPseudoSpike",
        "rival-spikes:QPseudoSpike",
        "braintools:S2NN",
    }
    assert set(names) == (set(before) | added) - {"QPseudoSpike"}


def test_a_look_up_imports_only_the_plugin_that_is_asked_for(on_path, installed):
    on_path(*installed)
    get_surrogate("sigmoid")
    assert loaded(installed) == set()
    get_surrogate("triangular_spike")
    assert loaded(installed) == {"triangle_spikes"}


def test_a_broken_plugin_is_named_and_spoils_no_other(on_path, installed, capsys):
    on_path(*installed)
    with pytest.raises(ImportError) as caught:
        get_surrogate("BrokenSpike")
    for part in ("'broken-spikes'", "'broken_spikes:BrokenSpike'", "built for another version"):
        assert part in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["TriangularSpike"].split()[1:3] == ["triangle-spikes", "width=1.0"]
    assert lines["TriangularSpike"].endswith("A triangle as the derivative.")
    assert "Broken: " in lines["BrokenSpike"]
    assert "Broken: " in lines["FunctionSpike"]


def test_what_is_not_a_surrogate_is_named_with_its_distribution(on_path):
    on_path("function_spikes")
    with pytest.raises(
        TypeError, match=r"'function-spikes' names 'function_spikes:function_spike'"
    ):
        get_surrogate("FunctionSpike")


def test_a_name_that_two_distributions_claim_is_refused_until_it_is_qualified(on_path):
    on_path("rival_spikes")
    with pytest.raises(LookupError) as caught:
        get_surrogate("q_pseudo_spike(alpha=2)")
    for part in ("'braintools-qps:QPseudoSpike'", "'rival-spikes:QPseudoSpike'"):
        assert part in str(caught.value)
    assert type(get_surrogate("braintools_qps:QPseudoSpike")) is QPseudoSpike
    assert type(get_surrogate("rival_spikes:QPseudoSpike")).__module__ == "rival_spikes"
    assert type(get_surrogate("braintools:QPseudoSpike")).__module__ == "braintools.surrogate"
    for name in ("braintools-qps:QPseudoSpike", "rival-spikes:QPseudoSpike"):
        assert surrogate_spec(get_surrogate(name))["name"] == name


def test_a_name_claimed_twice_where_one_claim_is_broken_says_so(on_path, tmp_path):
    metadata = tmp_path / "sabotage-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sabotage\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[braintools.surrogate]\nTriangularSpike = no_such_module:TriangularSpike\n"
    )
    on_path("triangle_spikes")
    sys.path.append(str(tmp_path))  # undone with on_path's changes
    with pytest.raises(
        LookupError, match=r"'sabotage:TriangularSpike'.* which fails: .*no_such_mod"
    ):
        get_surrogate("TriangularSpike")
    assert type(get_surrogate("triangle-spikes:TriangularSpike")).__name__ == "TriangularSpike"


def test_one_class_claimed_by_two_distributions_is_no_conflict(on_path):
    on_path("alias_spikes")
    assert type(get_surrogate("S2NN")) is braintools.surrogate.S2NN
    assert type(get_surrogate("Sigmoid")) is braintools.surrogate.Sigmoid
    assert surrogate_spec(braintools.surrogate.S2NN())["name"] == "S2NN"


def test_first_look_ups_from_16_threads_agree(on_path, installed):
    on_path(*installed)
    barrier = Barrier(16)

    def look_up(_):
        barrier.wait()
        return type(get_surrogate("triangular_spike")), tuple(list_surrogates())

    with ThreadPoolExecutor(16) as threads:
        results = set(threads.map(look_up, range(16)))
    assert len(results) == 1


SCRIPT = """
import itertools, sys
import braintools  # which imports matplotlib

def packages():
    return {name.partition(".")[0] for name in sys.modules}

before = packages()
from braintools_qps import get_surrogate, list_surrogates

def paths():
    for order in itertools.permutations(sys.argv[1:]):
        yield [*order, *original]
        yield [*original, *order]

original = list(sys.path)
messages = set()
for sys.path[:] in paths():
    messages.add(repr(list_surrogates()))
print(sorted(packages() - before - sys.stdlib_module_names))
for sys.path[:] in paths():
    for name in ("QPseudoSpike", "no_such_name"):
        try:
            get_surrogate(name)
        except LookupError as error:
            messages.add(f"{name}: {error}")
print(*sorted(messages), sep="\\n")
"""


@pytest.mark.thorough
def test_nothing_depends_on_the_hash_seed_or_the_order_of_the_path(installed):
    plugins = [str(installed[n]) for n in ("triangle_spikes", "rival_spikes", "alias_spikes")]

    def run(seed, order):
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, *order],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    with ThreadPoolExecutor(2) as processes:
        outputs = set(processes.map(run, range(3), permutations(plugins)))
    assert len(outputs) == 1
    imported, *messages = outputs.pop().splitlines()
    assert imported == "['braintools_qps']"  # no plugin, no brainpy, nothing beyond braintools
    assert len(messages) == 3  # one list, and one message for each of the two errors
