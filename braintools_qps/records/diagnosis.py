"""The record of why a network does not learn."""

from __future__ import annotations

from dataclasses import dataclass

from .record import Record, table_of
from .table import Table, fields_table


@dataclass(frozen=True, eq=False)
class Diagnosis(Record):
    """The first cause that keeps a network from learning, and what to do about it.

    Attributes
    ----------
    cause : str
        A name from the table of causes on the page "Why does my network not learn?", such as
        ``"silent"``; ``"none"`` if the network learns, ``"unknown"`` if no change helped.
    population : str or None
        Path of the first population with this cause; None if there is none.
    text : str
        The cause in one sentence, with its consequences.
    remedy : str or None
        The fix, with the result of the trial that shows that it helps, or where to look; None if
        neither is known.
    code : str or None
        Lines of Python that apply the fix to ``model`` or ``inputs``; None if no trial shows that
        it helps.
    populations : tuple of str
        All populations with this cause.
    column, word : str
        The column of the table in which this word marks these populations.
    changes_inputs : bool
        Whether the lines change the inputs, which `prepare` never does.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), jnp.full((20, 4), 0.5) * u.mA)
    >>> found = flows["model"].diagnosis
    >>> found.cause, found.population
    ('silent', 'LIF')
    >>> print(found.text)
    LIF is silent: none of its neurons fires.
    """

    cause: str
    population: str | None
    text: str
    remedy: str | None = None
    code: str | None = None
    populations: tuple[str, ...] = ()
    column: str = ""
    word: str = ""
    changes_inputs: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}" if self.remedy else self.text


@table_of.register
def _(diagnosis: Diagnosis) -> Table:
    """All fields, in full."""
    return fields_table(diagnosis, cut=str)
