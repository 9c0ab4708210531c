"""Real processes: Dask clusters and local workers, and what is left when they die."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from braintools_qps import compare
from braintools_qps._comparison.workers import dask_workers, local_workers

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
OPTIONS = {
    "task": (X, Y), "epochs": 4, "seeds": 2, "measure": False,
    "tune": {"learning_rate": (0.03, 0.3)},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def fragile():
    sys.path.insert(0, str(DATA))
    import fragile_model

    yield fragile_model
    sys.path.remove(str(DATA))


@pytest.fixture(scope="module")
def undisturbed(fragile):
    return plain(compare(NAMES, model=fragile.make, **OPTIONS))


def plain(found):
    rows = found.to_dict()["results"]
    for row in rows:
        del row["workers"]
        (row["tuning"] or {}).pop("seconds", None)
    return rows


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What processes that are started see."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(DATA), *sys.path]))
    monkeypatch.setenv("FRAGILE_CLIENT", str(os.getpid()))


@contextmanager
def cluster(workers):
    import dask
    from distributed import LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=workers, **options) as found,
    ):
        yield found


def assert_same(rows, expected):
    """Equal settings, and scores and curves within rounding."""
    for row, other in zip(rows, expected, strict=True):
        assert row["setting"] == other["setting"]
        for name in ("test_score", "loss", "validation_curve"):
            np.testing.assert_allclose(row[name], other[name], rtol=1e-5, atol=1e-6)


def test_dask_finds_the_same_although_a_worker_is_killed(tmp_path, fragile, undisturbed):
    once = tmp_path / "once"
    once.touch()
    options = OPTIONS | {"once": str(once)}
    with cluster(2) as found, dask_workers(found.scheduler_address) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, **options)
    assert not once.exists()
    assert_same(plain(result), undisturbed)
    places = [worker["process"] for row in result.results for worker in row.workers]
    assert os.getpid() not in places


def test_a_candidate_of_which_every_worker_dies_leaves_the_others(tmp_path, fragile, undisturbed):
    options = OPTIONS | {"deadly": "S2NN"}
    with cluster(1) as found, dask_workers(found.scheduler_address) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, out=tmp_path, **options)
    assert_same(plain(result)[:1], undisturbed[:1])
    assert "3 workers died of it, one after the other (KilledWorker" in result.results[1].error
    assert "KilledWorker" in (tmp_path / "comparison.csv").read_text()


def test_after_the_scheduler_has_gone_another_number_of_workers_goes_on(
    tmp_path, fragile, undisturbed
):
    answers = []
    options = OPTIONS | {"model": fragile.make, "out": tmp_path}
    with cluster(1) as found, dask_workers(found.scheduler_address) as executor:

        def close(progress):
            answers.append(progress)
            if len(answers) == 2:
                found.close()

        with pytest.raises(RuntimeError, match="takes no more work.*go on with resume=True"):
            compare(NAMES, executor=executor, on_epoch=close, **options)
    assert len((tmp_path / "comparison.runs.jsonl").read_text().splitlines()) >= 2
    with local_workers(2) as executor:
        result = compare(NAMES, executor=executor, resume=True, **options)
    assert_same(plain(result), undisturbed)


def test_local_workers_that_die_are_replaced(fragile, undisturbed):
    options = OPTIONS | {"deadly": "S2NN"}
    with local_workers(1) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, **options)
    assert_same(plain(result)[:1], undisturbed[:1])
    assert "3 workers died of it, one after the other" in result.results[1].error
