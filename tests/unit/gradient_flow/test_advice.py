"""Each rule of the advice where it must speak, and where it must not."""

import dataclasses

import numpy as np
import pytest

from braintools_qps import GradientFlow, QPseudoSpike
from braintools_qps._gradient_flow.advice import advise
from braintools_qps._gradient_flow.fading import fitted
from braintools_qps._gradient_flow.measures import growth_per_step, growth_phases, reach
from braintools_qps.records import (
    Adjustment,
    GradientFlows,
    Histogram,
    Phase,
    PopulationFlow,
    RateAdjustment,
)

STEPS = 21
FLAT = Histogram(np.array([-1.0, 1.0]), np.array([1.0]), np.array([1.0]), 0.0)


def flow(growth=1.0, moments=None, adjustments=(), zero=0.0, **changes):
    moments = growth ** (2.0 * np.arange(STEPS)) if moments is None else moments
    steps, reached_start = reach(moments)
    deviation, phases = growth_phases(moments)
    fields = {
        "name": "lif", "size": 10, "unit": "mV", "second_moments": moments,
        "growth": growth_per_step(moments), "reach": steps, "reached_start": reached_start,
        "flat_share": 0.1, "firing_rate": 0.1, "silent_share": 0.0, "saturated_share": 0.0,
        "scale": 1.0, "distances": FLAT, "deviation": deviation, "phases": phases,
        "accumulation": growth_per_step(moments), "consistency": 0.5,
    }  # fmt: skip
    population = PopulationFlow(**fields | changes)
    return GradientFlow("model", QPseudoSpike(), STEPS, (population,), zero, tuple(adjustments))


def test_a_steady_gradient_is_left_alone():
    (sentence,) = advise(flow(growth=0.95))
    # 0.95 ** -20
    assert sentence == (
        "The gradient in lif keeps its size within a factor of 2.8 over 21 steps "
        "(growth 0.950 per step)."
    )


def test_a_gradient_that_keeps_its_size_by_changing_its_sign_is_not_called_steady():
    (sentence,) = advise(flow(growth=0.95, consistency=-0.4))
    assert "changes its sign" in sentence


def test_a_vanishing_gradient_is_told_by_its_half_life():
    first, *_ = advise(flow(growth=2 ** (-1 / 3)))
    # 2 ** (-7) is the first below 1%, after 20 steps: 2 ** (-20 / 3) = 0.0098.
    assert first == (
        "The gradient in lif falls by half every 3 steps (growth 0.794 per step). It is down to "
        "1% after 20."
    )


def test_an_exploding_gradient_is_told_by_its_doubling_time():
    (first,) = advise(flow(growth=2.0))
    assert first == "The gradient in lif doubles every step (growth 2.000 per step)."


def test_a_drop_and_a_plateau_are_told_as_two():
    """Amplitudes 1, 1/4, 1/16, 1/64, 1/256, then 0.99 per step: one line would say 0.9 at most."""
    drop = 4.0 ** -np.arange(5)
    plateau = drop[-1] * 0.99 ** np.arange(1, STEPS - 4)
    first, *_ = advise(flow(moments=np.concatenate([drop, plateau]) ** 2))
    assert first == (
        "The gradient in lif falls by half every 0.5 steps (growth 0.250 per step), then falls by "
        "half every 69 steps (growth 0.990 per step). It is down to 1% after 4."
    )


def test_two_falls_by_less_than_10_are_one_by_more():
    """Amplitudes 1, 1/2, 1/4, 1/8, then 0.885 per step, which is 1/8 in 17 steps: 1/64 in all."""
    fall = 0.5 ** np.arange(4)
    slower = fall[-1] * 0.885 ** np.arange(1, STEPS - 3)
    first, *_ = advise(flow(moments=np.concatenate([fall, slower]) ** 2))
    assert first == (
        "The gradient in lif falls by half every step (growth 0.500 per step), then falls by half "
        "every 5.7 steps (growth 0.885 per step)."
    )


def test_what_falls_and_rises_again_keeps_its_size():
    """To 1/8 and back: the two phases together are no more than one."""
    amplitudes = 2.0 ** -np.array([0, 1, 2, 3, 2, 1, 0.0])
    sentence, *_ = advise(flow(moments=amplitudes**2))
    assert "keeps its size within a factor of 8 over 7 steps" in sentence


