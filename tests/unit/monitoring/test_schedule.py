"""A surrogate that follows the training step, without compiling again."""

import brainstate
import brainunit as u
import jax.numpy as jnp
import optax
import pytest
from helpers import assert_close

from braintools_qps import QPseudoSpike, SurrogateSchedule


def gradients(schedule, x, steps, set_outside):
    """The derivative at each step, and how often Python ran the function, which compiles it."""
    traces = []

    @brainstate.transform.jit
    def gradient(step):
        traces.append(1)
        if not set_outside:
            schedule(step)
        return u.autograd.grad(lambda x: u.math.sum(schedule.surrogate(x)))(x)

    found = []
    for step in steps:
        if set_outside:
            schedule(step)
        found.append(gradient(step))
    return found, len(traces)


@pytest.mark.parametrize("set_outside", [True, False])
def test_alpha_follows_optax_and_compiles_once(set_outside):
    schedule = SurrogateSchedule("QPseudoSpike", alpha=optax.linear_schedule(1.0, 3.0, 2))
    found, traces = gradients(schedule, jnp.array([-0.5, 2.0]), [0, 1, 2, 5], set_outside)
    assert traces == 1
    for gradient, alpha in zip(found, (1, 2, 3, 3)):
        expected = [(1 + 2 * x / (alpha + 1)) ** -alpha for x in (0.5, 2.0)]  # by hand
        assert_close(gradient, jnp.array(expected))


def test_several_parameters_and_a_unit():
    scales = [10 * u.mV, 0.005 * u.volt]  # another unit compiles nothing
    schedule = SurrogateSchedule(
        QPseudoSpike(1.0), scale=lambda step: scales[step], dampening=lambda step: 1.0 + step
    )
    found, traces = gradients(schedule, jnp.array([5.0]) * u.mV, [0, 1], set_outside=True)
    assert traces == 1
    assert_close(found[0], jnp.array([1 / 10 / 1.5]) / u.mV)
    assert_close(found[1], jnp.array([2 / 5 / 2.0]) / u.mV)


def test_python_numbers_and_arrays_are_one_dtype():
    values = [1.0, jnp.float32(2.0), jnp.asarray(3.0), 4]
    schedule = SurrogateSchedule(QPseudoSpike(), alpha=lambda step: values[step])
    assert gradients(schedule, jnp.array([1.0]), range(4), set_outside=True)[1] == 1


def test_a_scan_follows_with_a_traced_step():
    schedule = SurrogateSchedule(QPseudoSpike(), alpha=lambda step: 1.0 + step)

    def body(step):
        schedule(step)
        return schedule.surrogate.surrogate_grad(3.0)

    found = brainstate.transform.for_loop(body, jnp.arange(3))
    assert_close(found, jnp.array([1 / 4, 1 / 9, (1 + 6 / 4) ** -3]))


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ({}, "one or more of alpha, scale, dampening, got none"),
        ({"beta": len}, "got beta"),
        ({"alpha": 2.0}, r"got alpha=2\.0\. Set a constant .* replace\(alpha=\.\.\.\)"),
    ],
)
def test_what_cannot_be_scheduled(schedules, words):
    with pytest.raises(TypeError, match=words):
        SurrogateSchedule("QPseudoSpike", **schedules)


def test_a_value_that_is_not_above_zero_is_refused_when_it_comes():
    schedule = SurrogateSchedule("QPseudoSpike", alpha=lambda step: 2.0 - step)
    with pytest.raises(ValueError, match="alpha must be"):
        schedule(2)
    assert schedule.states["alpha"].value == 2.0
