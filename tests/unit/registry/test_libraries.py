"""Names of other libraries against the formulas of their code, written in NumPy.

Read from the backward passes of snntorch/surrogate.py 1.0.0, spikingjelly/activation_based/
surrogate.py 2.0.0, norse/torch/functional/threshold.py and superspike.py 1.1.0 (and earlier, whose
SuperSpike has a slope) and spyx/axn.py 1.0.0.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close
from scipy.special import expit

from braintools_qps import UnknownSurrogateError, get_surrogate, surrogate_spec
from braintools_qps._registry.libraries import SURROGATES

# Off 0, where some libraries do not spike, and off the kinks of the examples.
X = np.array([-7.3, -1.7, -0.93, -0.31, -0.042, -1e-3, 1e-3, 0.042, 0.31, 0.93, 1.7, 7.3])
A = np.abs(X)
fired = X > 0
logistic = lambda slope: slope * expit(slope * X) * (1 - expit(slope * X))
superspike = lambda slope: 1 / (slope * A + 1) ** 2

FORMULAS = {
    "snntorch.atan(alpha=3)": 3 / 2 / (1 + (np.pi / 2 * 3 * X) ** 2),
    "snntorch.fast_sigmoid(slope=4)": superspike(4),
    "snntorch.fast_sigmoid": superspike(25),
    "snntorch.sigmoid(slope=4)": 4 * np.exp(-4 * X) / (np.exp(-4 * X) + 1) ** 2,
    "snntorch.straight_through_estimator": np.ones_like(X),
    "snntorch.triangular(threshold=0.7)": np.where(X >= 0, -0.7, 0.7),
    "snntorch.heaviside": 1.0 * fired,
    "snntorch.LSO(slope=0.3)": np.where(fired, 1, 0.3),
    "spikingjelly.ATan(alpha=2)": 1 / (1 + (np.pi * X) ** 2),
    "spikingjelly.Sigmoid(alpha=3)": logistic(3),
    "spikingjelly.Sigmoid": logistic(4),
    "spikingjelly.SoftSign(alpha=3)": 1 / (2 * 3 * (1 / 3 + A) ** 2),
    "spikingjelly.SuperSpike(alpha=3)": 3 / (A + 1) ** 2,
    "spikingjelly.PiecewiseQuadratic(alpha=2)": np.where(A > 1 / 2, 0, -4 * A + 2),
    "spikingjelly.PiecewiseExp(alpha=3)": 3 / 2 * np.exp(-3 * A),
    "spikingjelly.NonzeroSignLogAbs(alpha=3)": 1 / (1 / 3 + A),
    "spikingjelly.Erf(alpha=2)": np.exp(-((2 * X) ** 2)) * 2 / np.sqrt(np.pi),
    "spikingjelly.PiecewiseLeakyReLU(w=0.5, c=0.1)": np.where(A < 0.5, 1.0, 0.1),
    "spikingjelly.SquarewaveFourierSeries(n=3, T_period=8)": (
        np.cos(np.pi / 4 * X) + np.cos(3 * np.pi / 4 * X)
    ) / 2,
    "spikingjelly.S2NN(alpha=3, beta=2)": np.where(X < 0, logistic(3), 2 / (A + 1)),
    "spikingjelly.PiecewiseLeakyReLU(w=0.5, c=0)": np.where(A < 0.5, 1.0, 0.0),
    "spikingjelly.QPseudoSpike(alpha=3)": (1 + 2 / (3 - 1) * A) ** -3,
    "spikingjelly.QPseudoSpike(alpha=inf)": np.exp(-2 * A),
    "spikingjelly.LeakyKReLU(leak=0.1, k=2)": np.where(X >= 0, 2, 0.1),
    "spikingjelly.LeakyKReLU(leak=0, k=2)": np.where(X >= 0, 2, 0),
    "spikingjelly.LogTailedReLU(alpha=0.2)": np.where(X > 1, 1 / A, np.where(X <= 0, 0.2, 1)),
    "spikingjelly.Rect(alpha=2)": np.where(A < 0.25, 2, 0),
    "spikingjelly.DeterministicPass": np.ones_like(X),
    "norse.superspike": superspike(1),  # version 1.1, which ignores alpha
    "norse.superspike(alpha=100)": superspike(100),  # earlier versions, and the paper
    "norse.super(alpha=3)": superspike(3),
    "norse.triangle(alpha=0.5)": 0.5 * np.maximum(1 - A, 0),
    "norse.tanh(alpha=2)": 1 - np.tanh(2 * X) ** 2,
    "norse.heavi_erfc(alpha=2)": 2 * np.exp(-((2 * X) ** 2)) / np.sqrt(np.pi),
    "spyx.superspike(k=4)": superspike(4),
    "spyx.arctan(k=2)": 1 / ((1 + (2 * np.pi * X) ** 2) * np.pi),
    "spyx.tanh(k=2)": 4 / (np.exp(-2 * X) + np.exp(2 * X)) ** 2,
    "spyx.boxcar(width=1, height=0.7)": np.where(A < 0.5, 0.7, 0),
    "spyx.triangular(k=2)": np.maximum(0, 1 - np.abs(2 * X)),
}  # fmt: skip


@pytest.mark.parametrize("spec", FORMULAS)
def test_spikes_and_derivative_are_those_of_the_library(spec):
    surrogate = get_surrogate(spec)
    x = jnp.float32(X)
    # The absolute part is for braintools' logistic, which cancels in float32.
    close = {"rtol": 4e-6, "atol": 1e-7}
    np.testing.assert_array_equal(surrogate(x), fired)
    assert_close(surrogate.surrogate_grad(x), FORMULAS[spec], **close)
    assert_close(jax.grad(lambda x: surrogate(x).sum())(x), FORMULAS[spec], **close)
    written = json.loads(json.dumps(surrogate_spec(surrogate), allow_nan=False))
    assert repr(get_surrogate(written)) == repr(surrogate)


# As the signatures there have them; tests/docs/test_migrating.py has those that the page states.
DEFAULTS = """
spikingjelly.PiecewiseLeakyReLU(w=1,c=0.01) spikingjelly.SquarewaveFourierSeries(n=2,T_period=8)
spikingjelly.S2NN(alpha=4,beta=1) spikingjelly.LeakyKReLU(leak=0.0,k=1.0)
spikingjelly.LogTailedReLU(alpha=0) spikingjelly.Rect(alpha=1) norse.super(alpha=1)
norse.tanh(alpha=100) norse.heavi_erfc(alpha=100) spyx.arctan(k=2) spyx.tanh(k=1)
spyx.boxcar(width=2,height=0.5) spyx.triangular(k=2)
""".split()


@pytest.mark.parametrize("spec", DEFAULTS)
def test_defaults_are_those_of_the_library(spec):
    by_default = get_surrogate(spec.partition("(")[0])
    assert_close(get_surrogate(spec).surrogate_grad(X), by_default.surrogate_grad(X))


def test_no_conversion_is_without_a_formula():
    assert {spec.partition("(")[0] for spec in FORMULAS} == {row.path for row in SURROGATES}


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ({"name": "snntorch.fast_sigmoid", "slope": "4"}, "snntorch.fast_sigmoid(4)"),
        ("spikingjelly.activation_based.surrogate.ATan", "Arctan(2.0)"),
        ("Scaled('snntorch.atan', scale='15 mV')", "Scaled('Arctan(2.0)', scale='15 mV')"),
        ("QPseudoSpike(q=3, sharpness=2)", "QPseudoSpike(3, scale=0.25, dampening=0.25)"),
        ({"name": "q_pseudo_spike", "q": 3, "scale": "2 mV"},
         "QPseudoSpike(3, scale='1 mV', dampening=0.5)"),
        ("QPseudoSpike(q=3, residual_dtype='uint8')",
         "QPseudoSpike(3, scale=0.5, dampening=0.5, residual_dtype='uint8')"),
    ],
)  # fmt: skip
def test_a_spec_of_any_kind_may_have_the_names_of_a_library_or_of_the_paper(spec, same):
    assert repr(get_surrogate(spec)) == repr(get_surrogate(same))


@pytest.mark.parametrize(
    ("name", "conversions"),
    [
        ("straight_through",
         ["snntorch.straight_through_estimator", "spikingjelly.DeterministicPass"]),
        ("triangular", ["snntorch.triangular", "norse.triangle", "spyx.triangular"]),
        ("atan", ["snntorch.atan", "spikingjelly.ATan"]),
        # With the module that a script calls it by, or with another library
        ("surrogate.fast_sigmoid(slope=25)", ["snntorch.fast_sigmoid"]),
        ("spikingjelly.FastSigmoid", ["snntorch.fast_sigmoid"]),
    ],
)  # fmt: skip
def test_a_name_without_its_library_is_an_error_that_names_the_conversions(name, conversions):
    with pytest.raises(UnknownSurrogateError) as error:
        get_surrogate(name)
    assert str(error.value).endswith("library: " + ", ".join(map(repr, conversions)))
    assert all(callable(get_surrogate(spec)) for spec in conversions)
