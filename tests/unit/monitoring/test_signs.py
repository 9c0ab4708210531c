"""What a measurement says in words, from records made by hand."""

import dataclasses
import math

import numpy as np
import pytest

from braintools_qps._monitoring.readings import readings
from braintools_qps._monitoring.signs import signs
from braintools_qps.records import GradientFlow, Histogram, PopulationFlow

HEALTHY = PopulationFlow(
    name="lif",
    size=100,
    unit="",
    second_moments=np.array([4.0, 1.0, 0.25]),
    growth=0.5,
    reach=3,
    reached_start=True,
    flat_share=0.25,
    firing_rate=0.125,
    silent_share=0.0625,
    saturated_share=0.0,
    scale=1.0,
    distances=Histogram(np.array([-1.0, 1.0]), np.array([1.0]), np.array([1.0]), 0.0),
)


def flow(zero=0.0, **changes):
    population = dataclasses.replace(HEALTHY, **changes)
    return GradientFlow("model", None, 3, (population,), zero)


def test_a_healthy_network_says_nothing():
    assert signs(flow(), flow()) == {}
    assert signs(flow(), flow(second_moments=np.array([1, math.inf]))) == {}  # it was, at first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"silent_share": 1.0}, "lif has died: all of its 100 neurons fired in no step"),
        ({"silent_share": 0.97}, "lif has died: 97.0% of its 100 neurons"),
        ({"saturated_share": 1.0}, "lif is saturated: all of its 100 neurons"),
        ({"second_moments": np.zeros(3)}, "no gradient passes through lif"),
        ({"second_moments": np.full(3, 3e-12)}, "lif has gone: its root mean square is 1.7e-06, "),
        ({"second_moments": np.array([1, math.nan])}, "lif is not finite"),
        ({"second_moments": np.array([1, math.inf])}, "lif is not finite"),
        ({"zero": 1.0}, "no parameter of the model has a gradient"),
    ],
)
def test_what_is_wrong_is_said(changes, words):
    (text,) = signs(flow(**changes), flow()).values()
    assert words in text


@pytest.mark.parametrize(
    "changes",
    [
        {"silent_share": 0.94},
        {"saturated_share": 0.94},
        {"second_moments": np.full(3, 5e-12)},
        {"zero": 0.99},
    ],
)
def test_short_of_the_limit_nothing_is_said(changes):
    assert signs(flow(**changes), flow()) == {}


def test_no_gradient_from_the_start_is_said_too():
    nothing = flow(second_moments=np.zeros(3))
    assert len(signs(nothing, nothing)) == 1


def test_readings_are_plain_numbers():
    assert readings(flow(zero=0.25)) == {
        "flow/growth": pytest.approx(0.5),
        "flow/reach": 3.0,
        "flow/parameters_with_gradient": 0.75,
        "flow/lif/growth": 0.5,
        "flow/lif/reach": 3.0,
        "flow/lif/gradient": 2.0,
        "flow/lif/flat": 0.25,
        "flow/lif/firing_rate": 0.125,
        "flow/lif/dead": 0.0625,
        "flow/lif/saturated": 0.0,
    }
