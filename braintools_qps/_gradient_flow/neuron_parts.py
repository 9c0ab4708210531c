"""The parts of a neuron within a step: its membrane, and the spikes that it sends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import brainstate

from .._jaxpr import MIXING, Jaxpr, Literal, Var, mark_of
from .._models import ARGUMENT, SPIKES


class WrittenState(NamedTuple):
    """A state that a step writes, with its variables before and after the step."""

    state: brainstate.State
    before: Var
    after: Var


def membrane_in(jaxpr: Jaxpr, name: str, states: Sequence[WrittenState]) -> brainstate.State | None:
    """Find the membrane among states with other names: the one that the threshold is applied to.

    The step computes the argument of the spike function from it. If that holds for several states,
    such as the membrane and a current, it is the one that the spikes reset; None if they reset
    several.
    """
    variables = {v: state for state, before, after in states for v in (before, after)}
    arguments = [eqn.invars[0] for eqn in jaxpr.eqns if mark_of(eqn) == ARGUMENT + name]
    met = {id(state): state for state in _met(jaxpr, arguments, variables)}
    if len(met) > 1:
        sent = [eqn.outvars[0] for eqn in jaxpr.eqns if mark_of(eqn) == SPIKES + name]
        after = set().union(*(computed_from(jaxpr, variable) for variable in sent))
        reset = {id(each.state) for each in states if each.after in after}
        met = {key: state for key, state in met.items() if key in reset}
    return next(iter(met.values())) if len(met) == 1 else None


def _met(
    jaxpr: Jaxpr, ahead: list, states: Mapping[Var, brainstate.State]
) -> list[brainstate.State]:
    """The states from which variables are computed directly, not through another state."""
    makers = {variable: eqn for eqn in jaxpr.eqns for variable in eqn.outvars}
    met, seen = [], set()
    while ahead:
        variable = ahead.pop()
        if isinstance(variable, Literal) or variable in seen:
            continue
        seen.add(variable)
        if variable in states:
            met.append(states[variable])
        elif variable in makers:
            ahead += makers[variable].invars
    return met


def sent_spikes(jaxpr: Jaxpr, name: str, membrane: Var) -> tuple[Var, int]:
    """Find the spikes that a population sends: those of its last call, or of several combined.

    A neuron of `brainpy.state` calls its spike function once before, for its reset. A `braincell`
    cell sends the product of two calls.

    Returns
    -------
    variable, call
        The variable of the spikes, and which of the calls that make them up sees the new V.

    Raises
    ------
    ValueError
        If the step combines the last call with others in two ways.
    """
    marked = [eqn for eqn in jaxpr.eqns if mark_of(eqn).startswith(SPIKES)]
    own = {eqn.outvars[0]: i for i, eqn in enumerate(marked) if mark_of(eqn) == SPIKES + name}
    composed, last = _composed(jaxpr, own), max(own.values())
    most = max(len(part.calls) for part in composed.values() if last in part.calls)
    whole = {v: p for v, p in composed.items() if last in p.calls and len(p.calls) == most}
    variable, (calls, text) = next(iter(whole.items()))
    if most > 1 and any(text not in part.text for part in whole.values()):
        raise ValueError(
            f"the spikes that {name} sends on must be one value, but its {most} calls of spk_fun "
            "in a step are put together in several ways. Compute the spikes once, and use that "
            "value for the output"
        )
    after = computed_from(jaxpr, membrane)
    seeing = [call for call in calls if marked[call].invars[0] in after]
    return variable, max(seeing, default=last)


class _Composed(NamedTuple):
    """The calls that a value is composed of, and how: equal expressions have equal texts."""

    calls: frozenset[int]
    text: str


def _composed(jaxpr: Jaxpr, calls: Mapping[Var, int]) -> dict[Var, _Composed]:
    """Variables that are computed from the spikes of these calls alone."""
    composed = {v: _Composed(frozenset({call}), f"call {call}") for v, call in calls.items()}
    for eqn in jaxpr.eqns:
        operands = [atom for atom in eqn.invars if not isinstance(atom, Literal)]
        alone = operands and all(atom in composed for atom in operands)
        mixes = eqn.primitive.name in MIXING or mark_of(eqn).startswith(SPIKES)
        if alone and not mixes:
            calls_in = frozenset().union(*(composed[atom].calls for atom in operands))
            texts = [str(x.val) if isinstance(x, Literal) else composed[x].text for x in eqn.invars]
            text = f"{eqn.primitive.name}{eqn.params}({', '.join(texts)})"
            composed |= dict.fromkeys(eqn.outvars, _Composed(calls_in, text))
    return composed


def computed_from(jaxpr: Jaxpr, variable: Var) -> set[Var]:
    """A variable and all that are computed from it within the step."""
    after = {variable}
    for eqn in jaxpr.eqns:
        if not after.isdisjoint(x for x in eqn.invars if isinstance(x, Var)):
            after.update(eqn.outvars)
    return after
