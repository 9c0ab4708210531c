"""Models that are changed before they are trained: weights, inputs, thresholds, surrogates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import brainstate
import jax
import numpy as np
from braintools.surrogate import Surrogate

from braintools_qps import set_surrogate, surrogate_spec
from braintools_qps._comparison.factory import Factory
from braintools_qps._comparison.programs import Job, Programs
from braintools_qps._comparison.tasks import Split, Task
from braintools_qps._comparison.training import Bench

from .bench import bench_of
from .design import EPOCHS

AS_IT_IS = "as it is"


class Start(NamedTuple):
    """A model of the study, and what is unusual about it: factors of weights and of inputs."""

    task: str
    network: str
    surrogate: Surrogate
    inputs: float = 1.0
    recurrent: float = 1.0  # of a layer's weights to itself
    between: float = 1.0  # of the weights into all layers but the first
    bias: float = 0.0  # added, in distances from rest to threshold


@dataclasses.dataclass(frozen=True)
class Change:
    """What is done to it, by population or by the name of the weights."""

    surrogates: Mapping[str, Surrogate]
    inputs: float = 1.0
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)  # factors
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)  # in distances, added
    detached: bool = False

    @property
    def alone(self) -> Surrogate | None:
        """The surrogate of the only population, where nothing else is changed."""
        others = self.inputs != 1 or self.weights or self.thresholds or self.detached
        return None if others or len(self.surrogates) > 1 else next(iter(self.surrogates.values()))

    def described(self) -> dict[str, Any]:
        """As JSON holds it, without what is not changed."""
        specs = {name: surrogate_spec(one) for name, one in self.surrogates.items()}
        rest = {
            "inputs": self.inputs if self.inputs != 1 else None,
            "weights": dict(self.weights),
            "thresholds": dict(self.thresholds),
            "detached": self.detached,
        }
        return {"surrogates": specs} | {name: value for name, value in rest.items() if value}


class Trial(NamedTuple):
    """What one program trains beside others: numbers of a surrogate, and a learning rate."""

    surrogate: Surrogate
    setting: Mapping[str, float]


class Scores(NamedTuple):
    """By trial and seed."""

    validation: np.ndarray
    test: np.ndarray


@dataclasses.dataclass(frozen=True)
class Prepared(Factory):
    """Makes the model of a start with a change, and its surrogates unless they are ``free``."""

    start: Any = None
    change: Any = None
    free: bool = False

    def __call__(self, task: Task, surrogate: Any, options: Mapping[str, Any] = {}) -> Any:
        model = super().__call__(task, None, options)
        for name, state, leaf in weights_of(model):
            _put(state, leaf, lambda x, name=name: self._changed(name, x))
        chosen = surrogate if self.free else dict(self.change.surrogates)
        set_surrogate(model, chosen, detach_reset=self.change.detached)
        for name, shift in self.change.thresholds.items():
            neuron = reduce(_inner, name.split("."), model)
            rise = shift * (neuron.V_th - neuron.V_reset)  # both, or the reset would grow, too
            neuron.V_th, neuron.V_reset = neuron.V_th + rise, neuron.V_reset + rise
        return model

    def _changed(self, name: str, value: Any) -> Any:
        *layer, kind = name.split(".")
        if "recurrent" in name:
            value = self.start.recurrent * value
        if kind == "input" and "0" not in layer:
            value = self.start.between * value
        if kind in ("neurons", "bias"):
            value = value + self.start.bias
        return self.change.weights.get(name, 1.0) * value


def weights_of(model: Any) -> list[tuple[str, Any, tuple[Any, ...]]]:
    """Each array of the parameters: its name, its state, and where it lies in the state's value."""
    found = []
    for path, state in brainstate.graph.states(model, brainstate.ParamState).items():
        for keys, _ in jax.tree_util.tree_leaves_with_path(state.value):
            inner = [str(key.key) for key in keys]
            found.append((".".join([*map(str, path), *inner]), state, keys))
    return found


def _put(state: Any, place: tuple[Any, ...], change: Callable[[Any], Any]) -> None:
    at = lambda keys, x: change(x) if keys == place else x
    state.value = jax.tree_util.tree_map_with_path(at, state.value)


def _inner(node: Any, name: str) -> Any:
    return node[int(name)] if name.isdigit() else getattr(node, name)


def prepared(start: Start, change: Change, *, free: bool = False) -> Bench:
    """The bench of a start with a change."""
    bench = bench_of(start.task, start.network)
    factory = Prepared(bench.factory.make, start=start, change=change, free=free)
    gain = start.inputs * change.inputs
    louder = lambda part: Split(gain * part.inputs, part.labels)
    parts = {name: louder(part) for name, part in bench.task.parts.items()}
    return dataclasses.replace(
        bench, factory=factory, task=dataclasses.replace(bench.task, **parts)
    )


def trained(
    start: Start,
    change: Change,
    trials: Sequence[Trial],
    seeds: Sequence[int],
    *,
    free: bool = False,
) -> Scores:
    """Train every trial with every seed; the change has the surrogates unless they are free."""
    jobs = [Job(one.surrogate, dict(one.setting), seed) for one in trials for seed in seeds]
    programs = Programs(prepared(start, change, free=free), len(jobs))
    outcomes = programs.train(jobs, EPOCHS, lambda *_: None, test=True)
    numbers = lambda values: np.nan_to_num(np.array(values, float)).reshape(len(trials), -1)
    return Scores(
        numbers([one.curves.score[-1] for one in outcomes]),
        numbers([one.tested.score if one.tested else np.nan for one in outcomes]),
    )
