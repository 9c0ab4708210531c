"""Each mistake with a model or its neurons gets an error that contains the fix."""

import re
from functools import partial
from pathlib import Path

import brainpy.state
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import ReluGrad
from flow_networks import SURROGATE
from helpers import linear, message_of

from braintools_qps import compare, gradient_flow, load_task, set_surrogate
from braintools_qps._models import checked_inputs

STEPS, SAMPLES, FEATURES, N = 7, 4, 3, 6
INPUTS = jnp.asarray(np.random.default_rng(0).normal(size=(STEPS, SAMPLES, FEATURES)))
TABLE = jnp.asarray(np.random.default_rng(0).normal(size=(64, 20)))


def sequential(features=FEATURES, unit=u.mA):
    lif = brainpy.state.LIF(N, spk_fun=SURROGATE)
    return brainstate.nn.Sequential(linear(features, N), lambda x: x * unit, lif, linear(N, 2))


class Sequence(brainstate.nn.Module):
    """Its update has the loop over time."""

    def __init__(self, features=FEATURES, outputs=2):
        super().__init__()
        self.input, self.readout = linear(features, N), linear(N, outputs)
        self.spk_fun = SURROGATE

    def init_state(self, batch_size=None):
        self.V = brainstate.HiddenState(jnp.zeros((N,) if batch_size is None else (batch_size, N)))

    def step(self, x):
        self.V.value = 0.9 * self.V.value + self.input(x)
        return self.readout(self.spk_fun(self.V.value - 1))

    def update(self, xs):
        return brainstate.transform.for_loop(self.step, xs)


class SamplesFirst(Sequence):
    def update(self, xs):
        return super().update(jnp.swapaxes(xs, 0, 1))


class Substeps(Sequence):
    """It takes one step, in several of its own; the last call is its neurons' spike."""

    def update(self, x):
        for _ in range(3):
            outputs = self.step(x)
        return outputs


def test_several_steps_of_its_own_are_no_sequence():
    assert gradient_flow(Substeps(), INPUTS, trial=False)


def compared():
    x = np.random.default_rng(1).normal(size=(60, STEPS, FEATURES)).astype(np.float32)
    task = load_task((x, (x.sum((1, 2)) > 0).astype(int)))
    compare(["QPseudoSpike"], task=task, model=SamplesFirst, batch_size=8, progress=False)


def flow(make, inputs=INPUTS):
    return lambda: gradient_flow(make(), inputs, trial=False)


def in_milliseconds(use):
    def run():
        with brainstate.environ.context(dt=1 * u.ms):
            use()

    return run


class Neuron(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        self.spk_fun = ReluGrad()


class Locked(brainstate.nn.Module):
    @property
    def spk_fun(self):
        return None


def network():
    model = brainstate.nn.Module()
    model.blocks, model.first = [Neuron()], Neuron()
    return model


def setting(spec, make=network, **options):
    return lambda: set_surrogate(make(), spec, **options)


def without_reset():
    """It calls spk_fun twice for its output; a stop at the first would cut what it teaches."""
    neuron = brainpy.state.HH(N, spk_fun=SURROGATE)
    brainstate.nn.init_all_states(neuron)
    set_surrogate(neuron, SURROGATE, detach_reset=True)
    neuron.update()


ALL = "must take one time step in a call, got {}, which takes all of them: inputs of shape {}"
SET = partial(setting, "QPseudoSpike")
MISTAKES = {
    # One step.
    "no dt": (flow(sequential), "KeyError: Key 'dt' not found in environment. Set it using: "),
    "no unit": (
        in_milliseconds(flow(lambda: sequential(unit=u.UNITLESS))), "UnitMismatchError: Cannot"
    ),
    "features": (in_milliseconds(flow(lambda: sequential(features=7))), "got (3,) and (7,)."),
    # Whole sequences.
    "all steps": (flow(Sequence), ALL.format("Sequence", INPUTS.shape)),
    "all steps, samples first": (
        flow(SamplesFirst), ALL.format("SamplesFirst", (SAMPLES, STEPS, FEATURES))
    ),
    "all steps without samples": (flow(Sequence, INPUTS[:, 0]), "must take one time step"),
    "all steps to compare": (compared, "got SamplesFirst, which takes all of them"),
    # Inputs.
    "a name": (lambda: checked_inputs("digits-rows"), "Pass load_task('digits-rows')"),
    "a path": (lambda: checked_inputs(Path("a.npz")), f"Pass load_task({Path('a.npz')!r})"),
    # Surrogates.
    "no class chosen": (SET(where=Locked), "Pass the class of the neurons, or a function that"),
    "none chosen": (SET(where=lambda neuron: False), "chose none of blocks.0, first. Pass the"),
    "no neuron": (SET(brainstate.nn.Module), "no node has an attribute spk_fun"),
    "a class": (SET(lambda: Neuron), "pass the model that Neuron(...) returns"),
    "no such name": (setting("Sigmoit"), "Sigmoid"),
    "no such place": (setting({"first": "Sigmoid", "second": "S2NN"}), "The model has blocks.0,"),
    "not detachable": (
        SET(detach_reset=True), "In your own neuron, reset with jax.lax.stop_gradient(spikes)"
    ),
    "no reset": (in_milliseconds(without_reset), "Call set_surrogate without detach_reset"),
}  # fmt: skip


@pytest.mark.parametrize(("use", "fix"), MISTAKES.values(), ids=MISTAKES)
def test_the_message_contains_the_fix(use, fix):
    assert fix in message_of(use)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("Sigmoid", AttributeError),
        ({"first": "Sigmoid", "locked": "Sigmoid"}, AttributeError),
        ({"first": "Sigmoid", "second": "S2NN"}, ValueError),
    ],
)
def test_after_an_error_no_neuron_is_changed(spec, error):
    model = network()
    model.locked = Locked()
    neurons = model.blocks[0], model.first
    before = [neuron.spk_fun for neuron in neurons]
    with pytest.raises(error):
        set_surrogate(model, spec)
    assert all(neuron.spk_fun is spike for neuron, spike in zip(neurons, before))


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_table_is_refused_and_both_fixes_run(batch_first):
    with pytest.raises(ValueError, match=r"samples.*time|time.*samples") as raised:
        checked_inputs(TABLE, batch_first=batch_first, several_samples=True)
    assert "got (64, 20). If it is a table of samples" in str(raised.value)
    for code in re.findall(r"(jnp\.\w+\(.*\)|inputs\[[^(]*\])(?=\. If|$)", str(raised.value)):
        fixed = eval(code, {"jnp": jnp, "inputs": TABLE})
        time_first = checked_inputs(fixed, batch_first=batch_first, several_samples=True)
        assert time_first.shape == ((30, 64, 20) if "jnp" in code else (64, 1, 20))
        rows = time_first if "jnp" in code else time_first.swapaxes(0, 1)
        assert all((row == TABLE).all() for row in rows)
