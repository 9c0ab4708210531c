"""Products of weights with what reaches a layer, found in a jaxpr."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._jaxpr import PRODUCTS, Jaxpr, JaxprEqn, Literal, mixes


class Product(NamedTuple):
    """A product of weights with what reaches a layer: variables of a jaxpr."""

    result: Any
    axes: tuple[int, int] | None  # axes of the weights that count inputs and outputs, if known


def products(jaxpr: Jaxpr, weights: Any) -> list[Product]:
    """The products of some weights, an argument of the jaxpr, with something else."""
    alone, results = {weights}, []
    for eqn in jaxpr.eqns:
        held = [i for i, v in enumerate(eqn.invars) if not isinstance(v, Literal) and v in alone]
        if len(held) == 1 and eqn.primitive.name in PRODUCTS:
            axes = _axes(eqn, held[0]) if eqn.invars[held[0]] is weights else None
            results.append(Product(eqn.outvars[0], axes))
        elif len(held) == 1 and not mixes(eqn):
            alone.update(eqn.outvars)
    return results


def shape_of(variable: Any) -> tuple[int, ...]:
    """The shape of a variable of a jaxpr."""
    return variable.aval.shape


def _axes(eqn: JaxprEqn, position: int) -> tuple[int, int] | None:
    """The axes of a product's weights that count its inputs and its outputs."""
    if eqn.primitive.name == "conv_general_dilated":
        outputs, inputs, *_ = eqn.params["dimension_numbers"].rhs_spec
        return (inputs, outputs) if eqn.params["feature_group_count"] == 1 else None
    contracted, batched = (axes[position] for axes in eqn.params["dimension_numbers"])
    if len(contracted) != 1 or batched or len(shape_of(eqn.invars[position])) != 2:
        return None
    return contracted[0], 1 - contracted[0]
