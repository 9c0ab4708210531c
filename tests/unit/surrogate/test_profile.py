"""Peak, half-width and area, against the closed forms of the family."""

import math

import brainunit as u
import pytest
from braintools.surrogate import S2NN, GaussianGrad, LeakyRelu, PiecewiseLeakyRelu, Sigmoid

from braintools_qps import QPseudoSpike
from braintools_qps._surrogate.height_and_width import gradient_profile


@pytest.mark.parametrize("alpha", [1.1, 1.5, 2.0, 7.0])
def test_the_family(alpha):
    profile = gradient_profile(QPseudoSpike(alpha))
    # Where (1 + 2x/(alpha+1))^-alpha = 1/2, and twice the integral from 0.
    half_width = (2 ** (1 / alpha) - 1) * (alpha + 1) / 2
    assert profile.peak == 1.0
    assert profile.half_width == pytest.approx((half_width, half_width), rel=1e-3)
    assert profile.area == pytest.approx((alpha + 1) / (alpha - 1), rel=1e-3)


def test_the_exponential_limit():
    profile = gradient_profile(QPseudoSpike(math.inf))
    assert profile.half_width == pytest.approx((math.log(2) / 2,) * 2, rel=1e-3)
    assert profile.area == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_tails_that_fall_too_slowly_have_no_area(alpha):
    assert gradient_profile(QPseudoSpike(alpha)).area == math.inf


def test_a_scale_measures_in_its_unit():
    profile = gradient_profile(QPseudoSpike(scale=15 * u.mV, dampening=0.3))
    assert profile.unit == u.mV
    assert profile.peak == pytest.approx(0.3 / 15)
    assert profile.half_width == pytest.approx((15 * 1.5 * (math.sqrt(2) - 1),) * 2, rel=1e-3)
    assert profile.area == pytest.approx(0.9, rel=1e-3)


def test_surrogates_of_braintools():
    gaussian = gradient_profile(GaussianGrad(sigma=0.5, alpha=0.5))
    assert gaussian.peak == pytest.approx(0.5 / (0.5 * math.sqrt(2 * math.pi)))
    assert gaussian.half_width[1] == pytest.approx(0.5 * math.sqrt(2 * math.log(2)), rel=1e-3)
    assert gaussian.area == pytest.approx(0.5, rel=1e-3)
    # alpha / 4 at 0; half of it at log(3 + sqrt(8)) / alpha; a distribution, so area 1.
    sigmoid = gradient_profile(Sigmoid(alpha=4.0))
    assert sigmoid.half_width[0] == pytest.approx(math.log(3 + math.sqrt(8)) / 4, rel=1e-3)
    assert sigmoid.area == pytest.approx(1.0, rel=1e-3)


def test_the_two_sides_may_differ():
    # The sigmoid's below the threshold, 1 / (1 + x) above it.
    below, above = gradient_profile(S2NN(alpha=4.0, beta=1.0)).half_width
    assert below == pytest.approx(math.log(3 + math.sqrt(8)) / 4, rel=1e-3)
    assert above == pytest.approx(1.0, rel=1e-3)
    leaky = gradient_profile(LeakyRelu(alpha=0.1, beta=1.0))
    assert leaky.half_width == (0.0, math.inf)
    assert leaky.area == math.inf


def test_a_tail_that_never_ends_has_no_area_but_a_half_width():
    profile = gradient_profile(PiecewiseLeakyRelu(c=0.01, w=1.0))
    assert profile.half_width == pytest.approx((1.0, 1.0), rel=1e-3)
    assert profile.area == math.inf
