"""Names, precedence and registration; plugins that are really installed are in integration."""

import braintools.surrogate
import pytest
from braintools.surrogate import Sigmoid, Surrogate

from braintools_qps import (
    QPseudoSpike,
    UnknownSurrogateError,
    get_surrogate,
    list_surrogates,
    register_surrogate,
    surrogate_spec,
)


class Steep(Sigmoid):
    def __init__(self, alpha=10.0):
        super().__init__(alpha)


class Other(Sigmoid):
    pass


THEIRS = braintools.surrogate.QPseudoSpike


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (" Q_PSEUDO_SPIKE ", QPseudoSpike), ("BrainTools.QPS:QPseudoSpike", QPseudoSpike),
        ("braintools_qps.QPseudoSpike", QPseudoSpike), ("braintools:QPseudoSpike", THEIRS),
        ("braintools.surrogate.QPseudoSpike", THEIRS),
    ],
)  # fmt: skip
def test_a_name_in_any_case_may_say_its_distribution_before_a_colon_or_a_dot(name, kind):
    assert type(get_surrogate(name)) is kind
    call = f"{name.strip()}(alpha=3)"
    built = get_surrogate(f"Scaled({repr(call) if ':' in call else call})").surrogate
    assert (type(built), built.alpha) == (kind, 3)


def test_every_functional_form_of_braintools_names_its_class():
    functions = {"q_pseudo_spike": "braintools:q_pseudo_spike"}
    names = [name for name in braintools.surrogate.__all__ if name[0].islower()]
    assert len(names) >= 18
    for function in names:
        built = get_surrogate(functions.get(function, function))
        # What the function computes by default, from the class that it instantiates.
        by_hand = getattr(braintools.surrogate, function)
        assert type(built).__name__ in by_hand.__code__.co_names


def test_the_list_is_sorted_and_each_name_builds_a_different_class():
    names = list_surrogates()
    assert names == sorted(names)
    classes = [type(get_surrogate(name)) for name in names if name != "Scaled"]  # of a surrogate
    assert len({*classes}) == len(classes) == len(names) - 1
    public = {
        member
        for member in vars(braintools.surrogate).values()
        if isinstance(member, type) and issubclass(member, Surrogate) and member is not Surrogate
    }
    assert {*classes} == public | {QPseudoSpike}


def test_a_class_that_a_later_braintools_adds_is_found(monkeypatch):
    monkeypatch.setattr(braintools.surrogate, "Later", Steep, raising=False)
    monkeypatch.setattr(braintools.surrogate, "_Private", Other, raising=False)
    assert type(get_surrogate("braintools:later")) is Steep
    assert "Later" in list_surrogates()
    with pytest.raises(UnknownSurrogateError):
        get_surrogate("_Private")


def test_registration_takes_precedence_over_entry_points_and_built_in():
    register_surrogate(Steep, name="QPseudoSpike")
    register_surrogate(Other, name="Arctan")
    assert type(get_surrogate("q_pseudo_spike")) is Steep
    assert type(get_surrogate("Arctan")) is Other
    hidden = {"braintools-qps:QPseudoSpike", "braintools:QPseudoSpike", "braintools:Arctan"}
    assert hidden <= set(list_surrogates())
    assert surrogate_spec(Steep())["name"] == "QPseudoSpike"
    assert surrogate_spec(QPseudoSpike())["name"] == "braintools-qps:QPseudoSpike"


def test_a_registered_name_is_not_replaced_silently():
    register_surrogate(Steep, name="Mine")
    register_surrogate(Steep, name="Mine")
    with pytest.raises(ValueError, match=r"'Mine' is already registered.*Steep.*overwrite=True"):
        register_surrogate(Other, name="Mine")
    register_surrogate(Other, name="Mine", overwrite=True)
    assert type(get_surrogate("Mine")) is Other


def test_a_notebook_cell_that_is_run_twice_replaces_its_class():
    def run_cell():
        @register_surrogate
        class Cell(Sigmoid):
            pass

        return Cell

    run_cell()
    second = run_cell()
    assert type(get_surrogate("Cell")) is second