def test_a_gradient_that_no_line_fits_is_told_to_be_irregular():
    moments = np.where(np.arange(STEPS) % 2, 1e-4, 1.0) * 0.5 ** np.arange(STEPS)
    first, *_ = advise(flow(moments=moments))
    assert "It is irregular: the fit is off by a factor of 10." in first


def test_a_fall_in_the_very_first_step_is_a_phase_of_its_own():
    """Amplitudes 1, then 0.009 * 0.99 per step: by one line steady, with a reach of 1."""
    plateau = 0.009 * 0.99 ** np.arange(100)
    first, *_ = advise(flow(moments=np.concatenate([[1.0], plateau]) ** 2))
    assert first == (
        "The gradient in lif falls by half every 0.15 steps (growth 0.009 per step), then falls by "
        "half every 69 steps (growth 0.990 per step). It is down to 1% after 1."
    )


def test_a_gradient_that_ends_is_not_said_to_keep_its_size_over_all_steps():
    moments = np.where(np.arange(STEPS) < 8, 0.9 ** (2.0 * np.arange(STEPS)), 0.0)
    first, *_ = advise(flow(moments=moments))
    assert first == (
        "The gradient in lif keeps its size within a factor of 2.1 over 8 steps (growth 0.900 per "
        "step). It is exactly 0 from 8 steps back on."
    )


@pytest.mark.parametrize(
    ("last", "steps", "words"),
    [
        (1.0, 60, "It is down to 1% after 37."),  # 0.88 ** 36 = 0.0100, 0.0088 after 37
        (2.7, 60, "It is down to 1% after 29, sooner than at that pace."),  # 0.0245 / 2.7
        (0.37, 60, "It is down to 1% after 44, later than at that pace."),  # 0.0036 / 0.37
        (0.37, 44, "It stays above 1% of the last step's, longer than at that pace."),
    ],
)
def test_a_reach_that_the_pace_does_not_explain_is_told(last, steps, words):
    """The last step's gradient is so many times what the others' line says."""
    amplitudes = 0.88 ** np.arange(float(steps))
    amplitudes[0] = last
    first, *_ = advise(flow(moments=amplitudes**2))
    assert first.endswith(words)


def test_what_the_paces_leave_of_a_gradient_that_starts_late():
    """A quarter per step for two steps from lag 2, a half from there to lag 20."""
    (population,) = flow(phases=(Phase(2, 4, 0.25), Phase(5, 20, 0.5))).populations
    expected = {0: 1, 1: 1 / 4, 2: 1 / 16, 3: 1 / 32, 10: 2.0**-12, 18: 2.0**-20, 30: 2.0**-20}
    assert {lag: fitted(population, lag) for lag in expected} == expected


def test_a_sum_over_steps_is_not_called_an_explosion():
    sentences = advise(flow(growth=0.933, accumulation=1.028))
    assert any(
        "piles up going back (1.028 per step), while what a single step sends back changes by 0.933"
        in sentence
        for sentence in sentences
    )
    assert not any("doubles" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"moments": np.zeros(STEPS)}, "No gradient reaches lif"),
        ({"moments": np.full(STEPS, np.nan)}, "is not finite"),
        ({"flat_share": 0.6}, "below 1% of its peak for 60% of neuron-steps"),
        ({"silent_share": 0.4}, "40% of the neurons in lif never fire"),
        ({"saturated_share": 0.4}, "40% of the neurons in lif fire at almost every step"),
        ({"consistency": -0.4}, "changes its sign from step to step (mean cosine -0.40)"),
        ({"depth_growth": 12.0}, "is 12 times as large as in the next population"),
        ({"depth_growth": 0.05}, "is 0.05 times as large as in the next population"),
        ({"zero": 0.25}, "25.0% of the parameters have a gradient of exactly 0 from this loss"),
    ],
)
def test_each_finding_has_its_sentence(changes, words):
    assert any(words in sentence for sentence in advise(flow(**changes)))
    assert not any(words in sentence for sentence in advise(flow()))


