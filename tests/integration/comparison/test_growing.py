"""Seeds are added until it is known which surrogate is best, and only where it is open."""

import json
import logging

import brainstate
import numpy as np
import pytest
from small_comparison import OPTIONS, SMALL, X, Y, counted

from braintools_qps import compare


class Mute(brainstate.nn.Module):
    """Always gives the same answer."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def update(self, x):
        return 0.0 * self.network.update(x)


def network(features, outputs, steps, surrogate):
    model = SMALL(features, outputs, steps)
    model.neuron.spk_fun = surrogate
    return Mute(model) if "S2NN" in repr(surrogate) else model


# A fifth of the labels are wrong, so that scores vary between seeds.
LABELS = np.where(np.random.default_rng(0).random(80) < 1 / 5, 1 - Y, Y)
NAMES = ["QPseudoSpike(alpha=8)", "S2NN", "QPseudoSpike(alpha=2)"]  # two share a program
GROWING = OPTIONS | {
    "task": (X, LABELS), "model": network, "seeds": [4, 2, 3, 0, 1], "epochs": 3, "batch_size": 8,
    "progress": False, "most_seeds": 10, "learning_rate": 0.03,
}  # fmt: skip


def test_clearly_lower_ones_stop_and_the_others_get_more_seeds(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "braintools_qps"), counted() as seen:
        comparison = compare(NAMES, out=tmp_path, **GROWING)
    first, mute, _ = comparison.results
    assert np.mean(mute.scores.test) < np.mean(first.scores.test) - 0.1
    assert [len(result.seeds) for result in comparison.results] == [10, 5, 10]
    assert comparison.seeds == (4, 2, 3, 0, 1, *range(5, 10))
    assert seen[-1].runs == seen[-1].runs_done == 25
    (line,) = [text for text in caplog.messages if text.startswith("After 5 seeds")]
    assert line == f"After 5 seeds not known yet: {NAMES[0]}, {NAMES[2]}. They go on to 10."
    assert comparison.looks == (5, 10)
    assert "Kept runs" not in caplog.text  # those of the same call need no trial


@pytest.mark.thorough
def test_a_later_call_is_the_next_look_at_the_error_that_is_left(tmp_path):
    names, options = NAMES[::2], GROWING | {"margin": 0.01, "epochs": 1}
    table = compare(names, out=tmp_path, **options | {"most_seeds": None, "margin": None})
    assert (table.looks, table.spent) == ((5,), pytest.approx(0.025))  # half of 5%
    compare(names, out=tmp_path, **options | {"most_seeds": 7})
    other = compare(NAMES[:1], out=tmp_path, **options | {"most_seeds": None, "margin": None})
    assert other.looks == (5,)  # other candidates, whose looks count for themselves
    with counted() as seen:
        later = compare(names[::-1], out=tmp_path, **options | {"most_seeds": 8})
    assert seen[-1].runs == 2  # of one more seed
    assert later.looks == (5, 7, 8)
    assert later.spent == pytest.approx(0.05 * 8 / 13)
    assert json.loads((tmp_path / "comparison.json").read_text())["looks"] == [5, 7, 8]
