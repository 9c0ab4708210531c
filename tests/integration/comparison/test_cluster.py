"""Real processes: a Dask cluster and local workers, and what is left when they die."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from clusters import Cluster
from small_comparison import press_ctrl_c_at

from braintools_qps import compare
from braintools_qps._comparison import dask_workers, local_workers, search

dask = pytest.importorskip("dask", reason="Dask is not installed")
pytestmark = [
    pytest.mark.cluster,
    # Dask closes its sockets when it gets round to it, and tells of workers that died.
    pytest.mark.filterwarnings("ignore"),
]

DATA = Path(__file__).parents[2] / "data"
rng = np.random.default_rng(0)
Y = np.arange(60) % 2
X = rng.standard_normal((60, 5, 3)) + 0.8 * Y[:, None, None]
NAMES = ["Sigmoid", "S2NN"]
OPTIONS = {"task": (X, Y), "epochs": 4, "seeds": 2, "tune": {"learning_rate": (0.03, 0.3)}}


@pytest.fixture(scope="module", autouse=True)
def fragile():
    """The model; processes that are started find it too, and know that they are workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
        patch.setattr(search, "RUNS_PER_CALL", 2)  # two groups of a candidate
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("FRAGILE_CLIENT", str(os.getpid()))
        patch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "60s")
        import fragile_model

        yield fragile_model


@pytest.fixture(scope="module")
def cluster(fragile, tmp_path_factory):
    found = Cluster(2, tmp_path_factory.mktemp("dask"))
    yield found
    found.end()


@pytest.fixture(scope="module")
def undisturbed(fragile):
    return compare(NAMES, model=fragile.make, **OPTIONS).results


def assert_same(results, expected):
    """Equal settings, and scores and curves within rounding."""
    for one, other in zip(results, expected, strict=True):
        assert one.setting == other.setting
        np.testing.assert_allclose(one.scores.test, other.scores.test, rtol=1e-5)
        np.testing.assert_allclose(one.curves.loss, other.curves.loss, rtol=1e-5)
        np.testing.assert_allclose(one.curves.validation, other.curves.validation, rtol=1e-5)


def test_local_workers_find_the_same(fragile, undisturbed):
    seen = []
    with local_workers(2) as executor:
        found = compare(
            NAMES, model=fragile.make, executor=executor, callback=seen.append, **OPTIONS
        )
    assert_same(found.results, undisturbed)
    workers = [worker["process"] for result in found.results for worker in result.workers]
    assert workers
    assert os.getpid() not in workers
    assert (seen[-1].runs_done, seen[-1].runs) == (8, 8)
    assert seen[-1].epochs_done == seen[-1].epochs == 32


def test_the_same_is_found_although_a_worker_of_dask_is_killed(
    tmp_path, cluster, fragile, undisturbed
):
    once = tmp_path / "once"
    once.touch()
    make = partial(fragile.make, once=str(once))
    with dask_workers(cluster.address) as executor:
        found = compare(NAMES, model=make, executor=executor, **OPTIONS)
    assert not once.exists()
    assert_same(found.results, undisturbed)


def test_a_candidate_of_which_every_worker_dies_leaves_the_others(cluster, fragile, undisturbed):
    make = partial(fragile.make, deadly="S2NN")
    with dask_workers(cluster.address) as executor:
        found = compare(NAMES, model=make, executor=executor, **OPTIONS)
    assert_same(found.results[:1], undisturbed[:1])
    assert "KilledWorker" in found.results[1].error


def test_candidates_that_fail_alone_are_rows_with_what_went_wrong(cluster, fragile, undisturbed):
    """Memory runs out, the surrogate is at fault, and nothing is a number from the first step."""
    names = ["Sigmoid", "S2NN", "QPseudoSpike(scale='15 mV')", "ReluGrad"]
    make = partial(fragile.make, large="S2NN", nan="ReluGrad")
    with dask_workers(cluster.address) as executor:
        found = compare(names, model=make, executor=executor, **OPTIONS)
    sound, large, wrong, nan = found.results
    assert_same([sound], undisturbed[:1])
    assert "RESOURCE_EXHAUSTED: Out of memory" in large.error
    assert "UnitMismatchError" in wrong.error
    assert dict(nan.flags)["nan"] == 2


def test_a_local_worker_that_dies_ends_it_and_resume_goes_on(tmp_path, fragile, undisturbed):
    make = partial(fragile.make, deadly="S2NN")
    ended = pytest.raises(RuntimeError, match=r"takes no more work .*resume=True goes on")
    with ended, local_workers(1) as executor:
        compare(NAMES, model=make, executor=executor, out=tmp_path, **OPTIONS)
    seen = []
    found = compare(
        NAMES[:1], model=make, out=tmp_path, resume=True, callback=seen.append, **OPTIONS
    )
    assert_same(found.results, undisturbed[:1])
    assert seen == []  # it had finished


def test_after_the_scheduler_has_gone_local_workers_go_on(tmp_path, cluster, fragile, undisturbed):
    def kill(event):
        if event.epochs_done == 8:
            cluster.kill_scheduler()

    options = OPTIONS | {"model": fragile.make, "out": tmp_path}
    gone = pytest.raises(RuntimeError, match=r"takes no more work.*resume=True goes on")
    # So long does Dask look for the scheduler before it gives up.
    brief = dask.config.set({"distributed.comm.timeouts.connect": "10s"})
    with brief, gone, dask_workers(cluster.address) as executor:
        compare(NAMES, executor=executor, callback=kill, **options)
    seen = []
    with local_workers(1) as executor:
        found = compare(NAMES, executor=executor, resume=True, callback=seen.append, **options)
    assert_same(found.results, undisturbed)
    assert seen[0].epochs_done == 8
    workers = {one["process"] for result in found.results for one in result.workers}
    assert len(workers) > 1  # that of now, and one that has gone


def test_ctrl_c_in_a_session_keeps_what_has_finished(tmp_path, fragile, undisturbed):
    options = OPTIONS | {"model": fragile.make, "out": tmp_path}
    with local_workers(2) as executor:
        with pytest.raises(KeyboardInterrupt):
            compare(NAMES, executor=executor, callback=press_ctrl_c_at(8), **options)
        seen = []
        found = compare(NAMES, executor=executor, resume=True, callback=seen.append, **options)
    assert_same(found.results, undisturbed)
    assert seen[0].epochs_done == 8


ORPHAN = """
import os, sys
from braintools_qps._comparison import local_workers
with local_workers(1) as executor:
    print(executor.submit(os.getpid).result(), flush=True)
    sys.stdin.read()
"""


def test_local_workers_end_with_the_one_who_started_them(fragile):
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", ORPHAN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert int(process.stdout.readline()) != process.pid
    process.kill()
    process.communicate(timeout=120)  # until the worker, too, has closed it
