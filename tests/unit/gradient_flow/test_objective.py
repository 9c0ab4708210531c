"""What is followed back: objectives of outputs of every make, on one step and on several."""

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import (
    STEPS,
    SURROGATE,
    Layer,
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
    mean = lambda layer: np.mean(
        [measured(layer, seed=seed).gradient.second_moments[0] for seed in range(40)]
    )
    assert mean(Several) == pytest.approx(1 + mean(Layer), rel=0.15)


def rate_of(moments):
    return np.exp(np.polyfit(np.arange(STEPS), np.log(moments) / 2, 1)[0])


def test_the_gradients_of_several_steps_add_up():
    found = measured(objective=all_steps)
    assert found.gradient.growth == pytest.approx(rate_of(moments_by_hand(run_by_hand, all_steps)))
