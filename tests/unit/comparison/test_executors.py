"""Executors that end, refuse or fail: none of it may hang, and what has finished is kept."""

import sys
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from threading import Event
from types import ModuleType

import numpy as np
import pytest
from small_comparison import OPTIONS, SMALL, without_times

from braintools_qps import compare, load_task
from braintools_qps._comparison import executors
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.run import Experiment
from braintools_qps._comparison.storage import load

OPTIONS = OPTIONS | {"progress": False}
NAMES = ["Sigmoid", "S2NN"]
PLACE = {"leaves": False}


def leaving(features, outputs, steps):
    """A factory that ends its process, but not while the model is checked."""
    if PLACE["leaves"]:
        sys.exit(3)
    return SMALL(features, outputs, steps)


@pytest.fixture
def leaves(monkeypatch):
    """From the first call of a worker on, the factory leaves."""
    unpacked = executors._unpacked

    def then_leave(*arguments):
        PLACE["leaves"] = True
        return unpacked(*arguments)

    monkeypatch.setattr(executors, "_unpacked", then_leave)
    yield
    PLACE["leaves"] = False


@pytest.mark.filterwarnings("ignore")
def test_a_factory_that_calls_sys_exit_in_a_worker_ends_with_an_error(leaves):
    error = pytest.raises(RuntimeError, match=r"ended its process with sys.exit\(3\)")
    with ThreadPoolExecutor(1) as executor, error:
        compare(NAMES, executor=executor, **OPTIONS | {"model": leaving})


def test_an_executor_shut_down_in_the_middle_ends_with_an_error():
    """`shutdown(cancel_futures=True)` cancels what waits without telling `wait`."""
    begun = Event()

    class Held(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            return super().submit(self.held, function, *arguments)

        def held(self, function, *arguments):
            if not begun.is_set():
                begun.set()
                self.shutdown(wait=False, cancel_futures=True)
            return function(*arguments)

    with pytest.raises(RuntimeError, match=r"the executor takes no more work .*resume=True"):
        compare(NAMES, executor=Held(1), **OPTIONS)


class Desk(Executor):
    """Does everything at once, a limited number of times."""

    def __init__(self, limit=1000):
        self.calls, self.limit = [], limit

    def submit(self, function, *arguments):
        future = Future()
        self.calls.append(arguments)
        if len(self.calls) > self.limit:
            future.set_exception(BrokenExecutor("a process died"))
        else:
            future.set_result(function(*arguments))
        return future


@pytest.fixture(autouse=True)
def forgetful():
    executors._trainers.clear()
    yield
    executors._trainers.clear()


def test_data_travel_once(monkeypatch):
    desk = Desk()
    options = OPTIONS | {"tune": {"learning_rate": (0.1, 0.01)}}
    found = compare(NAMES, executor=desk, **options)
    assert without_times(found) == without_times(compare(NAMES, **options))
    assert sum(call.experiment is not None for (call,) in desk.calls) == 1
    assert len(desk.calls) == 4  # two candidates, each of which asked for the data


@pytest.mark.thorough
def test_what_has_finished_is_kept_when_the_executor_breaks(tmp_path):
    with pytest.raises(RuntimeError, match=r"takes no more work \(a process died\)"):
        compare(NAMES, executor=Desk(3), out=tmp_path, **OPTIONS)
    assert [result.label for result in load(tmp_path).results] == ["Sigmoid"]
    found = compare(NAMES, out=tmp_path, resume=True, **OPTIONS)
    assert without_times(found) == without_times(compare(NAMES, **OPTIONS))


def test_what_cannot_travel_is_named():
    with pytest.raises(TypeError, match=r"functions that workers can import.*lambda"):
        compare(NAMES, executor=Desk(), **OPTIONS | {"loss": lambda o, y: o.mean()})


def test_a_worker_that_cannot_import_says_what():
    packed, names = executors._packed(of_an_experiment())
    assert "braintools_qps._comparison.network:demonstration" in names
    missing = packed.replace(
        b"braintools_qps._comparison.network", b"braintools_qps._comparison.notwork"
    )
    with pytest.raises(ImportError, match=r"must be able to import .*network:demonstration"):
        executors._unpacked(missing, names)


def test_a_worker_with_other_versions_says_which():
    with pytest.raises(RuntimeError, match=r"jax \S+, not 0.0 on .*Install the same versions"):
        executors._check_versions(executors.packages() | {"jax": "0.0"})


def test_a_worker_with_other_code_says_where(monkeypatch):
    def put(body):
        module = ModuleType("edited")
        exec(compile(f"def network(features, classes): {body}", "edited.py", "exec"), vars(module))
        monkeypatch.setitem(sys.modules, "edited", module)
        return module.network

    packed, sent = executors._packed(of_an_experiment(put("return 1")))
    executors._check_code(sent, executors._code(executors._unpacked(packed, sent)))
    executors._check_code(sent, {name: {} for name in sent})  # from an installed package there
    put("return 2")  # as a worker has it that was started before
    message = "the code of edited:network has changed. Restart the workers"
    with pytest.raises(RuntimeError, match=message):
        executors._check_code(sent, executors._code(executors._unpacked(packed, sent)))


def of_an_experiment(model=SMALL):
    X = np.random.default_rng(0).standard_normal((20, 4, 3))
    task = load_task((X, np.arange(20) % 2))
    return Experiment(Factory(model), task, objective(task), None, 8, 0.1)
