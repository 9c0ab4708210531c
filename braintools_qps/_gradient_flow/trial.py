"""A short training on the given batch: does the network learn?

Whether rates and slopes are in range says little about it; forty steps of training tell. The step
is trained on its arrays, so the model, its states and its random state are never touched.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from .._defaults import LEARNING_RATE
from .._jaxpr import Tap
from .._surrogate import QPseudoSpike, Scaled
from ..records import LearningTrial
from ..typing import SpikeFunction
from .loss import Loss
from .passes import compiled, replaced
from .slopes import slopes_at
from .step import Arrays, Spikes, Step

SHARE = 0.1  # a step of Adam, relative to the root mean square of the weights
ZEROS = 0.1  # stands for the root mean square of weights that are all 0
SMALLER, LARGEST = 0.3, 0.03  # factor on the steps of a second trial, and their upper bound
STILL = 1e-3  # a smaller share of a step of Adam means that the gradient is next to 0
PIECE, FIRST, LONGEST = 10, 40, 200  # steps in one program; fewest and most steps of a trial
HOPELESS = 0.02  # a trial ends if the loss falls by a smaller share, overall and lately
RATES = (0.1, 0.03, 0.01, 0.003, 0.001)  # of plain Adam, tried from the smallest
AS_GOOD = 0.1  # of the constant answer's loss; a smaller rate may end this much higher
LATE = 5  # last steps, whose mean loss ranks the rates
PATIENCE = 3  # seconds before a progress bar appears


class Training(NamedTuple):
    """A network in training."""

    weights: list[Array]
    adam: Any
    lasting: list[Array]  # states that outlast a run: running statistics, random keys
    moved: list[Array]  # whether Adam has moved each parameter
    broken: list[Array]  # whether it was among the first that became NaN or infinite


class Tried(NamedTuple):
    """The result of a trial; parameters are positions among the leaves of the states."""

    record: LearningTrial
    moved: tuple[int, ...]  # parameters that Adam moved
    not_finite: tuple[int, ...]  # parameters that were the first to become NaN or infinite
    states: tuple[Array, ...] = ()  # the leaves of all states, trained


class Rate(NamedTuple):
    """A learning rate for Adam, and whether any lowers the loss by a tenth."""

    value: float
    helps: bool


class Setting(NamedTuple):
    """What a training program takes besides the network in training."""

    arrays: Arrays
    indexed: Sequence[Array]  # the inputs
    heights: Mapping[str, Any]  # of the surrogates, by population
    sizes: Sequence[Any]  # of a step of Adam, by parameter


class Trials:
    """Short trainings with one loss, which share compiled programs."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self._train = partial(train, loss)

    def judge(
        self, step: Step, spikes: Spikes, indexed: Sequence[Array], longest: int = LONGEST
    ) -> Tried:
        """Train a network; if it does not learn, perhaps again with smaller steps."""
        tried = self.run(step, spikes, indexed, longest)
        first = tried.record
        moves = np.ptp(first.losses) > HOPELESS * first.span
        if first.learns or not (moves or tried.not_finite):
            return tried
        lead = 0.0 if tried.not_finite else first.share_gone
        careful = self.run(step, spikes, indexed, longest, smaller_steps=True, lead=lead)
        return max(tried, careful, key=lambda each: each.record.share_gone)

    def run(
        self,
        step: Step,
        spikes: Spikes,
        indexed: Sequence[Array],
        longest: int,
        *,
        smaller_steps: bool = False,
        lead: float = 0.0,
    ) -> Tried:
        """Train until the loss has halved, or no longer falls.

        ``lead`` is the share by which another trial lowered the loss: after the first steps, this
        one continues only while it is better.
        """
        program, heights = self._program(step, spikes)
        sizes = [_step_size(w, smaller_steps) for w in _weights(step)]
        setting = Setting(step.arrays, indexed, heights, sizes)
        training, record = started(step), self.loss.trial()
        with _bar("trial", LONGEST) as advance:
            while not _is_over(record, longest, lead):
                training, losses = program(setting, training)
                more = np.asarray(losses, np.float64).tolist()
                record = self.loss.trial((*record.losses, *more))
                advance(PIECE)
        moved = tuple(i for i, has in zip(step.parameters, training.moved) if has)
        bad = tuple(i for i, is_bad in zip(step.parameters, training.broken) if is_bad)
        return Tried(record, moved, bad, trained_states(step, step.arrays, training))

    def learning_rate(self, step: Step, spikes: Spikes, indexed: Sequence[Array]) -> Rate:
        """The smallest rate for Adam that is about as good as the best, after the first steps.

        If no rate lowers the loss by a tenth, the usual one.
        """
        (program, heights), n = self._program(step, spikes), len(step.parameters)
        gone: dict[float, float] = {}
        with _bar("learning rates", FIRST * len(RATES)) as advance:
            for rate in sorted(RATES):
                training, losses = started(step), np.zeros(0)
                setting = Setting(step.arrays, indexed, heights, [rate] * n)
                for _ in range(FIRST // PIECE):
                    training, losses = program(setting, training)
                    jax.block_until_ready(losses)
                    advance(PIECE)
                gone[rate] = self.loss.gone(float(np.asarray(losses)[-LATE:].mean()))
                if gone[rate] >= 1 - AS_GOOD and _named(gone) == rate:
                    break  # a larger rate cannot be better by more than AS_GOOD
        helps = max(gone.values()) >= AS_GOOD
        return Rate(_named(gone) if helps else LEARNING_RATE, helps)

    def _program(self, step: Step, spikes: Spikes) -> tuple[Callable, dict[str, float]]:
        """The training program, and the dampenings that it takes."""
        undamped = {name: without_dampening(spike) for name, spike in spikes.items()}
        bases = {name: base for name, (base, _) in undamped.items()}
        heights = {name: height for name, (_, height) in undamped.items()}
        return compiled(self._train, step, bases), heights


def started(step: Step) -> Training:
    """The network before its first step of training."""
    weights = _weights(step)
    start = step.start(step.arrays)
    lasting = [start[j] for j in step.lasting]
    # Zeros of NumPy, as JAX would compile a program for those of each shape.
    adam = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), jax.eval_shape(ADAM.init, weights))
    none: list[Any] = [np.zeros((), bool)] * len(weights)
    return Training(weights, adam, lasting, none, none)


