"""The membrane of a neuron whose states have other names: the one that meets the threshold."""

from __future__ import annotations

from collections.abc import Mapping

import brainstate

from .._jaxpr import Jaxpr, Literal, Var, mark_of
from .._models import ARGUMENT, SPIKES
from .sent_spikes import computed_from

States = Mapping[Var, brainstate.State]


def membrane_in(jaxpr: Jaxpr, name: str, old: States, new: States) -> brainstate.State | None:
    """The state of a neuron from which a step computes the argument of its spike function.

    ``old`` and ``new`` are its states by their variables before and after the step. If there are
    several, such as a current beside the membrane, it is the one that the spikes reset; None if
    that is not one, either.
    """
    arguments = [eqn.invars[0] for eqn in jaxpr.eqns if mark_of(eqn) == ARGUMENT + name]
    met = {id(state): state for state in _met(jaxpr, arguments, {**old, **new})}
    if len(met) > 1:
        sent = [eqn.outvars[0] for eqn in jaxpr.eqns if mark_of(eqn) == SPIKES + name]
        after = set().union(*(computed_from(jaxpr, variable) for variable in sent))
        reset = {id(state) for variable, state in new.items() if variable in after}
        met = {key: state for key, state in met.items() if key in reset}
    return next(iter(met.values())) if len(met) == 1 else None


def _met(jaxpr: Jaxpr, ahead: list, states: States) -> list[brainstate.State]:
    """The states that are met first on the ways back from some variables."""
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
