"""Real processes: a Dask cluster and local workers, and what is left when they die."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from clusters import Cluster, counted

from braintools_qps import compare
from braintools_qps._comparison.workers import dask_workers, local_workers

dask = pytest.importorskip("dask", reason="Dask is not installed")
pytestmark = [
    pytest.mark.cluster,
    # Dask closes its sockets when it gets round to it, and tells of workers that died.
    pytest.mark.filterwarnings("ignore"),
]

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "data"
rng = np.random.default_rng(0)
Y = np.arange(60) % 2
X = rng.standard_normal((60, 5, 3)) + 0.8 * Y[:, None, None]
NAMES = ["Sigmoid", "S2NN"]
OPTIONS = {
    "task": (X, Y), "epochs": 4, "seeds": 2, "measure": False,
    "tune": {"learning_rate": (0.03, 0.3)},
}  # fmt: skip
JOURNAL = "comparison.runs.jsonl"


@pytest.fixture(scope="module", autouse=True)
def fragile():
    """The model; processes that are started find it too, and know that they are workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
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
    return plain(compare(NAMES, model=fragile.make, **OPTIONS))


def plain(found):
    rows = found.to_dict()["results"]
    for row in rows:
        del row["workers"]
        (row["tuning"] or {}).pop("seconds", None)
    return rows


def assert_same(rows, expected):
    """Equal settings, and scores and curves within rounding."""
    for row, other in zip(rows, expected, strict=True):
        assert row["setting"] == other["setting"]
        for group, name in ("scores", "test"), ("curves", "loss"), ("curves", "validation"):
            np.testing.assert_allclose(row[group][name], other[group][name], rtol=1e-5, atol=1e-6)


def keys_in(journal):
    return [json.loads(line)["key"] for line in journal.read_text().splitlines()]


def assert_none_twice(*trained):
    keys = [key for each in trained for key in each]
    assert len(keys) == len(set(keys)) > 0


def test_the_same_is_found_although_a_worker_is_killed(tmp_path, cluster, fragile, undisturbed):
    once = tmp_path / "once"
    once.touch()
    seen = []
    with counted(dask_workers(cluster.address)) as executor:
        result = compare(
            NAMES, model=fragile.make, executor=executor, once=str(once), on_epoch=seen.append,
            **OPTIONS,
        )  # fmt: skip
    assert not once.exists()
    assert_same(plain(result), undisturbed)
    assert_none_twice(executor.trained)
    workers = [worker for row in result.results for worker in row.workers]
    assert os.getpid() not in [worker["process"] for worker in workers]
    assert all(worker["packages"]["jax"] for worker in workers)
    # Two rates, and two seeds at the better one, for each candidate.
    assert (seen[-1].finished, seen[-1].training, seen[-1].runs) == (8, 0, 8)
    assert seen[-1].done == seen[-1].total


def test_a_candidate_of_which_every_worker_dies_leaves_the_others(
    tmp_path, cluster, fragile, undisturbed
):
    with counted(dask_workers(cluster.address)) as executor:
        result = compare(
            NAMES, model=fragile.make, executor=executor, out=tmp_path, deadly="S2NN", **OPTIONS
        )
    assert_same(plain(result)[:1], undisturbed[:1])
    assert_none_twice(executor.trained)
    assert "a worker died of it in each of 3 tries (KilledWorker" in result.results[1].error
    assert "KilledWorker" in (tmp_path / "comparison.csv").read_text()


def test_candidates_that_fail_alone_are_rows_with_what_went_wrong(
    tmp_path, cluster, fragile, undisturbed
):
    """Memory runs out, the surrogate is at fault, and nothing is a number from the first step."""
    names = ["Sigmoid", "S2NN", "QPseudoSpike(scale='15 mV')", "ReluGrad"]
    faults = {"large": "S2NN", "nan": "ReluGrad"}
    with dask_workers(cluster.address) as executor:
        result = compare(
            names, model=fragile.make, executor=executor, out=tmp_path, **faults, **OPTIONS
        )
    sound, large, wrong, nan = result.results
    assert_same(plain(result)[:1], undisturbed[:1])
    assert sound.error is None
    for failed, message in (large, "RESOURCE_EXHAUSTED: Out of memory"), (wrong, "UnitMismatch"):
        assert message in failed.error
        assert message in repr(result)
        assert message in (tmp_path / "comparison.csv").read_text()
        assert message in (tmp_path / "comparison.json").read_text()
    assert dict(nan.flags)["nan"] == 2
    assert "NaN 2/2" in repr(result)
    lines = list(csv.DictReader((tmp_path / "comparison.csv").open()))
    assert [line["test"] for line in lines if line["surrogate"] == "ReluGrad"] == ["nan"] * 2
    assert '"nan": 2' in (tmp_path / "comparison.json").read_text()


def open_after(process, gate):
    """Let nobody wait for workers that will not come."""
    process.wait()
    with suppress(FileNotFoundError):
        os.close(os.open(gate, os.O_RDONLY | os.O_NONBLOCK))


def test_ctrl_c_cancels_what_is_queued_and_keeps_what_has_finished(
    tmp_path, cluster, fragile, undisturbed
):
    """Both workers are held up when the signal comes."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = HERE / "scripts" / "interrupted.py"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", script, cluster.address, tmp_path, gate],
        stdout=subprocess.PIPE,
        text=True,
    )
    Thread(target=open_after, args=(process, gate), daemon=True).start()
    with open(gate, "w"):  # when a worker has come to it
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        gate.unlink()
    assert output == "interrupted\n"  # once the scheduler has no task left
    before = keys_in(tmp_path / JOURNAL)
    with counted(dask_workers(cluster.address)) as executor:
        result = compare(
            NAMES, model=fragile.make, executor=executor, out=tmp_path, resume=True,
            gate=str(gate), **OPTIONS,
        )  # fmt: skip
    assert_same(plain(result), undisturbed)
    assert_none_twice(before, executor.trained)


def test_local_workers_that_die_are_replaced(fragile, undisturbed):
    with local_workers(1) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, deadly="S2NN", **OPTIONS)
    assert_same(plain(result)[:1], undisturbed[:1])
    assert "a worker died of it in each of 3 tries" in result.results[1].error


ORPHAN = """
import os, sys
from braintools_qps._comparison.workers import local_workers
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


def test_after_the_scheduler_has_gone_another_number_of_workers_goes_on(
    tmp_path, cluster, fragile, undisturbed
):
    answers = []

    def kill(progress):
        answers.append(progress)
        if len(answers) == 2:
            cluster.kill_scheduler()

    options = OPTIONS | {"model": fragile.make, "out": tmp_path}
    gone = pytest.raises(RuntimeError, match="takes no more work.*go on with resume=True")
    # So long does Dask look for the scheduler before it gives up.
    brief = dask.config.set({"distributed.comm.timeouts.connect": "10s"})
    with brief, dask_workers(cluster.address) as executor, gone:
        compare(NAMES, executor=executor, on_epoch=kill, **options)
    before = keys_in(tmp_path / JOURNAL)
    assert len(before) >= 2
    with counted(local_workers(1)) as executor:
        result = compare(NAMES, executor=executor, resume=True, **options)
    assert_same(plain(result), undisturbed)
    assert_none_twice(before, executor.trained)
