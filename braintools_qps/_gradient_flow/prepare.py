"""Bring a network into the range where it learns: diagnose, apply the remedy, diagnose again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._models import batch_size, by_population, checked_inputs, restoring, set_surrogate
from .._registry import surrogate_spec
from .._surrogate import QPseudoSpike
from ..records import CAUSES, Diagnosis, Preparation
from ..typing import SurrogateSpec
from .cotangents import Objective
from .diagnose import diagnose
from .evaluate import Evaluator, Passes
from .information import FEWEST, checked_labels, told
from .normalize import normalize_surrogate
from .normalize_rates import checked_rate, normalize_rates
from .passes import forward, replaced, with_index
from .relay import chain, relay_weights
from .step import Step
from .tracing import trace

SHALLOW = 8  # populations in a row that train with random weights
ENOUGH = 0.5  # of what the best population tells: if the last tells it, a deep stack is left alone
NEAR_1 = (0.25, 4.0)  # distances from rest to threshold for which a scale of 1 is right
ROUNDS = 3
OURS = {"normalize_rates", "normalize_surrogate", "relay_weights", "set_surrogate"}
DRAWS = 2  # random projections of the output: enough to tell whether there is a gradient
OF_RATES = ("silent", "saturated", "information lost")
OF_SURROGATES = (
    "not finite", "negative derivative", "out of reach", "too high", "direction lost",
)  # fmt: skip
HARMLESS = ("fading", "direction lost", "none")  # causes that a model may be left with


class View(NamedTuple):
    """A model at one moment."""

    step: Step
    diagnosis: Diagnosis
    scrambles: bool  # it is deep, and its last population tells little
    flat: bool  # a surrogate gradient is 0 at all membrane potentials


class Change(NamedTuple):
    """A line of code, and the call that it stands for."""

    line: str
    apply: Callable[[], Any]


def prepare(
    model: Any,
    inputs: Any,
    *,
    labels: Any = None,
    surrogate: SurrogateSpec = "QPseudoSpike(alpha=8)",
    rate: float | None = None,
    objective: Callable[[Any], Any] | None = None,
) -> Preparation:
    """Bring a network into the range where it learns, in one call between making and training it.

    It diagnoses the model as `gradient_flow` does, applies the remedy, and diagnoses again:

    1. Weights that all have the same sign lose their mean. `normalize_rates` brings every
       population to ``rate``. In a stack of more than 8 populations, the last of which tells less
       than half of what the inputs tell, `relay_weights` replaces the weights between them instead.
    2. If anything was changed, or the surrogate is the cause, the model gets ``surrogate``, lowered
       by `normalize_surrogate` to a mean slope of at most 0.1.

    A network without a cause comes back unchanged. All or nothing: after an error, Ctrl-C included,
    the model is as it was.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`, before training: weights may be scaled or replaced.
    inputs : Array, Quantity or pytree of them
        A batch of training data, of shape (time, features) or (time, batch, features...).
    labels : array, optional
        One label per sample, as for `gradient_flow`. Without them, a deep stack is judged by how
        much its last population tells about the inputs.
    surrogate : str, mapping, type or Surrogate
        The surrogate for a model that needs something, as for `normalize_surrogate`. A
        `QPseudoSpike` without a scale gets the distance from rest to threshold as its scale where
        that has a unit or is far from 1.
    rate : float, optional
        Firing rate, in spikes per neuron and step. By default 0.1, and 0.2 in deep stacks.
    objective : callable, optional
        As for `gradient_flow`.

    Returns
    -------
    Preparation
        The diagnosis before and after, and the lines of code that do the same; ``print`` shows
        them.

    Raises
    ------
    ValueError
        If the cause is not for `prepare` to remove, such as a stop_gradient, NaN in the inputs or
        weights of 0: the message is the diagnosis. If a population cannot reach the rate, the
        model would end worse than it began, or has no neuron with ``V`` and ``spk_fun``. If inputs
        or labels are not as for `gradient_flow`.

    See Also
    --------
    gradient_flow : Only says what is wrong.
    relay_weights : For deep stacks.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax, jax.numpy as jnp
    >>> from braintools_qps import prepare
    >>> brainstate.random.seed(0)
    >>> network = brainstate.nn.Sequential(
    ...     brainstate.nn.Linear(20, 50),
    ...     lambda z: z * u.mA,
    ...     brainpy.state.LIF(50, V_th=8 * u.mV),
    ... )
    >>> samples = jax.random.uniform(jax.random.key(0), (4, 20))
    >>> inputs = jnp.broadcast_to(samples, (30, 4, 20))  # the same at each step
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     done = prepare(network, inputs)
    >>> done.before.cause, done.after.cause
    ('silent', 'none')
    >>> print(done.lines[1])
    normalize_rates(model, inputs)
    """
    if rate is not None:
        rate = checked_rate(rate)
    inputs = checked_inputs(inputs)
    _check_finite(inputs)
    known = None if labels is None else checked_labels(labels, batch_size(inputs))
    look = Look(model, inputs, known, Objective(objective, DRAWS))
    with restoring(model, only_errors=True):
        before = now = look()
        lines: list[str] = []
        for _ in range(ROUNDS):
            changes = _changes(model, inputs, now, surrogate, rate)
            if not changes or changes[-1].line in lines:
                break
            for change in changes:
                change.apply()
            lines += [change.line for change in changes]
            now = look()
        if _is_worse(before.diagnosis, now.diagnosis):
            raise _not_cured(look(remedy=True), lines)
    return Preparation(before.diagnosis, now.diagnosis, _with_imports(lines))


class Look:
    """Diagnoses a model again and again. Its passes are compiled once."""

    def __init__(
        self, model: Any, inputs: Any, labels: np.ndarray | None, objective: Objective
    ) -> None:
        self.model, self.inputs, self.labels, self.objective = model, inputs, labels, objective
        self.passes: Passes | None = None

    def __call__(self, *, remedy: bool = False) -> View:
        """Diagnose the model, and measure whether it is deep and tells little at its end."""
        step = trace(self.model, self.inputs)
        evaluator = Evaluator(
            step, self.inputs, self.objective, self.passes, self.model, self.labels
        )
        self.passes = evaluator.passes  # the step is the same but for its arrays
        measured = evaluator.measure({p.name: p.spike for p in step.populations})
        diagnosis, _, _ = diagnose(evaluator, measured, remedy=remedy)
        deep = len(chain(step)) >= SHALLOW
        scrambles = deep and _scrambles(evaluator, self.inputs, diagnosis)
        flat = not all(map(np.any, measured.slopes))
        return View(step, diagnosis, scrambles, flat)


def _scrambles(evaluator: Evaluator, inputs: Any, diagnosis: Diagnosis) -> bool:
    """Whether the last population tells less than half of what the best one tells.

    It is about the labels; without labels, about the mean inputs over time. Where no population
    tells anything, for lack of samples, silence decides.
    """
    best, last = _told(evaluator, inputs)
    return last <= ENOUGH * best if best > 0 else diagnosis.cause in OF_RATES


def _told(evaluator: Evaluator, inputs: Any) -> tuple[float, float]:
    """How much above chance the best population tells, and the last one."""
    information, each = evaluator.information, evaluator.told
    if information is None:
        if evaluator.batch is None or evaluator.batch < FEWEST:
            return 0.0, 0.0
        leaves = [np.asarray(leaf, np.float64).mean(axis=0) for leaf in jax.tree.leaves(inputs)]
        means = np.concatenate([leaf.reshape(evaluator.batch, -1) for leaf in leaves], axis=1)
        information, each = told(inputs, evaluator.counts(), means)
    return max(each) - information.chance, each[-1] - information.chance


def _changes(
    model: Any, inputs: Any, now: View, surrogate: Any, rate: float | None
) -> list[Change]:
    """What to do next, rates before surrogates."""
    at: dict[str, Any] = {} if rate is None else {"rate": rate}
    options = "".join(f", {name}={value!r}" for name, value in at.items())
    changes: list[Change] = []
    if now.scrambles:
        relay = partial(relay_weights, model, inputs, **at)
        changes = [Change(f"relay_weights(model, inputs{options})", relay)]
    elif now.diagnosis.cause in OF_RATES:
        scale = partial(normalize_rates, model, inputs, **at)
        changes = [
            *_centred(model, now.step),
            Change(f"normalize_rates(model, inputs{options})", scale),
        ]
    cause = now.diagnosis.cause
    if changes or cause in OF_SURROGATES or (cause == "no gradient" and now.flat):
        changes.append(_lowered(model, inputs, _fitted(surrogate, now.step, inputs)))
    return changes


def _lowered(model: Any, inputs: Any, surrogate: Any) -> Change:
    """Put a surrogate into all neurons, as high as `normalize_surrogate` says."""

    def apply() -> None:
        set_surrogate(model, normalize_surrogate(model, inputs, surrogate=surrogate))

    line = (
        f"set_surrogate(model, normalize_surrogate(model, inputs, surrogate={_written(surrogate)}))"
    )
    return Change(line, apply)


def _written(surrogate: Any) -> str:
    """A surrogate, or one for each population, as code that needs no import."""
    if isinstance(surrogate, Surrogate):
        return repr(surrogate_spec(surrogate))
    if isinstance(surrogate, dict) and all(
        isinstance(one, Surrogate) for one in surrogate.values()
    ):
        return repr({name: surrogate_spec(one) for name, one in surrogate.items()})
    return repr(surrogate)


def _centred(model: Any, step: Step) -> list[Change]:
    """Subtract the mean of each weight matrix of populations whose weights have one sign."""
    owners = [source.place for source in step.sources for _ in range(source.structure.num_leaves)]
    states, changes = step.arrays.states, []
    for population in step.populations:
        matrices = [i for i in step.input_weights(population) if states[i].ndim > 1]
        if matrices and all((states[i] >= 0).all() or (states[i] <= 0).all() for i in matrices):
            changes += [_centring(model, owners[i]) for i in matrices]
    return changes


def _centring(model: Any, place: Any) -> Change:
    """Subtract the mean of each matrix in a state."""

    def apply() -> None:
        state = brainstate.graph.states(model)[place]
        state.value = jax.tree.map(lambda w: w - w.mean() if w.ndim > 1 else w, state.value)

    line = (
        f"state = brainstate.graph.states(model)[{place!r}]; state.value = "
        "jax.tree.map(lambda w: w - w.mean() if w.ndim > 1 else w, state.value)"
    )
    return Change(line, apply)


def _fitted(surrogate: Any, step: Step, inputs: Any) -> Any:
    """The surrogate, with a scale for neurons whose threshold is not about 1 from rest."""
    names = [population.name for population in step.populations]
    chosen = by_population(surrogate, names)
    fitted = dict(chosen)
    for population, distance in zip(step.populations, _distances(step, inputs)):
        spike, unit = chosen.get(population.name), population.argument_unit
        if not isinstance(spike, QPseudoSpike) or spike.scale is not None or distance <= 0:
            continue
        if unit is not None or not NEAR_1[0] <= distance <= NEAR_1[1]:
            scale = float(f"{distance:.3g}")
            scaled = spike.replace(scale=scale if unit is None else u.Quantity(scale, unit=unit))
            fitted[population.name] = scaled
    if fitted == chosen:
        return surrogate
    same = len(fitted) == len(names) and len(set(fitted.values())) == 1
    return next(iter(fitted.values())) if same else fitted


def _distances(step: Step, inputs: Any) -> list[float]:
    """From rest to threshold, in units of the spike function's argument, by population."""
    weights = sorted({i for p in step.populations for i in step.input_weights(p)})
    nothing = [jnp.zeros_like(step.arrays.states[i]) for i in weights]
    arrays = step.arrays._replace(states=replaced(step.arrays.states, weights, nothing))
    indexed = with_index(jax.tree.map(lambda x: jnp.zeros_like(x[:1]), inputs))
    arguments = forward(step, arrays, indexed).arguments
    return [-float(arguments[p.call].mean()) for p in step.populations]


def _check_finite(inputs: Any) -> None:
    """Raise if the inputs hold NaN or infinity: no change of the model mends that."""
    for leaf in jax.tree.leaves(inputs):
        bad = np.argwhere(~np.isfinite(np.asarray(leaf)))
        if len(bad):
            raise ValueError(
                f"inputs must be finite, got NaN or infinity in {len(bad)} of {np.size(leaf)} "
                f"entries, first at {tuple(map(int, bad[0]))}. Drop or fill them, for example with "
                "jax.numpy.nan_to_num(inputs)"
            )


def _is_worse(before: Diagnosis, after: Diagnosis) -> bool:
    """Whether the model still cannot learn, or has a more basic cause than at the start."""
    order = list(CAUSES)
    return after.cause not in HARMLESS or order.index(after.cause) < order.index(before.cause)


def _not_cured(now: View, lines: list[str]) -> ValueError:
    """The error for a model that has a cause left."""
    after = now.diagnosis
    tried = f" after {'; '.join(lines)}" if lines else ""
    return ValueError(
        f"prepare must leave a model that can learn, but{tried} the diagnosis is: {after} The "
        "model is as it was"
    )


def _with_imports(lines: list[str]) -> tuple[str, ...]:
    """The lines, with what they need to run before them."""
    if not lines:
        return ()
    called = set(re.findall(r"\b(\w+)[(.]", " ".join(lines)))
    modules = [f"import {name}" for name in ("brainstate", "jax") if name in called]
    return (*modules, f"from braintools_qps import {', '.join(sorted(called & OURS))}", *lines)
