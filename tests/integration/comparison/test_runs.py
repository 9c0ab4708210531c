"""A run is a fact: it is trained once, kept whole or not at all, and depends on its key alone."""

import dataclasses
import gc
import json
import os
import subprocess
import sys

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid
from helpers import thorough
from small_comparison import NAMES, SMALL, X, Y, files, trained

from braintools_qps import Comparison, register_surrogate
from braintools_qps._comparison import Factory, environment, load_task, runs


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A directory with a comparison of one surrogate, and the comparison."""
    out = tmp_path_factory.mktemp("first")
    return out, *trained(out=out)


@pytest.fixture
def out(first, tmp_path):
    """A copy of its runs."""
    (tmp_path / "runs").mkdir()
    for path in (first[0] / "runs").iterdir():
        (tmp_path / "runs" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_what_is_on_the_disk(first):
    out, comparison, count = first
    assert count == 2
    assert len(files(out)) == 2
    assert Comparison.from_json((out / "comparison.json").read_text()) == comparison
    names = ["comparison.csv", "comparison.json", "runs"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert (out / "comparison.csv").read_text() == comparison.to_csv()


RATES = {"learning_rate": (0.1, 0.03, 0.01)}


@pytest.mark.parametrize(
    ("surrogates", "change", "count"),
    [
        thorough({"another label": "Sigmoid"}, {}, 0),
        thorough(NAMES[:1], {"tune": {"learning_rate": (0.03,)}}, 0),
        thorough(NAMES[:1], {"tune": None, "learning_rate": 0.1}, 0),
        (NAMES[:1], {"tune": RATES}, 1),
        thorough(NAMES, {}, 2),
        thorough(["Sigmoid", "sigmoid"], {}, 0),
    ],
)
def test_only_the_difference_is_trained_and_known_runs_stay(first, out, surrogates, change, count):
    before = first[1].results[0]
    comparison, found = trained(surrogates, out=out, **change)
    assert found == count
    for trial in comparison.results[0].tuning.trials if comparison.results[0].tuning else ():
        for old in before.tuning.trials:
            if old.setting["learning_rate"] == trial.setting["learning_rate"]:
                assert (trial.test[0], trial.loss[0]) == (old.test[0], old.loss[0])


@pytest.mark.thorough
def test_what_a_killed_process_left_goes_once_something_is_trained(out):
    """Files that it was writing, and a file of somebody else's."""
    (key, _), folder = files(out), out / "runs"
    left = [folder / f".{start}{key}" for start in ("0123abcd", "89ef4567")]
    for path in (*left, folder / "notes", folder / ".gitignore"):
        path.write_bytes((folder / key).read_bytes()[:1000])
    os.utime(left[0], (0, 0))
    trained(out=out, seeds=[5])
    present = [path.exists() for path in (*left, folder / ".gitignore")]
    assert present == [False, True, True]  # the second may be another process's


@pytest.mark.thorough
def test_a_surrogate_whose_code_has_changed_is_another(tmp_path):
    def publish(factor):
        @register_surrogate(name="Own", overwrite=True)
        class Own(Sigmoid):
            def surrogate_grad(self, x):
                return factor * super().surrogate_grad(x)

    publish(1.0)
    assert trained(["Own"], out=tmp_path)[1] == 2
    publish(0.5)
    with pytest.warns(UserWarning, match="other numbers: norm of the first gradient "):
        assert trained(["Own"], out=tmp_path)[1] == 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    "other",
    [
        lambda: jax.default_prng_impl("rbg"),
        lambda: jax.threefry_partitionable(False),
        lambda: jax.default_matmul_precision("float32"),
        lambda: brainstate.environ.context(gain=2.0 * u.mV, log=print, table={1: 2.0}),
    ],
)
def test_numerics_and_what_a_model_may_read_make_other_runs(other, out):
    with other():
        with pytest.warns(UserWarning, match="2 runs in .* were made with other options: "):
            assert trained(out=out)[1] == 2
        assert trained(out=out)[1] == 0


@pytest.mark.thorough
def test_flags_of_xla_make_other_runs(out, monkeypatch):
    flags = os.environ.get("XLA_FLAGS", "")
    monkeypatch.setenv("XLA_FLAGS", f"{flags} --xla_dump_to=here")
    assert trained(out=out)[1] == 0
    monkeypatch.setenv("XLA_FLAGS", f"{flags} --xla_cpu_enable_fast_math=true")
    with pytest.warns(UserWarning, match="other versions: XLA_FLAGS .*fast_math=true'"):
        assert trained(out=out)[1] == 2


