"""compare(save_memory=True): the same training in less memory."""

from functools import partial

import brainstate
import jax.numpy as jnp
import numpy as np
import pytest

from braintools_qps import QPseudoSpike, SpikeLinear, compare
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.network import demonstration
from braintools_qps._comparison.objective import objective
from braintools_qps._comparison.settings import Settings
from braintools_qps._comparison.tasks import load_task
from braintools_qps._comparison.training import Bench

rng = np.random.default_rng(0)
Y = np.arange(80) % 2
X = 0.2 * rng.standard_normal((80, 100, 2))
X[np.arange(80), :, Y] += 1
OPTIONS = {"task": (X, Y), "hidden": 64, "epochs": 2, "seeds": 2, "tune": None}


def bench(model, **options):
    task = load_task((X, Y))
    settings = Settings(save_memory=True)
    return Bench(Factory(partial(model, **options)), task, settings, objective(task))


def test_every_model_is_made_frugal():
    model = bench(demonstration, hidden=8).model(QPseudoSpike(2.0))
    kinds = [type(node) for node in brainstate.graph.nodes(model).values()]
    assert SpikeLinear in kinds
    assert brainstate.nn.Linear in kinds  # fed by the input


def test_what_a_step_is_fed_is_not_that_of_the_first_step():
    """Spikes at step 0, currents later: the index of a step is no constant."""

    class Changing(brainstate.nn.Module):
        def __init__(self):
            super().__init__()
            self.spk_fun = QPseudoSpike()
            self.layer = brainstate.nn.Linear(2, 2)

        def update(self, x):
            i = brainstate.environ.get("i")
            return self.layer(jnp.where(i == 0, self.spk_fun(x), x))

    model = bench(lambda: Changing()).model(QPseudoSpike(2.0))
    assert type(model.layer) is brainstate.nn.Linear


@pytest.mark.thorough
def test_scores_stay_and_memory_falls(tmp_path):
    candidates = ["Sigmoid", "QPseudoSpike(alpha=4)"]
    plain = compare(candidates, **OPTIONS)
    frugal = compare(candidates, save_memory=True, out=tmp_path, **OPTIONS)
    assert frugal.settings["save_memory"]
    assert not plain.settings["save_memory"]
    for one, other in zip(plain.results, frugal.results, strict=True):
        np.testing.assert_allclose(other.curves.loss, one.curves.loss, rtol=0.02)
        assert other.cost.peak_bytes < 0.25 * one.cost.peak_bytes
    again = compare(candidates, save_memory=True, out=tmp_path, resume=True, **OPTIONS)
    assert again.results == frugal.results
    with pytest.raises(ValueError, match=r"different settings.*save_memory"):
        compare(candidates, out=tmp_path, resume=True, **OPTIONS)
