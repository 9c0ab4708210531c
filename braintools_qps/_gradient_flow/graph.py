"""Who feeds whom: inputs, populations, parameters and outputs of a traced step.

Each variable of the step's jaxpr gets the names of what it is computed from, up to the populations
in between. What the written states depend on is carried into the next step, until nothing is added.
This compiles nothing. It also sees comparisons, integers and slopes of 0, which derivatives miss,
and tells weights from biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from .._jaxpr import STOPPING, Jaxpr, JaxprEqn, Var, evaluate, is_product, mark_of, settle
from .._models import ARGUMENT, SPIKES

INPUTS, OUTPUTS = "inputs", "outputs"


class Fixed(NamedTuple):
    """A matrix in a state that is no parameter, by its position; the step does not write it."""

    position: int


Vertex: TypeAlias = str | int | Fixed  # a population's name, `INPUTS`, a parameter's position
Vertices: TypeAlias = frozenset[Vertex]


class Facts(NamedTuple):
    """What a variable is computed from."""

    sources: Vertices = frozenset()
    smooth: Vertices = frozenset()  # sources through which a derivative passes
    weights: Vertices = frozenset()  # sources that have multiplied data
    fired: Vertices = frozenset()  # populations whose spikes, not V, are among the sources
    normed: Vertices = frozenset()  # sources of a norm that it is divided by

    @property
    def is_data(self) -> bool:
        """Whether it depends on inputs or populations."""
        return any(isinstance(source, str) for source in self.sources)


NOTHING = Facts()


@dataclass(frozen=True)
class Graph:
    """Direct connections between inputs, populations, parameters and outputs.

    ``arriving`` has the facts about what arrives at each population and at `OUTPUTS`; ``sources``
    has the sources of each variable of the step.
    """

    arriving: Mapping[str, Facts]
    sources: Mapping[Any, Vertices]

    @cached_property
    def feeds(self) -> dict[str, Vertices]:
        """What feeds each population, and `OUTPUTS`."""
        return {name: facts.sources for name, facts in self.arriving.items()}

    def senders(self, name: str) -> set[str]:
        """The inputs and other populations that feed a population."""
        return {source for source in self.feeds[name] if isinstance(source, str)} - {name}

    def fed_by(self, source: Vertex) -> list[str]:
        """The populations that a vertex feeds."""
        return [name for name, of in self.feeds.items() if source in of and name != OUTPUTS]

    def input_weights(self, name: str) -> list[int]:
        """Positions of the weights that feed a population, without a spike in between.

        Weights that act through another state, such as a synaptic current, count. After a norm it
        is the norm's gain.
        """
        return sorted(i for i in self.arriving[name].weights if isinstance(i, int))

    def fixed(self, name: str) -> list[int]:
        """Positions of the weights that feed a population and are no parameters."""
        return sorted(w.position for w in self.arriving[name].weights if isinstance(w, Fixed))

    def downstream(self, source: Vertex) -> set[str]:
        """The populations and `OUTPUTS` that a vertex reaches; itself only through a loop."""
        return _reached(source, self.feeds)

    def upstream(self, name: str) -> set[str]:
        """The populations that reach a population."""
        return {other for other in self.feeds if name in self.downstream(other)}

    def is_readout(self, name: str) -> bool:
        """Whether others, or the output, read a population's V and nothing reads its spikes."""
        readers = [facts for n, facts in self.arriving.items() if n != name]
        readers = [facts for facts in readers if name in facts.sources]
        return bool(readers) and not any(name in facts.fired for facts in readers)

    def reaches_output(self, source: Vertex) -> bool:
        """Whether the output depends on a vertex."""
        return OUTPUTS in self.downstream(source)

    def passes_by(self, names: set[str]) -> bool:
        """Whether the inputs reach the output on a way through none of these populations."""
        others = {name: sources - names for name, sources in self.feeds.items()}
        return OUTPUTS in _reached(INPUTS, others)

    def is_stopped(self, source: Vertex) -> bool:
        """Whether the output depends on a vertex, and no derivative reaches it."""
        smooth = {name: facts.smooth for name, facts in self.arriving.items()}
        return self.reaches_output(source) and OUTPUTS not in _reached(source, smooth)

    def place(self, name: str) -> tuple[bool, int]:
        """Sorts populations in the order in which signals reach them; those without input last."""
        before = self.upstream(name) - self.downstream(name)
        return name not in self.downstream(INPUTS), len(before)


