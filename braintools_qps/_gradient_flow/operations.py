"""Count the operations of a run: weights that meet a spike or a number, neurons that are updated.

A product of weights with signals, such as a matrix product or a convolution, is linear in the
signals. With 1 in place of each weight, and of each signal that is not 0, its results add up to the
number of weights that these signals meet: their fan-out, also at the borders of a convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from .._jaxpr import PRODUCTS, JaxprEqn, Literal, bind, is_product, used_equations
from ..records import Operations
from .graph import INPUTS
from .step import Step, is_real

COUNTS = jnp.float32  # half precision would not count past 256


class Projection(NamedTuple):
    """A product of weights with the signals of a population, or of the inputs."""

    sender: str
    signals: int  # position among the operands
    weights: Sequence[int]

    def operations(self, eqn: JaxprEqn, operands: Sequence[Array]) -> Array:
        """Weights that meet a signal other than 0, and those that a number multiplies."""
        signals = operands[self.signals]
        met = signals != 0
        numbers = met & (jnp.abs(signals) != 1)
        return jnp.stack([self._total(eqn, operands, chosen) for chosen in (met, numbers)])

    def _total(self, eqn: JaxprEqn, operands: Sequence[Array], chosen: Array) -> Array:
        """The sum of the results with ones for the weights and for the chosen signals.

        A vector that comes with a matrix is a bias, and gets zeros.
        """
        counted = list(operands)
        counted[self.signals] = chosen.astype(operands[self.signals].dtype)
        has_matrix = any(operands[i].ndim > 1 for i in self.weights)
        for i in self.weights:
            counted[i] = jnp.full_like(operands[i], operands[i].ndim > 1 or not has_matrix)
        if eqn.primitive.name in PRODUCTS:
            eqn = eqn.replace(params=eqn.params | {"preferred_element_type": COUNTS})
            counted = [operand.astype(COUNTS) for operand in counted]
        return sum((jnp.sum(x, dtype=COUNTS) for x in bind(eqn, counted)), jnp.zeros((), COUNTS))


def count(
    projections: Mapping[int, Projection],
    counts: dict[str, Array],
    eqn: JaxprEqn,
    operands: Sequence[Array],
) -> None:
    """Add the operations of an equation to those of its sender, if it is a projection."""
    if projection := projections.get(id(eqn)):
        earlier = counts.get(projection.sender, jnp.zeros(2, COUNTS))
        counts[projection.sender] = earlier + projection.operations(eqn, operands)


def projections(step: Step) -> dict[int, Projection]:
    """The products of weights with signals in a step, by the id of their equation.

    Signals depend on the inputs or on a state that the step writes. If they depend on several
    populations, the last one counts as their sender. Equations whose results nothing uses, which
    brainstate's Map leaves, do not count.
    """
    names = [population.name for population in step.populations]
    written = [step.state_variables[i] for i in step.written]
    vary = set(map(id, [*step.input_variables, *written]))
    by_equation = {}
    for eqn in used_equations(step.jaxpr):
        signals = [i for i, atom in enumerate(eqn.invars) if id(atom) in vary]
        weights = [i for i, atom in enumerate(eqn.invars) if i not in signals and _is_array(atom)]
        if signals:
            vary.update(map(id, eqn.outvars))
        is_branch = eqn.primitive.name == "cond"
        if len(signals) == 1 and weights and is_product(eqn) and not is_branch:
            senders = step.graph.sources[eqn.invars[signals[0]]]
            last = next((name for name in reversed(names) if name in senders), INPUTS)
            by_equation[id(eqn)] = Projection(last, signals[0], weights)
    return by_equation


def per_sample(
    counts: Mapping[str, Array], updates: Mapping[str, int], samples: int
) -> dict[str, Operations]:
    """The operations that the inputs and each population cause, as means over samples.

    ``counts`` have a row for each time step, ``updates`` are those of one sample.
    """
    operations = {}
    for name in (INPUTS, *updates):
        by_step = np.asarray(counts.get(name, np.zeros((1, 2))), np.float64)
        synaptic, multiplications = map(float, by_step.sum(axis=0) / samples)
        operations[name] = Operations(synaptic, multiplications, updates.get(name, 0))
    return operations


def _is_array(atom: Any) -> bool:
    """Whether it holds more than one real number, as weights do."""
    return not isinstance(atom, Literal) and atom.aval.ndim > 0 and is_real(atom.aval)
