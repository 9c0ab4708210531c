"""Leave a model as it was: its attributes, its states, the programs it has compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import brainstate

from ..typing import Model


@contextmanager
def restoring(model: Model, *, only_errors: bool = False) -> Iterator[None]:
    """Undo every change of attributes, states and random state on the way out, errors included.

    With ``only_errors``, changes stay where the body ends without an exception.
    """
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    # Inputs that projections of brainpy.state leave at a neuron until it reads them
    tables = [(x, dict(x)) for node in nodes for x in vars(node).values() if type(x) is dict]
    states = [*brainstate.graph.states(model).values(), brainstate.random.DEFAULT]
    values = [(state, vars(state)["_value"]) for state in states]

    def restore() -> None:
        for node, before in zip(nodes, attributes):
            vars(node).clear()
            vars(node).update(before)
        for table, content in tables:
            table.clear()
            table.update(content)
        for state, value in values:
            vars(state)["_value"] = value  # a tracer among them is refused by the setter

    with ExitStack() as stack:
        stack.callback(restore)
        yield
        if only_errors:
            stack.pop_all()


@contextmanager
def traced_afresh(model: Model) -> Iterator[None]:
    """Restore the model on the way out, and clear the caches of its compiled functions twice.

    Nodes have compiled functions as attributes: ``self.run = brainstate.transform.jit(self.loop)``.
    They are traced again inside the context, and once more after it.
    """
    with restoring(model):
        forget_programs(model)
        try:
            yield
        finally:
            forget_programs(model)


@contextmanager
def keeping_states(model: Model) -> Iterator[None]:
    """Put old states back where new ones have replaced them, with the new values.

    Compiled functions and `brainstate.nn.Vmap` hold on to the old states. A state that was made
    inside a traced function is not put back, because no function outside can see it.
    """
    nodes = list(brainstate.graph.nodes(model).values())
    attributes = [dict(vars(node)) for node in nodes]
    yield
    for node, before in zip(nodes, attributes):
        for name, old in before.items():
            made = vars(node).get(name)
            are_states = isinstance(made, brainstate.State) and isinstance(old, brainstate.State)
            if made is not old and are_states and made.stack_level == old.stack_level:
                old.value = made.value
                vars(node)[name] = old


def forget_programs(model: Model) -> None:
    """Clear the caches of compiled functions that nodes keep as attributes."""
    for node in brainstate.graph.nodes(model).values():
        for value in vars(node).values():
            if callable(clear := getattr(value, "clear_cache", None)):
                clear()
