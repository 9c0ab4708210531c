"""What workers are told, what is kept of their answers, and what ends a comparison."""

from concurrent.futures import Executor, Future, ThreadPoolExecutor

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from played_comparison import NAMES, OPTIONS, Desk, Played, Y, plain, played, workplace

import braintools_qps._comparison as comparison
from braintools_qps import compare, get_surrogate
from braintools_qps._comparison.programs import Job
from braintools_qps._comparison.workers import Journal, worker
from braintools_qps._comparison.workers.errands import Answer
from braintools_qps._comparison.workers.remote import RemotePrograms
from braintools_qps.records import Cost

pytestmark = pytest.mark.usefixtures("played")
__all__ = ["played"]


def test_tasks_of_the_same_bytes_are_not_taken_for_each_other(monkeypatch):
    shapes = []
    cost = Cost(0.5)
    seen = lambda self, jobs: shapes.append(self.bench.task.train.inputs.shape[1:]) or cost
    monkeypatch.setattr(Played, "measure", seen)
    for X in (np.ones((40, 8, 8)), np.ones((40, 64, 1))):
        compare(["Sigmoid"], executor=Desk(), **OPTIONS | {"task": (X, Y), "measure": True})
    assert shapes == [(8, 8), (64, 1)]


@pytest.mark.parametrize("dt", [0.5 * u.ms, 0.5, None])
def test_workers_have_the_time_step_and_the_precision_of_the_one_who_compares(dt):
    given = {} if dt is None else {"dt": dt}
    for x64 in (True, False):
        Played.seen.clear()
        with (
            ThreadPoolExecutor(1) as threads,
            brainstate.environ.context(**given),
            jax.enable_x64(x64),
        ):
            compare(["Sigmoid"], executor=threads, **OPTIONS)
        assert set(Played.seen) == {(str(1.0 * u.ms if dt is None else dt), x64)}


def test_results_of_another_time_step_are_not_gone_on_from(tmp_path):
    compare(["Sigmoid"], out=tmp_path, executor=Desk(), **OPTIONS)
    with (
        brainstate.environ.context(dt=0.5 * u.ms),
        pytest.raises(ValueError, match=r"different settings: dt 1\.0 ms, now 0\.5 ms"),
    ):
        compare(["Sigmoid"], out=tmp_path, resume=True, executor=Desk(), **OPTIONS)


def errand(setting=None, **factory):
    return workplace(**factory).errand("train", {}, [Job(None, setting or {}, 0)], 1, False)


def test_an_answer_depends_on_versions_time_step_and_precision():
    known = errand()
    assert errand().key == known.key
    other = known._replace(packages=dict(known.packages) | {"jax": "0.1.2"})
    with brainstate.environ.context(dt=0.5 * u.ms):
        slower = errand()
    with jax.enable_x64(True):
        longer = errand()
    assert len({one.key for one in (known, other, slower, longer)}) == 4


def test_an_answer_does_not_depend_on_where_in_memory_a_function_is():
    keys = set()
    for _ in range(2):
        one = lambda x: x
        keys.add(errand({"act": one}).key)
        keys.add(errand({"act": [one, None]}).key)
    assert len(keys) == 2


def test_measurements_come_out_of_the_journal_as_they_were(tmp_path):
    measured = Cost(seconds_per_epoch=0.125, peak_bytes=None)
    asked = errand()._replace(kind="measure")
    Journal(tmp_path, resume=True).add(asked, measured)
    assert Journal(tmp_path, resume=True).get(asked) == measured


@pytest.mark.parametrize("executor", [Desk, lambda: None])
def test_an_error_of_a_callback_ends_the_comparison(executor):
    def tell(progress):
        if progress.done > progress.total / 2:
            raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        compare(NAMES, executor=executor(), on_epoch=tell, **OPTIONS)


@pytest.fixture
def kept(monkeypatch):
    """Played where a directory is given, too."""
    monkeypatch.setattr(comparison, "ResumablePrograms", lambda *rest, **options: Played(*rest[:2]))


def fail(self, jobs):
    raise MemoryError("too large")


@pytest.fixture
def unmeasured(monkeypatch):
    monkeypatch.setattr(Played, "measure", fail)


FAILED = "^(Sigmoid|S2NN|QPseudoSpike) could not be measured: MemoryError: too large. What"


@pytest.mark.parametrize("executor", [Desk, lambda: None])
@pytest.mark.usefixtures("unmeasured")
def test_a_measurement_that_fails_costs_no_results(executor):
    with pytest.warns(UserWarning, match=FAILED):
        found = compare(NAMES, executor=executor(), **OPTIONS | {"measure": True})
    assert plain(found) == plain(compare(NAMES, **OPTIONS))


@pytest.mark.parametrize("executor", [Desk, lambda: None])
@pytest.mark.usefixtures("unmeasured")
def test_a_measurement_that_fails_does_not_end_what_goes_on(executor, tmp_path, kept):
    expected = plain(compare(NAMES, out=tmp_path, executor=Desk(), **OPTIONS))
    options = OPTIONS | {"measure": True, "resume": True, "out": tmp_path}
    with pytest.warns(UserWarning, match=FAILED):
        assert plain(compare(NAMES, executor=executor(), **options)) == expected


@pytest.mark.parametrize("executor", [Desk, lambda: None])
def test_what_is_not_measured_is_measured_where_it_is_trained(executor, tmp_path, kept):
    compare(NAMES, out=tmp_path, executor=Desk(), **OPTIONS)
    desk, options = executor(), OPTIONS | {"measure": True, "resume": True, "out": tmp_path}
    found = compare(NAMES, executor=desk, **options)
    assert [result.cost.peak_bytes for result in found.results] == [1000] * 3
    if desk is not None:
        assert {one.kind for one in desk.errands} == {"measure"}


def test_what_a_candidate_that_has_failed_has_still_to_do_is_cancelled():
    sent = []

    class Slow(Executor):
        def submit(self, function, errand):
            sent.append(Future())
            if len(sent) == 2:
                sent[1].set_result(Answer(None, MemoryError("too large"), {}))
            return sent[-1]

    programs = RemotePrograms(workplace(Slow()), {"name": "Sigmoid"})
    jobs = [Job(get_surrogate("Sigmoid"), {}, seed) for seed in range(3 * worker.RUNS_PER_ERRAND)]
    with pytest.raises(MemoryError):
        programs.train(jobs, 1, lambda epochs, loss: None)
    assert [future.cancelled() for future in sent] == [True, False, True]


@pytest.mark.parametrize("executor", [Desk, lambda: None])
def test_what_an_earlier_comparison_has_left_stays_until_something_is_trained(
    executor, tmp_path, monkeypatch
):
    def refuse(*_):
        raise TypeError("a typo")

    left = {name: "hours" for name in ("comparison.runs.jsonl", "comparison.running.npz")}
    for name, text in left.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(comparison, "check_model", refuse)
    with pytest.raises(TypeError, match="a typo"):
        compare(NAMES, out=tmp_path, executor=executor(), **OPTIONS)
    monkeypatch.setattr(comparison, "check_model", lambda *args: ())
    with pytest.raises(ValueError, match="tune names alpha"):
        compare(
            ["MultiGaussianGrad"], out=tmp_path, executor=executor(),
            **OPTIONS | {"tune": {"alpha": (1.0, 2.0)}},
        )  # fmt: skip
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == left