def _reached(source: Vertex, feeds: Mapping[str, Vertices]) -> set[str]:
    reached: set[str] = set()
    ahead: set[Any] = {source}
    while ahead:
        ahead = {name for name, sources in feeds.items() if sources & ahead} - reached
        reached |= ahead
    return reached


def graph_of(
    jaxpr: Jaxpr,
    start: Mapping[Var, Vertex],
    carried: Sequence[Var],
    membranes: Mapping[Var, str],
) -> Graph:
    """Read the graph off a step.

    Parameters
    ----------
    jaxpr : Jaxpr
        The step, with all calls opened and spike functions marked. Its results are the outputs,
        then the states that it writes.
    start : mapping
        The vertex of each input, parameter and fixed matrix, by its variable.
    carried : variables
        The states that the step writes, as they are before it.
    membranes : mapping
        The population that stores a variable in its ``V``.
    """
    n = len(jaxpr.outvars) - len(carried)
    vertices = {variable: frozenset({vertex}) for variable, vertex in start.items()}
    before = {variable: Facts(alone, alone) for variable, alone in vertices.items()}

    def followed(states: Sequence[Facts]) -> tuple[list[Facts], dict[str, Facts], dict[Var, Facts]]:
        return _followed(jaxpr, before | dict(zip(carried, states)), membranes)

    states = settle(lambda states: followed(states)[0][n:], [NOTHING] * len(carried), joined)
    results, arriving, known = followed(states)
    sources = {variable: facts.sources for variable, facts in known.items()}
    return Graph(arriving | {OUTPUTS: joined(*results[:n])}, sources)


def _followed(
    jaxpr: Jaxpr, start: Mapping[Var, Facts], membranes: Mapping[Var, str]
) -> tuple[list[Facts], dict[str, Facts], dict[Var, Facts]]:
    """Facts about the results, about what arrives at each population, and about all variables."""
    arriving = dict.fromkeys(membranes.values(), NOTHING)
    known = {variable: start.get(variable, NOTHING) for variable in jaxpr.invars}

    def result(eqn: JaxprEqn, operands: list[Facts], variable: Var) -> Facts:
        mark = mark_of(eqn)
        if mark.startswith(SPIKES):
            sender = mark.removeprefix(SPIKES)
            sent = _sent_by(sender)._replace(fired=frozenset({sender}))
            return sent if sender in arriving else operands[0]
        facts = _computed(eqn, operands, variable)
        argument_of = mark.removeprefix(ARGUMENT) if mark.startswith(ARGUMENT) else ""
        name = membranes.get(variable, argument_of)
        if name in arriving:
            arriving[name] = joined(arriving[name], facts)
        return _sent_by(name) if variable in membranes else facts

    def bind(eqn: JaxprEqn, operands: list[Facts]) -> list[Facts]:
        facts = [result(eqn, operands, variable) for variable in eqn.outvars]
        known.update(zip(eqn.outvars, facts))
        return facts

    results = evaluate(jaxpr, list(known.values()), bind, lambda _: NOTHING)
    return results, arriving, known


def joined(*facts: Facts) -> Facts:
    """The facts about a value that is computed from several others."""
    return Facts(*(frozenset().union(*sets) for sets in zip(NOTHING, *facts)))


def _sent_by(name: str) -> Facts:
    return Facts(frozenset({name}), frozenset({name}))


def _computed(eqn: JaxprEqn, operands: list[Facts], variable: Var) -> Facts:
    """The facts of an equation's result."""
    facts = joined(*operands)
    is_real = jnp.issubdtype(getattr(variable.aval, "dtype", jnp.float32), jnp.inexact)
    if eqn.primitive.name in STOPPING or not is_real:
        facts = facts._replace(smooth=frozenset())
    name = eqn.primitive.name
    if name in {"sqrt", "rsqrt"} and facts.is_data:
        return facts._replace(normed=facts.sources)
    is_product_of_data = operands[1].is_data if name == "gather" else is_product(eqn)
    if is_product_of_data or (facts.normed and name in {"mul", "div"}):
        factors = joined(*(each for each in operands if not each.is_data)).sources
        # A mask that multiplies weights does not count as a weight.
        trained = frozenset(i for i in factors if isinstance(i, int))
        is_norm = not is_product_of_data and all(each.is_data for each in operands)
        before = frozenset() if is_norm else facts.weights
        normed = frozenset() if is_product_of_data else facts.normed
        facts = facts._replace(weights=before | (trained or factors), normed=normed)
    return facts
