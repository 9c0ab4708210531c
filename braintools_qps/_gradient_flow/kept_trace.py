"""A model's trace, kept for as long as the model is of the same make.

A trace depends on the attributes of the model's nodes and on the environment, but not on what its
states hold. Attributes are compared part by part; whatever cannot be compared counts as changed.
What the code of a model reads from elsewhere, as a global variable, is not looked at.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np
from braintools.surrogate import Surrogate

from .._surrogate import Same, surrogate_key
from .step import Step
from .tracing import trace, with_states_of

PLAIN = (type(None), bool, int, float, complex, str, bytes, type, range, slice, np.dtype)
MOST_PARTS = 20_000  # a model that refers to more is traced each time
COMPILED = type(jax.jit(lambda: None))  # jax.stages.Wrapped, a protocol, takes long to check
FIXED = (jax.Array, types.BuiltinFunctionType, types.ModuleType, np.ufunc, COMPILED)


class KeptTrace:
    """Like `trace` of one model and inputs of one shape; it traces only where it must."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._make: Make | None = None

    def __call__(self, model: Any, inputs: Any) -> Step:
        make = Make(model)
        kept = self._step if self._step is not None and make == self._make else None
        step = None if kept is None else with_states_of(kept, model)
        if step is None:
            step = trace(model, inputs)
        self._step, self._make = step, make
        return step


class Make:
    """What a trace of a model depends on, besides the shapes of its states."""

    def __init__(self, model: Any) -> None:
        states = brainstate.graph.states(model)
        self._seen: dict[int, tuple[int, Any]] = {}  # by their id, which stays theirs meanwhile
        self._own = {id(state) for state in states.values()}
        parts = chain(states, self._parts(model), self._parts(brainstate.environ.all()))
        self.parts = list(islice(parts, MOST_PARTS))
        self._seen.clear()

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Make) or len(self.parts) == MOST_PARTS:
            return False
        return self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]

    def _parts(self, value: Any) -> Iterator[Any]:
        """The value as parts that are equal where a trace cannot tell them apart."""
        if isinstance(value, PLAIN):
            yield type(value), repr(value) if isinstance(value, float) else value
        elif isinstance(value, FIXED):
            yield Same(value)
        elif isinstance(value, u.Unit):
            yield str(value)
        elif isinstance(value, np.ndarray | np.generic) and value.dtype != object:
            yield value.shape, str(value.dtype), value.tobytes()
        elif id(value) in self._seen:
            yield self._seen[id(value)][0]
        else:
            self._seen[id(value)] = len(self._seen), value
            yield from self._parts_of_object(value)

    def _parts_of_object(self, value: Any) -> Iterator[Any]:
        if id(value) in self._own:
            yield type(value)
        elif isinstance(value, u.Quantity):
            yield from self._all(str(value.unit), (value.mantissa,))
        elif isinstance(value, dict):
            yield from self._all(type(value), (part for item in value.items() for part in item))
        elif isinstance(value, list | tuple):
            yield from self._all(type(value), value)
        elif isinstance(value, functools.partial):
            yield from self._all(type(value), (value.func, value.args, value.keywords))
        elif isinstance(value, types.MethodType):
            yield from self._all(type(value), (value.__func__, value.__self__))
        elif isinstance(value, types.FunctionType):
            held = map(_content, value.__closure__ or ())
            usual = value.__defaults__, value.__kwdefaults__
            yield from self._all(Same(value.__code__), (*usual, *held))
        elif isinstance(value, brainstate.State):
            yield Same(value)  # what it holds is read afresh
        elif isinstance(value, brainstate.graph.Node):
            yield from self._all(type(value), (vars(value),))
        elif isinstance(value, Surrogate):
            yield surrogate_key(value)
        elif hasattr(value, "__dict__"):
            yield from self._all(Same(value), (vars(value),))
        else:
            yield Same(object())  # never the same again

    def _all(self, kind: Any, values: Iterable[Any]) -> Iterator[Any]:
        yield kind
        for value in values:
            yield from self._parts(value)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None
