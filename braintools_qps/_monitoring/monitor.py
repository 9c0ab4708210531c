"""Measure a network every so many steps of its training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal

import brainstate
import jax
import jax.numpy as jnp
from braintools.trainer import Callback

from .._checks import checked_count
from .._gradient_flow import Followed, KeptTrace, Sought, flows_of
from .._models import initialise, restoring
from ..records import GradientFlow
from .logs import Write, writer
from .readings import readings
from .signs import Sign, signs

__all__ = ["TrainingMonitor"]


class TrainingMonitor(Callback):
    r"""Measure the gradient's way through a model while it trains, log it, and warn when it dies.

    Call it once for each step, or epoch, of your own training loop; every ``every`` of them it
    runs `gradient_flow` with the surrogates that the model has, from initial states, on the same
    inputs and projections each time, and searches for nothing better. Neither the model, nor its
    states, nor the random numbers of the training are changed. The model's code is called at the
    first measurement and after a change of its attributes or of the environment; a global variable
    that it reads is not looked at. It is a callback of `braintools.trainer.Trainer` as well.

    A `UserWarning` says once, in words, when 95% of a population's neurons never fire or always
    do, when the gradient through it is :math:`10^{-6}` of what it was at first, or not finite, and
    when no parameter has a gradient.

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
    loss : callable, optional
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
        If one of them is no whole number, or ``log`` is none of these.

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
        loss: Callable[[Any], Any] | None = None,
        draws: int = 1,
    ):
        every, draws = checked_count("every", every), checked_count("draws", draws)
        if per not in ("step", "epoch"):
            raise ValueError(f"per must be 'step' or 'epoch', got {per!r}")
        self.model, self.inputs = model, inputs
        self.every, self.per = every, per
        self.history: dict[int, GradientFlow] = {}
        self._trace = KeptTrace()
        self._followed = Followed(loss, draws)
        self._writers = [] if log is None else [writer(log)]
        self._told: set[Sign] = set()
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
        numbers = readings(flow)
        for write in writers:
            write(numbers, step)
        self._warn(flow, step)
        return flow

    def _measure(self) -> GradientFlow:
        inputs = jax.tree.map(jnp.asarray, self.inputs)
        with brainstate.random.seed_context(0), restoring(self.model):
            initialise(self.model, inputs)
            step = self._trace(self.model, inputs)
            (flow,) = flows_of(step, inputs, self._followed, Sought()).values()
        return flow

    def _warn(self, flow: GradientFlow, step: int) -> None:
        first = next(iter(self.history.values()))
        for sign, text in signs(flow, first).items():
            if sign not in self._told:
                self._told.add(sign)
                warnings.warn(f"at step {step}, {text}.", stacklevel=4)
