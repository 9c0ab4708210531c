"""Everyday situations of saved runs: no wrong number, and nothing is trained again unsaid."""

import importlib
import linecache
import os
import shutil
import sys
import warnings
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from helpers import thorough_but
from small_comparison import X, Y, assert_same, counted, files, without_times

from braintools_qps import _files, compare, register_surrogate
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
    return Net(features, classes, GAIN)
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
        self.folder, self.out, self.contexts = folder, folder / "results", ExitStack()
        self.changes, self.name = {}, "net_of_tests"
        self.task, self.sources = (X, Y), {self.name: NET, "parts_of_net": "GAIN = 2.0\n"}
        self.surrogates, self.model, self.is_stale = {"a": "Sigmoid"}, None, False

    def imported(self):
        """The factory, as a new process imports it; or as one that runs on has it."""
        for name, source in self.sources.items():
            (self.folder / f"{name}.py").write_text(source)
        if not self.is_stale:
            importlib.invalidate_caches()
            for name in ("net_of_tests", "parts_of_net", "renamed_net"):
                sys.modules.pop(name, None)
        return importlib.import_module(self.name).make

    def compared(self, out=None):
        """Results, how many runs were trained, and the warnings."""
        options = OPTIONS | {"model": self.model or self.imported(), "out": out} | self.changes
        with warnings.catch_warnings(record=True) as warned, counted() as seen:
            warnings.simplefilter("always")
            comparison = compare(self.surrogates, task=self.task, **options)
        said = [str(warning.message) for warning in warned]
        return without_times(comparison), seen[-1].runs, said

    def cell(self, text, name, **variables):
        """Run a cell of a notebook, which knows its source as IPython does."""
        main = ModuleType("__main__")
        vars(main).update(Net=self.imported().__globals__["Net"], **variables)
        file = f"<cell {hash(text)}>"
        linecache.cache[file] = len(text), None, text.splitlines(True), file
        sys.modules["__main__"] = main
        exec(compile(text, file, "exec"), vars(main))
        return vars(main)[name]

    def rewrite(self, change):
        """Change what each file says, and its name to what it then says."""
        for path in self.run_files():
            about, arrays = packing.unpacked(path)
            change(about)
            path.unlink()
            path.with_name(about["name"]).write_bytes(packing.packed(about, arrays))

    def run_files(self):
        return sorted((self.out / "runs").iterdir())


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
    with world.contexts:
        yield world


# What happens


def sets(**fields):
    return lambda world: vars(world).update(fields)


def options(**changes):
    return sets(changes=changes)


def edits(name, *texts, **fields):
    """The source of a module is edited: the first text of each pair becomes the second."""

    def edit(world):
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            assert old in world.sources[name]
            world.sources[name] = world.sources[name].replace(old, new)
        vars(world).update(fields)

    return edit


def within(context):
    return lambda world: world.contexts.enter_context(context())


def a_cell(text, **variables):
    """The factory is a notebook's."""
    return lambda world: sets(model=world.cell(text, "make", **variables))(world)


def goals(function, keyword, **variables):
    """So is the loss, the score or the optimizer; one seed."""
    usual = {"SCALE": 1.0, "OFFSET": 0.0, "DECAY": 0.001}

    def change(world):
        world.changes = {keyword: world.cell(GOALS, function, **usual | variables), "seeds": [0]}

    return change


def another_name_of_the_module(world):
    world.sources["renamed_net"] = world.sources[world.name]
    world.name = "renamed_net"


def another_place_of_the_module(world):
    (world.folder / "below").mkdir()
    out, world.out = world.out, world.folder / "below" / "results"
    out.rename(world.out)
    world.folder /= "below"
    sys.path.insert(0, str(world.folder))


def another_version(world):
    usual = plan.packages()
    world.patch.setattr(plan, "packages", lambda: usual | {"optax": "0.0"})


def flags(more):
    """Of XLA, which are read when JAX is imported."""
    both = f"{os.environ.get('XLA_FLAGS', '')} {more}"
    return lambda world: world.patch.setenv("XLA_FLAGS", both)


def own_surrogate(factor):
    """A class of the user, with this in its code."""

    def publish(world):
        @register_surrogate(name="Own", overwrite=True)
        class Own(Sigmoid):
            def surrogate_grad(self, x):
                return factor * super().surrogate_grad(x)

        world.surrogates = {"a": "Own"}

    return publish


def a_truncated_file(world):
    path = world.run_files()[0]
    path.write_bytes(path.read_bytes()[:500])


