"""The spikes that a population sends on, however it composes them from its spike functions."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._jaxpr import MIXING, Jaxpr, Literal, mark_of
from .._models import SPIKES


class Sent(NamedTuple):
    """The variable of the spikes, the calls that make them up, and the one that sees the new V."""

    variable: Any
    calls: tuple[int, ...]
    call: int


def sent_spikes(jaxpr: Jaxpr, name: str, membrane: Any) -> Sent:
    """Find what leaves a population: the last call, or what it and others are composed to.

    A neuron of `brainpy.state` spikes once before, for its reset, and a `braincell` cell sends the
    product of two calls.

    Raises
    ------
    ValueError
        If the last call is composed with others in two ways.
    """
    composed = _composed(jaxpr, name)
    last = max(call for calls in composed.values() for call in calls)
    most = max(len(calls) for calls in composed.values() if last in calls)
    largest = [v for v, calls in composed.items() if last in calls and len(calls) == most]
    first = largest[0]
    if most > 1 and any(v not in _computed_from(jaxpr, first) for v in largest):
        raise ValueError(
            f"the spikes that {name} sends on must be one value, but its {most} calls of spk_fun "
            "in a step are put together in several ways. Compute the spikes once, and use that "
            "value for the output"
        )
    after = _computed_from(jaxpr, membrane)
    seeing = [call for call, argument in enumerate(_arguments(jaxpr)) if argument in after]
    calls = tuple(sorted(composed[first]))
    return Sent(first, calls, max((call for call in calls if call in seeing), default=last))


def _composed(jaxpr: Jaxpr, name: str) -> dict[Any, frozenset[int]]:
    """Variables that are computed from this population's spikes alone, and from which calls."""
    composed: dict[Any, frozenset[int]] = {}
    call = 0
    for eqn in jaxpr.eqns:
        mark = mark_of(eqn)
        if mark.startswith(SPIKES):
            if mark.removeprefix(SPIKES) == name:
                composed[eqn.outvars[0]] = frozenset({call})
            call += 1
            continue
        operands = [atom for atom in eqn.invars if not isinstance(atom, Literal)]
        alone = operands and all(atom in composed for atom in operands)
        if alone and eqn.primitive.name not in MIXING:
            calls = frozenset().union(*(composed[atom] for atom in operands))
            composed |= dict.fromkeys(eqn.outvars, calls)
    return composed


def _arguments(jaxpr: Jaxpr) -> list[Any]:
    """The result of each call's spike function before it is marked, in the order of calls."""
    marked = (eqn for eqn in jaxpr.eqns if mark_of(eqn).startswith(SPIKES))
    return [eqn.invars[0] for eqn in marked]


def _computed_from(jaxpr: Jaxpr, variable: Any) -> set[Any]:
    """A variable and all that are computed from it within the step."""
    after = {variable}
    for eqn in jaxpr.eqns:
        if any(not isinstance(atom, Literal) and atom in after for atom in eqn.invars):
            after.update(eqn.outvars)
    return after