def test_flat_surrogates_are_answered_with_a_larger_scale():
    """In the study of the advice that helped, and one as wide and as high as before did not."""
    (sentence,) = (s for s in advise(flow(flat_share=0.6)) if "of its peak" in s)
    assert sentence == (
        "In lif the surrogate gradient is below 1% of its peak for 60% of neuron-steps: one with a "
        "larger scale, which is wider and lower, or with a fatter tail is a candidate to train."
    )


def test_no_gradient_is_answered_with_a_candidate():
    absent = [s for s in advise(flow(moments=np.zeros(STEPS))) if "No gradient" in s]
    assert absent[0].endswith("One with a larger scale or with a tail is a candidate to train.")


def test_uneven_depth_is_a_fact_and_not_a_fault():
    """In the study of the advice no rule of normalize_surrogate gained anything there."""
    (sentence,) = (s for s in advise(flow(depth_growth=12.0)) if "next population" in s)
    assert sentence == (
        "The gradient in lif is 12 times as large as in the next population on the way to the "
        "output."
    )


def test_an_overshoot_is_answered_with_what_training_bears_out():
    """In the study of the advice a lower dampening mended it, and detaching the reset did not."""
    (sentence,) = (s for s in advise(flow(consistency=-0.4)) if "overshoots" in s)
    assert sentence.endswith("overshoots. Lower the dampening.")


def test_recurrence_without_a_leak_is_not_called_an_overshoot():
    """With no reset and no leak, random weights alone turn the gradient: dampening is no cure."""
    sentences = " ".join(advise(flow(growth=0.5, consistency=-0.18)))
    assert "keeps no direction from step to step (mean cosine -0.18). Unless its" in sentences
    assert "overshoots" not in sentences


@pytest.mark.parametrize(
    ("words", "within", "beyond"),
    [
        ("falls by half", {"growth": 9.9 ** (-1 / 20)}, {"growth": 10.1 ** (-1 / 20)}),
        ("doubles", {"growth": 9.9 ** (1 / 20)}, {"growth": 10.1 ** (1 / 20)}),
        ("piles up", {"growth": 0.5, "accumulation": 0.504}, {"growth": 0.5, "accumulation": 0.51}),
        ("as large as in the next", {"depth_growth": 9.9}, {"depth_growth": 10.1}),
        ("as large as in the next", {"depth_growth": 1 / 9.9}, {"depth_growth": 1 / 10.1}),
        ("below 1% of its peak", {"flat_share": 0.5}, {"flat_share": 0.51}),
        ("never fire", {"silent_share": 0.3}, {"silent_share": 0.31}),
        ("almost every step", {"saturated_share": 0.3}, {"saturated_share": 0.31}),
        ("a gradient of exactly 0", {"zero": 0.0}, {"zero": 0.001}),
        ("changes its sign", {"consistency": -0.2}, {"consistency": -0.21}),
        ("keeps no direction", {"consistency": 0.0}, {"consistency": -0.01}),
    ],
)
def test_a_rule_speaks_beyond_its_limit_alone(words, within, beyond):
    assert not any(words in sentence for sentence in advise(flow(**within)))
    assert any(words in sentence for sentence in advise(flow(**beyond)))


def test_candidates_to_train_are_told_where_the_gradient_is_not_steady():
    attained = Adjustment("scale", 1.0, 3.0, 1.0, (0.5, 1.2), (1, 16.0), QPseudoSpike(scale=3.0))
    missed = Adjustment("dampening", 1.0, None, None, (0.4, 0.9), (0.1, 1.0))
    assert advise(flow(growth=0.5, adjustments=(attained, missed)))[-1] == (
        "A candidate to train: with scale 3 times as large the growth is 1.000: "
        "QPseudoSpike(alpha=2.0, scale=3.0)."
    )
    assert advise(flow(growth=0.5, adjustments=(missed,)))[-1] == (
        "No lower dampening and no wider or thinner surrogate brings the growth to 1: it stays "
        "between 0.400 and 0.900."
    )
    assert len(advise(flow(growth=1.0, adjustments=(attained, missed)))) == 1


