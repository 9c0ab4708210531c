"""The user's factory: how a fresh model comes out of it, and a run of that model over a sequence.

A model is built inside of the trace that uses it, so that what it stores in its States stays there.
States are of three kinds. Parameters (`brainstate.ParamState` of real numbers) are trained. What
`init_state` sets up, and every `brainstate.ShortTermState`, begins afresh with each batch. All
others outlive a batch and are carried from one to the next: running means of BatchNorm, random
states of the model's own.
"""

from __future__ import annotations

import inspect
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .._gradient_flow import advance
from .._memory import save_memory
from .._neurons import find_neurons, set_surrogate
from .tasks import Task

DEFAULT_STEP = 1.0 * u.ms
GIVEN = ("features", "classes", "outputs", "steps")  # by the task, to factories that take them

Values = dict[str, Any]  # of states, by their paths in the model


@dataclass(frozen=True)
class Factory:
    """How models are made, and which of their neurons get the candidate."""

    make: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.make, brainstate.graph.Node) or not callable(self.make):
            raise TypeError(
                "model must be a function that returns a fresh model, as each training needs one, "
                f"got {_shown(self.make)}. Pass for example lambda features, classes: "
                "MyNetwork(features, classes)"
            )
        if not (self.where is None or callable(self.where) or isinstance(self.where, tuple)):
            raise TypeError(
                "where must be a class of neurons, a tuple of them, or a function from a neuron to "
                f"a bool, got {self.where!r}. For example where=brainpy.state.LIF"
            )

    def __call__(self, task: Task, surrogate: Any, options: Mapping[str, Any] = {}) -> Any:
        """Return a fresh model with the surrogate in its neurons."""
        model = self.fresh(task, options)
        set_surrogate(model, surrogate, where=self.where)
        return model

    def fresh(self, task: Task, options: Mapping[str, Any] = {}) -> Any:
        """Return a fresh model.

        Raises
        ------
        TypeError
            If the factory needs an argument that it does not get, or returns no brainstate model.
        ValueError
            If the model has no neuron.
        """
        arguments = self._arguments(task, {**self.options, **options})
        try:
            with environment():
                model = self.make(**arguments)
        except Exception as error:
            if "classes" in arguments and arguments["classes"] is None:
                raise _of_regression(self.make, task, error) from error
            raise
        if not isinstance(model, brainstate.graph.Node):
            raise TypeError(
                f"the factory {name_of(self.make)} must return a brainstate model, got "
                f"{type(model).__name__}. End it with 'return model', where model is a "
                "brainstate.nn.Module"
            )
        if not find_neurons(model):
            raise ValueError(
                f"the model must have neurons with a spike function spk_fun, got none in "
                f"{type(model).__name__}. Keep the surrogate as self.spk_fun and call it as "
                "self.spk_fun(V - V_th)"
            )
        return model

    @property
    def all_options(self) -> dict[str, Any]:
        """Options as given, and those that the factory has defaults for."""
        parameters = parameters_of(self.make)
        usual = {p.name: p.default for p in parameters if p.default is not p.empty}
        return {n: value for n, value in usual.items() if n not in GIVEN} | dict(self.options)

    def _arguments(self, task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
        parameters = parameters_of(self.make)
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
        known = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        given = {n: getattr(task, n) for n in GIVEN if n in known or takes_all}
        given |= options
        if not takes_all and (unknown := sorted(options.keys() - known)):
            raise TypeError(
                f"the factory {name_of(self.make)} takes {_listed(known)}, got the option "
                f"{_listed(unknown)}. Add the keyword to the factory, or leave the option out"
            )
        needed = [
            p.name for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]  # fmt: skip
        if missing := [name for name in needed if name not in given]:
            raise TypeError(
                f"a factory is called with those of {_listed(GIVEN)} that it takes, and with "
                f"options; {name_of(self.make)} needs {_listed(missing)} too. Give the argument a "
                f"default, or pass {missing[0]}=..."
            )
        return given


class Neurons(NamedTuple):
    """What the neurons of a model did over a sequence of steps."""

    firing_rate: Array  # spikes per neuron and step
    spikes: Array  # per sample


# Of brainstate, NumPy and Python: the process has one each.
_random_states = threading.RLock()


@contextmanager
def seeded(key: Array, number: int = 0) -> Iterator[None]:
    """Have all that is random come from a key, which may be traced, or from a number.

    brainstate draws from the key; NumPy and Python, whose draws cannot be traced, from the number.
    Afterwards the user's random states are as they were. One thread at a time is within such a
    block.
    """
    with _random_states, _seeded(key, number):
        yield


@contextmanager
def _seeded(key: Array, number: int) -> Iterator[None]:
    state = brainstate.random.DEFAULT
    with jax.ensure_compile_time_eval():  # the first reading makes a key, which must not be traced
        before = state.value, np.random.get_state(), random.getstate()  # noqa: NPY002 -- the user's
    # Only within a trace may the global state hold a tracer; what is made within one counts for
    # brainstate as part of it, so that a later trace would take its weights for constants.
    traced = isinstance(key, jax.core.Tracer)
    with brainstate.StateTraceStack() if traced else nullcontext():
        state.value = key
        np.random.seed(number)  # noqa: NPY002
        random.seed(number)
        try:
            yield
        finally:
            state.value = before[0]
            np.random.set_state(before[1])  # noqa: NPY002
            random.setstate(before[2])


def initialised(model: Any, samples: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Initialise all states; return those that are trained and those that outlive a batch."""
    held = {id(s): s.value for s in brainstate.graph.states(model).values()}
    with environment():
        brainstate.nn.init_all_states(model, samples)
    states = {".".join(map(str, p)): s for p, s in brainstate.graph.states(model).items()}
    trained = {name: state for name, state in states.items() if _is_trained(state)}
    kept = {
        name: state
        for name, state in states.items()
        if name not in trained
        and not isinstance(state, brainstate.ShortTermState)
        and held.get(id(state)) is state.value
    }
    return trained, kept


def values_of(states: Mapping[str, Any]) -> Values:
    """What the states hold, as arrays."""
    return {name: jax.tree.map(jnp.asarray, state.value) for name, state in states.items()}


def put(states: Mapping[str, Any], values: Values) -> None:
    """Have the states hold these values."""
    for name, state in states.items():
        state.value = values[name]


class _Step(brainstate.nn.Module):
    """One step of a model, whose index is an argument like any other."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def update(self, x: Array, i: Array) -> Any:
        return advance(self.model, i, x)


def make_frugal(model: Any, inputs: np.ndarray) -> None:
    """Apply `save_memory` to a model for inputs of shape (samples, steps, ...).

    Within a trace as well: what states begin with must be known, to tell which of them hold spikes.
    """
    with jax.ensure_compile_time_eval(), seeded(jax.random.key(0)), environment(fit=True):
        save_memory(_Step(model), inputs[:, 0], 0)


def run_over(model: Any, inputs: Array, *, fit: bool) -> Any:
    """Outputs of all steps, of shape (steps, samples, ...), for inputs (samples, steps, ...)."""
    with environment(fit=fit):
        return brainstate.transform.for_loop(
            lambda i, x: advance(model, i, x), jnp.arange(inputs.shape[1]), _by_step(inputs)
        )


def watched(model: Any, inputs: Array) -> tuple[Any, Neurons]:
    """The same in evaluation, with what the neurons did.

    Some neurons call their spike function twice in a step, the first time to reset the membrane
    after the spike before; what counts is the last call.
    """
    meters = [_Meter(one) for one in find_neurons(model).values() if callable(one.spk_fun)]

    def step(i: Array, x: Array) -> tuple[Any, Array]:
        output = advance(model, i, x)
        return output, jnp.stack([meter.read() for meter in meters]).sum()

    samples, steps = inputs.shape[:2]
    with environment(fit=False):
        outputs, spikes = brainstate.transform.for_loop(step, jnp.arange(steps), _by_step(inputs))
    neurons = max(1, sum(meter.neurons for meter in meters))
    total = spikes.sum()
    return outputs, Neurons(total / (steps * neurons), total / samples)


class _Meter:
    """Stands in for a neuron's spike function and keeps how many spikes its last call gave."""

    def __init__(self, neuron: Any) -> None:
        self._spike = neuron.spk_fun
        self._last = brainstate.ShortTermState(jnp.zeros((), jnp.float32))
        self.neurons = 0  # of all samples; known once it has been traced
        neuron.spk_fun = self

    def __call__(self, x: Any) -> Any:
        spikes = self._spike(x)
        self.neurons = np.size(spikes)
        self._last.value = jnp.sum(u.get_mantissa(spikes), dtype=jnp.float32)
        return spikes

    def read(self) -> Array:
        counted = self._last.value
        self._last.value = jnp.zeros_like(counted)
        return counted


@contextmanager
def environment(**settings: Any) -> Iterator[None]:
    """Where a model runs: with the user's ``dt``, or else steps of 1 ms."""
    if brainstate.environ.get("dt", None) is None:
        settings["dt"] = DEFAULT_STEP
    with brainstate.environ.context(**settings), usual_promotion():
        yield


@contextmanager
def usual_promotion() -> Iterator[None]:
    """JAX's promotion as brainstate's layers and optax need it, whatever the user has set."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def parameters_of(factory: Callable) -> list[inspect.Parameter]:
    """What a factory takes; of a class, its ``__init__``, as its metaclass takes anything."""
    if not inspect.isclass(factory):
        return list(inspect.signature(factory).parameters.values())
    return list(inspect.signature(factory.__init__).parameters.values())[1:]


def name_of(function: Callable) -> str:
    """Its import path, or its name where it has none."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{getattr(function, '__module__', '?')}:{name}"


def _of_regression(make: Callable, task: Task, error: Exception) -> ValueError:
    shape = task.train.labels.shape
    return ValueError(
        f"a float y, here of shape {shape}, is a regression, for which {name_of(make)} gets "
        f"classes=None; it raised {type(error).__name__}: {error}. If y holds classes, pass them "
        "as integers, y.astype(int) or y.argmax(axis=1); if not, have the factory take outputs in "
        "place of classes"
    )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"


def _by_step(inputs: Array) -> Array:
    return jnp.swapaxes(inputs, 0, 1)


def _is_trained(state: Any) -> bool:
    """Whether it is a parameter that holds real numbers, and nothing else."""
    if not isinstance(state, brainstate.ParamState):
        return False
    kinds = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state.value)]
    return bool(kinds) and all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
