"""What is followed back: objectives of outputs of every make, on one step and on several."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import (
    BATCH,
    STEPS,
    SURROGATE,
    Layer,
    N,
    all_steps,
    last_step,
    moments_by_hand,
    only,
    run_by_hand,
    weights_and_inputs,
)

from braintools_qps import gradient_flow


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


class Several(Layer):
    """Its outputs are a dictionary, one of them of integers."""

    def update(self, x):
        spikes = super().update(x)
        return {"membranes": self.V.value, "number": jnp.asarray(3), "spikes": spikes}


def measured(layer=Layer, **options):
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(layer(weights, SURROGATE), inputs, **options))
    return flow.populations[0]


def test_a_loss_gets_the_outputs_as_the_model_gives_them():
    found = measured(Several, objective=lambda out: last_step(out["spikes"]) * out["number"][0])
    expected = 9 * moments_by_hand(run_by_hand, last_step)
    np.testing.assert_allclose(found.gradient.second_moments, expected, rtol=1e-11)


def test_all_real_outputs_are_projected():
    """At the last step: a normal number per membrane, and one per spike times its slope."""
    moment = measured(Several, draws=500).gradient.second_moments[0]
    spikes_alone = measured(draws=500).gradient.second_moments[0]
    assert moment == pytest.approx(1 + spikes_alone, rel=0.05)


def rate_of(moments):
    return np.exp(np.polyfit(np.arange(STEPS), np.log(moments) / 2, 1)[0])


def test_of_a_loss_on_several_steps_the_last_tells_the_growth():
    found = measured(objective=all_steps)
    weights = np.sin(np.arange(STEPS * BATCH * N)).reshape(STEPS, BATCH, N)
    alone = moments_by_hand(run_by_hand, lambda outputs: jnp.sum(outputs[-1] * weights[-1]))
    assert found.gradient.growth == pytest.approx(rate_of(alone))
    assert found.gradient.accumulation == pytest.approx(
        rate_of(moments_by_hand(run_by_hand, all_steps))
    )


def test_the_last_step_that_counts_may_be_an_early_one():
    """Of two that count, through different outputs; nothing comes from the steps after them."""
    found = measured(
        Several, objective=lambda out: jnp.sum(out["membranes"][1]) + last_step(out["spikes"][:4])
    )
    expected = moments_by_hand(run_by_hand, lambda outputs: last_step(outputs[:4]))
    present = np.arange(STEPS - 4, STEPS)
    assert np.flatnonzero(found.gradient.second_moments).tolist() == present.tolist()
    growth = np.exp(np.polyfit(present, np.log(expected[present]) / 2, 1)[0])
    assert found.gradient.growth == pytest.approx(growth)
    assert found.gradient.accumulation > 1.01 * found.gradient.growth