@pytest.mark.thorough
def test_candidates_that_are_tuned_to_the_same_numbers_share_their_runs(tmp_path):
    names = ["QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)"]
    comparison, count = trained(names, out=tmp_path, tune={"alpha": (2.0, 8.0)})
    assert count == 2
    assert len(files(tmp_path)) == 2
    one, other = comparison.results
    assert one.tuning.trials == other.tuning.trials


def test_a_probe_that_fills_the_disk_leaves_no_file(tmp_path):
    """A real limit of the system: files may have 1000 bytes."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            runs.Runs(tmp_path).make_directory()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not files(tmp_path)


@pytest.mark.thorough
def test_a_run_is_the_same_bit_for_bit_whatever_is_trained_beside_it(first):
    """One, three and nine runs in a group."""
    one, _ = trained(tune={"learning_rate": (0.1,)})
    three, _ = trained(tune={"learning_rate": (0.1,)}, seeds=[0, 4, 1])
    nine, _ = trained(tune=RATES, seeds=[0, 4, 1])
    trials = [each.results[0].tuning.trials[0] for each in (one, three, nine)]
    for name in ("test", "validation", "loss"):
        alone, *beside = (getattr(trial, name) for trial in trials)
        assert [values[1] for values in beside] == [alone[0]] * 2
    assert [len({*trial.loss}) for trial in trials] == [1, 3, 3]  # each seed has its own


@dataclasses.dataclass
class Width:
    """Two of different numbers of neurons have one repr."""

    neurons: int = dataclasses.field(repr=False)


def of_width(features, outputs, width):
    """A factory with a keyword that has no default."""
    return SMALL(features, outputs, hidden=width.neurons)


@pytest.mark.thorough
@pytest.mark.parametrize("change", [{}, {"prepare": True}, {"tune": {"mean_slope": (0.01,)}}])
def test_values_with_the_same_repr_are_trained_as_themselves(change):
    """Each with its own start and mean slope."""
    tune = change.get("tune", {}) | {"width": (Width(3), Width(8))}
    both, _ = trained(model=of_width, epochs=1, **change | {"tune": tune})
    tune = tune | {"width": tune["width"][1:]}
    alone, _ = trained(model=of_width, epochs=1, **change | {"tune": tune})
    other, same = both.results[0].tuning.trials
    assert same == alone.results[0].tuning.trials[0]
    assert other.loss != same.loss


def test_loaded_weights_give_the_reported_score(out, monkeypatch):
    """Those of the run that the seed chose, wherever the process has gone since."""
    monkeypatch.chdir(out.parent)
    comparison, _ = trained(out=out.name)
    monkeypatch.chdir(out)
    task = load_task((X, Y))
    rows = task.split(4).test
    model = Factory(SMALL)(task)
    with environment():
        brainstate.nn.init_all_states(model, len(rows))
        weights = comparison.weights("Sigmoid", 4)
        for path, state in brainstate.graph.states(model).items():
            state.value = weights.pop(".".join(map(str, path)), state.value)
        assert not weights
        inputs = jnp.asarray(np.swapaxes(X[rows], 0, 1), jnp.float32)
        answers = brainstate.transform.for_loop(model.update, inputs).mean(0).argmax(1)
    assert float((answers == Y[rows]).mean()) == comparison.results[0].scores.test[0]


@pytest.mark.thorough
def test_compiled_programs_are_released_at_the_end():
    """Eager layers of brainstate leave one program each, whoever makes them; SMALL has none."""

    def alive():
        trained()
        gc.collect()
        return len(jax.devices()[0].client.live_executables())

    assert alive() == alive()


@pytest.mark.thorough
def test_two_processes_share_a_folder_and_a_last_call_collects(tmp_path):
    np.savez(tmp_path / "mine.npz", X=X, y=Y)
    command = "compare --data mine.npz --no-tune --epochs 2 --option hidden=8 --out out".split()
    command = [sys.executable, "-m", "braintools_qps", *command, "--surrogates", "Sigmoid"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    call = lambda seeds: subprocess.Popen(
        [*command, "--seeds", seeds], cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    both = [call("0-1"), call("2-3")]
    assert [process.wait(600) for process in both] == [0, 0]
    before = files(tmp_path / "out")
    last = call("4")
    assert last.wait(600) == 0
    assert files(tmp_path / "out") == before
    results = json.loads((tmp_path / "out/comparison.json").read_text())["results"]
    assert results[0]["seeds"] == [0, 1, 2, 3]
