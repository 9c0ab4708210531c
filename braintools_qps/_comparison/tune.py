"""What is tuned: checks the names and the values, and makes the settings of each candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from braintools.surrogate import Surrogate

from .._checks import check_positive
from .._defaults import TUNE
from .._gradient_flow import mean_slope_at
from .._wording import did_you_mean, shown
from .code import name_of
from .contexts import seeded
from .experiment import MEAN_SLOPE, OF_SURROGATES, RATE, Experiment, at_setting, text_of
from .factory import Factory
from .model import spiking, watched
from .network import RecurrentNetwork
from .optimizers import GIVEN_TO_OPTIMIZERS, Optimizer, names_of
from .typing import Setting

POSITIVE = (RATE, *OF_SURROGATES, "clip")
OTHER_NAMES = {"lr": RATE, "rate": RATE, "eta": RATE, "scale": "scale_factor", "q": "alpha"}
OF_SPECS = (
    ". Other parameters of a surrogate go into specs, one candidate each: "
    "surrogates=['mine({0}=1)', 'mine({0}=2)']"
)


def checked_tune(
    tune: Setting | None, factory: Factory, optimizer: Optimizer | None
) -> dict[str, tuple[Any, ...]]:
    """The names to tune and the values to try, checked.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, has two meanings, or has no values or one out of range; or if two
        names that set the same parameter are tuned.
    """
    if tune is None:
        return {}
    if not isinstance(tune, Mapping):
        raise TypeError(
            "tune must be a mapping of names to values, such as {'learning_rate': (0.01, 0.1)}, or "
            f"None, got {tune!r}"
        )
    listed = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in tune.items()}
    for name, values in listed.items():
        _check_values(name, values)
    _check_names(listed, factory, optimizer)
    return {
        name: tuple(float(v) if name in POSITIVE and v is not None else v for v in values)
        for name, values in listed.items()
    }


def _check_values(name: str, values: object) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        example = (values,) if isinstance(values, (str, int, float)) else TUNE.get(name, (0.5, 1.0))
        raise TypeError(
            f"tune must have a sequence of values for {name}, got {shown(values)}. For example "
            f"tune={{{name!r}: {example}}}"
        )
    if any(np.ndim(value) for value in values if hasattr(value, "shape")):
        raise TypeError(
            f"tune must have values that can be compared for {name}, got an array. Name the arrays "
            f"in the factory, and tune the names: tune={{{name!r}: ('small', 'large')}}"
        )
    if name in POSITIVE:
        for value in values:
            if not (name == "alpha" and value == math.inf):
                check_positive(f"{name} in tune", value, none=name == "clip")


def _check_names(tune: Setting, factory: Factory, optimizer: Optimizer | None) -> None:
    if "dampening" in tune and MEAN_SLOPE in tune:
        raise ValueError(
            f"tune can name dampening or {MEAN_SLOPE}, which sets it, got both. Leave one out"
        )
    name = name_of(factory.make)
    maker = "the default network" if name == name_of(RecurrentNetwork) else f"the factory {name}"
    of_factory = [parameter.name for parameter in factory.keywords]
    of_optimizer = [n for n in names_of(optimizer) if n not in GIVEN_TO_OPTIMIZERS]
    of_training = (RATE, *OF_SURROGATES, *of_optimizer)
    if both := sorted({*of_factory} & {*of_training} & {*tune}):
        raise ValueError(
            f"a tuned name must be unique, got {both[0]}, which {maker} and training both have. "
            "Rename the keyword of the factory"
        )
    known = (*of_training, *of_factory)
    unknown = [str(name) for name in tune if name not in known]
    if unknown and not factory.takes_all:
        raise ValueError(
            f"tune can name {', '.join(known)} (of the surrogate, the optimizer and {maker}), got "
            f"{', '.join(unknown)}. Pass a model whose factory takes it, or correct the name"
            + (_meant(unknown[0], known) or OF_SPECS.format(unknown[0]))
        )


def _meant(name: str, known: Sequence[str]) -> str:
    """A question that names what was meant, also where another library calls it so."""
    usual = OTHER_NAMES.get(name.lower())
    return f". Did you mean {usual!r}?" if usual in known else did_you_mean(name, known)


CALIBRATION_SEED = 0  # of the weights at which a mean slope is measured, whatever the seeds are


def settings_of(surrogates: Sequence[Surrogate], experiment: Experiment) -> list[list[Setting]]:
    """The settings of candidates, each with the dampening for its mean slope.

    It is computed at the initial weights of one seed, the same for all comparisons, from the
    population with the largest mean slope.
    """
    largest: dict[str, list[float]] = {}
    rows: list[list[Setting]] = []
    for setting in experiment.settings:
        row = [setting] * len(surrogates)
        if MEAN_SLOPE in setting:
            others = {n: value for n, value in setting.items() if n not in (RATE, MEAN_SLOPE)}
            if (key := text_of(others)) not in largest:
                changed = [at_setting(surrogate, others) for surrogate in surrogates]
                largest[key] = _largest_slopes(changed, experiment.at(others))
            row = [_lowered(setting, slope) for slope in largest[key]]
        rows.append(row)
    return [[*settings] for settings in zip(*rows)]


def _lowered(setting: Setting, slope: float) -> Setting:
    wanted = setting[MEAN_SLOPE]
    factor = min(1.0, wanted / max(slope, wanted))
    return {**setting, "dampening": float(f"{factor:.3g}")}


def _largest_slopes(surrogates: Sequence[Surrogate], experiment: Experiment) -> list[float]:
    """The largest mean slope of a population over a batch of samples, for each surrogate.

    Spikes do not depend on the surrogate, so one forward pass serves all.
    """
    task, seed = experiment.task, CALIBRATION_SEED
    rows = task.split(seed).train[: experiment.batch_size]
    inputs = jnp.asarray(task.samples.inputs[rows])
    model, _ = experiment.start(surrogates[0], seed)
    if experiment.factory.takes_surrogate:  # and may change it
        spikes = [spiking(experiment.start(surrogate, seed)[0]) for surrogate in surrogates]
    else:
        spikes = [[surrogate] * len(spiking(model)) for surrogate in surrogates]
    slopes_of = lambda number, x, _: jnp.stack([mean_slope_at(own[number], x) for own in spikes])
    with seeded(jax.random.key(seed), seed):
        shape = (len(surrogates),)
        _, slopes, _ = watched(model, inputs, jnp.arange(len(rows)), task, slopes_of, shape)
    means = np.asarray(slopes.mean(0))  # of shape (populations, surrogates)
    return [max(column[np.isfinite(column)].tolist(), default=0.0) for column in means.T]
