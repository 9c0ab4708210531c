"""Errands to an executor: what travels, who dies, what is kept. A stand-in plays the training."""

import dataclasses
import json
import pickle
from concurrent.futures import BrokenExecutor, Executor, Future

import numpy as np
import pytest
from played_comparison import NAMES, OPTIONS, Desk, Played, X, Y, plain, played, workplace

from braintools_qps import compare
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.programs import Job
from braintools_qps._comparison.tasks import task_from_arrays
from braintools_qps._comparison.workers import worker
from braintools_qps._comparison.workers.errands import import_path, packed_task, unpacked_task

pytestmark = pytest.mark.usefixtures("played")
__all__ = ["played"]


def of(name):
    return lambda errand: json.loads(errand.surrogate)["name"] == name


def test_an_executor_finds_what_this_process_finds():
    desk = Desk()
    found = compare(NAMES, executor=desk, **OPTIONS)
    assert plain(found) == plain(compare(NAMES, **OPTIONS))
    assert [result.label for result in found.results] == NAMES
    for result in found.results:
        assert result.workers == (worker.identity(),)
    assert max(len(errand.jobs) for errand in desk.errands) <= worker.RUNS_PER_ERRAND


def test_the_data_is_sent_once_to_a_worker_that_has_not_seen_it():
    desk = Desk()
    compare(NAMES, executor=desk, **OPTIONS)
    with_data = [errand for errand in desk.errands if errand.data is not None]
    first = len([errand for errand in desk.errands if errand.key == with_data[0].key])
    assert first == 2
    assert len(with_data) < len(desk.errands) / 2
    worker._tasks.clear()  # another worker
    worker._programs.clear()
    again = Desk()
    compare(["Sigmoid"], executor=again, **OPTIONS)
    assert any(errand.data is not None for errand in again.errands)


def test_data_comes_out_as_it_went_in():
    task = task_from_arrays(X, Y)
    copy = unpacked_task(packed_task(task))
    assert (copy.name, copy.classes, copy.readout) == ("arrays", 2, 4)
    for name, part in task.parts.items():
        np.testing.assert_array_equal(copy.parts[name].inputs, part.inputs)
        np.testing.assert_array_equal(copy.parts[name].labels, part.labels)
        assert copy.parts[name].labels.dtype == part.labels.dtype


def test_a_worker_that_dies_is_replaced_and_nothing_changes():
    died = []

    def die_once(errand):
        if of("S2NN")(errand) and not died:
            died.append(errand)
            raise BrokenExecutor("a process was terminated")

    assert plain(compare(NAMES, executor=Desk(die_once), **OPTIONS)) == plain(
        compare(NAMES, **OPTIONS)
    )


def test_a_candidate_that_kills_every_worker_is_a_row_with_its_error(tmp_path):
    def die(errand):
        if of("S2NN")(errand):
            raise BrokenExecutor("terminated abruptly")

    desk = Desk(die)
    found = compare(NAMES, executor=desk, out=tmp_path, **OPTIONS)
    assert "a worker died of it in each of 3 tries" in found.results[1].error
    assert [result.error is None for result in found.results] == [True, False, True]
    tries = [errand.key for errand in desk.errands if of("S2NN")(errand)]
    assert max(tries.count(key) for key in tries) == 3
    mended = compare(NAMES, executor=Desk(), out=tmp_path, resume=True, **OPTIONS)
    assert plain(mended) == plain(compare(NAMES, **OPTIONS))


def test_an_error_in_one_candidate_is_a_row():
    def fail(self, job, epochs, test, played=Played._outcome):
        if type(job.surrogate).__name__ == "S2NN":
            raise MemoryError("too large")
        return played(self, job, epochs, test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Played, "_outcome", fail)
        found = compare(NAMES, executor=Desk(), **OPTIONS)
    assert found.results[1].error == "MemoryError: too large"


def interrupted(directory, **options):
    """What ends a comparison in the middle, and how many runs it had trained."""
    with pytest.raises((KeyboardInterrupt, RuntimeError)) as caught:
        compare(NAMES, out=directory, **options, **OPTIONS)
    return caught.value, Played.trained


def test_what_was_trained_before_an_interruption_is_not_trained_again(tmp_path):
    expected = plain(compare(NAMES, **OPTIONS))
    total, Played.trained = Played.trained, 0

    def interrupt(progress):
        if progress.done > progress.total / 3:
            raise KeyboardInterrupt

    error, before = interrupted(tmp_path, executor=Desk(), on_epoch=interrupt)
    assert isinstance(error, KeyboardInterrupt)
    lines = (tmp_path / "comparison.runs.jsonl").read_text().splitlines()
    assert lines
    with open(tmp_path / "comparison.runs.jsonl", "a") as file:
        file.write('{"key": "cut of')
    found = compare(NAMES, executor=Desk(), out=tmp_path, resume=True, **OPTIONS)
    assert plain(found) == expected
    assert Played.trained == total
    assert before <= total
    assert not (tmp_path / "comparison.runs.jsonl").exists()
    assert json.loads((tmp_path / "comparison.json").read_text())["results"]


