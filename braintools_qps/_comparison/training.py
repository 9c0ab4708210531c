"""Training as a pure function of weights, data, the surrogate's parameters and a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import optax
from braintools.surrogate import Surrogate
from jax import Array

from .._surrogate import QPseudoSpike
from .network import RecurrentClassifier, initial_weights, neuron_class
from .runs import Shares
from .tasks import Split, Task

# Norm above which the gradient of all weights together is scaled down. Adam divides by the usual
# size of gradients, so a norm this low makes no step smaller; it evens out those of odd batches.
LARGEST_GRADIENT = 0.03


@dataclass(frozen=True)
class Settings:
    """What is the same for all candidates."""

    epochs: int = 40
    hidden: int = 128
    neuron: str = "LIF"
    reset: str = "soft"
    batch_size: int = 32
    learning_rate: float = 0.1
    weight_decay: float = 0.001

    def __post_init__(self) -> None:
        for name in ("epochs", "hidden", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.reset not in ("soft", "hard"):
            raise ValueError(f"reset must be 'soft' or 'hard', got {self.reset!r}")
        neuron_class(self.neuron)


class Curves(NamedTuple):
    """What one epoch leaves behind; after training, stacked over epochs on the last axis."""

    loss: Array  # mean over the batches
    validation_accuracy: Array


class Trained(NamedTuple):
    """Results with axes (candidate, seed), the curves with a third axis of epochs."""

    curves: Curves
    validation_accuracy: np.ndarray
    test_accuracy: np.ndarray
    firing_rate: np.ndarray  # spikes per neuron and step, over the test samples
    weights: dict[str, np.ndarray]


class Program(NamedTuple):
    """Candidates that train in one compiled program: ``build(parameters)`` makes each of them.

    ``parameters`` are arrays with one row for each candidate, traced and vmapped over. A surrogate
    of any other kind is alone in its program, and has none.
    """

    size: int
    parameters: dict[str, Array]
    build: Callable[[dict[str, Array]], Surrogate]


def program(surrogates: Sequence[Surrogate]) -> Program:
    """One surrogate, or several for which `can_share` holds."""
    first = surrogates[0]
    if len(surrogates) == 1:
        return Program(1, {}, lambda _: first)
    names = [n for n in ("alpha", "scale", "dampening") if getattr(first, n) is not None]
    parameters = {n: jnp.array([getattr(s, n) for s in surrogates], jnp.float32) for n in names}
    return Program(len(surrogates), parameters, lambda p: first.replace(**p))


def can_share(one: Surrogate, other: Surrogate) -> bool:
    """Whether two surrogates differ in nothing but numbers that can be traced."""
    return all(_is_traceable(s) for s in (one, other)) and (
        one.residual_dtype == other.residual_dtype and (one.scale is None) == (other.scale is None)
    )


def _is_traceable(surrogate: Surrogate) -> bool:
    return type(surrogate) is QPseudoSpike and all(
        value is None or isinstance(value, float)
        for value in (surrogate.alpha, surrogate.scale, surrogate.dampening)
    )


def train(
    candidates: Program,
    task: Task,
    settings: Settings,
    seeds: Sequence[int],
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Trained:
    """Train every candidate with every seed, in one compiled program.

    The seed alone decides on the initial weights and on the batches, so they are the same for every
    candidate, in whatever program it is trained.
    """
    runs = _Runs(candidates, seeds)
    epoch, test = (make(candidates.build, task, settings) for make in (_epoch_of, _test_of))
    states = runs.shares.deal(jax.vmap(lambda key: initial_state(key, task, settings))(runs.keys))
    run_epoch = runs.shares.compile(epoch, states, *runs.arguments(0))
    curves = []
    for number in range(settings.epochs):
        shares = run_epoch(states, *runs.arguments(number + 1))
        states = [state for state, _ in shares]
        curves.append(runs.grid([curve for _, curve in shares]))
        on_epoch(number, float(curves[-1].loss.mean()))
    curves = jax.tree.map(lambda *values: np.stack(values, axis=-1), *curves)
    tested = runs.shares.compile(test, states, *runs.arguments(0))(states, *runs.arguments(0))
    accuracy, rate = runs.grid(tested)
    weights = runs.grid([state.weights for state in states])
    return Trained(curves, curves.validation_accuracy[..., -1], accuracy, rate, weights)


class _Runs:
    """Each candidate with each seed."""

    def __init__(self, candidates: Program, seeds: Sequence[int]) -> None:
        self.shape = candidates.size, len(seeds)
        self.keys = jnp.stack([jax.random.key(s) for _ in range(candidates.size) for s in seeds])
        self.shares = Shares(len(self.keys))
        self._parameters = self.shares.deal(
            jax.tree.map(lambda x: jnp.repeat(x, len(seeds)), candidates.parameters)
        )

    def arguments(self, number: int) -> tuple[list[Array], list[dict[str, Array]]]:
        """For each share: the keys of an epoch, the same for all candidates, and parameters."""
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(self.keys, number)
        return self.shares.deal(keys), self._parameters

    def grid(self, shares: list[Any]) -> Any:
        """Results with axes (candidate, seed)."""
        reshaped = lambda leaf: leaf.reshape(self.shape + leaf.shape[1:])
        return jax.tree.map(reshaped, self.shares.gather(shares))


class State(NamedTuple):
    weights: dict[str, Array]
    optimizer: Any


def optimizer(task: Task, settings: Settings) -> optax.GradientTransformation:
    """Adam with decaying weights, clipped gradients and a learning rate that falls to 0."""
    steps = settings.epochs * batches_per_epoch(task, settings)
    rate = optax.cosine_decay_schedule(settings.learning_rate, steps)
    decay = optax.adamw(rate, weight_decay=settings.weight_decay)
    return optax.chain(optax.clip_by_global_norm(LARGEST_GRADIENT), decay)


def batches_per_epoch(task: Task, settings: Settings) -> int:
    return max(1, len(task.train) // settings.batch_size)


def initial_state(key: Array, task: Task, settings: Settings) -> State:
    weights = initial_weights(key, task.features, settings.hidden, task.classes)
    return State(weights, optimizer(task, settings).init(weights))


def outputs_and_rate(
    weights: dict[str, Array], inputs: Array, surrogate: Surrogate, task: Task, settings: Settings
) -> tuple[Array, Array]:
    """The network's answer, of shape (samples, classes), and its mean firing rate.

    The model is built inside of the trace, so that what it stores in its States stays there.
    """
    model = RecurrentClassifier(
        weights,
        surrogate,
        neuron=settings.neuron,
        reset=settings.reset,
        time_constants=time_constants(task),
    )
    brainstate.nn.init_all_states(model, batch_size=len(inputs))

    def step(x: Array) -> tuple[Array, Array]:
        return model.update(x), model.spikes.value.mean()

    outputs, rates = brainstate.transform.for_loop(step, jnp.swapaxes(inputs, 0, 1))
    return outputs[-task.readout_steps :].mean(0), rates.mean()


def time_constants(task: Task) -> tuple[float, float]:
    """One step to half of the sequence, 8 at least: memory of every length a task can need."""
    return 1.0, max(8.0, task.steps / 2)


def training_step(
    state: State,
    inputs: Array,
    labels: Array,
    surrogate: Surrogate,
    task: Task,
    settings: Settings,
) -> tuple[State, Array]:
    def loss_of(weights: dict[str, Array]) -> Array:
        outputs, _ = outputs_and_rate(weights, inputs, surrogate, task, settings)
        return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()

    loss, gradient = jax.value_and_grad(loss_of)(state.weights)
    changes, memory = optimizer(task, settings).update(gradient, state.optimizer, state.weights)
    return State(optax.apply_updates(state.weights, changes), memory), loss


def _epoch_of(build: Callable, task: Task, settings: Settings) -> Callable:
    """``(state, key, parameters) -> (state, Curves)``, of one candidate and one seed."""
    inputs, labels = jnp.asarray(task.train.inputs), jnp.asarray(task.train.labels)
    batches = batches_per_epoch(task, settings)
    size = min(settings.batch_size, len(labels))

    def epoch(state: State, key: Array, parameters: dict[str, Array]) -> tuple[State, Curves]:
        surrogate = build(parameters)

        def step(state: State, rows: Array) -> tuple[State, Array]:
            return training_step(state, inputs[rows], labels[rows], surrogate, task, settings)

        rows = jax.random.permutation(key, len(labels))[: batches * size].reshape(batches, size)
        state, losses = jax.lax.scan(step, state, rows)
        accuracy, _ = _accuracy_and_rate(state.weights, surrogate, task.validation, task, settings)
        return state, Curves(losses.mean(), accuracy)

    return epoch


def _test_of(build: Callable, task: Task, settings: Settings) -> Callable:
    """``(state, key, parameters) -> (accuracy, firing rate)``, of one candidate and one seed."""

    def test(state: State, _: Array, parameters: dict[str, Array]) -> tuple[Array, Array]:
        return _accuracy_and_rate(state.weights, build(parameters), task.test, task, settings)

    return test


def _accuracy_and_rate(
    weights: dict[str, Array], surrogate: Surrogate, split: Split, task: Task, settings: Settings
) -> tuple[Array, Array]:
    outputs, rate = outputs_and_rate(weights, jnp.asarray(split.inputs), surrogate, task, settings)
    return jnp.mean(outputs.argmax(-1) == split.labels), rate
