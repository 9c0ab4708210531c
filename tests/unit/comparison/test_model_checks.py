"""Models that cannot be trained: each error names the rule, what came and the fix."""

from functools import partial

import brainstate
import comparison_models as models
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools import cogtask

from braintools_qps import QPseudoSpike, compare
from braintools_qps._comparison.experiment import Experiment
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.model_checks import check_finite, check_model
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.optimizers import transformation
from braintools_qps._comparison.tasks import TASKS, load_task

Y = np.arange(40) % 2
X = np.random.default_rng(0).standard_normal((40, 4, 3))


def check(make, *, y=Y, readout=None, **options):
    return checked(
        partial(make, **options) if options else make, load_task((X, y), readout=readout)
    )


def checked(make, task, loss=None, seeds=(0, 1)):
    experiment = Experiment(Factory(make), task, objective(task, loss), None, 32, 0.1, 1, seeds)
    return experiment, check_model(experiment)


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
        (lambda size: None, TypeError, r"<lambda> also needs size. Give the argument a default"),
        (chain(readout(2)), ValueError, "neurons with a spike function spk_fun, got none in Seq"),
        (chain(neurons, readout(3)), ValueError, r"each of the 2 classes, of shape \(.*, 2\), got"),
        (chain(lambda: Fixed(5), readout(2)), ValueError, r"layers.1.V of shape \(7, 5\)"),
        (
            lambda: brainstate.nn.Sequential(models.Neurons(3), lambda x: (x, x)),
            ValueError, "a step must return one array",
        ),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_refused_with_the_fix(make, error, message):
    with pytest.raises(error, match=message):
        check(make)


def test_an_array_of_a_fixed_batch_size_is_named():
    class Masked(models.Neurons):
        def __init__(self, size):
            super().__init__(size)
            self.mask = jnp.ones((7, size))

        def update(self, x):
            return self.mask * super().update(x)

    message = r"but holds layers.1.mask of shape \(7, 5\): .*[^.]\. Leave out"
    with pytest.raises(ValueError, match=message):
        check(chain(lambda: Masked(5), readout(2)))


@pytest.mark.parametrize(
    ("make", "got"),
    [("mine:network", "'mine:network'"), (models.Neurons(3), "a Neurons"), (3, "a int")],
)
def test_anything_but_a_factory_is_refused(make, got):
    with pytest.raises(TypeError, match=f"must be a function that returns a fresh .*, got {got}"):
        check(make)


@pytest.mark.thorough
def test_a_class_is_a_factory_of_what_its_init_takes():
    class Network(brainstate.nn.Sequential):
        def __init__(self, features, classes):
            linear = brainstate.nn.Linear
            super().__init__(linear(features, 5), models.Neurons(5), linear(5, classes))

    check(Network)
    check(partial(Network, features=3))
    with pytest.raises(TypeError, match="takes classes, features, got the option width"):
        check(Network, width=3)


def test_models_that_fit_pass():
    check(models.plain)
    check(chain(lambda: Stateless(5), readout(2)))
    check(models.every_step, y=X[:, :, :1])
    check(models.plain, y=np.arange(160).reshape(40, 4) % 3)


@pytest.mark.thorough
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
    checked(demonstration, load_task(f"{name}(samples=40, dt='100 ms')"))


def test_outputs_of_another_size_than_the_targets_are_refused():
    with pytest.raises(ValueError, match=r"as many values as a target has, of shape \(2,\), got"):
        check(models.every_step, y=X[:, :, :2])


@pytest.mark.parametrize("network", [models.plain, models.millivolts, models.two_kinds])
def test_a_model_of_another_number_of_features_is_told_so(network):
    with pytest.raises(ValueError, match=r"take the 3 features of the data, but takes 5: dot_gen"):
        check(lambda classes: network(5, classes))


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(TypeError, match="takes classes, features, hidden, got the option width"):
        check(models.plain, width=3)


def test_a_model_that_fails_on_classes_of_None_is_told_of_float_labels():
    def network(features, classes):
        linear = brainstate.nn.Linear
        return brainstate.nn.Sequential(linear(features, 5), models.Neurons(5), linear(5, classes))

    message = r"y holds floats, here of shape \(\d+,\), .*:.*network gets classes=None"
    with pytest.raises(ValueError, match=message):
        check(network, y=Y.astype(float))


def test_a_generator_outside_the_factory_gives_candidates_other_weights():
    rng = np.random.default_rng(0)

    def network(features, classes):
        model = models.plain(features, classes)
        model.layers[0].weight.value["weight"] = jnp.asarray(rng.standard_normal((features, 8)))
        return model

    message = r"same weights .*got different ones in layers.0.weight from .*with seed 5"
    with pytest.raises(ValueError, match=message):
        checked(network, load_task((X, Y)), seeds=(5,))


