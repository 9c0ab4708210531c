"""The benchmark of directions: its estimates on functions whose smoothed gradient is known."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

sys.path.append(str(Path(__file__).parents[3]))  # benchmarks/ is not installed

from benchmarks.direction import aligned_with, blocks_of, ceiling, gradients_of
from benchmarks.training import bench_of
from braintools_qps import QPseudoSpike
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import load_task
from braintools_qps._comparison.training import initial_weights


def test_the_smoothed_gradient_of_a_step_is_the_normal_density():
    """E[w + sigma e > 0 along a] is the normal distribution of w a / (sigma |a|)."""
    along, weights, sigma = jnp.array([3.0, 4.0, 0.0]), jnp.array([0.1, -0.05, 0.3]), 0.2
    step = lambda w: (w["weights"] @ along > 0) * 1.0
    blocks = blocks_of(step, {"weights": weights}, sigma, jax.random.key(0))["weights"]
    expected = norm.pdf(weights @ along / (5 * sigma)) * along / (5 * sigma)
    error = np.std(blocks, axis=0, ddof=1) / np.sqrt(len(blocks))
    assert np.all(np.abs(np.mean(blocks, axis=0) - expected) < 4 * error)
    assert np.all(error < 0.05)


def test_the_cosine_is_corrected_for_the_noise_of_the_estimate():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=500)
    other = rng.normal(size=500)
    gradient = truth / np.linalg.norm(truth) + other / np.linalg.norm(other)
    expected = truth @ gradient / np.linalg.norm(truth) / np.linalg.norm(gradient)
    found = [aligned_with(truth + 6 * rng.normal(size=(16, 500)), gradient) for _ in range(40)]
    cosines = np.array([one.cosine for one in found])
    assert cosines.mean() == pytest.approx(expected, abs=3 * cosines.std() / np.sqrt(40))
    # 36 / 16 parts of noise to one of signal; the jackknife knows how far the cosines scatter.
    assert np.mean([one.reliability for one in found]) == pytest.approx(1 / 3.25, rel=0.1)
    assert np.mean([one.error for one in found]) == pytest.approx(cosines.std(), rel=0.4)


def test_the_ceiling_is_what_the_noise_of_seeds_leaves():
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(2000, 1))
    accuracy = signal + rng.normal(size=(1, 4)) + 2 * rng.normal(size=(2000, 4))
    assert ceiling(accuracy) == pytest.approx(
        np.corrcoef(signal[:, 0], accuracy.mean(1))[0, 1], abs=0.02
    )
    assert ceiling(signal + np.zeros(4)) == pytest.approx(1)


def test_gradients_of_the_network_by_group_of_weights():
    bench = bench_of(load_task("digits-rows"), Settings(epochs=1), hidden=4)
    weights = initial_weights(bench, QPseudoSpike(), 0).trained
    found = gradients_of(
        bench, {"low": QPseudoSpike(dampening=0.1), "as it is": QPseudoSpike()}, weights
    )
    sizes = {group: one.shape for group, one in found.items()}
    layers = {"input": (2, 8 * 4), "recurrent": (2, 4 * 4), "bias": (2, 4)}
    assert sizes == layers | {"readout": (2, 4 * 10), "offset": (2, 10), "hidden": (2, 52)}
    low, high = np.asarray(found["readout"])
    assert np.array_equal(low, high)  # spikes do not depend on the surrogate
    assert not np.allclose(*np.asarray(found["hidden"]))
