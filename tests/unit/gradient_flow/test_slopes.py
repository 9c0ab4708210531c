"""Slopes are compiled once, whatever the factors, for all surrogates with equal parameters."""

import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps._gradient_flow.slopes import slopes

ARGUMENTS = jnp.array([-1.0, 0.5])


class Counted(Surrogate):
    """A parabola as the original function; how often its derivative is traced is counted."""

    traced = 0

    def __init__(self, height):
        super().__init__()
        self.height = height

    def surrogate_fun(self, x):
        return self.height * x**2 / 2

    def surrogate_grad(self, x):
        Counted.traced += 1
        return self.height * x


def test_one_program_for_all_factors_and_equal_parameters():
    Counted.traced = 0
    for surrogate in (Counted(3.0), Counted(3.0)):
        for width, gain in ((1.0, 1.0), (2.0, 1.0), (1.0, 5.0)):
            found = slopes(surrogate, ARGUMENTS, None, scale=width, dampening=gain)
            np.testing.assert_allclose(found, 3 * ARGUMENTS / width**2 * gain)
    assert Counted.traced == 1
    np.testing.assert_allclose(slopes(Counted(4.0), ARGUMENTS, None), 4 * ARGUMENTS)
    assert Counted.traced == 2


def test_what_has_no_hash_is_measured_all_the_same():
    heights = jnp.array([3.0, 4.0])
    np.testing.assert_allclose(slopes(Counted(heights), ARGUMENTS, None), heights * ARGUMENTS)
