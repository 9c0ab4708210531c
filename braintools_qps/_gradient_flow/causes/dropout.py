"""A dropout that keeps few signals, often because ``prob`` was taken for the share to drop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from ..._models import code_of, find_nodes, is_dropout
from ...typing import Node
from ..changes import Change
from ..evaluate import Measured
from .cause import Cause, Finding

KEPT = 0.3  # the largest share of kept signals that counts as low


@final
class Dropout(Cause):
    name = "dropout"
    rule = f"a dropout keeps {KEPT:.0%} of the signals or less"
    helps = "a larger `prob`: in brainstate it is the share that is kept"

    def find(self, measured: Measured) -> Finding | None:
        low = _low_dropouts(measured)
        if not low:
            return None
        name, node = next(iter(low.items()))
        text = (
            f"{name} is a dropout that keeps {100 * node.prob:.2g}% of the signals: in brainstate "
            "`prob` is the share that is kept."
        )
        return Finding((), text, exact=any(node.prob == 0 for node in low.values()))

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        model, low = measured.evaluator.model, _low_dropouts(measured).values()
        lines = tuple(f"{code_of(model, node)}.prob = {1 - node.prob:.3g}" for node in low)
        yield Change("less dropout", lines)


def _low_dropouts(measured: Measured) -> dict[str, Node]:
    is_low = lambda node: is_dropout(node) and node.prob <= KEPT
    return find_nodes(measured.evaluator.model, is_low)
