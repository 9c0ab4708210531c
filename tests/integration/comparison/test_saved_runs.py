"""Everyday situations of saved runs: no wrong number, and nothing is trained again unsaid."""

import importlib
import linecache
import os
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType

import brainstate
import numpy as np
import pytest
from small_comparison import X, Y, counted, files, without_times

from braintools_qps import _files, compare
from braintools_qps.__main__ import main
from braintools_qps._comparison import kept, packing, plan
from braintools_qps._defaults import FILES

NET = '''"""A network."""
import os, time
import brainstate
from braintools_qps import QPseudoSpike
from parts_of_net import GAIN

T0, HERE = time.time(), os.path.abspath(__file__)

class Net(brainstate.nn.Module):
    """Spikes of weighted sums."""

    def __init__(self, features, classes, gain):
        super().__init__()
        self.w = brainstate.ParamState(brainstate.random.normal(size=(features, 8)))
        self.out = brainstate.ParamState(brainstate.random.normal(size=(8, classes)))
        self.spk_fun, self.gain = QPseudoSpike(), gain

    def update(self, x):
        return self.spk_fun(self.gain * (x @ self.w.value) - 1) @ self.out.value

def make(features, classes, config=None):
    if config is None:
        return Net(features, classes, GAIN)
    with open(config) as file:
        return Net(features, classes, float(file.read()))
'''
CELL = """def make(features, classes):
    return Net(features, classes, {gain})
"""
GOALS = """import jax.numpy as jnp, optax
def loss(outputs, y): return SCALE * (outputs**2).mean() - outputs[:, 0].mean()
def score(outputs, y): return (outputs.argmax(-1) == y).mean() + OFFSET
def sgd(learning_rate): return optax.adamw(learning_rate, weight_decay=DECAY)
"""
OPTIONS = {"epochs": 2, "seeds": [0, 4], "tune": None, "batch_size": 16, "progress": False}


class World:
    """A folder with a module of a network and saved runs of it, and what a user does there."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "results"
        self.changes, self.name = {}, "net_of_tests"
        self.task, self.sources = (X, Y), {self.name: NET, "parts_of_net": "GAIN = 2.0\n"}
        self.model = None

    def imported(self, stale=False):
        """The factory, as a new process imports it; or as one that runs on has it."""
        for name, source in self.sources.items():
            (self.folder / f"{name}.py").write_text(source)
        if not stale:
            importlib.invalidate_caches()
            for name in ("net_of_tests", "parts_of_net", "renamed_net"):
                sys.modules.pop(name, None)
        return importlib.import_module(self.name).make

    def edit(self, name, old, new):
        assert old in self.sources[name]
        self.sources[name] = self.sources[name].replace(old, new)

    def compared(self, out=None, stale=False):
        """Results, how many runs were trained, and the warnings."""
        options = OPTIONS | {"model": self.model or self.imported(stale), "out": out}
        with warnings.catch_warnings(record=True) as warned, counted() as seen:
            warnings.simplefilter("always")
            comparison = compare({"Sigmoid": "Sigmoid"}, task=self.task, **options | self.changes)
        said = [str(warning.message) for warning in warned]
        return without_times(comparison), seen[-1].runs, said

    def cell(self, text, name="make", **variables):
        """Run a cell of a notebook, which knows its source as IPython does."""
        main = ModuleType("__main__")
        vars(main).update(Net=self.imported().__globals__["Net"], **variables)
        file = f"<cell {hash(text)}>"
        linecache.cache[file] = len(text), None, text.splitlines(True), file
        sys.modules["__main__"] = main
        exec(compile(text, file, "exec"), vars(main))
        return vars(main)[name]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Saved runs, and their numbers."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(tmp_path_factory.mktemp("first"))
        patch.syspath_prepend(str(world.folder))
        return world, world.compared(world.out)[0]


@pytest.fixture
def world(first, tmp_path, monkeypatch):
    """A copy."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shutil.copytree(first[0].out, tmp_path / "results")
    world = World(tmp_path)
    world.patch = monkeypatch
    return world


def comments(world):
    world.edit("net_of_tests", '"""A network."""', "# Another text\n\n")
    world.edit("net_of_tests", "    def update", "    # of a step\n    def update")


def code(world):
    world.edit("net_of_tests", "self.gain *", "2 * self.gain *")


