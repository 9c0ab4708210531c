"""Changes of a model or of its inputs: lines of code, and the objects that they refer to.

A cause proposes changes, `attempts` runs their lines on a copy, and `prepare` on the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from .._models import axes_swapped
from .._registry import call_text
from .._surrogate import LARGEST, SMALLEST, QPseudoSpike
from ..typing import Inputs, Model, SpikeFunction
from .evaluate import Measured, Wanted
from .relay import SHALLOW, chain
from .step import Population, Step

SLOPES = (0.1, 0.02)  # target mean slopes; the first is the default
NEAR_1 = (0.25, 4.0)  # distances from the threshold for which a scale of 1 is right
OURS = ("normalize_rates", "normalize_surrogate", "relay_weights", "set_surrogate")


class Change(NamedTuple):
    """Lines that change ``model`` or ``inputs``, and other objects that they refer to."""

    what: str  # its name in the list of what was tried
    lines: tuple[str, ...]
    objects: Mapping[str, Any] = MappingProxyType({})
    of_inputs: bool = False  # only the user can apply such a change

    def run(self, model: Model, inputs: Inputs, wanted: Wanted) -> Inputs:
        """Run the lines, and return the inputs to go on with."""
        shown = axes_swapped(inputs) if wanted.time_axis else inputs
        scope = {**self.objects, "model": model, "inputs": inputs, wanted.data: shown}
        exec("\n".join(with_imports(self.lines)), scope)
        if not self.of_inputs:
            return inputs
        return axes_swapped(scope[wanted.data]) if wanted.time_axis else scope[wanted.data]


def with_imports(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines, preceded by the imports that they need."""
    text = "\n".join(lines)
    ours = ", ".join(name for name in OURS if f"{name}(" in text)
    imports = [f"from braintools_qps import {ours}"] if ours else []
    imports += ["import jax"] if "jax." in text else []
    return (*imports, *lines)


def all_changes(measured: Measured) -> Iterator[Change]:
    """Changes that may help any network, in the order in which they are tried."""
    yield from other_rates(measured)
    yield from other_surrogates(measured)
    yield from lower_slopes(measured)


def other_inputs(measured: Measured, expression: str) -> Change:
    """Replace each array ``{x}`` of the inputs, whose axis of time is ``{time}``."""
    wanted, is_tree = measured.evaluator.wanted, not hasattr(measured.evaluator.inputs, "shape")
    each = expression.format(x="x" if is_tree else wanted.data, time=wanted.time_axis)
    each = f"jax.tree.map(lambda x: {each}, {wanted.data})" if is_tree else each
    return Change("other inputs", (f"{wanted.data} = {each}",), of_inputs=True)


def other_rates(measured: Measured, *, centre_first: bool = False) -> Iterator[Change]:
    """Normalise firing rates; also centre weights of one sign, and relay spikes in deep stacks."""
    step, wanted = measured.step, measured.evaluator.wanted
    arguments = wanted.arguments + f", rate={wanted.rate!r}" * (wanted.rate is not None)
    rates = Change("other firing rates", (f"normalize_rates({arguments})",))
    changes = [rates]
    if uneven := of_one_sign(step):
        lines = tuple(step.code(i, "{0} - {0}.mean()") for i in uneven)
        changes.append(Change("centred weights", lines + rates.lines))
    yield from reversed(changes) if centre_first else changes
    if len(chain(step)) >= SHALLOW:
        relay = Change("relayed spikes", (f"relay_weights({arguments})",))
        yield relay
        for other in other_surrogates(measured):
            yield other._replace(what=relay.what, lines=relay.lines + other.lines)


def of_one_sign(step: Step) -> tuple[int, ...]:
    """The matrices with elements of one sign that are the only input of a population.

    If several matrices feed a population, some may excite and others inhibit (Dale's law).
    """
    alone = [of for p in step.populations if len(of := step.matrices(p.name)) == 1]
    signs = lambda i: np.sign(np.asarray(step.arrays.states[i]))
    alike = lambda i: (signs(i) >= 0).all() or (signs(i) <= 0).all()
    return tuple(dict.fromkeys(i for (i,) in alone if alike(i)))


def other_surrogates(measured: Measured) -> Iterator[Change]:
    """Use the wanted surrogate, with a scale that fits the membranes, and lower its slope."""
    yield _lowered(measured, {p.name: _fitted(measured, p) for p in measured.step.populations})


def lower_slopes(measured: Measured) -> Iterator[Change]:
    """Lower the mean slopes of the present surrogates."""
    own = measured.step.spikes
    others = {name: spike for name, spike in measured.spikes.items() if spike is not own[name]}
    highest = max(p.slopes.per_scale for p in measured.populations)
    yield from (_lowered(measured, others, slope) for slope in SLOPES if slope < highest)


def _lowered(
    measured: Measured, spikes: Mapping[str, SpikeFunction], slope: float = SLOPES[0]
) -> Change:
    """Lower these surrogates by population, or the model's own if there are none."""
    first = next(iter(spikes.values()), None)
    given = first if all(spike == first for spike in spikes.values()) else spikes
    codes, code = {name: _code(spike) for name, spike in spikes.items()}, "surrogate"
    if codes and all(codes.values()):
        code = f"{{{', '.join(f'{name!r}: {each}' for name, each in codes.items())}}}"
        code = code if given is spikes else _code(first)
    arguments = measured.evaluator.wanted.arguments + f", surrogate={code}" * bool(spikes)
    arguments += f", mean_slope={slope:g}" * (slope != SLOPES[0])
    line = f"set_surrogate(model, normalize_surrogate({arguments}))"
    return Change("other surrogates", (line,), {"surrogate": given})


def _fitted(measured: Measured, p: Population) -> SpikeFunction:
    """The wanted surrogate, with a scale unless membranes are about 1 away from the threshold."""
    evaluator, unit = measured.evaluator, p.argument_unit
    spike = evaluator.wanted.of(evaluator.step)[p.name]
    usual = float(f"{np.median(np.abs(evaluator.run.arguments[p.call])):.3g}")
    fits = unit is None and NEAR_1[0] <= usual <= NEAR_1[1]
    if fits or not SMALLEST <= usual <= LARGEST or not _code(spike):
        return spike
    if not isinstance(spike, QPseudoSpike) or spike.scale is not None:
        return spike
    return spike.replace(scale=usual if unit is None else u.Quantity(usual, unit=unit))


def _code(spike: Any) -> str:
    """A surrogate as code; empty if no spec names its class or holds its values."""
    try:
        return repr(call_text(spike))
    except (TypeError, AttributeError):
        return ""
