"""Ways to change a model that causes share: rates, surrogates, weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import brainunit as u
import numpy as np

from .._surrogate import QPseudoSpike
from ..records import LearningTrial
from ..typing import SpikeFunction
from .changes import (
    SLOPE,
    Both,
    Change,
    ChangeRates,
    ChangeWeights,
    LowerSurrogates,
    WhatIf,
    written,
)
from .evaluate import Measured
from .loss import Loss, of_labels
from .normalize_rates import attained, normalize_rates, rates_of, scaled
from .passes import HUGE
from .relay import is_deep, relay_weights
from .step import Population, Step

TARGET_RATE = 0.1  # spikes per neuron and step
HIDDEN = 1e-4  # a loss below it has gradients so small that Adam's epsilon shortens the steps
ROUGHLY = 0.1  # relative distance from the target that is near enough to try
LOWER = (SLOPE, 0.02)
WEAKER = (1 / 4, 1 / 16, 1 / 64)
NEAR_1 = (0.25, 4.0)  # distances from the threshold for which a scale of 1 is right


def all_ways(measured: Measured, loss: Loss) -> Iterator[Change]:
    """What may help any network, in the order of `prepare`."""
    yield from larger_loss(measured)
    yield from standardised_labels(measured)
    yield from other_rates(measured, centre_first=False)
    yield from other_surrogates(measured)
    yield from lower_slopes(measured)
    yield from weaker_weights(measured, measured.populations[0].name)
    yield from centred_outputs(measured.trial, loss)


def larger_loss(measured: Measured) -> Iterator[Change]:
    """A loss near 1 in place of one whose gradients Adam's epsilon hides."""
    span = measured.trial.span
    if 0 < span < HIDDEN:
        factor = float(f"{1 / span:.0e}")
        clause = f"With {factor:g} times the loss, since Adam adds 1e-8 to what it divides by,"
        yield WhatIf(clause, "a larger loss", loss=lambda loss: loss.times(factor))


def standardised_labels(measured: Measured) -> Iterator[Change]:
    """Numbers of mean 0 and standard deviation 1 as labels, for the user to make."""
    evaluator, labels = measured.evaluator, measured.evaluator.labels
    if labels is not None and np.issubdtype(labels.dtype, np.floating):
        standard = (labels - labels.mean()) / labels.std()
        loss = of_labels(measured.step, evaluator.run.outputs, standard, evaluator.ran)
        clause = "With labels = (labels - labels.mean()) / labels.std()"
        yield WhatIf(clause, "standardised labels", loss=lambda _: loss)


def centred_outputs(trial: LearningTrial, loss: Loss) -> Iterator[Change]:
    """Outputs that begin at the best constant answer to an objective, for the user to make."""
    if loss.offsets and trial.losses[0] > trial.constant + trial.span:
        clause = (
            "With outputs that begin at the best constant answer, as by standardised targets or by "
            "the bias of the readout,"
        )
        what = "outputs at the best constant answer"
        yield WhatIf(clause, what, loss=lambda loss: loss.of_centred())


def other_rates(measured: Measured, *, centre_first: bool) -> Iterator[Change]:
    """Bring rates to a target; weights of one sign are also centred. Relay deep stacks."""
    step, wanted = measured.step, measured.evaluator.wanted.rate
    rates = ChangeRates(normalize_rates, wanted, "other firing rates")
    ways: list[Change] = [rates]
    if uneven := of_one_sign(step):
        centred = ChangeWeights(
            step, uneven, lambda w: w - w.mean(), "{0} - {0}.mean()", "centred weights"
        )
        ways.append(Both(centred, rates))
    yield from reversed(ways) if centre_first else ways
    if is_deep(step):
        relay = ChangeRates(relay_weights, wanted, "relayed spikes")
        yield relay
        yield from (Both(relay, surrogate) for surrogate in other_surrogates(measured))