def changed_bits(world):
    for number, path in enumerate(world.run_files()):
        content = bytearray(path.read_bytes())
        content[len(content) * (number + 1) // 3] ^= 1
        path.write_bytes(content)


def swapped_files(world):
    one, other = world.run_files()
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def links_to_nowhere(world):
    for path in world.run_files():
        path.unlink()
        path.symlink_to(path.parent / f"nowhere {path.name}")


def other_fields(world):
    world.rewrite(lambda about: about["outcome"].pop("seconds"))


def no_probe(world):
    world.rewrite(lambda about: about["outcome"].update(probe=[]))


def an_earlier_version(world):
    """Its names end with the key, and its files do not say what that is made of."""

    def change(about):
        del about["outcome"]["about"], about["outcome"]["probe"]
        about["name"] = about["name"][::-1].replace("-", "")[:40]

    world.rewrite(change)


def files_of_others(world):
    for name in ("notes", ".gitignore", f".0123abcd{files(world.out)[0]}"):
        (world.out / "runs" / name).write_bytes(b"text")


def a_folder_that_was_moved(world):
    world.out = world.out.rename(world.folder / "elsewhere")


def a_link_to_the_folder(world):
    (world.folder / "link").symlink_to(world.out)
    world.out = world.folder / "link"


def other_results_copied(world):
    world.changes = {"seeds": [7]}
    world.compared(world.folder / "other")
    shutil.copytree(world.folder / "other" / "runs", world.out / "runs", dirs_exist_ok=True)
    world.changes = {"seeds": [0, 4, 7]}


def a_machine(factor, name="another"):
    """As if the runs had been saved there, with a first loss larger by this factor."""

    def change(about):
        about["outcome"]["machine"] = name
        about["outcome"]["probe"][0] *= factor
        about["name"] = about["name"][:-8] + "0" * 8

    return lambda world: world.rewrite(change)


def configs(**gains):
    """Files that the factory reads, one for each setting."""

    def write(world):
        for name, gain in gains.items():
            (world.folder / name).write_text(str(gain))
        world.changes = {"tune": {"config": tuple(gains)}, "seeds": [0]}

    return write


THIS = kept.machine()
NET_PY, PARTS_PY = "net_of_tests", "parts_of_net"
AGAIN = ". They are trained again"
CODE = "2 runs in {out} were made with other code: %s changed*" + AGAIN
DAMAGED = "2 files in {out}/runs are damaged"
NUMBERS = "2 runs in {out} were made with other numbers: first loss * now *" + AGAIN
NUMBER = "1 run in {out} was made with other numbers: %s *. It is trained again"
OPTIONS_DIFFER = "2 runs in {out} were made with other options: "
VERSIONS = "2 runs in {out} were made with other versions: "
ANY = "*"
# Steps, each of what happens, how many runs are then trained, and what is said
SAME_RESULTS = {
    "comments": [(edits(NET_PY, '"""A network."""', "# Another text\n\n",
                        "    def update", "    # of a step\n    def update"), 0, None)],
    "another name of the module": [
        (another_name_of_the_module, 2, CODE % "net_of_tests.py and renamed_net.py have")],
    "another place of the module": [(another_place_of_the_module, 0, None)],
    "a module that is edited after it was imported": [
        (sets(), 0, None),
        (edits(NET_PY, "self.gain *", "2 * self.gain *", is_stale=True), 0, None)],
    "equal data": [(sets(task=(X.copy(), Y.tolist())), 0, None)],
    "versions": [(another_version, 2, VERSIONS + "optax *, now '0.0'" + AGAIN)],
    "flags that change numbers": [
        (flags("--xla_dump_to=here"), 0, None),
        (flags("--xla_cpu_enable_fast_math=true"), 2,
         VERSIONS + "XLA_FLAGS *fast_math=true'" + AGAIN)],
    "precision": [(within(lambda: jax.default_matmul_precision("float32")), 2,
                   OPTIONS_DIFFER + "*")],
    "values that models may read": [
        (within(lambda: brainstate.environ.context(gain=2.0 * u.mV, log=print, table={1: 2.0})), 2,
         OPTIONS_DIFFER + "environ None, now {'gain': '2.0 mV'*")],
    "a truncated file": [(a_truncated_file, 1, "1 file in {out}/runs is damaged")],
    **{change.__name__: [(change, 2, DAMAGED)] for change in (
        changed_bits, swapped_files, links_to_nowhere, other_fields, no_probe)},
    "an earlier version": [
        (an_earlier_version, 2, "2 files in {out}/runs are of an earlier version")],
    **{change.__name__: [(change, 0, None)] for change in (
        files_of_others, a_folder_that_was_moved, a_link_to_the_folder)},
    "rounding on another machine": [(a_machine(1.005), 0, None)],
    "another network on another machine": [(a_machine(1.02), 2, NUMBERS)],
    "rounding on this machine": [(a_machine(1 + 2e-6, THIS), 0, None)],
    "another network on this machine": [(a_machine(1 + 2e-5, THIS), 2, NUMBERS)],
    "fresh": [(options(fresh=True), 2, None)],
}  # fmt: skip
OTHER_RESULTS = {
    "code": [(edits(NET_PY, "self.gain *", "2 * self.gain *"), 2, CODE % "net_of_tests.py has")],
    "code of a module that it imports": [
        (edits(PARTS_PY, "2.0", "3.0"), 2, CODE % "parts_of_net.py has")],
    "code of a surrogate": [
        (own_surrogate(1.0), 2, None),
        (own_surrogate(0.5), 2, "*other numbers: norm of the first gradient *")],
    "data": [(sets(task=(X[::-1], Y)), 2, "2 runs in {out} were made with other data" + AGAIN)],
    "options": [(options(epochs=3), 2, OPTIONS_DIFFER + "epochs 2, now 3" + AGAIN)],
    "another rate": [
        (options(learning_rate=0.03), 2, OPTIONS_DIFFER + "learning_rate 0.01, now 0.03" + AGAIN)],
    "random numbers": [
        (within(lambda: jax.default_prng_impl("rbg")), 2, OPTIONS_DIFFER + "*"),
        (within(lambda: jax.threefry_partitionable(False)), 2, OPTIONS_DIFFER + "threefry_*")],
    "candidates that are tuned to the same numbers": [
        (sets(surrogates={"a": "QPseudoSpike(alpha=2)", "b": "QPseudoSpike(alpha=8)"},
              changes={"tune": {"alpha": (2.0, 8.0)}}), 4, None)],
    "other labels": [(sets(surrogates={"b": "Sigmoid", "c": Sigmoid()}), 0, None)],
    "one more surrogate": [(sets(surrogates={"a": "Sigmoid", "b": "ReluGrad"}), 2, None)],
    "one more seed": [(options(seeds=[0, 4, 5]), 1, None)],
    "the same rate, tuned": [
        (options(tune={"learning_rate": (0.01,), "dampening": (1.0,)}), 0, None),
        (options(tune={"learning_rate": (0.03, 0.01)}), 2, None),
        (options(tune=None, learning_rate=0.03), 0, None)],
    "a mean slope that lowers nothing": [
        (options(tune={"learning_rate": (0.01,), "mean_slope": (1e3,)}), 0, None),
        (options(tune={"learning_rate": (0.01,), "mean_slope": (1e-3,)}), 2, None)],
    "the functions of a notebook that are used": [
        (a_cell(CELL.replace("GAIN", "2.0")), 2, ANY),
        (a_cell("# new\n" + CELL.replace("GAIN", "2.0") + "def plot(): pass\n", unused=3), 0, None),
        (a_cell(CELL.replace("GAIN", "3.0")), 2, CODE % "make has")],
    "a variable of a notebook": [
        (a_cell(CELL, GAIN=2.0), 2, ANY),
        (a_cell(CELL, GAIN=3.0), 2, NUMBERS),
        (a_cell(CELL, GAIN=2.0), 0, None),
        (a_cell(CELL, GAIN=3.0), 0, None)],
    **{f"a variable of the {keyword}": [
        (goals(function, keyword), 1, ANY),
        (goals(function, keyword, **{variable: 0.5}), 1, NUMBER % said)]
        for function, keyword, variable, said in (
            ("loss", "loss", "SCALE", "first loss"), ("score", "score", "OFFSET", "first score"),
            ("sgd", "optimizer", "DECAY", "norm of the first update"))},
    "one of two config files": [
        (configs(a=2.0, b=1.0), 2, None), (configs(a=2.0, b=3.0), 1, NUMBER % "first loss")],
    "two folders become one": [(other_results_copied, 0, None)],
}  # fmt: skip


SELDOM = {  # which break seldom
    "flags that change numbers", "precision", "values that models may read", "code of a surrogate",
    "random numbers", "candidates that are tuned to the same numbers", "other labels",
    "one more surrogate", "a variable of the score",
}  # fmt: skip
NAMES = [*SAME_RESULTS, *OTHER_RESULTS]


def assert_said(warned, sentence, out):
    wanted = [sentence.replace("{out}", str(out)).replace("[", "[[]")] if sentence else []
    assert len(warned) == len(wanted), warned
    assert all(map(fnmatchcase, warned, wanted)), warned


@pytest.mark.parametrize("name", thorough_but({*NAMES} - SELDOM, NAMES))
def test_situation(name, world, first):
    for change, count, sentence in (SAME_RESULTS | OTHER_RESULTS)[name]:
        change(world)
        numbers, trained, warned = world.compared(world.out)
        assert trained == count
        assert_said(warned, sentence, world.out)
    assert (numbers == first[1]) != (name in OTHER_RESULTS)
    if name in OTHER_RESULTS:
        assert_same(numbers, world.compared()[0])
    if count:
        assert world.compared(world.out)[1] == (2 if name == "fresh" else 0)  # found again


# Folders


def refuse(monkeypatch, number):
    """No file can be written, as on a full disk or in a folder that can only be read."""

    def full(path, content):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(_files, "_replace", full)
    monkeypatch.setattr(Path, "write_bytes", full)


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
