"""A model that is as it was before: its attributes, its states, what it has compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brainstate


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Undo every change of attributes, states and random state on the way out, errors included."""
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    states = [*brainstate.graph.states(model).values(), brainstate.random.DEFAULT]
    values = [(state, vars(state)["_value"]) for state in states]
    try:
        yield
    finally:
        for node, before in zip(nodes, attributes):
            _restore(node, before)
        for state, value in values:
            if vars(state)["_value"] is not value:
                state.value = value


@contextmanager
def traced_afresh(model: Any) -> Iterator[None]:
    """As `preserved`, and what nodes have compiled for themselves is traced anew, then and after.

    That is what they keep as attributes, as ``self.run = brainstate.transform.jit(self.loop)``.
    """
    with preserved(model):
        forget_programs(model)
        try:
            yield
        finally:
            forget_programs(model)


def forget_programs(model: Any) -> None:
    """Have what nodes keep compiled as attributes traced anew when it is called next."""
    for node in brainstate.graph.nodes(model).values():
        for value in vars(node).values():
            if callable(clear := getattr(value, "clear_cache", None)):
                clear()


def _restore(node: Any, attributes: dict[str, Any]) -> None:
    vars(node).clear()
    vars(node).update(attributes)
