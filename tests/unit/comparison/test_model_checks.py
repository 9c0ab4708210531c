"""Models that cannot be trained: each error names the rule, what came and the fix."""

import brainstate
import comparison_models as models
import jax.numpy as jnp
import numpy as np
import pytest
from braintools import cogtask

from braintools_qps import compare
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.model_checks import check_finite, check_model
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import TASKS, load_task
from braintools_qps._comparison.training import Bench

Y = np.arange(40) % 2
X = np.random.default_rng(0).standard_normal((40, 4, 3))


def check(make, *, y=Y, readout=None, **options):
    task = load_task((X, y))
    bench = Bench(Factory(make, options), task, Settings(), objective(task, readout, None, None))
    check_model(bench)
    return bench


class Fixed(models.Neurons):
    """Holds a batch of 7, whatever it is given."""

    def init_state(self, batch_size=None):
        super().init_state(7)


class Stateless(models.Neurons):
    def init_state(self, batch_size=None):
        pass

    def update(self, x):
        return self.spk_fun(x)


def chain(*layers):
    """A factory of a model with these layers after a linear one."""
    return lambda: brainstate.nn.Sequential(
        brainstate.nn.Linear(3, 5), *(layer() for layer in layers)
    )


SAME = models.plain(3, 2)
neurons = lambda: models.Neurons(5)
readout = lambda size: lambda: brainstate.nn.Linear(5, size)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: None, TypeError, "must return a brainstate model, got NoneType. End it with"),
        (lambda: SAME, ValueError, "fresh model each time, got the same Sequential twice"),
        (lambda size: None, TypeError, r"<lambda> needs size too. Give the argument a default"),
        (chain(readout(2)), ValueError, "neurons with a spike function spk_fun, got none in Seq"),
        (chain(neurons, readout(3)), ValueError, r"each of the 2 classes, of shape \(.*, 2\), got"),
        (chain(lambda: Fixed(5), readout(2)), ValueError, r"layers.1.V of shape \(7, 5\)"),
        (
            lambda: brainstate.nn.Sequential(models.Neurons(3), lambda x: (x, x)),
            ValueError, "a step must return one array",
        ),
    ],
)  # fmt: skip
def test_models_that_do_not_fit(make, error, message):
    with pytest.raises(error, match=message):
        check(make)


def test_an_array_of_another_batch():
    class Masked(models.Neurons):
        def __init__(self, size):
            super().__init__(size)
            self.mask = jnp.ones((7, size))

        def update(self, x):
            return self.mask * super().update(x)

    message = r"got layers.1.mask of shape \(7, 5\), which it holds: .*[^.]\. Leave out"
    with pytest.raises(ValueError, match=message):
        check(chain(lambda: Masked(5), readout(2)))


@pytest.mark.parametrize(
    ("make", "got"),
    [("mine:network", "'mine:network'"), (models.Neurons(3), "a Neurons"), (3, "a int")],
)
def test_what_is_no_factory(make, got):
    with pytest.raises(TypeError, match=f"must be a function that returns a fresh .*, got {got}"):
        check(make)


def test_a_class_is_a_factory_of_what_its_init_takes():
    class Network(brainstate.nn.Sequential):
        def __init__(self, features, classes):
            linear = brainstate.nn.Linear
            super().__init__(linear(features, 5), models.Neurons(5), linear(5, classes))

    check(Network)
    with pytest.raises(TypeError, match="takes classes, features, got the option width"):
        check(Network, width=3)


def test_what_fits():
    check(models.plain)
    check(chain(lambda: Stateless(5), readout(2)))
    check(models.every_step, y=X[:, :, :1])


@pytest.mark.parametrize(
    "y",
    [Y, Y / 2.0, X[:, 0, :2], X[:, :, :2], np.stack([X[:, :, :2]] * 3, axis=-1)],
    ids=["classes", "a number", "two", "two at each step", "two by three at each step"],
)
def test_the_demonstration_answers_whatever_is_asked(y):
    check(demonstration, y=y, hidden=3)


@pytest.mark.parametrize("readout", ["last", "mean", "all"])
def test_one_target_of_a_sample_can_be_read_from_any_steps(readout):
    check(demonstration, y=X[:, 0, :2], readout=readout, hidden=3)


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(set(TASKS) & set(cogtask.__all__)))
def test_the_demonstration_takes_every_task_of_braintools(name):
    """Shapes and the first outputs; that each trains in full was tried by hand."""
    task = load_task(f"{name}(samples=40, dt='100 ms')")
    bench = Bench(Factory(demonstration), task, Settings(), objective(task, None, None, None))
    check_model(bench)


def test_targets_of_another_size():
    with pytest.raises(ValueError, match=r"as many values as a target has, of shape \(2,\), got"):
        check(models.every_step, y=X[:, :, :2])


def test_options_that_the_factory_does_not_take():
    with pytest.raises(TypeError, match="takes classes, features, hidden, got the option width"):
        check(models.plain, width=3)


def test_classes_as_floats():
    def network(features, classes):
        linear = brainstate.nn.Linear
        return brainstate.nn.Sequential(linear(features, 5), models.Neurons(5), linear(5, classes))

    message = r"a float y, here of shape \(\d+,\), is a regression, .*:.*network gets classes=None"
    with pytest.raises(ValueError, match=message):
        check(network, y=Y.astype(float))


def test_which_neurons():
    with pytest.raises(TypeError, match="where must be a class of neurons, .*, got 'lif'. For"):
        Factory(models.plain, where="lif")


def test_a_loss_without_a_derivative():
    count = lambda outputs, y: (outputs.argmax(-1) != y).sum()
    task = load_task((X, Y))
    bench = Bench(Factory(models.plain), task, Settings(), objective(task, None, count, None))
    with pytest.raises(TypeError, match="loss must return an array of real .*, got int"):
        check_model(bench)


def test_what_is_no_optimizer():
    with pytest.raises(TypeError, match="must return an optax transformation, got None. For"):
        Settings(optimizer=lambda rate: None).transformation(0.1)


def test_outputs_that_are_not_finite_name_the_step():
    class Late(models.Neurons):
        def init_state(self, batch_size=None):
            super().init_state(batch_size)
            self.count = brainstate.ShortTermState(jnp.zeros(()))

        def update(self, x):
            self.count.value += 1
            return super().update(x) / jnp.where(self.count.value < 3, 1.0, 0.0)

    bench = check(chain(lambda: Late(5), readout(2)))
    with pytest.raises(ValueError, match="got NaN or infinity .* from step 2 on. Look for"):
        check_finite(bench, 0)


def test_nothing_to_train():
    options = {"task": (X, Y), "tune": None, "seeds": 1, "epochs": 1, "measure": False}
    make = lambda: brainstate.nn.Sequential(models.Neurons(3), lambda x: x[:, :2])
    with pytest.raises(ValueError, match=r"got no brainstate.ParamState of real numbers"):
        compare(["Sigmoid"], model=make, **options)