def test_a_search_that_began_at_an_overshoot_says_nothing_of_lower_dampening():
    """It ended where it began: that lower dampening is in vain would be a guess, and wrong."""
    missed = Adjustment("dampening", 1.0, None, None, (1.173, 1.173), (1.0, 1.0))
    sentences = advise(flow(growth=1.173, consistency=-0.8, adjustments=(missed,)))
    assert not any("No lower dampening" in sentence for sentence in sentences)


def test_a_candidate_that_leaves_most_neurons_out_says_so():
    narrow = Adjustment("alpha", 1.0, 9.0, 1.0, (0.5, 1.2), (1, 16), flat_share=0.79)
    assert advise(flow(growth=0.5, adjustments=[narrow]))[-1] == (
        "A candidate to train: with alpha 9 times as large the growth is 1.000, but the derivative "
        "is below 1% of its peak for 79% of neuron-steps."
    )


def test_silence_is_answered_with_numbers():
    """What the firing rate would be, and not what to do: training bears out the first alone."""
    found = RateAdjustment(0.1, 3.5, 0.11, -0.25, 0.1, 7.0, 0.12)
    silent = flow(silent_share=1.0, firing_rate=0.0, rate_adjustment=found)
    (sentence,) = (s for s in advise(silent) if "never" in s)
    assert sentence.endswith(
        "do not move. Its firing rate would be 0.110 with the model's inputs 3.5 times as large, "
        "0.120 with its input weights 7 times as large, 0.100 with its threshold changed by -0.25 "
        "in the unit of spk_fun's argument."
    )
    nothing = RateAdjustment(0.1, None, None, None, None)
    silent = flow(silent_share=1.0, firing_rate=0.0, rate_adjustment=nothing)
    assert advise(silent)[-1].endswith("do not move.")


def test_saturation_is_answered_with_numbers():
    found = RateAdjustment(0.1, None, None, 2.5, 0.1)
    busy = flow(saturated_share=1.0, firing_rate=1.0, rate_adjustment=found)
    assert advise(busy)[-1].endswith(
        "at almost every step. Its firing rate would be 0.100 with its threshold changed by 2.5 in "
        "the unit of spk_fun's argument."
    )
    assert advise(flow(saturated_share=1.0))[-1].endswith("at almost every step.")


def test_what_ends_silence_is_no_answer_to_saturation():
    """Of neurons of which half never and half always fire, with a target above their mean rate."""
    found = RateAdjustment(0.7, 3.5, 0.7, -0.25, 0.7)
    half = flow(silent_share=0.5, saturated_share=0.5, firing_rate=0.5, rate_adjustment=found)
    silent, saturated = (s for s in advise(half) if "of the neurons" in s)
    assert "3.5 times as large" in silent
    assert "3.5 times as large" not in saturated


def test_growth_is_that_of_the_amplitude():
    # Amplitudes 8, 4, 2, 1 from the last step back; a lag without a gradient does not count.
    assert growth_per_step(np.array([64.0, 16.0, 4.0, 1.0])) == pytest.approx(0.5)
    assert growth_per_step(np.array([0.0, 64.0, 16.0, 4.0])) == pytest.approx(0.5)
    assert np.isnan(growth_per_step(np.array([1.0, 0.0, 0.0])))


def test_reach_counts_from_the_last_step_with_a_gradient():
    # Amplitudes 1, 0.1, 0.01.
    assert reach(np.array([1.0, 1e-2, 1e-4, 1e-6])) == (2, False)
    assert reach(np.array([0.0, 1.0, 1e-2, 1e-4])) == (2, False)
    assert reach(np.array([1.0, 1e-2, 1e-3])) == (2, True)
    assert reach(np.zeros(3)) == (0, False)


def test_notes_on_the_model_stand_once_below_the_table_of_candidates():
    one = dataclasses.replace(flow(), notes=("Mind the axes.",), advice=("Mind the axes.", "More."))
    flows = GradientFlows({"one": one, "other": one, "third": flow()})
    table, note = repr(flows).rsplit("\n", 1)
    assert note == "- Mind the axes."
    assert "Mind" not in table
    assert GradientFlow.from_dict(one.to_dict()) == one
