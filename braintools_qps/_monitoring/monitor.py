"""Measure a network at regular steps of its training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import brainstate
from braintools.trainer import Callback

from .._checks import checked_count
from .._gradient_flow import (
    Evaluator,
    Objective,
    Passes,
    flow_of,
    own_surrogates,
    trace,
    with_states_of,
)
from .._models import checked_inputs, initialise, restoring
from ..records import GradientFlow
from .logs import Write, writer
from .metrics import metrics

__all__ = ["TrainingMonitor"]

# With these nothing is learnt; the others are told where a training has brought them about.
FATAL = ("not finite", "disconnected", "silent", "saturated", "out of reach")


class TrainingMonitor(Callback):
    r"""Measure the gradient's way through a model while it trains, log it, and warn when it dies.

    Call it once for each step, or epoch, of your own training loop; every ``every`` of them it
    runs `gradient_flow` with the surrogates that the model has, from initial states, on the same
    inputs and projections each time. Neither the model, nor its states, nor the random numbers of
    the training are changed. The model's code is read at the first measurement: after a change of
    the model other than of its states and surrogates, call `retrace`. It is a callback of
    `braintools.trainer.Trainer` as well.

    A `UserWarning` says in the words of ``GradientFlow.diagnosis`` when a cause appears that keeps
    the network from learning: each cause once for each population. A surrogate that is too high,
    and a gradient that fades, explodes or loses its direction, are told only if they were not there
    at the first measurement.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`: called once for each time step. Initial states are made by its
        ``init_state`` before each measurement.
    inputs : Array, Quantity or pytree of them
        Of shape (time, features) or (time, batch, features...): what to measure on. A dozen samples
        or two will do, and the time that a measurement takes goes with their number.
    every : int
        How many calls lie between two measurements. The first call measures.
    log : callable, dict, list or logger, optional
        Where to log the numbers: a function of ``(numbers, step)``; a dict, which gets a list
        for each number; a list, which gets a dict for each measurement; a `logging.Logger`; an
        object with ``log_metrics(numbers, step)``, as the loggers of braintools and Lightning; or
        one with ``add_scalar(name, value, step)``, as TensorBoard's SummaryWriter. Within a
        Trainer the default is the Trainer's own loggers.
    per : {"step", "epoch"}
        Whether a Trainer counts steps or epochs. In a loop of your own, each call counts.
    objective : callable, optional
        As for `gradient_flow`.
    draws : int
        How many random projections to average over.

    Attributes
    ----------
    history : dict of int to GradientFlow
        Every measurement by its step.

    Raises
    ------
    ValueError
        If ``every`` or ``draws`` is below 1.
    TypeError
        If one of them is no integer, or ``log`` is none of these.

    See Also
    --------
    gradient_flow : The measurement.
    SurrogateSchedule : Change the surrogate while training.
    braintools_qps.plotting.plot_flow_over_training : The history as a picture.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import QPseudoSpike, TrainingMonitor
    >>> neurons = brainpy.state.LIF(4, tau=10 * u.ms, spk_fun=QPseudoSpike())
    >>> log = {}
    >>> monitor = TrainingMonitor(neurons, jnp.full((20, 1, 4), 2.0) * u.mA, every=10, log=log)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     for epoch in range(20):
    ...         flow = monitor(epoch)  # and train
    >>> log["step"]
    [0, 10]
    >>> print(f"{log['flow/LIF/firing_rate'][0]:.0%} of the steps with a spike")
    10% of the steps with a spike
    """

    __module__ = "braintools_qps"

    def __init__(
        self,
        model: Any,
        inputs: Any,
        *,
        every: int = 1,
        log: Any = None,
        per: Literal["step", "epoch"] = "step",
        objective: Callable[[Any], Any] | None = None,
        draws: int = 1,
    ):
        every, draws = checked_count("every", every), checked_count("draws", draws)
        if per not in ("step", "epoch"):
            raise ValueError(f"per must be 'step' or 'epoch', got {per!r}")
        self.model, self.inputs = model, inputs
        self.every, self.per = every, per
        self.history: dict[int, GradientFlow] = {}
        self._objective = Objective(objective, draws)
        self._traced: tuple[Any, Passes] | None = None
        self._writers = [] if log is None else [writer(log)]
        self._told: set[tuple[str, str | None]] = set()
        self._next = 0

    def __call__(self, step: int | None = None) -> GradientFlow | None:
        """Count a step, and measure if it is time.

        Parameters
        ----------
        step : int, optional
            The step's number, from 0; by default one more than at the last call.

        Returns
        -------
        GradientFlow or None
            The measurement, if there was one.
        """
        return self._at(self._next if step is None else int(step), self._writers)

    def retrace(self) -> None:
        """Read the model's code again at the next measurement, after a change of the model."""
        self._traced = None

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        """Count a step of a Trainer."""
        if self.per == "step":
            self._within(trainer, trainer.global_step)

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Count an epoch of a Trainer."""
        if self.per == "epoch":
            self._within(trainer, trainer.current_epoch)

    def _within(self, trainer: Any, step: int) -> None:
        self._at(step, self._writers or list(map(writer, trainer.loggers)))

    def _at(self, step: int, writers: Iterable[Write]) -> GradientFlow | None:
        self._next = step + 1
        if step % self.every or step in self.history:
            return None
        flow = self.history[step] = self._measure()
        numbers = metrics(flow)
        for write in writers:
            write(numbers, step)
        self._warn(flow, step)
        return flow

    def _measure(self) -> GradientFlow:
        inputs = checked_inputs(self.inputs)
        with brainstate.random.seed_context(0), restoring(self.model):
            initialise(self.model, inputs)
            kept = None if self._traced is None else with_states_of(self._traced[0], self.model)
            if kept is None:
                kept = trace(self.model, inputs)
                self._traced = kept, Passes.of(kept)
            assert self._traced is not None
            evaluator = Evaluator(kept, inputs, self._objective, self._traced[1])
            return flow_of(evaluator, "model", own_surrogates(kept), remedy=False)

    def _warn(self, flow: GradientFlow, step: int) -> None:
        found, at_first = flow.diagnosis, next(iter(self.history.values())).diagnosis
        is_new = (found.cause, found.population) not in self._told
        if is_new and (found.cause in FATAL or found.cause not in ("none", at_first.cause)):
            self._told.add((found.cause, found.population))
            advice = "gradient_flow(model, inputs) says what to change"
            warnings.warn(f"at step {step}: {found.text} {advice}.", stacklevel=4)
