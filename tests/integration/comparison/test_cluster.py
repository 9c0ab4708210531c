"""Real processes: Dask clusters and local workers, and what is left when they die."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from braintools_qps import compare
from braintools_qps._comparison.executors import dask_workers, local_workers

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
        row["tuning"].pop("seconds")
    return rows


@contextmanager
def workers_environment():
    held = {name: os.environ.get(name) for name in ("PYTHONPATH", "FRAGILE_MODEL")}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(DATA), *sys.path])
    os.environ["FRAGILE_MODEL"] = "worker"
    try:
        yield
    finally:
        for name, value in held.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def cluster(workers):
    from distributed import LocalCluster

    with (
        workers_environment(),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as found,
    ):
        os.environ.pop("FRAGILE_MODEL")  # the workers have it
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
    options = OPTIONS | {"options": {"once": str(once)}}
    with cluster(2) as found, dask_workers(found.scheduler_address) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, **options)
    assert not once.exists()
    assert_same(plain(result), undisturbed)
    places = [worker["process"] for row in result.results for worker in row.workers]
    assert os.getpid() not in places


def test_a_candidate_of_which_every_worker_dies_leaves_the_others(tmp_path, fragile, undisturbed):
    options = OPTIONS | {"options": {"deadly": "S2NN"}}
    with cluster(1) as found, dask_workers(found.scheduler_address) as executor:
        result = compare(NAMES, model=fragile.make, executor=executor, out=tmp_path, **options)
    assert_same(plain(result)[:1], undisturbed[:1])
    assert "workers died of it, one after the other (KilledWorker" in result.results[1].error
    assert "KilledWorker" in (tmp_path / "comparison.csv").read_text()


def test_after_the_scheduler_has_gone_another_number_of_workers_goes_on(
    tmp_path, fragile, undisturbed
):
    answers = []

    with cluster(1) as found, dask_workers(found.scheduler_address) as executor:

        def close(progress):
            answers.append(progress)
            if len(answers) == 2:
                found.close()

        with pytest.raises(RuntimeError, match="takes no more work.*go on with resume=True"):
            compare(
                NAMES,
                model=fragile.make,
                executor=executor,
                out=tmp_path,
                on_epoch=close,
                **OPTIONS,
            )
    kept = len((tmp_path / "comparison.runs.jsonl").read_text().splitlines())
    assert kept >= 2
    with workers_environment(), local_workers(2) as executor:
        result = compare(
            NAMES, model=fragile.make, executor=executor, out=tmp_path, resume=True, **OPTIONS
        )
    assert_same(plain(result), undisturbed)


def test_local_workers_that_die_are_replaced(tmp_path, fragile, undisturbed):
    once = tmp_path / "once"
    once.touch()
    options = OPTIONS | {"options": {"once": str(once), "deadly": "S2NN"}}
    with workers_environment(), local_workers(1) as executor:
        os.environ["FRAGILE_MODEL"] = "worker"
        # The client traces the model once, before anything is sent.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fragile, "die", lambda: None)
            once_is_kept = once.exists()
            result = compare(NAMES, model=fragile.make, executor=executor, **options)
    assert once_is_kept
    assert_same(plain(result)[:1], undisturbed[:1])
    assert "3 workers died of it, one after the other" in result.results[1].error
