"""gradient_flow against networks by hand, in float64, and against what can be counted."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import (
    ALPHA,
    BATCH,
    LEAK,
    SCALE,
    SURROGATE,
    Layer,
    N,
    ResetLayer,
    all_steps,
    last_step,
    moments_by_hand,
    only,
    run_by_hand,
    run_with_reset_by_hand,
    weights_and_inputs,
)

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps._gradient_flow import trace
from braintools_qps._gradient_flow.cotangents import projections
from braintools_qps._gradient_flow.passes import forward, with_index


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), brainstate.environ.context(precision=64):
        yield


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("layer", "run", "loss"),
    [(Layer, run_by_hand, last_step), (ResetLayer, run_with_reset_by_hand, all_steps)],
)
def test_second_moments_are_those_of_automatic_differentiation(layer, run, loss):
    weights, inputs = weights_and_inputs()
    flow = only(gradient_flow(layer(weights, SURROGATE), inputs, objective=loss))
    (population,) = flow.populations
    np.testing.assert_allclose(
        population.gradient.second_moments, moments_by_hand(run, loss), rtol=1e-11, atol=1e-25
    )


def test_a_compiled_model_gives_the_same():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    layer.update = brainstate.transform.jit(layer.update)
    flow = only(gradient_flow(layer, inputs, objective=last_step))
    np.testing.assert_allclose(
        flow.populations[0].gradient.second_moments,
        moments_by_hand(run_by_hand, last_step),
        rtol=1e-11,
    )


def test_millivolts_divide_out():
    weights, inputs = weights_and_inputs()
    spike = QPseudoSpike(ALPHA, scale=SCALE * 1000 * u.uvolt)
    layer = Layer(weights, spike, unit=u.mV)
    loss = lambda outputs: last_step(outputs) * 2.0 * u.second
    (population,) = only(gradient_flow(layer, inputs, objective=loss)).populations
    assert population.unit == "mV"
    np.testing.assert_allclose(
        population.gradient.second_moments, 4 * moments_by_hand(run_by_hand, last_step), rtol=1e-11
    )
    assert u.math.allclose(population.slopes.scale, SCALE * u.mV)


def test_what_is_measured_by_default():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    stated = gradient_flow(layer, inputs, seed=0)
    assert gradient_flow(layer, inputs).to_dict() == stated.to_dict()


def test_what_the_forward_pass_says_does_not_depend_on_the_surrogate():
    weights, inputs = weights_and_inputs()
    flows = gradient_flow(
        Layer(weights, SURROGATE), inputs, surrogates={"a": "Sigmoid", "b": SURROGATE}
    )
    V, spikes = np.zeros((BATCH, N)), []
    for x in inputs:
        z = (V >= 1) * 1.0
        V = LEAK * (V - z) + z @ np.asarray(weights) + np.asarray(x)
        spikes.append(V >= 1)
    rates = np.mean(spikes, axis=(0, 1))
    for flow in flows.values():
        (population,) = flow.populations
        assert population.activity.firing_rate == pytest.approx(rates.mean())
        assert population.activity.silent_share == np.mean(rates == 0)
        assert population.size == N
    assert list(flows) == ["a", "b"]
    assert flows["b"].surrogate is SURROGATE


def test_the_histogram_is_of_distances_in_multiples_of_the_scale():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, SURROGATE)
    histogram = only(gradient_flow(layer, inputs)).populations[0].slopes.distances
    assert histogram.share.sum() + histogram.outside == pytest.approx(1)
    assert histogram.outside <= 0.02
    centres = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    expected = (1 + 2 * np.abs(centres) / (ALPHA + 1)) ** -ALPHA
    np.testing.assert_allclose(histogram.slope, expected, rtol=1e-5)


def test_projections_are_not_drawn_like_the_weights_of_the_same_seed():
    inputs = jnp.zeros((2, BATCH, N))
    step = trace(Layer(jnp.eye(N), SURROGATE), inputs)
    run = forward(step, step.arrays, with_index(inputs))
    (drawn,) = projections(run, 100, 0).values
    for key in (jax.random.key(0), *jax.random.split(jax.random.key(0))):
        same_bits = jax.random.normal(key, drawn.shape)
        assert abs(np.corrcoef(np.ravel(drawn), np.ravel(same_bits))[0, 1]) < 0.1


def test_flat_share_counts_slopes_below_a_thousandth_of_the_peak():
    weights, inputs = weights_and_inputs()
    layer = Layer(weights, QPseudoSpike(float("inf"), scale=0.2))
    (population,) = only(gradient_flow(layer, inputs)).populations
    V, distances = np.zeros((BATCH, N)), []
    for x in inputs:
        z = (V >= 1) * 1.0
        V = LEAK * (V - z) + z @ np.asarray(weights) + np.asarray(x)
        distances.append(np.abs(V - 1) / 0.2)
    # exp(-2 x) < 0.001
    assert population.slopes.flat_share == np.mean(np.array(distances) > np.log(1000) / 2)
    assert 0.1 < population.slopes.flat_share < 0.9
