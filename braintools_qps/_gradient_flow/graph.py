"""Who feeds whom: inputs, populations, parameters and outputs of a traced step.

Each variable of the step's jaxpr carries facts: which inputs, populations and parameters it is
computed from, with no other population in between, and through which of them a derivative passes.
The facts of the states that a step writes go into the next step, until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    factors: Vertices = frozenset()  # parameters that have met no product yet
    weights: Vertices = frozenset()  # parameters that have met data in a product
    gains: Vertices = frozenset()  # parameters that multiply what a norm has divided by its size
    fired: Vertices = frozenset()  # populations whose spikes are among the sources, not their V
    normed: bool = False  # a root of data, as of their variance, or divided by it

    @property
    def is_data(self) -> bool:
        """Whether it depends on inputs or populations."""
        return any(isinstance(source, str) for source in self.sources)


NOTHING = Facts()


@dataclass(frozen=True)
class Graph:
    """Direct connections between inputs, populations, parameters and outputs.

    ``arriving`` are the facts of what arrives at each population, and at `OUTPUTS`.
    """

    arriving: Mapping[str, Facts]
    sources: Mapping[Any, Vertices]  # what feeds each variable of the step

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The populations."""
        return tuple(name for name in self.arriving if name != OUTPUTS)

    @cached_property
    def feeds(self) -> dict[str, Vertices]:
        """What feeds each population, and `OUTPUTS`."""
        return {name: facts.sources for name, facts in self.arriving.items()}

    @cached_property
    def fixed(self) -> dict[str, list[int]]:
        """Positions of the weights that are no parameters, by what they feed."""
        return {
            name: sorted(v.position for v in facts.weights if isinstance(v, Fixed))
            for name, facts in self.arriving.items()
        }

    def input_weights(self, name: str) -> list[int]:
        """Positions of the weights that feed a population, without a spike in between.

        Weights that act through another state, such as a synaptic current, count. After a norm it
        is the norm's gain.
        """
        facts = self.arriving[name]
        return sorted(trained(facts.weights | facts.gains))

    def downstream(self, source: Vertex, *, smooth: bool = False) -> set[str]:
        """The populations and `OUTPUTS` that a vertex reaches; itself only through a loop."""
        if smooth:
            return self._closure(source, {n: facts.smooth for n, facts in self.arriving.items()})
        return self._closure(source, self.feeds)

    def upstream(self, name: str) -> set[str]:
        """The populations that reach a population."""
        return {other for other in self.names if name in self.downstream(other)}

    def is_readout(self, name: str) -> bool:
        """Whether others, or the output, read a population's V and nothing reads its spikes."""
        others = {sink for sink, sources in self.feeds.items() if name in sources} - {name}
        return bool(others) and not any(name in self.arriving[sink].fired for sink in others)

    def reaches_output(self, source: Vertex) -> bool:
        """Whether the output depends on a vertex."""
        return OUTPUTS in self.downstream(source)

    def passes_by(self, names: set[str]) -> bool:
        """Whether the inputs reach the output on a way through none of these populations."""
        others = {name: sources - names for name, sources in self.feeds.items()}
        return OUTPUTS in self._closure(INPUTS, others)

    def is_stopped(self, source: Vertex) -> bool:
        """Whether the output depends on a vertex, and no derivative reaches it."""
        smooth = self.downstream(source, smooth=True)
        return self.reaches_output(source) and OUTPUTS not in smooth

    def place(self, name: str) -> tuple[bool, int]:
        """Sorts populations in the order in which signals reach them; those without input last."""
        before = self.upstream(name) - self.downstream(name)
        return name not in self.downstream(INPUTS), len(before)

    def _closure(self, source: Vertex, feeds: Mapping[str, Vertices]) -> set[str]:
        reached: set[str] = set()
        ahead: list[Vertex] = [source]
        while ahead:
            vertex = ahead.pop()
            new = [n for n, sources in feeds.items() if vertex in sources and n not in reached]
            reached.update(new)
            ahead += new
        return reached


