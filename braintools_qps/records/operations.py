"""Operations of a network, by which papers on neuromorphic hardware estimate energy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from .record import Record


@dataclass(frozen=True, eq=False)
class Operations(Record):
    """Number of operations per sample on hardware that computes only when a spike arrives.

    Attributes
    ----------
    synaptic : float
        Synaptic operations: a signal other than 0 takes one addition for each weight that it
        meets. For spikes this is their number times their fan-out. In a convolution, the fan-out
        of a position is smaller at the borders.
    multiplications : float
        The synaptic operations that multiply: those of signals other than 0, 1 and -1, such as
        input currents, or spikes after average pooling or dropout.
    updates : int
        Neuron updates: neurons times time steps.

    Notes
    -----
    Not counted: biases, norms, weights that are multiplied elementwise, synaptic filters, look-ups
    in embeddings, products of two signals as in attention, and products in loops within a step.

    Examples
    --------
    >>> from braintools_qps.records import Operations
    >>> operations = Operations(synaptic=52_000, multiplications=12_000, updates=6_000)
    >>> joules = operations.energy(per_addition=0.9e-12, per_multiplication=3.7e-12)
    >>> print(f"{1e9 * joules:.1f} nJ")
    91.2 nJ
    """

    synaptic: float = math.nan
    multiplications: float = math.nan
    updates: int = 0

    def energy(
        self, *, per_addition: float, per_multiplication: float, per_update: float = 0.0
    ) -> float:
        """Estimate the energy per sample from constants for the hardware.

        Memory accesses, which often cost more than arithmetic, are not included. So use the result
        to compare networks on one kind of hardware, and not as the energy that a device needs.

        Parameters
        ----------
        per_addition, per_multiplication : float
            Energy of one operation. At 45 nm with 32-bit floats, 0.9 pJ and 3.7 pJ [1]_.
        per_update : float
            Energy of updating one neuron, by default 0.

        Returns
        -------
        float
            The energy per sample, in the unit of the constants.

        References
        ----------
        .. [1] M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014,
           figure 1.1.9.

        Examples
        --------
        >>> from braintools_qps.records import Operations
        >>> Operations(1000, 10, 50).energy(per_addition=0.9, per_multiplication=3.7)  # pJ
        937.0
        """
        return (
            per_addition * self.synaptic
            + per_multiplication * self.multiplications
            + per_update * self.updates
        )


def total(operations: Iterable[Operations]) -> Operations:
    """The sum of several."""
    return Operations(*map(sum, zip(*map(astuple, operations))))
