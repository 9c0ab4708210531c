"""Real processes of Dask: they find what one process finds, and what is left when they die."""

import os
import sys
import warnings
from functools import partial

import brainstate
import dask
import numpy as np
import pytest
from clusters import PATIENCE, Cluster
from distributed import Client, LocalCluster
from helpers import ROOT
from small_comparison import assert_same, counted, files

from braintools_qps import compare
from braintools_qps._comparison import connected, search

pytestmark = [
    pytest.mark.cluster,
    # Dask closes its sockets when it gets round to it, and tells of workers that died.
    pytest.mark.filterwarnings("ignore"),
]

DATA = ROOT / "tests" / "data"
rng = np.random.default_rng(0)
Y = np.arange(60) % 2
X = rng.standard_normal((60, 5, 3)) + 0.8 * Y[:, None, None]
NAMES = ["Sigmoid", "S2NN"]
OPTIONS = {
    "task": (X, Y), "epochs": 4, "seeds": 2, "tune": {"learning_rate": (0.03, 0.3)},
    "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def fragile():
    """The model; processes that are started find it too, and know that they are workers.

    All look long for the scheduler: under load it answers late. If it is lost, none waits so long.
    """
    connect = dask.config.set({"distributed.comm.timeouts.connect": PATIENCE})
    patched = pytest.MonkeyPatch.context()
    with patched as patch, connect, brainstate.environ.context(gain=0.5):
        patch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", str(PATIENCE))
        patch.syspath_prepend(str(DATA))
        patch.setattr(search, "RUNS_PER_CALL", 2)  # two groups of a candidate
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("FRAGILE_CLIENT", str(os.getpid()))
        import fragile_model

        yield fragile_model


@pytest.fixture(scope="module")
def cluster(fragile, tmp_path_factory):
    started = Cluster(2, tmp_path_factory.mktemp("dask"))
    yield started
    started.end()


@pytest.fixture(scope="module")
def undisturbed(fragile):
    return compare(NAMES, model=fragile.make, **OPTIONS).results


def test_the_same_is_found_although_the_only_worker_is_killed(
    tmp_path, fragile, undisturbed, capfd
):
    """It dies with its first group: data are made again, and none of Dask's tracebacks printed."""
    once = tmp_path / "once"
    once.touch()
    make = partial(fragile.make, once=str(once))
    own = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0")
    with own, Client(own) as client, counted() as seen:
        found = compare(NAMES, model=make, client=client, **OPTIONS)
        assert capfd.readouterr().err == ""
    assert not once.exists()
    assert_same(found.results, undisturbed)
    assert (seen[-1].runs_done, seen[-1].runs, seen[-1].epochs_done) == (8, 8, 32)


def test_candidates_that_fail_are_rows_with_what_went_wrong(cluster, fragile, undisturbed):
    """Memory runs out, the surrogate is at fault, nothing is a number, and every worker dies."""
    names = ["Sigmoid", "Arctan", "QPseudoSpike(scale='15 mV')", "ReluGrad", "S2NN"]
    make = partial(fragile.make, large="Arctan", nan="ReluGrad", deadly="S2NN")
    with connected(cluster.address) as client:
        found = compare(names, model=make, client=client, **OPTIONS)
    sound, large, wrong, nan, dead = found.results
    assert_same([sound], undisturbed[:1])
    assert "RESOURCE_EXHAUSTED: Out of memory" in large.error
    assert "UnitMismatchError" in wrong.error
    assert dict(nan.flags)["nan"] == 2
    assert "all workers that trained it died" in dead.error


def test_after_the_scheduler_has_gone_this_process_goes_on(tmp_path, cluster, fragile, undisturbed):
    def kill(progress):
        if progress.epochs_done == 8:
            cluster.kill_scheduler()

    options = OPTIONS | {"model": fragile.make, "out": tmp_path}
    gone = pytest.raises(ConnectionError, match=r"scheduler.* was lost.*the same call goes on")
    with gone, connected(cluster.address) as client, counted(kill):
        compare(NAMES, client=client, **options)
    with counted() as seen:
        found = compare(NAMES, **options)
    assert_same(found.results, undisturbed)
    assert seen[-1].runs == 6  # of eight


@pytest.mark.parametrize(("first", "then"), [("here", "workers"), ("workers", "here")])
def test_saved_runs_are_used_wherever_they_were_trained_until_a_file_changes(
    first, then, tmp_path, cluster, fragile
):
    gain, out = tmp_path / "gain", tmp_path / "out"
    options = OPTIONS | {"model": partial(fragile.make, gain=str(gain)), "out": out}
    with connected(cluster.address) as client:
        clients = {"here": None, "workers": client}
        results = {}
        for place, number, runs in (first, 1, 4), (then, 1, 0), (then, 2, 4):
            gain.write_text(str(number))
            with counted() as seen, warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                found = compare(NAMES[:1], client=clients[place], **options).results
            assert seen[-1].runs == runs
            assert_same(found, results.setdefault(number, found))
    said = [str(warning.message) for warning in warned]
    assert any(f"4 runs in {out} were made with other numbers: first loss " in s for s in said)
    assert_same(results[2], compare(NAMES[:1], **options | {"out": None}).results)


def import_from(folder):
    sys.path.insert(0, folder)
    __import__("edited_model")


def test_a_worker_with_other_code_is_refused(tmp_path, cluster, monkeypatch):
    """Its module was edited since the worker imported it: nothing is trained."""
    monkeypatch.syspath_prepend(str(tmp_path))
    source = (DATA / "fragile_model.py").read_text()
    (tmp_path / "edited_model.py").write_text(source)
    import edited_model

    options = OPTIONS | {"model": edited_model.make, "out": tmp_path / "out"}
    with connected(cluster.address) as client:
        client.run(import_from, str(tmp_path))
        edited = source.replace("0.8 * self.V.value", "0.7 * self.V.value")
        (tmp_path / "edited_model.py").write_text(edited)
        exec(compile(edited, edited_model.__file__, "exec"), vars(edited_model))
        for kept, seeds in (0, 2), (4, 3):
            with pytest.raises(ValueError, match="^.* it has another edited_model.* Install.*$"):
                compare(NAMES[:1], client=client, **options | {"seeds": seeds})
            assert len(files(tmp_path / "out")) == kept
            compare(NAMES[:1], **options)
