"""Populations that the output does not depend on, by the graph."""

from __future__ import annotations

from typing import final

from ..evaluate import Measured
from ..graph import INPUTS
from .cause import Cause, Finding, named


@final
class Disconnected(Cause):
    name = "disconnected"
    rule = "the output does not depend on the population"
    helps = "let its spikes reach the output"

    def find(self, measured: Measured) -> Finding | None:
        graph = measured.step.graph
        cut = [p.name for p in measured.populations if not graph.reaches_output(p.name)]
        if not cut:
            return None
        others = f", nor on {named(cut[:-1])} before it" if cut[:-1] else ""
        text = f"{cut[-1]} is disconnected: the output does not depend on it{others}."
        exact = not (graph.passes_by(set(cut)) and graph.reaches_output(INPUTS))
        advice = "Let its spikes reach what the model returns."
        return Finding((cut[-1], *cut[:-1]), text, advice, exact)