def test_a_fixed_array_of_a_generator_outside_the_factory_is_found_too():
    rng = np.random.default_rng(0)

    class Masked(models.Neurons):
        def __init__(self, size):
            super().__init__(size)
            self.mask = jnp.asarray(rng.standard_normal(size))

    with pytest.raises(ValueError, match=r"got different ones in layers.1.mask from"):
        check(chain(lambda: Masked(5), readout(2)))


def test_a_fixed_key_starts_all_seeds_from_the_same_weights():
    def network(features, classes):
        with brainstate.random.seed_context(0):
            return models.plain(features, classes)

    _, (note,) = checked(network, load_task((X, Y)))
    assert note.startswith("All seeds start from the same weights, because ")
    assert "Intervals may be too small" in note
    assert checked(network, load_task((X, Y)), seeds=(0,))[1] == ()  # nothing to tell apart
    assert check(models.plain)[1] == ()


def test_a_factory_that_takes_the_surrogate_and_leaves_it():
    def network(features, classes, surrogate):
        return models.plain(features, classes)

    with pytest.raises(ValueError, match="takes surrogate and must put it into the model, got"):
        check(network)


def test_weights_that_depend_on_the_class_of_the_surrogate_are_found():
    def network(features, classes, surrogate):
        model = models.plain(features, classes)
        model.layers[1].spk_fun = surrogate
        if not isinstance(surrogate, QPseudoSpike):
            model.layers[0].weight.value = jax.tree.map(
                lambda w: 2 * w, model.layers[0].weight.value
            )
        return model

    with pytest.raises(ValueError, match=r"different ones in layers.0.weight .* whatever the surr"):
        check(network)


def test_a_factory_may_take_surrogates_of_one_class_only():
    def network(features, classes, surrogate):
        model = models.plain(features, classes)
        model.layers[1].spk_fun = surrogate.replace(scale=2.0)
        return model

    check(network)


@pytest.mark.parametrize("constant", [lambda outputs, y: jnp.mean(outputs.argmax(-1) == y) * 1.0,
                                      lambda outputs, y: jnp.float32(1.0)])  # fmt: skip
def test_a_loss_without_a_gradient_is_told(constant):
    _, (note,) = checked(models.plain, load_task((X, Y)), constant)
    assert note.startswith("The loss has a gradient of 0 for all outputs: nothing was trained")


def test_outputs_of_integers_are_told():
    rounded = chain(neurons, readout(2), lambda: lambda x: jnp.round(x).astype(int))
    loss = lambda outputs, y: jnp.mean(1.0 * outputs)
    _, (note,) = checked(rounded, load_task((X, Y), readout="last"), loss)
    assert note.startswith("The model's outputs are int32, which have no gradient: nothing")


def test_a_loss_that_counts_is_refused():
    count = lambda outputs, y: (outputs.argmax(-1) != y).sum()
    with pytest.raises(TypeError, match="loss must return real numbers.*, got int"):
        checked(models.plain, load_task((X, Y)), count)


def test_an_optimizer_that_returns_no_transformation_is_refused():
    with pytest.raises(TypeError, match="must return an optax transformation, got None. For"):
        transformation(lambda learning_rate: None, 0.1, 10, {})


def test_outputs_that_are_not_finite_name_the_step():
    class Late(models.Neurons):
        def init_state(self, batch_size=None):
            super().init_state(batch_size)
            self.count = brainstate.ShortTermState(jnp.zeros(()))

        def update(self, x):
            self.count.value += 1
            return super().update(x) / jnp.where(self.count.value < 3, 1.0, 0.0)

    experiment, _ = check(chain(lambda: Late(5), readout(2)))
    with pytest.raises(ValueError, match="got NaN or infinity .* from step 2 on. Look for"):
        check_finite(experiment)


def test_a_model_without_parameters_is_refused():
    options = {"task": (X, Y), "tune": None, "seeds": 1, "epochs": 1}
    make = lambda: brainstate.nn.Sequential(models.Neurons(3), lambda x: x[:, :2])
    with pytest.raises(ValueError, match=r"got no brainstate.ParamState of real numbers"):
        compare(["Sigmoid"], model=make, **options)


class Faulty(models.Neurons):
    def update(self, x):
        raise ZeroDivisionError("of my own")


def test_what_is_raised_is_the_cause_and_not_the_wrapper_of_brainstate():
    with pytest.raises(ZeroDivisionError, match="^of my own$"):
        check(lambda: brainstate.nn.Sequential(Faulty(3)))
