"""Bring a network into the range where it learns: diagnose, apply the remedy, diagnose again.

A change is lines of code, which are run as they are printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from .._causes import limits
from .._models import batch_size, checked_inputs, restoring
from .._surrogate import QPseudoSpike
from ..records import Diagnosis, PopulationFlow, Preparation
from ..typing import Inputs, Model, SurrogateSpec
from .cotangents import Objective
from .diagnose import diagnose
from .evaluate import Evaluator, Measured
from .findings import IMPORT, samples_first
from .fitting import STEADY, fitted, learning_rate_for, steady_slope
from .labels import checked_labels
from .normalize_rates import checked_rate
from .passes import compiling_once
from .relay import is_deep
from .remedies import normalizing
from .tracing import trace

ROUNDS = 8  # of diagnoses and remedies
QUIET = 0.01  # spikes per neuron and step
OF_RATES = ("silent", "saturated", "information lost")
OF_SURROGATES = (
    "not finite", "no gradient", "negative derivative", "out of reach", "too wide",
    "too high", "direction lost",
)  # fmt: skip
HARMLESS = ("fading", "none")  # causes that a model may be left with


class View(NamedTuple):
    """A model at one moment."""

    measured: Measured
    diagnosis: Diagnosis

    def grows(self) -> list[PopulationFlow]:
        """Populations with a high surrogate through which the gradient grows too much."""
        populations = self.measured.populations
        return [p for p in populations if p.slopes.is_high and p.gradient.end_to_end > STEADY]

    def needs_rates(self) -> bool:
        """Whether rates are the cause, or nearly die out while the gradient grows."""
        lowest = min(p.activity.firing_rate for p in self.measured.populations)
        return self.diagnosis.cause in OF_RATES or (lowest < QUIET and bool(self.grows()))

    def needs_surrogate(self) -> bool:
        """Whether the surrogate is the cause, or lets the gradient grow."""
        cause, is_flat = self.diagnosis.cause, not all(map(np.any, self.measured.slopes))
        is_cause = cause in OF_SURROGATES and (is_flat or cause != "no gradient")
        return is_cause or bool(self.grows())

    def reason(self) -> Diagnosis:
        """The diagnosis, or what is to be changed although nothing prevents learning."""
        if self.diagnosis.cause != "none" or not (grown := self.grows()):
            return self.diagnosis
        worst = max(grown, key=lambda p: p.gradient.end_to_end)
        times = float(f"{worst.gradient.end_to_end:.1g}")
        text = (
            f"Nothing prevents learning, but with a mean slope of {worst.slopes.per_scale:.2g} the "
            f"gradient of {worst.name} is {times:,.0f} times as large at the first step as at the "
            "last."
        )
        return replace(self.diagnosis, text=text)


def prepare(
    model: Model,
    inputs: Inputs,
    *,
    batch_first: bool = False,
    labels: Any = None,
    surrogate: SurrogateSpec = QPseudoSpike(alpha=8),
    rate: float | None = None,
    objective: Callable[[Any], Any] | None = None,
) -> Preparation:
    """Bring a network into the range where it learns, in one call between making and training it.

    It diagnoses the model as `gradient_flow` does, applies a remedy, and diagnoses again, until
    there is no cause left. The remedies, the first that applies first:

    1. If populations are silent or saturated, weights that all have the same sign lose their mean,
       and `normalize_rates` brings every population to ``rate``. In a stack of more than 8
       populations `relay_weights` replaces the weights between them instead.
    2. If weights were changed so, or the surrogate is the cause, the model gets ``surrogate``: as
       it is after `relay_weights`, else lowered by `normalize_surrogate` to a mean slope of at
       most 0.1, and further where the gradient would grow more than 1000-fold over the steps. So
       it does where the gradient grows as much with a mean slope above 0.2; populations that fire
       less than 0.01 times per step get a rate first.
    3. Whatever line `gradient_flow` prints: less inhibition, another dropout, a gradient that stops
       at the reset.

    Any other network without a cause comes back unchanged. All or nothing: after an error, Ctrl-C
    included, the model is as it was. Inputs are never changed.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`, before training: weights may be scaled or replaced.
    inputs : Array, Quantity or pytree of them
        A batch of training data, of shape (time, features) or (time, batch, features...).
    batch_first : bool
        Whether inputs have the shape (batch, time, features...), as for `gradient_flow`.
    labels : array, optional
        As for `gradient_flow`.
    surrogate : str, mapping, type or Surrogate
        The surrogate for a model that needs something, as for `normalize_surrogate`. A
        `QPseudoSpike` without a scale gets the membranes' usual distance from the threshold as its
        scale where that has a unit or is far from 1.
    rate : float, optional
        Firing rate, in spikes per neuron and step. By default 0.1, and 0.2 in deep stacks.
    objective : callable, optional
        As for `gradient_flow`.

    Returns
    -------
    Preparation
        The diagnosis before and after, the lines of code that do the same, and a learning rate to
        start from; ``print`` shows them.

    Raises
    ------
    ValueError
        If the cause is not for `prepare` to remove, such as a stop_gradient, NaN in the inputs or
        weights of 0: the message is the diagnosis. If a remedy cannot be applied, for example
        because two populations share their weights: the message is the diagnosis, then why. If the
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
    inputs = checked_inputs(inputs, batch_first=batch_first)
    known = None if labels is None else checked_labels(labels, batch_size(inputs))
    options = "" if rate is None else f", rate={checked_rate(rate)!r}"
    run = Preparing(model, inputs, known, Objective(objective), surrogate, options)
    with compiling_once(), restoring(model, only_errors=True):
        before = now = run.look()
        for _ in range(ROUNDS):
            if not any(map(run.goes, run.ways(now))):
                break
            now = run.look()
        if run.failed:
            left = (before if run.lines else run.look(remedy=True)).reason()
            raise ValueError(
                f"{_said(left)}\nprepare cannot mend this, and changed nothing: {run.failed}"
            ) from run.failed
        if now.diagnosis.cause not in HARMLESS:
            raise _not_cured(run.look(remedy=True).diagnosis, run.lines)
        if not run.lines and now.diagnosis.cause != "none":
            before = now = run.look(remedy=True)  # with what is for the user to do
    lines, learning_rate = _with_imports(run.lines), None
    if batch_first:
        lines = list(map(samples_first, lines))
    relayed = run.has("relay_weights")
    if relayed or run.has("normalize_surrogate"):
        learning_rate = learning_rate_for(now.measured.evaluator, relayed=relayed)
        lines.append(f"learning_rate = {learning_rate:g}  # for Adam, to start from")
    return Preparation(before.reason(), now.diagnosis, tuple(lines), learning_rate)


@dataclass
class Preparing:
    """A model under preparation, and the lines that were run on it."""

    model: Model
    inputs: Inputs
    labels: np.ndarray | None
    objective: Objective
    surrogate: SurrogateSpec
    options: str  # of the functions that set a rate
    lines: list[str] = field(default_factory=list)
    failed: ValueError | None = None

    def look(self, *, remedy: bool = False) -> View:
        """Diagnose the model."""
        step = trace(self.model, self.inputs)
        evaluator = Evaluator(step, self.inputs, self.objective, self.model, self.labels)
        measured = evaluator.measure(step.spikes)
        return View(measured, diagnose(measured, remedy=remedy)[0])

    def goes(self, lines: list[str]) -> bool:
        """Run some lines on the model, but none twice; after a ValueError it is as before."""
        if lines[-1] in self.lines:
            return False
        scope = {"model": self.model, "inputs": self.inputs, "surrogate": self.surrogate}
        try:
            with restoring(self.model, only_errors=True):
                exec("\n".join(lines), scope)
        except ValueError as error:
            self.failed = error
            return False
        self.lines, self.failed = [*self.lines, *lines], None
        return True

    def has(self, call: str) -> bool:
        """Whether a function was called."""
        return any(f"{call}(" in line for line in self.lines)

    def ways(self, now: View) -> Iterator[list[str]]:
        """Lines that may remove the cause: weights, then surrogates, then what is advised."""
        yield from self.weights(now)
        yield from self.surrogates(now)
        code = None if now.diagnosis.cause == "none" else self.look(remedy=True).diagnosis.code
        if code is not None and not re.search(r"\binputs = ", code):
            yield [code]

    def weights(self, now: View) -> Iterator[list[str]]:
        """Weights that pass spikes on, in deep stacks, or that bring populations to a rate."""
        if not now.needs_rates():
            return
        step = now.measured.step
        if is_deep(step) and not self.has("relay_weights"):
            yield [f"{IMPORT}relay_weights; relay_weights(model, inputs{self.options})"]
        yield normalizing(step, self.options)

    def surrogates(self, now: View) -> Iterator[list[str]]:
        """A surrogate for all populations, as high as the gradient stays steady."""
        relayed = self.has("relay_weights")
        scaled = relayed or self.has("normalize_rates")
        if self.has("normalize_surrogate") or not (scaled or now.needs_surrogate()):
            return
        chosen = fitted(self.surrogate, now.measured.evaluator)
        text = chosen.code
        if relayed:  # the gradient grows there, and they train all the same
            yield [*chosen.before, f"{IMPORT}set_surrogate; set_surrogate(model, {text})"]
            return
        slope = steady_slope(now.measured.evaluator, chosen.surrogates)
        if scaled or slope:
            text += f", mean_slope={slope:g}" if slope not in (None, limits.HIGH_SLOPE) else ""
            yield [
                *chosen.before,
                f"{IMPORT}normalize_surrogate, set_surrogate; set_surrogate(model, "
                f"normalize_surrogate(model, inputs, surrogate={text}))",
            ]


def _said(left: Diagnosis) -> str:
    """A diagnosis and its remedy, if it has one."""
    return "\n".join(filter(None, (left.text, left.remedy)))


def _not_cured(left: Diagnosis, lines: list[str]) -> ValueError:
    """The error for a model that has a cause left."""
    said = ["prepare must leave a model that can learn; this one is as it was"]
    said += [f"After {line}:" for line in _with_imports(lines) if not line.startswith(IMPORT)]
    return ValueError("\n".join([*said, _said(left)]))


def _with_imports(lines: list[str]) -> list[str]:
    """The lines with one import before them."""
    parts = [re.fullmatch(f"(?:{IMPORT}([^;]+); )?(.+)", line) for line in lines]
    names = {name for part in parts if part and part[1] for name in part[1].split(", ")}
    bodies = [part[2] for part in parts if part]
    return [f"{IMPORT}{', '.join(sorted(names))}", *bodies] if names else bodies
