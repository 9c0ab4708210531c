"""A dropout that keeps next to nothing, as where its share was meant as what to drop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import final

from ..._models import code_of, find_nodes, is_dropout
from ...typing import Model, Node
from ..changes import Both, Change, SetDropout
from ..evaluate import Measured
from .cause import Cause, Finding

KEPT = 0.3  # share of the signals, at most


@final
class Dropout(Cause):
    name = "dropout"
    rule = f"a dropout keeps {KEPT:.0%} of the signals or less"
    helps = "a larger `prob`: in brainstate it is the share that is kept"

    def find(self, measured: Measured) -> Finding | None:
        for name, node in low_dropouts(measured.evaluator.model, KEPT).items():
            return Finding((), keeps(name, node) + ".", exact=node.prob == 0)
        return None

    def changes(self, measured: Measured, finding: Finding) -> Iterator[Change]:
        model, every = measured.evaluator.model, []
        for name, node in low_dropouts(model, KEPT).items():
            every.append(SetDropout(name, code_of(model, node), float(f"{1 - node.prob:.3g}")))
        yield reduce(Both, every)


def low_dropouts(model: Model, most: float) -> dict[str, Node]:
    """Dropouts that keep at most a share of the signals."""
    return find_nodes(model, lambda node: is_dropout(node) and node.prob <= most)


def keeps(name: str, node: Node) -> str:
    """A clause that says what a dropout keeps."""
    return (
        f"{name} is a dropout that keeps {100 * node.prob:.2g}% of the signals: in brainstate "
        "`prob` is the share that is kept"
    )