def a_module_that_it_imports(world):
    world.edit("parts_of_net", "2.0", "3.0")


def another_name_of_the_module(world):
    world.sources["renamed_net"] = world.sources[world.name]
    world.name = "renamed_net"


def data(world):
    world.task = (X[::-1], Y)


def equal_data(world):
    world.task = (X.copy(), Y.tolist())


def options(world):
    world.changes = {"epochs": 3}


def another_rate(world):
    world.changes = {"learning_rate": 0.03}


def numerics(world):
    brainstate.environ.set(gain=2.0)


def versions(world):
    usual = plan.packages()
    world.patch.setattr(plan, "packages", lambda: usual | {"optax": "0.0"})


def run_files(world):
    return sorted((world.out / "runs").iterdir())


def rewrite(world, change):
    """Change what each file says, and its name to what it then says."""
    for path in run_files(world):
        about, arrays = packing.unpacked(path)
        change(about)
        path.unlink()
        path.with_name(about["name"]).write_bytes(packing.packed(about, arrays))


def a_truncated_file(world):
    path = run_files(world)[0]
    path.write_bytes(path.read_bytes()[:500])


def changed_bits(world):
    for number, path in enumerate(run_files(world)):
        content = bytearray(path.read_bytes())
        content[len(content) * (number + 1) // 3] ^= 1
        path.write_bytes(content)


def swapped_files(world):
    one, other = run_files(world)
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def links_to_nowhere(world):
    for path in run_files(world):
        path.unlink()
        path.symlink_to(path.parent / f"nowhere {path.name}")


def other_fields(world):
    rewrite(world, lambda about: about["outcome"].pop("seconds"))


def no_probe(world):
    rewrite(world, lambda about: about["outcome"].update(probe=[]))


def an_earlier_version(world):
    """Its names end with the key, and its files do not say what that is made of."""

    def change(about):
        del about["outcome"]["about"], about["outcome"]["probe"]
        about["name"] = about["name"][::-1].replace("-", "")[:40]

    rewrite(world, change)


def files_of_others(world):
    folder = world.out / "runs"
    for name in ("notes", ".gitignore", f".0123abcd{files(world.out)[0]}"):
        (folder / name).write_bytes(b"text")


def a_folder_that_was_moved(world):
    world.out = world.out.rename(world.folder / "elsewhere")


def a_link_to_the_folder(world):
    (world.folder / "link").symlink_to(world.out)
    world.out = world.folder / "link"


def another_place_of_the_module(world):
    (world.folder / "below").mkdir()
    out, world.out = world.out, world.folder / "below" / "results"
    out.rename(world.out)
    world.folder /= "below"
    sys.path.insert(0, str(world.folder))


def another_machine(world):
    on_machine(world, 1.005)


def another_network_on_another_machine(world):
    on_machine(world, 1.02)


def another_network_on_this_machine(world):
    on_machine(world, 1 + 2e-5, kept.machine())


def rounding_on_this_machine(world):
    on_machine(world, 1 + 2e-6, kept.machine())


def on_machine(world, factor, name="another"):
    """As if the runs had been saved there, with a first loss larger by this factor."""

    def change(about):
        about["outcome"]["machine"] = name
        about["outcome"]["probe"][0] *= factor
        about["name"] = about["name"][:-8] + "0" * 8

    rewrite(world, change)


def fresh(world):
    world.changes = {"fresh": True}


def one_more_seed(world):
    world.changes = {"seeds": [0, 4, 5]}


def the_same_rate_tuned(world):
    world.changes = {"tune": {"learning_rate": (0.01,), "dampening": (1.0,)}}


CODE = "2 runs in {out} were made with other code: {what} changed"
DAMAGED = "2 files in {out}/runs are damaged"
NUMBERS = "2 runs in {out} were made with other numbers: first loss * now *"
TABLE = [  # what is done, how many runs are trained, and what is said
    (comments, 0, None),
    (code, 2, CODE.replace("{what}", "net_of_tests.py has")),
    (a_module_that_it_imports, 2, CODE.replace("{what}", "parts_of_net.py has")),
    (another_name_of_the_module, 2, "*net_of_tests.py and renamed_net.py have changed*"),
    (another_place_of_the_module, 0, None),
    (data, 2, "2 runs in {out} were made with other data"),
    (equal_data, 0, None),
    (options, 2, "2 runs in {out} were made with other options: epochs 2, now 3"),
    (another_rate, 2, "*were made with other options: learning_rate 0.01, now 0.03"),
    (numerics, 2, "*other options: environ None, now {'gain': 2.0}"),
    (versions, 2, "2 runs in {out} were made with other versions: optax *, now '0.0'"),
    (a_truncated_file, 1, "1 file in {out}/runs is damaged"),
    (changed_bits, 2, DAMAGED),
    (swapped_files, 2, DAMAGED),
    (links_to_nowhere, 2, DAMAGED),
    (other_fields, 2, DAMAGED),
    (no_probe, 2, DAMAGED),
    (an_earlier_version, 2, "2 files in {out}/runs are of an earlier version"),
    (files_of_others, 0, None),
    (a_folder_that_was_moved, 0, None),
    (a_link_to_the_folder, 0, None),
    (another_machine, 0, None),
    (another_network_on_another_machine, 2, NUMBERS),
    (another_network_on_this_machine, 2, NUMBERS),
    (rounding_on_this_machine, 0, None),
    (fresh, 2, None),
    (one_more_seed, 1, None),
    (the_same_rate_tuned, 0, None),
]


OTHER_RESULTS = (
    code, a_module_that_it_imports, data, options, another_rate, one_more_seed, the_same_rate_tuned,
)  # fmt: skip


def assert_said(warned, sentence, out):
    from fnmatch import fnmatchcase

    wanted = [sentence.replace("{out}", str(out)).replace("[", "[[]")] if sentence else []
    assert len(warned) == len(wanted), warned
    assert all(map(fnmatchcase, warned, wanted)), warned


@pytest.mark.parametrize(
    ("change", "count", "sentence"), TABLE, ids=lambda v: getattr(v, "__name__", "")
)
def test_situation(change, count, sentence, world, first, monkeypatch):
    change(world)
    numbers, trained, warned = world.compared(world.out)
    assert trained == count
    assert_said(warned, sentence, world.out)
    is_other = change in OTHER_RESULTS
    assert numbers == (world.compared()[0] if is_other else first[1])
    assert (numbers == first[1]) != is_other
    if count:
        assert world.compared(world.out)[1] == (2 if change is fresh else 0)  # found again
    monkeypatch.undo()


def test_a_module_that_is_edited_counts_as_it_was_imported(world, first):
    """As in a notebook that was open: what runs is what was imported."""
    world.compared(world.out)
    code(world)
    assert world.compared(world.out, stale=True) == (first[1], 0, [])
    numbers, trained, warned = world.compared(world.out)
    assert trained == 2
    assert_said(warned, TABLE[1][2], world.out)
    assert numbers == world.compared()[0] != first[1]


def test_of_a_notebook_the_functions_count_that_are_used(world):
    world.model = world.cell(CELL.format(gain=2.0))
    assert world.compared(world.out)[1] == 2
    world.model = world.cell("# new\n" + CELL.format(gain="2.0") + "def plot(): pass\n", unused=3)
    assert world.compared(world.out)[1:] == (0, [])
    world.model = world.cell(CELL.format(gain=3.0))
    _, trained, warned = world.compared(world.out)
    assert trained == 2
    assert_said(warned, CODE.replace("{what}", "make has"), world.out)


def test_a_variable_of_a_notebook_is_found_by_its_numbers(world):
    make = lambda gain: world.cell(CELL.format(gain="N"), N=gain)
    shutil.rmtree(world.out)
    results = {}
    for gain, count in ((2.0, 2), (3.0, 2), (2.0, 0), (3.0, 0)):
        world.model = make(gain)
        numbers, trained, warned = world.compared(world.out)
        assert trained == count
        assert numbers == results.setdefault(gain, numbers)
        assert_said(warned, NUMBERS if gain == 3.0 and count else None, world.out)
    assert results[2.0] != results[3.0]


@pytest.mark.parametrize(
    ("function", "variable", "said"),
    [
        ("loss", "SCALE", "first loss"),
        ("score", "OFFSET", "first score"),
        ("sgd", "DECAY", "norm of the first update"),
    ],
)
def test_so_are_those_of_loss_score_and_optimizer(function, variable, said, world):
    usual = {"SCALE": 1.0, "OFFSET": 0.0, "DECAY": 0.001}
    keyword = {"sgd": "optimizer"}.get(function, function)
    for value in (usual[variable], 0.5):
        variables = usual | {variable: value}
        world.changes = {keyword: world.cell(GOALS, function, **variables), "seeds": [0]}
        _, trained, warned = world.compared(world.out)
        assert trained == 1
    assert_said(warned[-1:], f"1 run in {{out}} was made with other numbers: {said} *", world.out)


def test_of_two_config_files_the_edited_one_is_trained_again(world):
    for name, gain in (("a.yaml", 2.0), ("b.yaml", 1.0)):
        (world.folder / name).write_text(str(gain))
    world.changes = {"tune": {"config": ("a.yaml", "b.yaml")}, "seeds": [0]}
    assert world.compared(world.out)[1] == 2
    (world.folder / "b.yaml").write_text("3.0")
    numbers, trained, warned = world.compared(world.out)
    assert trained == 1
    assert_said(warned, "1 run in {out} was made with other numbers: first loss * now *", world.out)
    assert numbers == world.compared()[0]


def test_two_folders_become_one(world, tmp_path):
    world.changes = {"seeds": [7]}
    world.compared(tmp_path / "other")
    shutil.copytree(tmp_path / "other" / "runs", world.out / "runs", dirs_exist_ok=True)
    world.changes = {"seeds": [0, 4, 7]}
    assert world.compared(world.out)[1:] == (0, [])


# Folders


def refuse(monkeypatch, number):
    """No file can be written, as on a full disk or in a folder that can only be read."""

    def full(path, content):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(_files, "_replace", full)
    monkeypatch.setattr(Path, "write_bytes", full)


def test_a_complete_folder_that_cannot_be_written_shows_its_results(world, first, monkeypatch):
    refuse(monkeypatch, 30)
    numbers, trained, warned = world.compared(world.out)
    assert (numbers, trained) == (first[1], 0)
    assert_said(
        warned, "{out}/comparison.json cannot be written (Read-only file system)*", world.out
    )


def test_a_disk_that_is_full_before_training_is_named_with_the_path(world, monkeypatch):
    refuse(monkeypatch, 28)
    world.changes = {"seeds": [0, 4, 5]}
    with pytest.raises(OSError, match=r"No space left on device: '.*results/runs'"):
        world.compared(world.out)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text(""), "a file is where out needs a folder: '.*/place'"),
        (lambda path: path.symlink_to("nowhere"), "link to a folder that is missing: '.*/place'"),
    ],
)
def test_what_is_no_folder_is_named(make, message, world):
    make(place := world.folder / "place")
    with pytest.raises(OSError, match=message):
        world.compared(place / "below")