ADAM = optax.scale_by_adam()


def trained_states(step: Step, arrays: Arrays, training: Training) -> tuple[Array, ...]:
    """The leaves of all states with the weights of a training."""
    states = replaced(arrays.states, step.parameters, training.weights)
    return tuple(replaced(states, [step.written[j] for j in step.lasting], training.lasting))


def train(
    loss: Loss, step: Step, spikes: Spikes, setting: Setting, training: Training
) -> tuple[Training, Array]:
    """Take some steps of Adam, and return the loss before each."""

    def value(weights: list[Array], now: Training) -> tuple[Array, list[Array]]:
        states = trained_states(step, setting.arrays, now._replace(weights=weights))
        arrays = setting.arrays._replace(states=states)
        outputs, lasting = outputs_of(step, spikes, setting._replace(arrays=arrays))
        return loss.of(outputs), lasting

    def update(now: Training, _: None) -> tuple[Training, Array]:
        (lost, lasting), slopes = jax.value_and_grad(value, has_aux=True)(now.weights, now)
        changes, adam = ADAM.update(slopes, now.adam)
        steps = zip(now.weights, setting.sizes, changes)
        weights = [w - (size * change).astype(w.dtype) for w, size, change in steps]
        moved = [was | jnp.any(jnp.abs(c) > STILL) for was, c in zip(now.moved, changes)]
        bad, are_sound = [~jnp.isfinite(w).all() for w in weights], ~jnp.any(jnp.array(now.broken))
        broken = [was | (are_sound & is_bad) for was, is_bad in zip(now.broken, bad)]
        return Training(weights, adam, lasting, moved, broken), lost

    with jax.numpy_dtype_promotion("standard"):  # optax knows no other
        return jax.lax.scan(update, training, None, PIECE)


def outputs_of(step: Step, spikes: Spikes, setting: Setting) -> tuple[list[Array], list[Array]]:
    """The outputs of all steps, differentiable through the surrogates, and the lasting states."""
    arrays, indexed, heights, _ = setting

    def slope(name: str, argument: Array) -> Array:
        slopes = slopes_at(spikes[name], argument, step.argument_units[name])
        return slopes * jnp.asarray(heights[name], slopes.dtype)

    def advance(written: list[Array], x: list[Array]) -> tuple[list[Array], list[Array]]:
        result = step(arrays, x, written, Tap(slope))
        return result.written, result.outputs

    written, outputs = jax.lax.scan(advance, step.start(arrays), list(indexed))
    return outputs, [written[j] for j in step.lasting]


def _weights(step: Step) -> list[Array]:
    return [jnp.asarray(step.arrays.states[i]) for i in step.parameters]


def _step_size(weights: Array, smaller: bool) -> float:
    """The size of a step of Adam: a share of the weights' root mean square."""
    usual = float(np.sqrt(np.mean(np.square(np.asarray(weights, np.float64)))))
    if smaller and usual:
        return min(SMALLER * SHARE * usual, LARGEST)
    return SHARE * (usual or ZEROS)


def _named(gone: Mapping[float, float]) -> float:
    """The rate to name, from the share of the loss that each takes away."""
    enough = max(gone.values()) - AS_GOOD
    return min(rate for rate, share in gone.items() if share >= enough)


def _is_over(now: LearningTrial, longest: int, lead: float) -> bool:
    """Whether to end a trial: the loss has halved, or it no longer falls."""
    losses = now.losses
    if not losses or now.learns:
        return bool(losses)
    if not np.isfinite(losses[-1]) or len(losses) >= longest:
        return True
    if len(losses) > FIRST and now.share_gone < lead:
        return True
    falls = losses[-PIECE] - losses[-1] > HOPELESS * now.span
    return len(losses) >= FIRST and now.share_gone < HOPELESS and not falls


def without_dampening(spike: SpikeFunction) -> tuple[SpikeFunction, float]:
    """A surrogate without its dampening, and that: one program serves all dampenings."""
    if not isinstance(spike, (QPseudoSpike, Scaled)) or not isinstance(spike.dampening, float):
        return spike, 1.0
    base = spike.replace(dampening=1.0)
    if isinstance(base, Scaled) and base.scale is None and base.residual_dtype is None:
        return base.surrogate, spike.dampening
    return base, spike.dampening


@contextmanager
def _bar(name: str, steps: int) -> Iterator[Callable[[int], Any]]:
    """A progress bar over this number of steps, if they take longer than some seconds."""
    if importlib.util.find_spec("tqdm") is None:
        yield lambda steps: None
        return
    from tqdm.auto import tqdm

    look: dict[str, Any] = {"leave": False, "unit": "step", "disable": None}  # not into files
    with tqdm(total=steps, delay=PATIENCE, desc=name, **look) as bar:
        yield bar.update
