"""compare: what it reports and refuses."""

import itertools
import json
import re
import sys
from functools import partial

import brainpy.state
import brainstate
import brainunit as u
import comparison_models as models
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import linear
from jax.errors import ConcretizationTypeError
from small_comparison import OPTIONS, SMALL, counted

from braintools_qps import (
    Comparison,
    QPseudoSpike,
    compare,
    get_surrogate,
    load_task,
    surrogate_spec,
)

TUNE = {"learning_rate": (1e-6, 0.1), "dampening": (1.0, 0.5)}


@pytest.fixture(scope="module")
def comparison():
    return compare(["Sigmoid"], **OPTIONS | {"tune": TUNE, "epochs": 10})


def test_a_candidate_is_reported_with_each_seed(comparison):
    (result,) = comparison.results
    assert result.label == "Sigmoid"
    assert np.shape(result.curves.loss) == np.shape(result.curves.validation) == (2, 10)
    for name in ("test", "validation", "firing_rate"):
        values = np.array(getattr(result.scores, name))
        assert values.shape == (2,)
        assert np.all((values >= 0) & (values <= 1))
    assert result.scores.validation == tuple(curve[-1] for curve in result.curves.validation)
    assert result.cost.seconds_per_epoch > 0
    # Weights, their two moments in Adam, and the batch are the least that a step holds.
    weights = 2 * 8 + 8 * 8 + 8 * 2 + 8 + 2
    assert result.cost.peak_bytes > 4 * (3 * weights + 32 * 5 * 2)


def test_each_seed_trains_every_setting_and_reports_the_one_with_its_best_validation_score(
    comparison,
):
    (result,) = comparison.results
    trials, chosen = result.tuning.trials, result.tuning.chosen
    each = [trial.setting for trial in trials]
    pairs = itertools.product(*TUNE.values())
    assert each == [{"learning_rate": rate, "dampening": height} for rate, height in pairs]
    for row, seed in enumerate(result.seeds):
        best, scores = chosen[row], [trial.validation[row] for trial in trials]
        assert scores[best] == max(scores)
        assert best >= 2  # 1e-6 learns nothing in 10 epochs
        assert result.scores.test[row] == trials[best].test[row]
        assert result.curves.loss[row][-1] == trials[best].loss[row]
        assert result.curves.validation[row][-1] == scores[best]  # of the last epoch
        assert result.setting_of(seed) == each[best]
    assert comparison.settings["tune"] == {name: list(values) for name, values in TUNE.items()}
    factor = result.setting["dampening"]
    spec = "Sigmoid" if factor == 1 else f"Scaled('Sigmoid', dampening={factor})"
    assert result.tuned_spec == surrogate_spec(get_surrogate(spec))
    assert Comparison.from_json(comparison.to_json()) == comparison


@pytest.mark.thorough
def test_a_comparison_can_be_repeated_from_its_json():
    comparison = compare(["Sigmoid", QPseudoSpike(2.0)], **OPTIONS)
    values = json.loads(json.dumps(comparison.to_dict()))
    assert values["seeds"] == [0, 4]
    settings = values["settings"]
    assert settings["options"] == {"hidden": 8, "neuron": "LIF", "reset": "soft"}
    assert settings["model"] == "braintools_qps._comparison.network:RecurrentNetwork"
    assert settings["optimizer"].startswith("optax:adamw(weight_decay=0.001)")
    assert (settings["clip"], settings["loss"]) == (0.03, "cross-entropy")
    assert {"jax", "braintools", "braintools-qps"} <= values["environment"]["packages"].keys()
    surrogate = get_surrogate(values["candidates"][1])
    assert surrogate == QPseudoSpike(2.0) == comparison.results[1].surrogate
    (again,) = compare([surrogate], **OPTIONS | {"seeds": np.array([0, 4])}).results
    assert again.curves == comparison.results[1].curves
    assert again.scores == comparison.results[1].scores


