"""The search for candidates to train, on curves whose turns are known."""

import math

import numpy as np
import pytest

from braintools_qps import QPseudoSpike
from braintools_qps._gradient_flow.target import Measured, adjustment


def following(growth, consistency=lambda factor: 1.0):
    return lambda factor: Measured(growth(factor), consistency(factor))


def test_the_factor_that_attains_the_target():
    one = adjustment("dampening", following(lambda f: 1.5 * f), 1.0, QPseudoSpike(dampening=3.0))
    assert one.factor == pytest.approx(2 / 3, rel=1e-3)
    assert one.growth == pytest.approx(1.0, rel=1e-3)
    assert one.surrogate == QPseudoSpike(dampening=round(3 * one.factor, 9))
    assert one.searched == pytest.approx((1 / 16, 1))
    assert one.attainable == pytest.approx((1.5 / 16, 1.5))


def test_a_scale_that_is_none_counts_as_one():
    one = adjustment("scale", following(lambda f: 2 / f), 1.0, QPseudoSpike())
    assert one.surrogate == QPseudoSpike(scale=one.factor)
    assert one.factor == pytest.approx(2, rel=1e-3)
    assert one.searched == pytest.approx((1, 16))


@pytest.mark.parametrize("surrogate", [None, lambda x: x])
def test_what_has_no_parameter_gets_the_factor_alone(surrogate):
    one = adjustment("dampening", following(lambda f: 1.5 * f), 1.0, surrogate)
    assert (one.factor is not None, one.surrogate) == (True, None)


@pytest.mark.parametrize("parameter", ["dampening", "scale", "alpha"])
@pytest.mark.parametrize("growth", [lambda f: f / 2, lambda f: 1 / (2 * f)])
def test_nothing_is_proposed_that_makes_a_surrogate_steeper(parameter, growth):
    one = adjustment(parameter, following(growth), 1.0, QPseudoSpike())
    proposes = (growth(2) > growth(1)) != (parameter == "dampening")
    assert (one.factor is not None) == proposes
    assert one.factor is None or (one.factor < 1) == (parameter == "dampening")


@pytest.mark.parametrize("turn", [1.05, 1.3, 1.9, 3.1, 7.7])
@pytest.mark.parametrize("steepness", [1, 4, 16])
def test_nothing_past_a_turn_is_proposed_wherever_it_lies(turn, steepness):
    """Falls slowly to the turn, then rises at once: a coarse grid steps over it."""

    def growth(scale):
        x = math.log(scale / turn)
        return 0.85 * math.exp(-0.05 * x if x < 0 else steepness * x**2 + 0.3 * x)

    one = adjustment("scale", following(growth), 1.0)
    assert one.factor is None
    assert one.searched[1] <= turn * 1.02
    assert adjustment("scale", following(growth), growth(1 + (turn - 1) / 2)).factor == (
        pytest.approx(1 + (turn - 1) / 2, rel=1e-2)
    )


def test_the_curve_that_an_issue_tells():
    """0.901 at 0.5, 0.882 at 2, 0.857 at 2.8, 0.973 at 3, 1.0 at 3.04: as a function of scale."""
    known = np.log([0.5, 1, 2, 2.8, 3, 3.04, 4, 16])
    values = [0.901, 0.893, 0.882, 0.857, 0.973, 1.0, 2.0, 5.0]
    growth = lambda factor: float(np.interp(math.log(factor), known, values))
    one = adjustment("scale", following(growth), 1.0)
    assert one.factor is None
    assert one.attainable[1] < 0.95


def test_leak_and_soft_reset_flip_the_gradient():
    """d = 1 - D / 2: a gain of -1 at D = 4 keeps the gradient's size by flipping it."""
    growth, sign = lambda f: abs(1 - f / 2), lambda f: math.copysign(1, 1 - f / 2)
    assert adjustment("scale", following(growth, sign), 0.98).factor is None
    assert adjustment("scale", following(growth, sign), 0.25).factor == pytest.approx(1.5, rel=1e-3)
    from_beyond = lambda f: following(growth, sign)(4.4 * f)
    one = adjustment("dampening", from_beyond, 1.0)  # 1 at a factor of 0.91, still flipping
    assert (one.factor, one.searched) == (None, (1, 1))
    assert one.attainable == pytest.approx((1.2, 1.2))


def test_a_loss_of_direction_ends_the_search():
    growth, sign = lambda f: 2 / f, lambda f: 1.8 - f
    one = adjustment("scale", following(growth, sign), 1.0)
    assert one.factor is None
    assert one.searched[1] == pytest.approx(1.8, rel=0.05)


def test_no_gradient_ends_the_search():
    growth = lambda factor: 2 / factor if factor < 5 else math.nan
    one = adjustment("scale", following(growth), 1.0)
    assert one.factor == pytest.approx(2, rel=1e-3)
    assert one.searched[1] <= 5
    nothing = adjustment("scale", following(lambda factor: math.nan), 1.0)
    assert (nothing.factor, nothing.searched) == (None, (1, 1))


def test_of_several_crossings_the_first_is_taken():
    """A monotone curve has one; one that stands still on the target has many."""
    growth = lambda factor: 1.0 if 2 < factor < 4 else 2 / factor if factor <= 2 else 4 / factor
    assert adjustment("scale", following(growth), 1.0).factor == pytest.approx(2, rel=0.02)


def test_the_present_value_may_be_the_answer():
    assert adjustment("scale", following(lambda f: 1 / f), 1.0).factor == 1


def test_a_straight_curve_takes_few_measurements():
    """Steps double where the curve is straight, but for even ones on the way to a proposal."""
    factors = []
    growth = lambda factor: factors.append(factor) or 2 * factor**-0.3
    assert adjustment("scale", following(growth), 0.5).factor is None
    assert len(factors) < 50
    factors.clear()
    assert adjustment("scale", following(growth), 1.0).factor == pytest.approx(2 ** (1 / 0.3), 1e-3)
    assert len(factors) < 50 + 256


@pytest.mark.parametrize("at", [1.05, 1.3, 2.2, 5.0])
@pytest.mark.parametrize("bend", [0.3, -0.3])
def test_a_narrow_turn_of_a_straight_curve_is_not_stepped_over(at, bend):
    """As of LIF neurons with LogTailedRelu, whose slopes are all 1: where the reset takes all."""
    bent = lambda factor: 1 + bend * max(0, 1 - abs(math.log(factor / at)) / 0.03)
    one = adjustment("scale", following(lambda factor: 0.5 * factor**0.5 * bent(factor)), 1.5)
    assert one.factor is None
    assert one.searched[1] < at * 1.04
