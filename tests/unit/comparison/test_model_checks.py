"""Models that cannot be trained: each error names the rule, what came and the fix."""

import re
from functools import partial

import brainstate
import comparison_models as models
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear, thorough

from braintools_qps import QPseudoSpike
from braintools_qps._comparison import Factory, RecurrentNetwork, load_task
from braintools_qps._comparison.experiment import Experiment
from braintools_qps._comparison.model_checks import check_model
from braintools_qps._comparison.scoring import scoring

Y = np.arange(40) % 2
X = np.random.default_rng(0).standard_normal((40, 4, 3))


def check(make, y=Y, *, task=None, loss=None, seeds=(0, 1), readout=None):
    """The experiment and its warnings; an error says why it cannot be trained."""
    task = load_task((X, y), readout=readout) if task is None else task
    experiment = Experiment(Factory(make), task, scoring(task, loss), None, 32, 0.1, 1, seeds)
    return experiment, check_model(experiment)


class Fixed(models.Neurons):
    """Holds a batch of 7, whatever it is given."""

    def init_state(self, batch_size=None):
        super().init_state(7)


class Masked(models.Neurons):
    def __init__(self, mask):
        super().__init__(5)
        self.mask = mask

    def update(self, x):
        return self.mask * super().update(x)


class Private(brainstate.nn.Module):
    """Keeps its neurons, with a mask that no seed draws, under a private name."""

    def __init__(self):
        super().__init__()
        self._part = Masked(jnp.asarray(outside.standard_normal(5)))

    def update(self, x):
        return self._part(x)


class Faulty(models.Neurons):
    def update(self, x):
        raise ZeroDivisionError("of my own")


class Network(brainstate.nn.Sequential):
    """A class is a factory of what its ``__init__`` takes."""

    def __init__(self, features, classes):
        super().__init__(linear(features, 5), models.Neurons(5), linear(5, classes))


def chain(*layers):
    """A factory of a model with these layers after a linear one."""
    return lambda: brainstate.nn.Sequential(linear(3, 5), *(layer() for layer in layers))


neurons = lambda: models.Neurons(5)
readout = lambda size: lambda: linear(5, size)
SAME, SMALL = models.plain(3, 2), partial(RecurrentNetwork, hidden=3)
outside = np.random.default_rng(0)  # which no seed sets


def outside_weights(features, classes):
    model = models.plain(features, classes)
    weights = outside.standard_normal((features, 8))
    model.layers[0].weight.value["weight"] = jnp.asarray(weights)
    return model


def of_surrogate(change):
    """A factory that takes the surrogate, and what it does with it."""

    def network(features, classes, surrogate):
        model = models.plain(features, classes)
        change(model, surrogate)
        return model

    return network


def put_and_scale(model, surrogate):
    model.layers[1].spk_fun = surrogate
    if not isinstance(surrogate, QPseudoSpike):
        weights = model.layers[0].weight
        weights.value = jax.tree.map(lambda w: 2 * w, weights.value)


def put_and_add(model, surrogate):
    model.layers[1].spk_fun = surrogate
    if isinstance(surrogate, QPseudoSpike):
        model.gain = brainstate.ParamState(jnp.ones(()))


def drawn_with_a_fixed_key(features, classes):
    with brainstate.random.seed_context(0):
        return models.plain(features, classes)


def count_wrong(outputs, y):
    return (outputs.argmax(-1) != y).sum()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        ("mine:network", TypeError, "must be a function that returns a fresh .*, got 'mine"),
        (models.Neurons(3), TypeError, "must be a function that returns a fresh .*, got Neurons"),
        (lambda: None, TypeError, "must return a brainstate model, got NoneType. End it with"),
        (lambda: SAME, ValueError, "fresh model each time, got the same Sequential twice"),
        (partial(Network, width=3), TypeError, "among features, classes, got width. Take it in"),
        (chain(readout(2)), ValueError, "neurons with a spike function spk_fun, got none in Seq"),
        (chain(neurons, readout(3)), ValueError, r"one array of shape \(32, 2\), .* got \(32, 3\)"),
        *((chain(layer, readout(2)), ValueError, r"batches of any size, .*\(7, ?5\).* Make states")
          for layer in (lambda: Fixed(5), lambda: Masked(jnp.ones((7, 5))))),
        (lambda: brainstate.nn.Sequential(models.Neurons(3), lambda x: (x, x)), ValueError,
         "a step must return one array"),
        # What is raised is the cause, not brainstate's wrapper
        (lambda: brainstate.nn.Sequential(Faulty(3)), ZeroDivisionError, "^of my own$"),
        (lambda classes: models.plain(5, classes), ValueError,
         "take the 3 features of the data in .*: dot_gen.*[^.]. Take features as a keyword of"),
        (outside_weights, ValueError,
         r"same weights .*got different ones in layers.0.weight from .*with seed 0"),
        (chain(Private, readout(2)), ValueError, r"got different ones in layers.1._part.mask from"),
        (of_surrogate(lambda model, surrogate: None), ValueError,
         "takes surrogate and must put it into the model, got"),
        (of_surrogate(put_and_scale), ValueError,
         r"different ones in layers.0.weight .* whatever the surr"),
        (of_surrogate(put_and_add), ValueError, r"different ones in gain .* whatever the surr"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_trained_is_refused_with_the_fix(make, error, message):
    with pytest.raises(error, match=message):
        check(make)


def test_a_factory_of_classes_is_told_that_y_holds_floats():
    with pytest.raises(ValueError, match=r"y holds floats, here of .*:.*Network gets classes=None"):
        check(Network, Y.astype(float))


def test_a_factory_that_takes_any_keyword_is_told_what_it_got():
    make = lambda features, **neuron: models.Neurons(features, **neuron)
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        check(make)
    assert "it got features, classes, outputs, steps, input_rms" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        thorough(partial(Network, 3), {}),
        (models.every_step, {"y": X[:, :, :1]}),
        thorough(models.plain, {"y": np.arange(160).reshape(40, 4) % 3}),
        thorough(SMALL, {"y": X[:, 0, :2], "readout": "all"}),
        (SMALL, {"y": np.stack([X[:, :, :2]] * 3, axis=-1)}),
        (drawn_with_a_fixed_key, {"seeds": (0,)}),  # there are no other seeds to tell apart
    ],
)  # fmt: skip
def test_what_fits_passes(make, options):
    assert check(make, **options)[1] == ()


rounded = chain(neurons, readout(2), lambda: lambda x: jnp.round(x).astype(int))


@pytest.mark.parametrize(
    ("make", "loss", "start"),
    [
        (drawn_with_a_fixed_key, None, "All seeds start from the same weights.*too small"),
        (models.plain, lambda outputs, y: jnp.float32(1.0),
         "The loss has a gradient of 0 for all outputs: nothing was trained"),
        (models.plain, count_wrong, "The loss count_wrong has a gradient of 0 for all outputs"),
        (rounded, lambda outputs, y: jnp.mean(1.0 * outputs), "The loss has .*Outputs must be flo"),
    ],
)  # fmt: skip
def test_what_makes_results_worthless_is_a_warning(make, loss, start):
    readout = "last" if make is rounded else None
    (note,) = check(make, loss=loss, readout=readout)[1]
    assert re.match(start, note)


def test_floats_that_look_one_hot_are_named():
    (note,) = check(SMALL, np.eye(2)[Y])[1]
    assert "look one-hot, so this is a regression. For classes pass y.argmax(axis=-1)" in note
