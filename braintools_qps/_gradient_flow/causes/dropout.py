"""A dropout that keeps few signals, often because ``prob`` was taken for the share to drop."""

from __future__ import annotations

from collections.abc import Iterator

from ..._models import code_of, find_nodes, is_dropout
from ...typing import Node
from ..changes import Change
from ..evaluate import Measured
from .cause import Cause, Finding

KEPT = 0.3  # the largest share of kept signals that counts as low


def _low(measured: Measured) -> dict[str, Node]:
    is_low = lambda node: is_dropout(node) and node.prob <= KEPT
    return find_nodes(measured.evaluator.model, is_low)


def _find(measured: Measured) -> Finding | None:
    if not (low := _low(measured)):
        return None
    name, node = next(iter(low.items()))
    text = (
        f"{name} is a dropout that keeps {100 * node.prob:.2g}% of the signals: in brainstate "
        "`prob` is the share that is kept."
    )
    return Finding((), text, exact=any(node.prob == 0 for node in low.values()))


def _less(measured: Measured) -> Iterator[Change]:
    model = measured.evaluator.model
    places = [(code_of(model, node), node.prob) for node in _low(measured).values()]
    yield Change("less dropout", tuple(f"{code}.prob = {1 - prob:.3g}" for code, prob in places))


DROPOUT = Cause(
    "dropout",
    f"a dropout keeps {KEPT:.0%} of the signals or less",
    "a larger `prob`: in brainstate it is the share that is kept",
    _find,
    (_less,),
)