def graph_of(
    jaxpr: Jaxpr,
    *,
    inputs: Iterable[Var],
    parameters: dict[Var, int],
    fixed: Mapping[Var, int],
    carried: Sequence[Var],
    membranes: Mapping[Var, str],
) -> Graph:
    """Read the graph off a step.

    Parameters
    ----------
    jaxpr : Jaxpr
        The step, with all calls opened and spike functions marked. Its results are the outputs,
        then the states that it writes.
    inputs : variables
        Without the index of the step, and without the states.
    parameters : mapping
        Position of each parameter, by its variable.
    fixed : mapping
        The same for matrices in states that are no parameters and that the step does not write.
    carried : variables
        The states that the step writes, as they are before it.
    membranes : mapping
        The population that stores a variable in its ``V``.
    """
    start = {v: Facts(frozenset({INPUTS}), frozenset({INPUTS})) for v in inputs}
    vertices = parameters | {variable: Fixed(i) for variable, i in fixed.items()}
    for variable, vertex in vertices.items():
        alone = frozenset({vertex})
        start[variable] = Facts(alone, alone, alone)
    n = len(jaxpr.outvars) - len(carried)

    def followed(states: Sequence[Facts]) -> tuple[list[Facts], dict[str, Facts], dict[Var, Facts]]:
        return _followed(jaxpr, start | dict(zip(carried, states)), membranes)

    def step(states: list[Facts]) -> list[Facts]:
        return [facts._replace(normed=False) for facts in followed(states)[0][n:]]

    results, arriving, known = followed(settle(step, [NOTHING] * len(carried), joined))
    sources = {variable: facts.sources for variable, facts in known.items()}
    return Graph(arriving | {OUTPUTS: joined(*results[:n])}, sources)


def _followed(
    jaxpr: Jaxpr, start: Mapping[Var, Facts], membranes: Mapping[Var, str]
) -> tuple[list[Facts], dict[str, Facts], dict[Var, Facts]]:
    """The facts of the results, of what arrives at each population, and of all variables."""
    arriving = dict.fromkeys(membranes.values(), NOTHING)
    known = {variable: start.get(variable, NOTHING) for variable in jaxpr.invars}

    def arrive(name: str, facts: Facts) -> None:
        if name in arriving:
            arriving[name] = joined(arriving[name], facts)

    def result(eqn: JaxprEqn, operands: list[Facts], variable: Var) -> Facts:
        mark = mark_of(eqn)
        if mark.startswith(ARGUMENT):
            arrive(mark.removeprefix(ARGUMENT), operands[0])
            return operands[0]
        if mark.startswith(SPIKES):
            sender = mark.removeprefix(SPIKES)
            sent = _sent_by(sender)._replace(fired=frozenset({sender}))
            return sent if sender in arriving else operands[0]
        facts = _computed(eqn, operands, variable)
        if name := membranes.get(variable):
            arrive(name, facts)
            return _sent_by(name)
        return facts

    def bind(eqn: JaxprEqn, operands: list[Facts]) -> list[Facts]:
        facts = [result(eqn, operands, variable) for variable in eqn.outvars]
        known.update(zip(eqn.outvars, facts))
        return facts

    results = evaluate(jaxpr, list(known.values()), bind, lambda _: NOTHING)
    return results, arriving, known


def joined(*facts: Facts) -> Facts:
    """The facts of a value computed from several."""
    fields: Iterable[Sequence[Any]] = zip(NOTHING, *facts)
    merged: list[Any] = [any(f) if f[0] is False else frozenset().union(*f) for f in fields]
    return Facts(*merged)


def trained(vertices: Vertices) -> frozenset[int]:
    """The parameters among them."""
    return frozenset(vertex for vertex in vertices if isinstance(vertex, int))


def _sent_by(name: str) -> Facts:
    return Facts(frozenset({name}), frozenset({name}))


def _computed(eqn: JaxprEqn, operands: list[Facts], variable: Var) -> Facts:
    """The facts of an equation's result."""
    facts = joined(*operands)
    is_real = jnp.issubdtype(getattr(variable.aval, "dtype", jnp.float32), jnp.inexact)
    if eqn.primitive.name in STOPPING or not is_real:
        facts = facts._replace(smooth=frozenset())
    if _is_product(eqn, operands):
        factors = trained(facts.factors) or facts.factors  # a mask of weights is no weight
        met = facts.weights | factors
        return facts._replace(factors=frozenset(), weights=met, gains=frozenset(), normed=False)
    if eqn.primitive.name in {"mul", "div"}:
        return _scaled(facts, *operands)
    if eqn.primitive.name in {"sqrt", "rsqrt"}:
        return facts._replace(normed=facts.is_data)
    return facts


def _is_product(eqn: JaxprEqn, operands: list[Facts]) -> bool:
    """Whether an equation multiplies data by weights, or lets data choose among them."""
    return operands[1].is_data if eqn.primitive.name == "gather" else is_product(eqn)


def _scaled(facts: Facts, first: Facts, second: Facts) -> Facts:
    """A product of elements: a norm hides the weights before it, and its gain takes their place."""
    scale, other = (first, second) if first.normed else (second, first)
    if scale.normed and other.is_data:  # divided by its own size
        return facts._replace(weights=frozenset())
    if scale.normed:
        return facts._replace(gains=facts.gains | other.factors, factors=scale.factors)
    if first.is_data is not second.is_data:  # a decay, or a gain without a norm
        return facts._replace(factors=(first if first.is_data else second).factors)
    return facts
