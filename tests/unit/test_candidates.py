"""Whatever is passed as candidates gets unique labels."""

import brainstate
import braintools.surrogate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.surrogate import Sigmoid

from braintools_qps import (
    QPseudoSpike,
    Scaled,
    compare,
    get_surrogate,
    register_surrogate,
    surrogate_spec,
)
from braintools_qps._registry.candidates import LONGEST_LABEL, candidates

inf = float("inf")
OURS, THEIRS = QPseudoSpike(2.0), braintools.surrogate.QPseudoSpike(2.0)


def test_two_that_share_a_repr_are_told_apart_by_their_specs():
    assert repr(OURS) == repr(THEIRS)
    expected = {"QPseudoSpike(alpha=2)": OURS, "braintools:QPseudoSpike(alpha=2)": THEIRS}
    assert candidates([OURS, THEIRS]) == expected
    named = candidates(["QPseudoSpike(alpha=2)", THEIRS, "Sigmoid"])
    assert list(named) == [*expected, "Sigmoid"]


def test_a_registered_class_goes_by_the_name_that_it_has_there():
    @register_surrogate(name="Mine")
    class QPseudoSpike(Sigmoid):
        def __repr__(self):
            return repr(OURS)

    assert list(candidates([QPseudoSpike(), OURS])) == ["Mine(alpha=4)", "QPseudoSpike(alpha=2)"]


def test_a_class_without_a_name_is_compared_after_the_line_of_the_error():
    class Steep(Sigmoid):
        pass

    with pytest.raises(TypeError, match="has none. Write @register_surrogate above") as caught:
        compare([Steep()])
    exec(str(caught.value).partition("after it: ")[2], {"Steep": Steep})
    assert isinstance(get_surrogate("Steep"), Steep)


def test_a_class_without_a_name_goes_by_its_repr():
    class Unnamed(QPseudoSpike):
        pass

    assert list(candidates([Unnamed(3.0, scale=0.5)])) == ["Unnamed(alpha=3, scale=0.5)"]


@pytest.mark.parametrize(
    ("one", "label"),
    [
        ("sigmoid", "sigmoid"),
        (Sigmoid, "Sigmoid(alpha=4)"),
        (OURS, "QPseudoSpike(alpha=2)"),
        ({"name": "Sigmoid", "alpha": 1}, "Sigmoid(alpha=1)"),
        (QPseudoSpike(inf, scale=2 * u.mV), "QPseudoSpike(alpha=inf, scale=2 mV)"),
        (QPseudoSpike(10.0, dampening=1.05), "QPseudoSpike(alpha=10, dampening=1.05)"),
        (
            Scaled(Scaled(Sigmoid(), scale=2 * u.mV), dampening=0.5),
            "Scaled(surrogate=Scaled(surrogate=Sigmoid(alpha=4), scale=2 mV), dampening=0.5)",
        ),
    ],
)
def test_one_alone_is_one_candidate_with_a_short_label(one, label):
    for ((name, surrogate),) in (candidates(one).items(), candidates([one]).items()):
        assert (name, surrogate_spec(surrogate)) == (label, surrogate_spec(get_surrogate(one)))


def test_a_mapping_brings_its_own_labels():
    named = candidates({"ours": OURS, "theirs": THEIRS, 3: "Sigmoid", "again": OURS})
    assert list(named) == ["ours", "theirs", "3", "again"]
    assert named["ours"] is named["again"] is OURS
    (label,) = candidates({"name": OURS})  # no spec: a spec's name is text
    assert label == "name"


def test_arrays_and_states_have_labels_of_one_line():
    state = QPseudoSpike(brainstate.State(jnp.ones((20, 20))))
    array = QPseudoSpike(np.linspace(1, 2, 500))
    for label in candidates([state, array]):
        assert label.startswith("QPseudoSpike(alpha=")
        assert "\n" not in label
        assert len(label) <= LONGEST_LABEL


def test_long_labels_that_are_cut_to_the_same_ask_for_others():
    one, other = np.linspace(1, 2, 500), np.linspace(1, 2, 500)
    other[400] = 3.0
    with pytest.raises(ValueError, match=r"need unique labels, .* 2 times\. Leave one out, or"):
        candidates([QPseudoSpike(one), QPseudoSpike(other)])
    assert len(candidates({"one": QPseudoSpike(one), "other": QPseudoSpike(other)})) == 2


def test_any_iterable_is_a_sequence_and_its_labels_are_text():
    expected = ["Sigmoid", "S2NN"]
    for surrogates in (iter(expected), dict.fromkeys(expected).keys(), np.array(expected)):
        labels = list(candidates(surrogates))
        assert labels == expected
        assert [type(label) for label in labels] == [str, str]
