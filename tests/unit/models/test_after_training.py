"""Every tool takes a model as usual code leaves it: with states that were made under a trace."""

import io
import sys
from contextlib import redirect_stdout
from functools import cache

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from comparison_models import Neurons
from helpers import linear, thorough

from braintools_qps import (
    compare,
    gradient_flow,
    load_task,
    normalize_rates,
    normalize_surrogate,
    prepare,
    relay_weights,
    save_memory,
    set_surrogate,
)
from braintools_qps.__main__ import main

STEPS, SAMPLES, FEATURES, N = 6, 8, 4, 6
SEQUENCES = np.random.default_rng(0).uniform(0, 3, (SAMPLES, STEPS, FEATURES)).astype(np.float32)
LABELS = np.arange(SAMPLES) % 2
INPUTS = jnp.asarray(SEQUENCES).swapaxes(0, 1)

pytestmark = pytest.mark.usefixtures("one_millisecond")


def network():
    lif = brainpy.state.LIF(N, V_th=1 * u.mV)
    layers = linear(FEATURES, N), lambda x: x * u.mA, lif, linear(N, N), Neurons(N)
    return brainstate.nn.Sequential(*layers, linear(N, 2))


def outputs_with(model):
    brainstate.nn.init_all_states(model, SAMPLES)
    return brainstate.transform.for_loop(model, INPUTS)


def grad(model):
    weights = model.states(brainstate.ParamState)
    brainstate.transform.grad(lambda: outputs_with(model).sum(), weights)()


def in_a_loop(loop):
    def run(model):
        loop(lambda _: outputs_with(model).sum(), jnp.arange(2))

    return run


FORMS = {
    "grad": grad,
    "jit": lambda model: brainstate.transform.jit(lambda: outputs_with(model))(),
    "jax.jit": lambda model: jax.jit(lambda _: outputs_with(model))(0),
    "for_loop": in_a_loop(brainstate.transform.for_loop),
    "checkpointed_for_loop": in_a_loop(brainstate.transform.checkpointed_for_loop),
    "scan": in_a_loop(
        lambda f, xs: brainstate.transform.scan(lambda c, x: (c, f(x)), jnp.zeros(()), xs)
    ),
}


def raw_values(model):
    """The very values of what is no weight: those that were made under a trace cannot be read."""
    states = [*brainstate.graph.states(model).values(), brainstate.random.DEFAULT]
    return [vars(s)["_value"] for s in states if not isinstance(s, brainstate.ParamState)]


def on(tool, *args, **options):
    def use(make):
        with brainstate.random.seed_context(0):
            model = make()
        before = raw_values(model)
        said = tool(model, *args, **options)
        assert all(x is y for x, y in zip(raw_values(model), before, strict=True))
        return said

    return use


def compared(make):
    task = load_task((np.tile(SEQUENCES, (8, 1, 1)), np.tile(LABELS, 8)))
    options = {"tune": None, "seeds": 2, "epochs": 1, "batch_size": 8, "progress": False}
    result = compare(["QPseudoSpike"], task=task, model=make, **options)
    return result.results[0].scores


def on_the_command_line(make):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "made", lambda: (make(), INPUTS), raising=False)
        return main(["flow", "--model", f"{__name__}:made"])


TOOLS = {
    "gradient_flow": on(gradient_flow, INPUTS, labels=LABELS),
    "prepare": on(prepare, INPUTS, labels=LABELS),
    "normalize_surrogate": on(normalize_surrogate, INPUTS),
    "normalize_rates": on(normalize_rates, INPUTS),
    "relay_weights": on(relay_weights, INPUTS),
    "save_memory": on(save_memory, INPUTS),
    "set_surrogate": on(set_surrogate, "S2NN"),
    "compare": compared,
    "flow": on_the_command_line,
}


@cache
def said(tool, make):
    """What a tool returns and prints."""
    with redirect_stdout(io.StringIO()) as out:
        returned = TOOLS[tool](make)
    return f"{returned}{out.getvalue()}"


OFTEN = {*((form, "normalize_surrogate") for form in FORMS), *(("grad", tool) for tool in TOOLS)}
OFTEN -= {("grad", "compare"), ("grad", "flow")}  # which compile for long
CASES = [(form, tool) for form in FORMS for tool in TOOLS]


@pytest.mark.parametrize(("form", "tool"), [c if c in OFTEN else thorough(*c) for c in CASES])
def test_says_the_same_as_before_training(form, tool):
    def trained():
        model = network()
        FORMS[form](model)
        return model

    assert said(tool, trained) == said(tool, network)
