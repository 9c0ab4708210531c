"""Make a network learn: try changes in short trainings, and apply those that help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._defaults import LEARNING_RATE
from .._models import checked_inputs, restoring
from .._wording import plural
from ..records import Diagnosis, Preparation
from ..typing import Batches, Inputs, Model, SurrogateSpec
from .changes import with_imports
from .cotangents import Objective
from .diagnose import Verdict, diagnose, trials_of
from .evaluate import SURROGATE, USUAL, Wanted, evaluator_of
from .labels import checked_labels, labels_of, said_of_data
from .normalize_rates import checked_rate
from .passes import compiling_once
from .trial import FIRST, RATES, Trials

ROUNDS = 4  # the most changes, one after the other
NONE = Objective()


def prepare(
    model: Model,
    inputs: Inputs,
    *,
    batch_first: bool = False,
    labels: Any = None,
    surrogate: SurrogateSpec = SURROGATE,
    rate: float | None = None,
    objective: Callable[[Any], Any] | None = None,
) -> Preparation:
    """Change a network until it learns, and name a learning rate; call it before training.

    It trains a copy of the model for a few steps on the inputs, as `gradient_flow` does. If the
    copy learns, the model stays unchanged. If not, it tries changes on a copy, and applies the
    first one with which a short training is clearly better, then looks again, up to four times. The
    changes are other firing rates (`normalize_rates`), another surrogate with a lower dampening
    (`normalize_surrogate`), in deep stacks `relay_weights`, and less dropout. Inputs never change.

    To find the learning rate, it trains a copy for 40 steps of Adam with each of 0.001, 0.003,
    0.01, 0.03 and 0.1, as long as a larger rate could still be better. It names the smallest rate
    whose loss is higher than the lowest one by at most a tenth of the loss of a constant answer. If
    no rate lowers the loss by such a tenth, it names 0.01, and ``print`` warns.

    After an error, Ctrl-C included, the model is as it was.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`. Weights may be scaled or replaced, so call it before training.
    inputs : Array, Quantity or pytree of them, or Task
        A batch of training data, of shape (time, batch, features...), or a task of `load_task`. If
        there are more than 64 samples, 64 of them are used, as in `gradient_flow`.
    batch_first : bool
        Whether inputs have the shape (batch, time, features...), as for `gradient_flow`.
    labels : array, optional
        One label per sample, as for `gradient_flow`; for a task, ``task.batch(64).labels``. Without
        labels and objective, the trial uses random labels.
    surrogate : str, mapping, type or Surrogate
        The surrogate to use if the model needs another one, as for `normalize_surrogate`. If a
        `QPseudoSpike` has no scale, and the membranes' usual distance from the threshold has a unit
        or is far from 1, that distance becomes its scale.
    rate : float, optional
        Firing rate to bring populations to, in spikes per neuron and step. By default that of
        `normalize_rates` or `relay_weights`.
    objective : callable, optional
        Your loss, as for `gradient_flow`.

    Returns
    -------
    Preparation
        The diagnosis before and after, the lines of code that make the same changes, and a learning
        rate to start from; ``print`` shows them.

    Raises
    ------
    ValueError
        If the model does not learn, and no change that was tried fixes it; the message is the
        diagnosis. If there is only one sample, no weight to train, or no neuron with ``V`` and
        ``spk_fun``. If inputs or labels are invalid, as for `gradient_flow`.

    See Also
    --------
    gradient_flow : Gives the diagnosis and changes nothing.
    relay_weights : Sets the weights of deep stacks.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax, jax.numpy as jnp
    >>> from braintools_qps import prepare
    >>> brainstate.random.seed(0)
    >>> network = brainstate.nn.Sequential(
    ...     brainstate.nn.Linear(20, 50),
    ...     lambda z: z * u.mA,
    ...     brainpy.state.LIF(50, V_th=100 * u.mV),
    ...     brainstate.nn.Linear(50, 2),
    ... )
    >>> samples = jax.random.uniform(jax.random.key(0), (8, 20))
    >>> inputs = jnp.broadcast_to(samples, (30, 8, 20))  # the same at each step
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     done = prepare(network, inputs)
    >>> done.before.cause, done.after.cause
    ('silent', 'none')
    >>> print(done.lines[1])
    normalize_rates(model, inputs)
    """
    wanted = Wanted(
        surrogate,
        None if rate is None else checked_rate(rate),
        batch_first,
        isinstance(inputs, Batches),
    )
    labels = labels_of(inputs, labels, objective)
    inputs = checked_inputs(inputs, batch_first=batch_first, several_samples=objective is None)
    known = None if labels is None else checked_labels(labels, inputs)
    with compiling_once(), restoring(model, only_errors=True):
        before, verdict, lines = fix(model, inputs, Objective(objective), known, wanted)
        measured, evaluator = verdict.measured, verdict.measured.evaluator
        assert measured.trials is not None
        found = measured.trials.learning_rate(measured.step, measured.spikes, evaluator.run.inputs)
    read = said_of_data(evaluator, inputs, labels)
    if not wanted.time_axis:
        read += ". If samples come first, pass batch_first=True"
    return Preparation(
        before=before,
        after=verdict.diagnosis,
        lines=with_imports(lines),
        learning_rate=found.value,
        read=read,
        trial=measured.trial,
        further=verdict.further if found.helps else (*verdict.further, _no_rate(measured.trials)),
        rate_helps=found.helps,
    )


def fix(
    model: Model,
    inputs: Inputs,
    objective: Objective = NONE,
    labels: np.ndarray | None = None,
    wanted: Wanted = USUAL,
) -> tuple[Diagnosis, Verdict, list[str]]:
    """Do what `prepare` does, on checked inputs and labels, except for the learning rate.

    Returns the diagnosis before the changes, the verdict after them, and their lines.
    """

    def look(trials: Trials | None = None) -> Verdict:
        evaluator = evaluator_of(model, inputs, objective, labels, wanted)
        wanted.of(evaluator.step)  # a misspelt surrogate is an error, whether one is needed or not
        measured = evaluator.measure(evaluator.step.spikes)
        return diagnose(measured, trials or trials_of(evaluator))

    lines: list[str] = []
    with compiling_once(), restoring(model, only_errors=True):
        verdict = look()
        before = verdict.diagnosis
        if verdict.measured.tried is None:
            raise ValueError(f"prepare needs a short training to judge a model\n{before}")
        for _ in range(ROUNDS):
            if verdict.change is None or verdict.change.of_inputs:
                break
            verdict.change.run(model, inputs, wanted)
            lines += verdict.change.lines
            verdict = look(verdict.measured.trials)
        if verdict.measured.tried is None or not verdict.measured.trial.moves:
            raise _not_fixed(verdict)
    return before, verdict, lines


def _no_rate(trials: Trials) -> str:
    """What to say if no rate helps. Whether the network learns is for the trial to tell."""
    samples = plural(trials.loss.samples, "sample")
    return (
        "The steps of the trial went by the size of each weight. "
        f"After {FIRST} steps of plain Adam, at any one rate from {min(RATES):g} to "
        f"{max(RATES):g}, the loss on {samples} is not a tenth below that of a constant answer. "
        f"{LEARNING_RATE:g} is only the usual one."
    )


def _not_fixed(verdict: Verdict) -> ValueError:
    """The error for a model that does not learn whatever was tried."""
    said = filter(None, (verdict.diagnosis.text, verdict.diagnosis.remedy, *verdict.further))
    return ValueError("\n".join(["prepare cannot fix this, and changed nothing:", *said]))
