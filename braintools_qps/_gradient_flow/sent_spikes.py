"""The spikes that a population sends on, however it composes them from its spike functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .._jaxpr import MIXING, Jaxpr, Literal, Var, mark_of
from .._models import SPIKES


def sent_spikes(jaxpr: Jaxpr, name: str, membrane: Var) -> tuple[Var, int]:
    """Find what leaves a population: the last call, or what it and others are composed to.

    A neuron of `brainpy.state` spikes once before, for its reset, and a `braincell` cell sends the
    product of two calls.

    Returns
    -------
    variable, call
        The variable of the spikes, and which of the calls that make them up sees the new V.

    Raises
    ------
    ValueError
        If the last call is composed with others in two ways.
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
        if any(not isinstance(atom, Literal) and atom in after for atom in eqn.invars):
            after.update(eqn.outvars)
    return after