def test_a_folder_that_is_deleted_is_made_again(world, first):
    shutil.rmtree(world.out)

    def delete(progress):
        if progress.epochs_done < 4:
            shutil.rmtree(world.out, ignore_errors=True)

    with counted(delete):
        numbers, trained, warned = world.compared(world.out)
    assert (numbers, trained, warned) == (first[1], 2, [])
    assert files(world.out)


def test_the_home_directory_is_expanded(world, monkeypatch):
    monkeypatch.setenv("HOME", str(world.folder))
    assert world.compared("~/results")[1:] == (0, [])


def test_the_command_writes_all_below_the_home_directory_and_needs_no_writing_to_show_the_table(
    world, monkeypatch, capsys
):
    monkeypatch.setenv("HOME", str(world.folder))
    np.savez("mine.npz", X=X, y=Y)
    command = "compare --data mine.npz --surrogates Sigmoid --no-tune --seeds 1 --epochs 1 --out"
    assert main([*command.split(), "~/written", "--option", "hidden=4"]) == 0
    table = capsys.readouterr().out
    written = sorted(path.name for path in (world.folder / "written").iterdir())
    assert written == sorted([*FILES, "runs"])
    refuse(monkeypatch, 30)
    with pytest.warns(UserWarning, match="comparison.json cannot be written .Read-only"):
        assert main([*command.split(), "~/written", "--option", "hidden=4"]) == 0
    captured = capsys.readouterr()
    assert captured.out == table
    place = world.folder / "written"
    reason = "cannot be written: no figure, no report (Read-only file system)"
    assert captured.err.splitlines()[-1] == f"{place} {reason}"