def test_an_executor_that_goes_away_ends_the_comparison_with_what_to_do(tmp_path):
    class Leaving(Desk):
        def submit(self, function, errand):
            if len(self.errands) > 6:
                raise RuntimeError("cannot schedule new futures after shutdown")
            return super().submit(function, errand)

    error, _ = interrupted(tmp_path, executor=Leaving())
    assert "takes no more work (cannot schedule new futures" in str(error)
    assert "go on with resume=True" in str(error)
    found = compare(NAMES, executor=Desk(), out=tmp_path, resume=True, **OPTIONS)
    assert plain(found) == plain(compare(NAMES, **OPTIONS))


def test_a_future_that_is_cancelled_means_the_executor_is_gone(tmp_path):
    class Cancelling(Desk):
        def submit(self, function, errand):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    error, _ = interrupted(tmp_path, executor=Cancelling())
    assert "takes no more work (CancelledError)" in str(error)


def test_a_worker_with_other_versions_is_refused_with_both():
    class Other(Desk):
        def submit(self, function, errand):
            old = errand._replace(packages=dict(errand.packages) | {"jax": "0.1.2"})
            return super().submit(function, old)

    with pytest.raises(RuntimeError, match=r"got one on .* with jax \d.*, not 0\.1\.2"):
        compare(NAMES, executor=Other(), **OPTIONS)


def test_a_worker_that_lacks_the_model_says_so_with_the_path(monkeypatch):
    def lost(errand):
        monkeypatch.setattr(worker, "unpacked_bench", lost_module)

    def lost_module(errand, task):
        from braintools_qps._comparison.workers.errands import unpacked_bench

        gone = pickle.dumps(demonstration).replace(b"network", b"netwerk")
        return unpacked_bench(errand._replace(bench=gone), task)

    path = "braintools_qps._comparison.network:demonstration"
    with pytest.raises(ImportError, match=f"able to import {path}.*netwerk.*PYTHONPATH"):
        compare(["Sigmoid"], executor=Desk(lost), **OPTIONS)


def test_progress_counts_the_runs_of_all_workers():
    def die(errand):
        if of("S2NN")(errand):
            raise BrokenExecutor("terminated abruptly")

    # Seven settings, three, and two seeds; of a candidate that fails none has finished.
    for hook, finished in (lambda errand: None, 3 * 11), (die, 2 * 11):
        seen = []
        compare(NAMES, executor=Desk(hook), on_epoch=seen.append, **OPTIONS)
        assert (seen[-1].finished, seen[-1].training, seen[-1].runs) == (finished, 0, 3 * 11)
        assert seen[-1].done == seen[-1].total


@pytest.mark.parametrize(("begun", "slots", "expected"), [(1, None, 6), (0, 2, 8), (0, None, 9)])
def test_what_is_in_training(begun, slots, expected):
    """Of three errands, as many as have begun, as there are slots, or all where no one knows."""
    futures = [Future() for _ in range(3)]
    for future in futures[:begun]:
        future.set_running_or_notify_cancel()
    waiting = iter(futures)

    class Busy(Executor):
        def submit(self, function, errand):
            return next(waiting)

    busy = Busy()
    if slots:
        busy.slots = slots
    place = workplace(busy)
    for runs in (6, 2, 1):
        place.submit(place.errand("train", {}, [Job(None, {}, 0)] * runs, 1, False))
    assert (place.tally().finished, place.tally().training) == (0, expected)


def test_functions_that_workers_cannot_import():
    def local():
        return None

    assert import_path("model", demonstration).endswith("network:demonstration")
    for function in (local, lambda: None, dataclasses.make_dataclass("Made", [])):
        with pytest.raises(TypeError, match="model must be a function of a module that workers"):
            import_path("model", function)
    main = lambda: None
    main.__module__, main.__qualname__ = "__main__", "main"
    with pytest.raises(TypeError, match=r"got __main__:main. Move it"):
        import_path("loss", main)


def test_options_that_cannot_be_sent():
    options = OPTIONS | {"neuron": lambda: None}
    with pytest.raises(TypeError, match="options must be values that can be sent"):
        compare(["Sigmoid"], executor=Desk(), **options)
