"""Measure a network at regular steps of its training."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import brainstate
import jax
import jax.numpy as jnp
from braintools.trainer import Callback, Trainer

from .._causes import CAUSES
from .._checks import checked_count
from .._gradient_flow import (
    Evaluator,
    Objective,
    Programs,
    Step,
    compiling_once,
    flow_of,
    trace,
    with_states_of,
)
from .._models import checked_inputs, initialise, restoring
from ..records import GradientFlow
from ..typing import Inputs, Model
from .logs import Write, writer
from .metrics import metrics

__all__ = ["TrainingMonitor"]


class TrainingMonitor(Callback):
    r"""Run `gradient_flow` regularly during training, log its numbers, and warn if learning stops.

    Call the monitor once for each step, or epoch, of your training loop. At every ``every``-th call
    it measures the model with its present surrogates, always from initial states and on the same
    inputs. The model, its states and random numbers stay as they are. The monitor is also a
    callback of `braintools.trainer.Trainer`.

    A `UserWarning` with the diagnosis appears when something keeps the network from learning, once
    for each cause and population. Three causes give a warning only if they were absent at the first
    measurement: ``"too high"``, ``"fading"`` and ``"direction lost"``.

    Call `retrace` after you change the model's code or layers. A change of states or surrogates
    does not need it.

    Parameters
    ----------
    model : brainstate.nn.Module
        As for `gradient_flow`: called once for each time step. Initial states are made by its
        ``init_state`` before each measurement.
    inputs : Array, Quantity or pytree of them
        Inputs to measure with, of shape (time, features) or (time, batch, features...). One or two
        dozen samples are enough.
    every : int
        Measure at every step whose number is a multiple of this. By default the first call is
        step 0.
    log : callable, dict, list or logger, optional
        Where to log the numbers: a function of ``(numbers, step)``; a dict, which gets a list
        for each number; a list, which gets a dict for each measurement; a `logging.Logger`; an
        object with ``log_metrics(numbers, step)``, as the loggers of braintools and Lightning; or
        one with ``add_scalar(name, value, step)``, as TensorBoard's SummaryWriter. Within a
        Trainer, the Trainer's own loggers are the default.
    per : {"step", "epoch"}
        Whether to count the steps or the epochs of a Trainer. In your own loop, calls are counted.
    objective : callable, optional
        As for `gradient_flow`.

    Attributes
    ----------
    history : dict of int to GradientFlow
        Every measurement by its step.

    Raises
    ------
    ValueError
        If ``every`` is below 1, or ``per`` is neither of the two.
    TypeError
        If ``every`` is not an integer, or ``log`` is none of these.

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
        model: Model,
        inputs: Inputs,
        *,
        every: int = 1,
        log: Any = None,
        per: Literal["step", "epoch"] = "step",
        objective: Callable[[Any], Any] | None = None,
    ):
        every = checked_count("every", every)
        if per not in ("step", "epoch"):
            raise ValueError(f"per must be 'step' or 'epoch', got {per!r}. Pass per='step'")
        self.model, self.inputs = model, inputs
        self.every, self.per = every, per
        self.history: dict[int, GradientFlow] = {}
        self._objective = Objective(objective)
        self._step: Step | None = None
        self._programs: Programs = {}
        self._writers = [] if log is None else [writer(log)]
        self._measuring = threading.Lock()
        self._told: set[tuple[str, str | None]] = set()
        self._next = 0

    def __call__(self, step: int | None = None) -> GradientFlow | None:
        """Count a step, and measure if one is due and has not been measured yet.

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
        """Read the model's code again at the next measurement. Call it after changing the model."""
        self._step, self._programs = None, {}

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        """Count a step of a Trainer."""
        if self.per == "step":
            self._within(trainer, trainer.global_step)

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Count an epoch of a Trainer."""
        if self.per == "epoch":
            self._within(trainer, trainer.current_epoch)

    def _within(self, trainer: Trainer, step: int) -> None:
        self._at(step, self._writers or list(map(writer, trainer.loggers)))

    def __repr__(self) -> str:
        name = type(self.model).__name__
        return f"TrainingMonitor({name}, every={self.every}, measured={len(self.history)})"

    def _at(self, step: int, writers: Iterable[Write]) -> GradientFlow | None:
        if isinstance(jnp.zeros(()), jax.core.Tracer):
            raise TypeError(
                "a monitor must be called outside of compiled functions, but it was called while "
                "JAX traces one. Call it in the training loop, after the compiled step"
            )
        if not self._measuring.acquire(blocking=False):
            raise RuntimeError(
                "a monitor measures for one thread at a time, because it changes the model while "
                "it measures; another thread is in it. Give each thread a model and a monitor"
            )
        try:
            return self._counted(step, writers)
        finally:
            self._measuring.release()

    def _counted(self, step: int, writers: Iterable[Write]) -> GradientFlow | None:
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
            kept = None if self._step is None else with_states_of(self._step, self.model)
            self._step = kept or trace(self.model, inputs)
            with compiling_once(self._programs):
                evaluator = Evaluator(self._step, inputs, self._objective)
            return flow_of(evaluator, "model", self._step.spikes, remedy=False)

    def _warn(self, flow: GradientFlow, step: int) -> None:
        found, at_first = flow.diagnosis, next(iter(self.history.values())).diagnosis
        is_new = (found.cause, found.population) not in self._told
        brought_about = found.cause not in ("none", at_first.cause)
        if is_new and (CAUSES[found.cause].at_once or brought_about):
            self._told.add((found.cause, found.population))
            advice = "gradient_flow(model, inputs) says what to change"
            warnings.warn(f"at step {step}: {found.text} {advice}.", stacklevel=5)
