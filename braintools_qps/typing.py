"""Type aliases of the public signatures.

Use them in your own annotations, as in ``def train(spk_fun: SurrogateSpec) -> ...``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import brainstate
import brainunit as u
from braintools.surrogate import Surrogate
from jax.typing import ArrayLike, DTypeLike

__all__ = [
    "Batches",
    "Distance",
    "Hyperparameter",
    "Inputs",
    "Model",
    "ResidualDtype",
    "Scale",
    "SurrogateSpec",
    "SurrogateSpecs",
]

SurrogateSpec: TypeAlias = str | Mapping[str, Any] | type[Surrogate] | Surrogate
"""A surrogate, or a name, call string, mapping with a ``"name"`` or class from which
`~braintools_qps.get_surrogate` builds one.

For example ``"Sigmoid"``, ``"QPseudoSpike(alpha=1.5)"`` or ``{"name": "Sigmoid", "alpha": 2.0}``.
"""

SurrogateSpecs: TypeAlias = SurrogateSpec | Iterable[SurrogateSpec] | Mapping[str, SurrogateSpec]
"""Candidates to measure, compare or draw: several specs, a mapping of labels to specs, or one
spec.

For example ``["Sigmoid", "S2NN"]`` or ``{"fat": "QPseudoSpike(alpha=1)", "thin": "Sigmoid"}``.
"""

Distance: TypeAlias = ArrayLike | u.Quantity
"""Distances of membrane potentials from their threshold, with or without a unit. For example
``jnp.array([-3.0, 2.0]) * u.mV``.
"""


@runtime_checkable
class Batches(Protocol):
    """Data with a method that returns a batch, such as a task of `~braintools_qps.load_task`."""

    def batch(self, samples: int) -> tuple[Any, Any]:
        """Return inputs of some samples, of shape (time, batch, features), and their labels.

        Parameters
        ----------
        samples : int
            The largest number of samples.

        Returns
        -------
        tuple
            Inputs and labels.
        """


Inputs: TypeAlias = ArrayLike | u.Quantity | Mapping | Sequence | Batches
"""An array or a Quantity with time along its first axis, a pytree of them, or a task that
provides a batch.
"""

Hyperparameter: TypeAlias = ArrayLike | brainstate.State
"""A number above 0 without unit, an array of them that broadcasts, or a State that holds either.

For example ``2.0``, ``jnp.array([0.5, 2.0])`` or ``brainstate.ShortTermState(2.0)``. A ParamState
is refused, because its gradient would always be 0.
"""

Model: TypeAlias = brainstate.graph.Node
"""A model of brainstate, such as a `brainstate.nn.Module`, that is called once for each time step.
"""

Scale: TypeAlias = ArrayLike | u.Quantity | u.Unit | brainstate.State | None
"""The value of ``x`` that counts as 1, above 0, in the dimension of ``x``. ``u.mV`` means 1 mV, and
None means 1 where ``x`` has no unit. For example ``15 * u.mV``."""

ResidualDtype: TypeAlias = DTypeLike | None
"""``"bfloat16"``, ``"float16"`` or ``"uint8"``, by name or as a dtype; None keeps the dtype of
``x``."""


# For annotations within the package.
Node: TypeAlias = brainstate.graph.Node
"""A part of a model: a neuron, a layer or a dropout."""

SpikeFunction: TypeAlias = Callable[[Any], Any]
"""What a neuron calls with the distance of its membrane potential from the threshold."""
