"""A mistake with spikes and loops raises an error that contains its fix."""

from functools import partial

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import loop_in_parts, spike_matmul

SPIKES, WEIGHTS, TIMES = np.float32([[0, 1, 1], [1, 0, 1]]), np.ones((3, 2)), jnp.arange(5.0)
multiply = lambda spikes, weights=WEIGHTS, scale=None: partial(
    spike_matmul, spikes, weights, scale=scale
)
loop = lambda inputs, parts: partial(loop_in_parts, lambda x: x, inputs, parts)

SCALE = "finite and not 0.*1 / keep_probability"
UNITS = "spikes and scale must have the same dimension.*Pass"
GRADED = np.float32([0.5, 1.25, -1.0, np.nan, np.inf, 1 - 2**-24])
MISTAKES = [
    *((multiply(np.where(SPIKES, v, 0)), ValueError, f"0 or 1, got {v}.*scale=") for v in GRADED),
    *((multiply(SPIKES, scale=scale), ValueError, SCALE) for scale in (0.0, np.nan, np.inf)),
    (multiply(SPIKES, scale=np.ones(6)), ValueError, r"number, got the shape \(6,\).*weights"),
    (multiply(SPIKES.astype(complex)), TypeError, "must be real, got dtype complex64"),
    (multiply(3 * SPIKES.astype(int), WEIGHTS.astype(int)), ValueError, "be 0 or 1, got 3"),
    (multiply(SPIKES * u.mA), u.UnitMismatchError, UNITS),
    (multiply(SPIKES, scale=1 * u.mA), u.UnitMismatchError, UNITS),
    (multiply(SPIKES * u.mA, scale=2.0), u.UnitMismatchError, UNITS),
    (multiply(SPIKES * u.mA, scale=u.mV), u.UnitMismatchError, UNITS),
    (loop(TIMES, 0), ValueError, "parts must be"),
    (loop(TIMES, 2.0), TypeError, "parts must be an integer, got 2.0"),
    # As for_loop takes them
    (loop(TIMES, TIMES), TypeError, r"pytree, \(xs, ys\), .* one argument"),
    (loop((TIMES, jnp.arange(3)), None), ValueError, "same number of steps.*got 5 and 3"),
]


@pytest.mark.parametrize(("mistake", "error", "fix"), MISTAKES)
def test_a_mistake_is_answered_with_its_fix(mistake, error, fix):
    with pytest.raises(error, match=fix):
        mistake()
