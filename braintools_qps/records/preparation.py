"""Records of `prepare` and `relay_weights`."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from .._wording import shortened
from .closing import WHICH
from .diagnosis import Diagnosis
from .learning_trial import LearningTrial
from .rates import before_and_after, number
from .record import Record, table_of
from .table import WIDTH, Table, wrapped

HALF = WIDTH // 2 - 1  # characters of a label, where two stand side by side


@dataclass(frozen=True, eq=False)
class RelayedPopulation(Record):
    """Source, weight and firing rates of one population in `RelayedWeights`.

    Attributes
    ----------
    population : str
        Its path in the model.
    source : str or None
        The population whose spikes it passes on; None if its weights were scaled.
    weight : float or None
        The weight from each neuron of the source; None without a source.
    before, after : float
        Its mean firing rate before and after the change, in spikes per neuron and step.

    Examples
    --------
    >>> from braintools_qps.records import RelayedPopulation
    >>> RelayedPopulation("lif2", "lif1", weight=12.6, before=0.0, after=0.1).source
    'lif1'
    """

    population: str
    source: str | None
    weight: float | None
    before: float
    after: float


@dataclass(frozen=True, eq=False, repr=False)
class RelayedWeights(Record):
    """Result of `relay_weights`: source, weight and firing rates of each population.

    Attributes
    ----------
    populations : tuple of RelayedPopulation
        One for each population, in the order in which signals reach them.

    Examples
    --------
    >>> from braintools_qps.records import RelayedPopulation, RelayedWeights
    >>> RelayedWeights((RelayedPopulation("lif2", "lif1", 12.6, 0.0, 0.1),))
    population  passes on  weight  rate before   after
    lif2             lif1    12.6       0.0000  0.1000
    """

    populations: tuple[RelayedPopulation, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Preparation(Record):
    """Result of `prepare`: the diagnosis, the changes as lines of code, and a learning rate.

    Attributes
    ----------
    before, after : Diagnosis
        The `.Diagnosis` before and after the changes.
    lines : tuple of str
        Lines of Python that make the same changes to another copy of ``model``, given ``inputs``.
        Empty if nothing had to change.
    learning_rate : float
        A learning rate for Adam to start from, chosen from five by short trainings; 0.01 if none
        helps.
    read : str
        How the inputs were understood: steps, samples, features.
    trial : LearningTrial or None
        The short training of the model as it is now, a `.LearningTrial`.
    further : tuple of str
        Findings that `prepare` did not change, such as weights without a gradient.
    rate_helps : bool
        Whether Adam lowers the loss by a tenth within 40 steps at one of the rates.

    See Also
    --------
    prepare : Returns it.

    Examples
    --------
    >>> from braintools_qps.records import Diagnosis, Preparation
    >>> healthy = Diagnosis("none", None, "It learns.")
    >>> Preparation(healthy, healthy, (), 0.01, "30 time steps, 64 samples, 20 features")
    # It learns. Start with
    learning_rate = 0.01
    # Inputs: 30 time steps, 64 samples, 20 features.
    # Next: train it with Adam at this learning rate. To choose a surrogate:
    # compare(task=(X, y), model=make), with X of shape (samples, time, features)
    # and y its labels or targets.
    """

    before: Diagnosis
    after: Diagnosis
    lines: tuple[str, ...]
    learning_rate: float
    read: str
    trial: LearningTrial | None = None
    further: tuple[str, ...] = ()
    rate_helps: bool = True

    def __repr__(self) -> str:
        learned = self.trial is not None and self.trial.had_learned
        start = "To train it further, start with" if learned else "Start with"
        comments = partial(wrapped, first="# ", others="# ")
        first = [*comments(self.before.text), *self.lines] if self.lines else []
        now = str(self.after).replace("It ", "Now it ", bool(self.lines))
        said = comments(f"{now} {start if self.rate_helps else ''}")
        last = comments(*self.further, *_closing(self))
        return "\n".join([*first, *said, f"learning_rate = {self.learning_rate:g}", *last])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _closing(prepared: Preparation) -> Iterator[str]:
    """The lines below those of `prepare`."""
    yield prepared.read and f"Inputs: {prepared.read}."
    if prepared.lines:
        yield "prepare trained a copy with Adam before and after each change, to see that it helps."
    if not prepared.rate_helps:
        yield "Next: compare learning rates in longer trainings."
    elif prepared.trial is not None and prepared.trial.had_learned:
        yield "Next: leave it, or train it further with Adam at this learning rate."
    else:
        yield f"Next: train it with Adam at this learning rate. {WHICH}"


@table_of.register
def _(relayed: RelayedWeights) -> Table:
    """What `relay_weights` changed, population by population."""
    head = ("population", "passes on", "weight", "rate before", "after")
    label = partial(shortened, longest=HALF)
    rows = [
        (label(p.population), label(p.source or "-"), number(p.weight), *before_and_after(p))
        for p in relayed.populations
    ]
    return Table([head, *rows])