def of_one_sign(step: Step) -> tuple[int, ...]:
    """The matrices with elements of one sign that alone feed a population.

    Of several, some may excite and others inhibit, by Dale's law: none is centred then.
    """
    alone = [of for p in step.populations if len(of := step.matrices(p.name)) == 1]
    signs = lambda i: np.sign(np.asarray(step.arrays.states[i]))
    alike = lambda i: (signs(i) >= 0).all() or (signs(i) <= 0).all()
    return tuple(dict.fromkeys(i for (i,) in alone if alike(i)))


def stronger_weights(measured: Measured, name: str) -> Iterator[Change]:
    """All weights that feed a population, or one matrix, with the factor that sets its rate."""
    step, states = measured.step, measured.step.arrays.states
    rates = rates_of(step, measured.evaluator.run.inputs)
    weights = step.graph.input_weights(name)
    for chosen in dict.fromkeys([tuple(weights), *((i,) for i in weights)]):
        rate_at = lambda factor, chosen=chosen: rates(scaled(states, chosen, factor))[name]
        factor = attained(rate_at, TARGET_RATE, close=ROUGHLY) if chosen else None
        if factor and factor != 1:
            yield scaled_weights(step, chosen, float(f"{factor:.3g}"))


def weaker_weights(measured: Measured, name: str) -> Iterator[Change]:
    """Weights of a population, which may inhibit it, made weaker, one matrix after the other."""
    step = measured.step
    for factor in WEAKER:
        for i in step.matrices(name):
            yield scaled_weights(step, (i,), factor)


def scaled_weights(step: Step, positions: tuple[int, ...], factor: float) -> Change:
    """Multiply some weights of a step by a factor."""
    expression, what = f"{factor:g} * {{0}}", "larger or smaller weights"
    return ChangeWeights(step, positions, lambda w: factor * w, expression, what)


def other_surrogates(measured: Measured) -> Iterator[Change]:
    """The surrogate that is wanted, of the membranes' own scale, lowered."""
    chosen = {p.name: fitted(measured, p) for p in measured.step.populations}
    spikes = {name: spike for name, (spike, _) in chosen.items()}
    codes = {name: written(spike, code) for name, (spike, code) in chosen.items()}
    yield LowerSurrogates(SLOPE, spikes, code_of_surrogates(codes))


def fitted(measured: Measured, p: Population) -> tuple[SpikeFunction, str]:
    """The surrogate that is wanted, with a scale where membranes are not about 1 from threshold.

    With it the code for a surrogate that no spec can hold, from the user's ``surrogate``.
    """
    evaluator, wanted = measured.evaluator, measured.evaluator.wanted
    spike = wanted.of(evaluator.step)[p.name]
    code = f"surrogate[{p.name!r}]" if isinstance(wanted.surrogate, Mapping) else "surrogate"
    usual = float(f"{np.median(np.abs(evaluator.run.arguments[p.call])):.3g}")
    fits = p.argument_unit is None and NEAR_1[0] <= usual <= NEAR_1[1]
    if (
        fits
        or not 1 / HUGE <= usual <= HUGE
        or not isinstance(spike, QPseudoSpike)
        or spike.scale is not None
    ):
        return spike, code
    unit = p.argument_unit
    text = f"{usual:g}" if unit is None else f'Quantity({usual:g}, "{unit}")'
    scale = usual if unit is None else u.Quantity(usual, unit=unit)
    return spike.replace(scale=scale), f"{code}.replace(scale={text})"


def code_of_surrogates(codes: Mapping[str, str]) -> str:
    """The code of surrogates by population; one for all where they are the same."""
    if len(set(codes.values())) < 2:
        return next(iter(codes.values()), "")
    return f"{{{', '.join(f'{name!r}: {code}' for name, code in codes.items())}}}"


def lower_slopes(measured: Measured) -> Iterator[Change]:
    """Lower mean slopes."""
    own = measured.step.spikes
    others = {name: spike for name, spike in measured.spikes.items() if spike is not own[name]}
    code = code_of_surrogates({name: written(spike, "surrogate") for name, spike in others.items()})
    highest = max(p.slopes.per_scale for p in measured.populations)
    for slope in LOWER:
        if slope < highest:
            yield LowerSurrogates(slope, others or None, code)