def untrained():
    return brainstate.nn.Sequential(models.Neurons(2), lambda x: x)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": partial(SMALL, hidden=0)}, ValueError, "hidden must be 1 or more, got 0"),
        ({"model": partial(SMALL, neuron="Lif")}, LookupError, "got 'Lif'. Take LIF or ALIF"),
        ({"model": partial(SMALL, reset="no")}, ValueError, "must be 'soft' or 'hard', got 'no'"),
        ({"model": partial(SMALL, neurons=8)}, TypeError, "got neurons.*mean 'neuron'"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
        ({"tune": {1: (1,)}}, ValueError, r"name .*clip, hidden.* network\), got 1. Pass a model"),
        ({"tune": {"lr": (0.1,)}}, ValueError, r"got lr. .*Did you mean 'learning_rate'\?$"),
        ({"optimizer": "adam"}, TypeError, "a function of learning_rate .* got 'adam'"),
        ({"model": untrained, "seeds": 1}, ValueError, "no brainstate.ParamState of real numbers"),
        ({"loss": "mse"}, TypeError, r"a function of \(outputs, y\), got 'mse'"),
        ({"callback": 3}, TypeError, "callback must be a function .*, got callback=3"),
        ({"loss": lambda outputs: 0.0}, TypeError, r"\nloss must be a function of \(outputs, y"),
        ({"score": lambda outputs, y: float(outputs.sum())}, ConcretizationTypeError,
         r"\nscore must be a function of \(outputs, y\) that JAX can trace"),
        ({"tune": {"dampening": ()}}, TypeError, "a sequence of values for dampening"),
        ({"tune": {"learning_rate": 0.01}}, TypeError, r"tune=\{'learning_rate': \(0\.01,\)\}$"),
        ({"tune": {"width": (1, 2)}}, ValueError,
         r"specs, one .*: surrogates=\['mine\(width=1\)', 'mine\(width=2\)'\]$"),
        ({"tune": {"learning_rate": (np.nan,)}}, ValueError, "_rate in tune must be .* got nan"),
        ({"tune": {"clip": (None, True)}}, TypeError, "clip in tune must be a number, got True"),
        ({"tune": ["dampening"]}, TypeError, "tune must be a mapping of names to values"),
        ({"tune": {"dt": [np.ones(2)]}}, TypeError, "values that can be compared for dt, got an a"),
        ({"tune": {"dampening": (1,), "mean_slope": (1,)}}, ValueError, "mean_slope, .* got both"),
        ({"model": lambda alpha: None, "tune": {"alpha": (2.0,)}}, ValueError,
         "must be unique, got alpha, which the factory .*lambda.* and training both have"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        compare(**({"surrogates": ["QPseudoSpike"]} | OPTIONS | arguments))


class Memoryless(brainstate.nn.Module):
    """Neurons whose membranes are the inputs: what slopes they meet can be told without a run."""

    def __init__(self, surrogate, threshold=1.0):
        super().__init__()
        self.spk_fun, self.threshold = surrogate, threshold

    def init_state(self, batch_size=None, **kwargs):
        self.V = brainstate.HiddenState(jnp.zeros((batch_size, 2)))

    def update(self, x):
        self.V.value = x
        return self.spk_fun(x - self.threshold)


class SubSteps(Memoryless):
    """The same in each of three steps of an inner loop."""

    def update(self, x):
        spikes = lambda _: super(SubSteps, self).update(x)
        return brainstate.transform.for_loop(spikes, jnp.arange(3)).mean(axis=0)


class Populations(brainstate.nn.Module):
    """A population far from its threshold, and one that is near it."""

    def __init__(self, surrogate, kind=Memoryless):
        super().__init__()
        self.far, self.near = kind(surrogate, 3.0), kind(surrogate)
        self.readout = linear(2, 2)

    def update(self, x):
        return self.readout(self.far(x) + self.near(x))


@pytest.mark.parametrize("kind", [Memoryless, SubSteps])
def test_the_largest_mean_slope_of_a_population_lowers_the_dampening_and_never_raises_it(kind):
    model, tune = partial(Populations, kind=kind), {"mean_slope": (0.05, 10.0)}
    options = OPTIONS | {"model": model, "tune": tune, "seeds": [4]}
    (result,) = compare(["Sigmoid(alpha=4)"], batch_size=1000, **options).results
    lowered, kept = (trial.setting["dampening"] for trial in result.tuning.trials)
    inputs = load_task(OPTIONS["task"]).part("train", seed=0).inputs  # whatever the seeds are
    of_threshold = lambda threshold: np.mean(1 / np.cosh(2 * (inputs - threshold)) ** 2)
    slope = max(map(of_threshold, (1.0, 3.0)))
    assert slope > 2 * of_threshold(3.0)
    assert lowered == pytest.approx(0.05 / slope, rel=0.01)  # kept with three digits
    assert kept == 1.0
    assert {trial.setting["mean_slope"] for trial in result.tuning.trials} == {0.05, 10.0}


def picky(features, outputs, steps, surrogate):
    if "QPseudoSpike" not in repr(surrogate):
        raise ValueError(f"no {surrogate!r} here")
    model = SMALL(features, outputs, steps)
    model.neuron.spk_fun = surrogate
    return model


def test_each_candidate_that_fails_is_a_row_with_its_own_error(tmp_path):
    candidates = {"one": "Sigmoid", "same": "Sigmoid", "other": "S2NN", "sound": "QPseudoSpike"}
    told = []
    options = OPTIONS | {"model": picky, "out": tmp_path, "callback": told.append}
    with counted() as seen:
        comparison = compare(candidates, **options)
    # Those that fail on the first batch begin no run
    assert (seen[-1].epochs_done, seen[-1].runs_done, seen[-1].runs) == (4, 2, 2)
    assert [len(found.results) for found in told] == [1, 2, 3, 4]  # each result, as it comes in
    assert told[-1] == comparison
    assert [result.error and result.error.split("(")[0] for result in comparison.results] == [
        "ValueError: no Sigmoid", "ValueError: no Sigmoid", "ValueError: no S2NN", None,
    ]  # fmt: skip
    assert "error: ValueError: no S2NN" in repr(comparison)
    assert comparison.best.label == "sound"
    assert Comparison.from_json((tmp_path / "comparison.json").read_text()) == comparison


def test_where_all_candidates_fail_the_error_is_raised():
    with pytest.raises(Exception, match="got x without unit and a scale in mV"):
        compare(["QPseudoSpike(scale='15 mV')"], **OPTIONS)


@pytest.mark.thorough
def test_the_bar_is_for_a_terminal_and_goes_on_from_the_runs_that_are_known(
    capsys, monkeypatch, tmp_path
):
    options = OPTIONS | {"progress": True, "out": tmp_path}
    compare(["Sigmoid"], **options)
    assert "epoch" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    compare(["Sigmoid", "ReluGrad"], **options)
    said = capsys.readouterr().err
    assert re.search(r"starting: +50%.* 4/8 ", said)
    assert re.search(r"ReluGrad: 100%.* 8/8 .* run 4/4", said)
    compare(["Sigmoid", "ReluGrad"], **options)  # nothing is left to train
    assert "epoch" not in capsys.readouterr().err


def test_jax_must_not_stop_at_nan():
    with jax.debug_nans(True), pytest.raises(ValueError, match="needs jax_debug_nans off"):
        compare(["Sigmoid"], **OPTIONS)


@pytest.mark.thorough
def test_an_operation_that_jax_cannot_vmap_is_named():
    weights = u.sparse.CSR.fromdense(jnp.eye(8))

    def sparse(features, classes):
        square = brainstate.nn.SparseLinear(weights)
        neurons = brainpy.state.LIF(8, tau=5 * u.ms), lambda z: z * u.mA, brainpy.state.LIF(8)
        inward = linear(features, 8), lambda x: x * u.mA
        layers = *inward, neurons[0], square, *neurons[1:], linear(8, classes)
        return brainstate.nn.Sequential(*layers)

    with pytest.raises(ValueError, match=r"jax\.vmap\n.*csr_matmat.*\nUse dense weights"):
        compare(["Sigmoid"], **OPTIONS | {"model": sparse})


@pytest.mark.thorough
def test_own_loss_score_and_optimizer():
    def margin(outputs, y):
        return outputs[jnp.arange(len(y)), y].mean() - outputs.mean()

    seen = set()

    def descent(learning_rate, steps, momentum=0.0):
        seen.add((steps, momentum))
        return optax.sgd(optax.linear_schedule(learning_rate, 0.0, steps), momentum)

    functions = {"score": margin, "loss": lambda o, y: -margin(o, y), "optimizer": descent}
    options = OPTIONS | functions | {"seeds": 1, "tune": {"momentum": (0.0, 0.5)}}
    comparison = compare(["Sigmoid"], **options)
    assert comparison.score == "margin"
    assert comparison.results[0].setting["momentum"] in (0.0, 0.5)
    assert seen == {(2, 0.0), (2, 0.5)}  # 2 epochs of a batch
    assert "margin" in repr(comparison).split()


@pytest.mark.thorough
def test_an_error_of_a_callback_is_no_candidates():
    def fail(comparison):
        raise ValueError("of the callback")

    with pytest.raises(ValueError, match="^of the callback$"):
        compare(["Sigmoid", "S2NN"], callback=fail, **OPTIONS)
