"""Slopes of surrogates that their owner changes: compiled programs are told apart by values."""

import brainstate
import jax.numpy as jnp
import pytest
from braintools.surrogate import Sigmoid, Surrogate

from braintools_qps import Scaled, gradient_flow
from braintools_qps._gradient_flow.slopes import slopes_at


class Wrapped(Surrogate):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def surrogate_fun(self, x):
        return self.inner.surrogate_fun(x)

    def surrogate_grad(self, x):
        return self.inner.surrogate_grad(x)


def at_zero(surrogate):
    """A logistic function of alpha * x has the derivative alpha / 4 there."""
    (slope,) = slopes_at(surrogate, jnp.zeros(1), None)
    return 4 * float(slope)


@pytest.mark.parametrize("around", [lambda s: s, Wrapped, lambda s: Scaled(Wrapped(s))])
def test_a_surrogate_may_be_changed_between_two_calls(around):
    sigmoid = Sigmoid(6.5)
    surrogate = around(sigmoid)
    assert at_zero(surrogate) == pytest.approx(6.5)
    sigmoid.alpha = 0.75
    if not isinstance(surrogate, Scaled):  # which keeps a copy
        assert at_zero(surrogate) == pytest.approx(0.75)
    assert at_zero(around(Sigmoid(0.75))) == pytest.approx(0.75)
    assert at_zero(around(Sigmoid(6.5))) == pytest.approx(6.5)


def test_a_flow_sees_the_change():
    class Neuron(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.spk_fun = Sigmoid(5.5)
            self.V = brainstate.HiddenState(jnp.zeros(2))

        def update(self, x):
            self.V.value = 0.0 * self.V.value + x  # at the threshold in every step
            return self.spk_fun(self.V.value)

    model = Neuron()
    met = []
    for alpha in (5.5, 0.25):
        model.spk_fun.alpha = alpha
        (flow,) = gradient_flow(model, jnp.zeros((3, 2))).values()
        met.append(4 * flow.populations[0].slopes.mean)
    assert met == pytest.approx([5.5, 0.25])
