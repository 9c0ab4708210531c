"""Change the products in a module's own code, whichever class it has and however it is written.

The module's ``update`` is traced and run equation by equation. What other libraries name, such as
the products of braintrace, is opened on the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
from jax import Array, lax

from .._jaxpr import JaxprEqn, bind, called_by, evaluate, is_call, is_product, parameters_of
from .packed import Columns, packed_product

# Changes the product with this number, given its equation and operands.
Change = Callable[[int, JaxprEqn, list], Sequence[Any]]
# For each product to change: its number, which operand holds spikes, and how these are stored.
Packings = tuple[tuple[int, int, Columns], ...]


@cache
def storing_spikes_in_bits(base: type, training: Packings, evaluation: Packings) -> type:
    """The class with products that store spikes in bits: the same values and derivatives."""

    class Stores(base):
        packings = training, evaluation

        def update(self, *args: Any, **kwargs: Any) -> Any:
            update = super().update
            if not isinstance(jnp.zeros(()), jax.core.Tracer):  # not within a program: no scan
                return update(*args, **kwargs)
            fit = brainstate.environ.get("fit", False)
            packings = training if fit else evaluation
            chosen = {number: (position, columns) for number, position, columns in packings}

            def change(number: int, eqn: JaxprEqn, operands: list) -> Sequence[Any]:
                if number not in chosen:
                    return bind(eqn, operands)
                return [_product_of_bits(eqn, operands, *chosen[number])]

            return with_changed_products(change, update, *args, **kwargs)

    Stores.__name__, Stores.__qualname__ = base.__name__, base.__qualname__
    return Stores


def _product_of_bits(eqn: JaxprEqn, operands: list, position: int, columns: Columns) -> Array:
    """Run a product, and store the operand with spikes in bits."""
    spikes, weights = operands[position], operands[1 - position]
    shape = spikes.shape

    def product(spikes: Array, weights: Array) -> Array:
        both = [spikes.reshape(shape), weights]
        return bind(eqn, both[:: -1 if position else 1])[0]

    if len(columns) > 1:
        return packed_product(product, columns, spikes, weights, None)
    if eqn.primitive.name.startswith("conv"):  # along all axes, since channels may be few
        spikes = lax.collapse(spikes, 1)
    scale = None if columns[0][1] == 1 else jnp.asarray(columns[0][1])
    return packed_product(product, None, spikes, weights, scale)


def with_changed_products(
    change: Change, update: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Run an update with ``change`` in place of its products, numbered in the order they run."""
    function = brainstate.transform.StatefulFunction(partial(update, *args, **kwargs))
    closed = function.make_jaxpr().get_jaxpr()
    states, written = function.get_states(), function.get_write_states()
    operands = jax.tree.leaves([state.value for state in states])
    numbers = itertools.count()

    def run(eqn: JaxprEqn, operands: list) -> Sequence[Any]:
        if not is_product(eqn):
            return bind(eqn, operands)
        if is_call(eqn) and "prevent_cse" not in parameters_of(eqn):  # checkpoints stay closed
            return evaluate(called_by(eqn), operands, run)
        return change(next(numbers), eqn, operands)

    results = evaluate(closed, operands, run)
    result, values = jax.tree.unflatten(function.get_out_treedef(), results)
    for state, value in zip(states, values):
        if any(state is each for each in written):
            state.value = value
    return result
