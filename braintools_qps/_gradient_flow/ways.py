"""Ways to change a model that causes share: rates, surrogates, weights, inputs, resets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import brainunit as u
import jax
import numpy as np

from .._surrogate import QPseudoSpike, Scaled, is_step
from ..typing import SpikeFunction
from .changes import (
    SLOPE,
    Both,
    BringRates,
    CentreWeights,
    Change,
    ChangeInputs,
    LowerSurrogates,
    RelayWeights,
    ScaleWeights,
    SetSurrogates,
    written,
)
from .evaluate import Measured
from .graph import INPUTS
from .normalize_rates import attained, of_one_sign, rates_of, scaled
from .passes import HUGE, with_index
from .relay import is_deep
from .step import Population

TARGET_RATE = 0.1  # spikes per neuron and step
ROUGHLY = 0.1  # relative distance from the target that is near enough to try
WEAKER = (1 / 4, 1 / 16, 1 / 64)
WIDER = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
LOWER = (SLOPE, 0.02)
NEAR_1 = (0.25, 4.0)  # distances from the threshold for which a scale of 1 is right
HALF = 0.5  # share of the potentials that a wider surrogate may leave flat


def other_rates(measured: Measured, *, centre_first: bool) -> Iterator[Change]:
    """Bring rates to a target; weights of one sign are also centred. Relay deep stacks.

    Weights of one sign drive membranes away, whatever their size.
    """
    step = measured.step
    rate = BringRates(measured.evaluator.wanted.rate)
    ways: list[Change] = [rate]
    uneven = tuple(i for matrices in of_one_sign(step).values() for i in matrices)
    if uneven:
        ways.append(Both(CentreWeights(step, uneven), rate))
    yield from reversed(ways) if centre_first else ways
    if is_deep(step):
        relay = RelayWeights(measured.evaluator.wanted.rate)
        yield relay
        yield from (Both(relay, surrogate) for surrogate in other_surrogates(measured))


def stronger_weights(measured: Measured, name: str) -> Iterator[Change]:
    """All weights that feed a population, or one matrix, with the factor that sets its rate."""
    step, states = measured.step, measured.step.arrays.states
    rates = rates_of(step, measured.evaluator.run.inputs)
    weights = step.input_weights(step.population(name))
    for chosen in dict.fromkeys([tuple(weights), *((i,) for i in weights)]):
        rate_at = lambda factor, chosen=chosen: rates(scaled(states, chosen, factor))[name]
        factor = attained(rate_at, TARGET_RATE, close=ROUGHLY) if chosen else None
        if factor and factor != 1:
            yield ScaleWeights(step, chosen, float(f"{factor:.3g}"))


def scaled_inputs(measured: Measured, name: str) -> Iterator[Change]:
    """Inputs with the factor that sets the rate of a population that they feed."""
    step, inputs = measured.step, measured.evaluator.inputs
    if INPUTS not in step.graph.feeds[name] or step.chooses_rows():
        return
    rate_at = lambda factor: rates_of(step, with_index(jax.tree.map(lambda x: x * factor, inputs)))(
        step.arrays.states
    )[name]
    if factor := attained(rate_at, TARGET_RATE, close=ROUGHLY):
        factor = float(f"{factor:.2g}")
        is_tree = not hasattr(inputs, "shape")
        yield ChangeInputs(lambda x: x * factor, f"{factor:g} * {{x}}", is_tree)


def weaker_inhibition(measured: Measured, name: str) -> Iterator[Change]:
    """Weights that may inhibit a population, one matrix after the other, made weaker."""
    step = measured.step
    for factor in WEAKER:
        for i in step.matrices(step.population(name)):
            yield ScaleWeights(step, (i,), factor)


def other_surrogates(measured: Measured) -> Iterator[Change]:
    """The surrogate that is wanted, of the membranes' own scale, lowered."""
    chosen = {p.name: fitted(measured, p) for p in measured.step.populations}
    spikes = {name: spike for name, (spike, _) in chosen.items()}
    codes = {name: written(spike, code) for name, (spike, code) in chosen.items()}
    yield LowerSurrogates(SLOPE, spikes, code_of(codes))


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


def code_of(codes: Mapping[str, str]) -> str:
    """The code of surrogates by population; one for all where they are the same."""
    if len(set(codes.values())) == 1:
        return next(iter(codes.values()))
    return f"{{{', '.join(f'{name!r}: {code}' for name, code in codes.items())}}}"


def wider_surrogates(measured: Measured, names: Sequence[str]) -> Iterator[Change]:
    """A larger scale with which at most half of the potentials are flat, or another surrogate."""
    chosen = [p for p in measured.step.populations if p.name in names or not names]
    # A candidate is not in the model, so no expression leads to it.
    if all(is_step(p.spike) and measured.spikes[p.name] is p.spike for p in chosen):
        flat = lambda p, spike: measured.evaluator.slopes_of(p, spike).flat_share
        for factor in WIDER:
            spikes = {p.name: Scaled(p.spike, scale=factor) for p in chosen}
            if all(flat(p, spikes[p.name]) <= HALF for p in chosen):
                codes = {p.name: f"Scaled({p.code}, scale={factor:g})" for p in chosen}
                yield SetSurrogates(spikes, codes)
                break
    yield from other_surrogates(measured)


def lower_slopes(measured: Measured) -> Iterator[Change]:
    """Lower mean slopes; then also without a gradient through the reset."""
    own = measured.step.spikes
    others = {name: spike for name, spike in measured.spikes.items() if spike is not own[name]}
    codes = {name: written(spike, "surrogate") for name, spike in others.items()}
    code = code_of(codes) if others else ""
    highest = max(p.slopes.per_scale for p in measured.populations)
    for detach in (False, True):
        for slope in LOWER:
            if slope >= highest:
                continue  # nothing to lower
            yield LowerSurrogates(slope, others or None, code, detach)


def detached_resets(measured: Measured) -> Iterator[Change]:
    """The surrogates that are there, and no gradient through the resets."""
    populations = measured.step.populations
    spikes = {p.name: p.spike for p in populations if is_step(p.spike)}
    if len(spikes) == len(populations):
        yield SetSurrogates(spikes, {p.name: p.code for p in populations}, detach=True)
