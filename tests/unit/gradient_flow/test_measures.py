"""Numbers that describe a gradient's way back, on arrays small enough to count by hand."""

import numpy as np
import pytest

from braintools_qps._gradient_flow import measures
from braintools_qps._gradient_flow.passes import cosine, root_mean_square

# Of second moments by lag, from the last step back.
OF_MOMENTS = {
    # Amplitudes 1, 1/2, -, 1/8: half of it with every lag.
    measures.growth_per_step: [
        *(([1, 1 / 4, missing, 1 / 64], 0.5) for missing in (0.0, np.inf, np.nan)),
        ([np.inf, 1, 9], 3),
        ([0, 1], np.nan),
    ],
    # Steps back to 1% of it, and whether the first one is reached.
    measures.reach: [
        ([1, 1e-2, 1e-4, 1e-6], (2, False)),
        ([1, 1e-2, 1.1e-4, 1e-6], (3, False)),
        ([0, 0, 4, 4e-2, 3e-4, 0], (2, False)),  # counted from the last step with a gradient
        ([1, 1e-6, 1, 1e-6], (3, False)),  # it comes back
        ([0, 4, 2, 1], (2, True)),
        ([4], (0, True)),
        ([0, 0], (0, False)),
    ],
    # The first step relative to the last with a gradient.
    measures.end_to_end: [([0, 4, 9, 1], 0.5), ([1, 0], 0), ([0, 0], np.nan)],
}


@pytest.mark.parametrize("measure", OF_MOMENTS, ids=lambda measure: measure.__name__)
def test_of_second_moments(measure):
    for moments, expected in OF_MOMENTS[measure]:
        found = measure(np.array(moments, float))
        assert found == pytest.approx(expected, nan_ok=True), moments


def test_the_cosine_of_two_adjoints_whatever_their_size():
    """(1, 2) and (2, 1) enclose an angle with the cosine 4/5; against (0, 0) there is none."""
    one = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 0.0]], np.float32)
    other = np.array([[2.0, 1.0], [-2.0, 1.0], [-2e-30, -4e-30], [1.0, 2.0]], np.float32)
    np.testing.assert_allclose(cosine(1e-30 * one, other), [0.8, 0.0, -1.0, 0.0], atol=1e-6)
    one, other = np.array([[1 + 2j]], np.complex64), np.array([[2 + 1j]], np.complex64)
    np.testing.assert_allclose(cosine(one, other), 0.8, rtol=1e-6)
    np.testing.assert_allclose(root_mean_square(one), np.sqrt(5), rtol=1e-6)


@pytest.mark.parametrize(
    ("present", "expected"),
    [([1, 1, 1, 1], 1.25 / 3), ([1, 1, 1, 0], 0.75), ([0, 1, 1, 0], 0.5), ([0] * 4, np.nan)],
)
def test_consistency_is_over_neighbours_that_both_have_a_gradient(present, expected):
    cosines, present = np.array([[1.0], [0.5], [-0.25], [0.0]]), np.array(present, float)[:, None]
    assert measures.consistency(cosines, present) == pytest.approx(expected, nan_ok=True)


def test_activity_by_hand():
    spikes = np.zeros((20, 2, 3))  # time, batch, neurons
    spikes[:, :, 1] = 1.0
    spikes[1:, 0, 2], spikes[:, 1, 2] = 1.0, 1.0
    found = measures.activity(spikes, batched=True)
    shares = found.firing_rate, found.silent_share, found.saturated_share, found.empty_share
    assert shares == pytest.approx((79 / 120, 1 / 3, 2 / 3, 0))
    assert measures.activity(spikes, batched=False).silent_share == 2 / 6


def test_samples_are_alike_where_all_neurons_do_what_most_samples_do():
    fired = np.zeros((2, 4, 3), bool)  # time, samples, neurons
    fired[0, 0], fired[0, 1, 0] = True, True  # the first neuron in half of the samples: not most
    assert measures.same_share(fired) == 0.5  # the other two samples
    fired[0, 2] = True
    assert measures.same_share(fired) == 0.25  # now the first neuron, and no other
