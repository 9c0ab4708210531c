"""Numbers that describe a gradient's way back, on arrays small enough to count by hand."""

import numpy as np
import pytest

from braintools_qps._gradient_flow import measures
from braintools_qps._gradient_flow.passes import cosine, root_mean_square


def test_second_moments_are_over_draws_from_the_last_step_back():
    amplitudes = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])  # time, draws
    assert measures.second_moments(amplitudes) == pytest.approx([0.0, 12.5, 2.5])


@pytest.mark.parametrize("missing", [0.0, np.inf, np.nan])
def test_growth_is_the_slope_over_the_lags_that_have_a_gradient(missing):
    # Amplitudes 1, 1/2, -, 1/8: half of it with every lag.
    assert measures.growth_per_step(np.array([1, 1 / 4, missing, 1 / 64])) == pytest.approx(0.5)
    assert measures.growth_per_step(np.array([missing, 1, 9])) == pytest.approx(3)
    assert np.isnan(measures.growth_per_step(np.array([missing, 1])))


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([1, 1e-2, 1e-4, 1e-6], (2, False)),  # down to 1% exactly
        ([1, 1e-2, 1.1e-4, 1e-6], (3, False)),
        ([0, 0, 4, 4e-2, 3e-4, 0], (2, False)),  # counted from the last step with a gradient
        ([1, 1e-6, 1, 1e-6], (3, False)),  # it comes back
        ([0, 4, 2, 1], (2, True)),
        ([4, 2], (1, True)),
        ([4, 0], (1, False)),
        ([4], (0, True)),
        ([0, 0], (0, False)),
    ],
)
def test_reach(moments, expected):
    assert measures.reach(np.array(moments, float)) == expected


def test_the_cosine_of_two_adjoints_whatever_their_size():
    """(1, 2) and (2, 1) enclose an angle with the cosine 4/5; against (0, 0) there is none."""
    one = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0]], np.float32)
    other = np.array([[2.0, 1.0], [-2.0, 1.0], [-2e-30, -4e-30], [1.0, 2.0]], np.float32)
    np.testing.assert_allclose(cosine(1e-30 * one, other), [0.8, 0.0, -1.0, 0.0], atol=1e-6)


def test_complex_adjoints_have_the_size_and_the_angle_of_their_two_parts():
    one, other = np.array([[1 + 2j]], np.complex64), np.array([[2 + 1j]], np.complex64)
    np.testing.assert_allclose(root_mean_square(one), np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(cosine(one, other), 0.8, rtol=1e-6)


def test_consistency_is_over_neighbours_that_both_have_a_gradient():
    cosines = np.array([[1.0], [0.5], [-0.25], [0.0]])
    present = np.ones((4, 1))
    assert measures.consistency(cosines, present) == pytest.approx(1.25 / 3)
    present[3] = 0.0
    assert measures.consistency(cosines, present) == pytest.approx(0.75)
    present[0] = 0.0
    assert measures.consistency(cosines, present) == pytest.approx(0.5)
    assert np.isnan(measures.consistency(cosines, np.zeros((4, 1))))


def test_activity_by_hand():
    spikes = np.zeros((20, 2, 3))  # time, batch, neurons
    spikes[:, :, 1] = 1.0
    spikes[1:, 0, 2], spikes[:, 1, 2] = 1.0, 1.0
    found = measures.activity(spikes, batched=True)
    assert found.firing_rate == pytest.approx((40 + 39) / 120)
    assert (found.silent_share, found.saturated_share) == pytest.approx((1 / 3, 2 / 3))
    assert measures.activity(spikes, batched=False).silent_share == 2 / 6
    assert found.empty_share == 0  # neuron 1 fires in both samples


def test_end_to_end_is_the_first_step_relative_to_the_last_with_a_gradient():
    assert measures.end_to_end(np.array([0.0, 4.0, 9.0, 1.0])) == pytest.approx(0.5)
    assert measures.end_to_end(np.array([1.0, 0.0])) == 0.0
    assert np.isnan(measures.end_to_end(np.zeros(3)))


def test_samples_are_alike_where_all_neurons_do_what_most_samples_do():
    fired = np.zeros((2, 4, 3), bool)  # time, samples, neurons
    fired[0, 0], fired[0, 1, 0] = True, True  # the first neuron in half of the samples: not most
    assert measures.same_share(fired) == 0.5  # the other two samples
    fired[0, 2] = True
    assert measures.same_share(fired) == 0.25  # now the first neuron, and no other
    assert measures.same_share(fired[:, :1]) == 0.0
