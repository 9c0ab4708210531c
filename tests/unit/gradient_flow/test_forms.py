"""One recurrent network in every form that users give it: the gradient is the one by hand.

In float64. The model is left as it was, whatever states it had.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import (
    BATCH,
    LEAK,
    SCALE,
    SURROGATE,
    Layer,
    N,
    ResetLayer,
    all_steps,
    gradient_flow,
    last_step,
    moments_by_hand,
    only,
    run_by_hand,
    run_with_reset_by_hand,
    weights_and_inputs,
)
from helpers import thorough_but, untouched

from braintools_qps import QPseudoSpike

pytestmark = pytest.mark.usefixtures("double_precision")


class Fresh(Layer):
    """Its states come with init_state."""

    def __init__(self, weights):
        super().__init__(weights, SURROGATE)
        del self.V

    def init_state(self, batch_size=None):
        shape = (N,) if batch_size is None else (batch_size, N)
        self.V = brainstate.HiddenState(jnp.zeros(shape))


class Alone(Fresh):
    """Its states are made for one sample; the caller is to batch them."""

    def init_state(self):
        super().init_state()


class Several(Layer):
    """Its outputs are a dictionary, one of them of integers."""

    def update(self, x):
        spikes = super().update(x)
        return {"membranes": self.V.value, "number": jnp.asarray(3), "spikes": spikes}


class Sum(brainstate.nn.Module):
    """Populations side by side."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts)

    def update(self, x):
        return sum(part(x) for part in self.parts)


def plain(weights, spike=SURROGATE, **options):
    return Layer(weights, spike, **options)


def wrapped(weights):
    layer, held = plain(weights), jnp.full(N, LEAK)
    layer.leaks = jax.jit(jax.checkpoint(lambda V: held * V))
    return layer


def ruled(weights):
    """The leak has a derivative by a rule of its own."""
    layer = plain(weights)
    layer.leaks = jax.custom_jvp(lambda V: LEAK * jax.lax.stop_gradient(V))
    layer.leaks.defjvp(lambda V, tangent: (LEAK * V[0], LEAK * tangent[0]))
    return layer


def vmapped(weights):
    inner = Fresh(weights)
    brainstate.nn.vmap_init_all_states(inner, axis_size=BATCH, state_tag="new")
    return brainstate.nn.Vmap(inner, vmap_states="new")


class Form(NamedTuple):
    make: Callable[[Any], Any]
    options: dict[str, Any] = {}  # noqa: RUF012
    run: Callable[..., Any] = run_by_hand
    loss: Callable[..., Any] = last_step


FORMS = {
    "as in the equations": Form(plain),
    "reset before it is stored": Form(
        lambda weights: ResetLayer(weights, SURROGATE), {"objective": all_steps},
        run_with_reset_by_hand, all_steps,
    ),
    "samples first": Form(plain, {"batch_first": True}),
    "a part is compiled, checkpointed and holds an array": Form(wrapped),
    "a derivative by a rule": Form(ruled),
    "millivolts, and a loss with a unit": Form(
        lambda weights: plain(weights, SURROGATE.replace(scale=SCALE * 1e3 * u.uvolt), unit=u.mV),
        {"objective": lambda outputs: last_step(outputs) * u.second},
    ),
    "outputs of every make": Form(
        lambda weights: Several(weights, SURROGATE),
        {"objective": lambda out: last_step(out["spikes"]) * out["number"][0] / 3},
    ),
    # States.
    "of every kind": Form(lambda weights: Sum(Fresh(weights), Alone(weights), plain(weights))),
    "held by Vmap, beside one that has none": Form(
        lambda weights: Sum(vmapped(weights), Fresh(weights))
    ),
}  # fmt: skip


OFTEN = {
    "as in the equations", "reset before it is stored", "a derivative by a rule", "of every kind",
    "a part is compiled, checkpointed and holds an array", "outputs of every make",
}  # fmt: skip


@pytest.mark.parametrize("name", thorough_but(OFTEN, FORMS))
def test_the_gradient_is_the_one_by_hand_and_the_model_is_left_as_it_was(name):
    form = FORMS[name]
    weights, inputs = weights_and_inputs()
    model = form.make(weights)
    if "batch_first" in form.options:
        inputs = jnp.swapaxes(inputs, 0, 1)
    with untouched(model):
        flow = only(gradient_flow(model, inputs, **{"objective": last_step} | form.options))
    expected = moments_by_hand(form.run, form.loss)
    for population in flow.populations:
        moments = population.gradient.second_moments
        np.testing.assert_allclose(moments, expected, rtol=1e-11, atol=1e-25)
        assert population.size == N
        assert u.get_mantissa(population.slopes.scale) == pytest.approx(SCALE)
    if isinstance(model, Sum):  # one under Vmap has the name that the user gave, and its own kind
        assert [p.name for p in flow.populations] == [f"parts.{i}" for i in range(len(model.parts))]
        assert {p.kind for p in flow.populations} <= {"Fresh", "Alone", "Layer"}


def test_a_single_neuron():
    """Without recurrence or reset its own leak is the growth, whatever the surrogate."""

    class Leaky(Layer):
        def update(self, x):
            self.V.value = LEAK * self.V.value + x
            return self.spk_fun(self.V.value - 1)

    weights, inputs = weights_and_inputs()
    neuron = Leaky(weights, QPseudoSpike(), shape=())
    (population,) = only(gradient_flow(neuron, inputs[:, 0, 0])).populations
    assert (population.size, population.slopes.scale) == (1, 1.0)
    assert population.gradient.growth == pytest.approx(LEAK)
