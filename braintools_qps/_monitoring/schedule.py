"""A surrogate whose parameters follow the training step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import brainstate
import brainunit as u
import jax.numpy as jnp
from braintools.trainer import Callback
from jax import Array
from jax.typing import ArrayLike

from .._registry import get_surrogate
from .._surrogate import declarations

__all__ = ["SurrogateSchedule"]

Value: TypeAlias = ArrayLike | u.Quantity


class SurrogateSchedule(Callback):
    """Change ``alpha``, ``scale`` or ``dampening`` of a surrogate during training.

    A compiled training step follows the schedule and is not compiled again: the surrogate reads
    each scheduled parameter from a `brainstate.State` when it is called. Call the schedule with the
    step to set the parameters, inside or outside of the compiled function. As a callback of
    `braintools.trainer.Trainer` it does so before each batch.

    Parameters
    ----------
    surrogate : str, mapping, type or Surrogate
        A `QPseudoSpike` or `Scaled`, as for `get_surrogate`.
    **schedules : callable
        For ``alpha``, ``scale`` or ``dampening``, a function from the step to the value, such as an
        optax schedule. Inside a compiled function the step is traced, so the function must use
        `jax.numpy`. The scale keeps the unit it has at step 0.

    Attributes
    ----------
    surrogate : Surrogate
        The surrogate to give to the neurons, for example with `set_surrogate`.
    states : dict of str to brainstate.State
        The scheduled parameters by name.

    Raises
    ------
    TypeError
        If nothing is scheduled, or a parameter other than these three, if a schedule is not a
        function, or if the surrogate is neither a `QPseudoSpike` nor `Scaled`.
    ValueError
        If a value is not above 0. Traced values are not checked.

    See Also
    --------
    TrainingMonitor : Measure the gradient while the surrogate changes.

    Examples
    --------
    >>> import optax
    >>> from braintools_qps import SurrogateSchedule
    >>> schedule = SurrogateSchedule("QPseudoSpike", alpha=optax.linear_schedule(1.0, 8.0, 100))
    >>> schedule(50)
    >>> print(schedule.states["alpha"].value)
    4.5
    >>> print(schedule.surrogate.surrogate_grad(0.0))
    1.0
    """

    __module__ = "braintools_qps"

    def __init__(self, surrogate: Any, **schedules: Callable[[Any], Any]):
        self._schedules = schedules
        self._constant = get_surrogate(surrogate)
        if not hasattr(self._constant, "replace"):
            raise TypeError(
                f"a schedule needs a QPseudoSpike or Scaled surrogate, got {self._constant!r}. To "
                f"schedule its dampening or scale, pass Scaled({self._constant!r})"
            )
        declared = declarations(self._constant)
        _check(schedules, [name for name, field in declared.items() if field.varies])
        self.states = {
            name: brainstate.ShortTermState(_strong(value))
            for name, value in self._values(0).items()
        }
        self.surrogate = self._constant.replace(**self.states)

    def __call__(self, step: Any) -> None:
        """Set the parameters to their values at a step.

        Parameters
        ----------
        step : int or Array
            The step's number, from 0; it may be traced.

        Raises
        ------
        ValueError
            If a value is not above 0. Traced values are not checked.
        """
        for name, value in self._values(step).items():
            self.states[name].value = _like(self.states[name].value, value)

    def __repr__(self) -> str:
        scheduled = ", ".join(f"{name}={state.value}" for name, state in self.states.items())
        return f"SurrogateSchedule({self._constant!r}, now {scheduled})"

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        """Set the parameters for a step of a Trainer."""
        self(trainer.global_step)

    def _values(self, step: ArrayLike) -> dict[str, Value]:
        """The values at a step, checked as the surrogate checks its parameters."""
        values = {name: follow(step) for name, follow in self._schedules.items()}
        self._constant.replace(**values)
        return values


def _check(schedules: Mapping[str, object], parameters: list[str]) -> None:
    if not schedules or not set(schedules) <= set(parameters):
        raise TypeError(
            f"a schedule must set one or more of {', '.join(parameters)}, got "
            f"{', '.join(schedules) or 'none'}. For example alpha=lambda step: 1 + 0.01 * step"
        )
    if constant := [name for name, follow in schedules.items() if not callable(follow)]:
        raise TypeError(
            f"a schedule must be a function of the step, got "
            f"{constant[0]}={schedules[constant[0]]!r}. Set a constant in the surrogate: "
            f"replace({constant[0]}=...)"
        )


def _like(before: Array | u.Quantity, value: Value) -> Array | u.Quantity:
    """The new value in the unit and dtype of the old one, so that nothing is compiled again."""
    if isinstance(before, u.Quantity):
        return _strong(u.Quantity(value).in_unit(before.unit))
    return _strong(value)


def _strong(value: Value) -> Array | u.Quantity:
    """The value in a dtype that is the same for numbers and arrays."""
    dtype = jnp.result_type(float)
    if isinstance(value, u.Quantity):
        return u.Quantity(jnp.asarray(value.mantissa, dtype), unit=value.unit)
    return jnp.asarray(value, dtype)
