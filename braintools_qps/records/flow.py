"""Records of `gradient_flow`: one for each candidate, and their ranking."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from braintools.surrogate import Surrogate

from .._tables import Rows, html_note, html_table, text_table
from .diagnosis import Diagnosis
from .flow_table import COLUMNS, PATHS, TELLS, place, spread
from .information import Information
from .limits import HIGH_SLOPE, TOO_HIGH
from .plain import to_plain
from .population import PopulationFlow
from .record import Described, Record, RecordTable, table_of

SpikeFunction: TypeAlias = Surrogate | Callable[[Any], Any] | Described

FEW = 4  # populations that a ranking shows one by one
FURTHER = 5  # sentences below a table


@dataclass(frozen=True, eq=False, repr=False)
class GradientFlow(Record):
    """The gradient on its way back through a model with one surrogate, and why the model does not
    learn.

    Attributes
    ----------
    name : str
        Label of the surrogate; ``"model"`` for those of the model itself.
    surrogate : callable or tuple of callable
        The surrogate; a tuple with one per population if those of the model differ.
    steps : int
        How many time steps the model was run for.
    samples, features : int or None
        The size of the batch, None without one, and the number of input features per step.
    populations : tuple of PopulationFlow
        In the order in which signals reach them; each a `.PopulationFlow`.
    zero_parameter_share : float
        Share of the parameters whose gradient is exactly 0 with the objective and the inputs that
        were measured; NaN if the model has no parameters.
    diagnosis : Diagnosis
        Why the network does not learn, a `.Diagnosis`; printed first.
    further : tuple of str
        At most five more sentences, on findings that the diagnosis does not explain.
    advice : tuple of str
        All findings, consequences of the diagnosis included.
    notes : tuple of str
        The sentences of ``advice`` on the model and its inputs, the same for every surrogate.
    information : Information or None
        What the inputs tell of the labels, an `.Information`; None unless ``labels`` were given.

    See Also
    --------
    gradient_flow : Returns it.

    Notes
    -----
    In the table, ``rate``, ``silent`` and ``saturated`` come from `.Activity`, ``slope`` and
    ``flat`` from `.Slopes`, and ``growth``, ``reach``, ``depth`` and ``consistency`` from
    `.Gradient`. A reach with a ``+`` ends at the first step.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> neurons = brainpy.state.LIF(4, tau=10 * u.ms)
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(neurons, jnp.full((20, 4), 0.5) * u.mA)
    >>> flows["model"].diagnosis.cause
    'silent'
    >>> (population,) = flows["model"].populations
    >>> print(population.name, population.activity.firing_rate, population.gradient.reach)
    LIF 0.0 19
    """

    name: str
    surrogate: SpikeFunction | tuple[SpikeFunction, ...]
    steps: int
    populations: tuple[PopulationFlow, ...]
    zero_parameter_share: float
    diagnosis: Diagnosis
    further: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    samples: int | None = None
    features: int | None = None
    information: Information | None = None

    @property
    def growth(self) -> float:
        """Geometric mean of the growth per step over all populations that have one."""
        return mean_growth([population.gradient.growth for population in self.populations])

    @property
    def reach(self) -> int:
        """The shortest reach of any population, in steps."""
        return min(population.gradient.reach for population in self.populations)

    @property
    def consistency(self) -> float:
        """The lowest consistency of any population; NaN if none has one."""
        values = (population.gradient.consistency for population in self.populations)
        return min((value for value in values if not math.isnan(value)), default=math.nan)

    @property
    def mean_slope(self) -> float:
        """Mean of `.Slopes.per_scale` over populations."""
        return sum(p.slopes.per_scale for p in self.populations) / len(self.populations)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ``growth`` and ``reach`` as plain values, ready for strict JSON.

        Returns
        -------
        dict
        """
        return super().to_dict() | {"growth": to_plain(self.growth), "reach": self.reach}

    def __repr__(self) -> str:
        table = text_table(self._rows(), self._below())
        return f"{self.diagnosis}\n\n{self._title()}\n{table}"

    def _repr_html_(self) -> str:
        above = f"{html_note(str(self.diagnosis))}\n{html_note(self._title())}"
        return f"{above}\n{super()._repr_html_()}"

    def _title(self) -> str:
        counts = {"step": self.steps, "sample": self.samples, "feature": self.features}
        shown = [f"{n} {word}{'s' * (n != 1)}" for word, n in counts.items() if n is not None]
        known = f". {self.information.sentence()}" if self.information else ""
        return f"GradientFlow of {self.name}: {', '.join(shown)}{known}"

    def _rows(self) -> Rows:
        """A row for each population, the header first; columns for paths where they were split."""
        columns = COLUMNS | (PATHS if any(p.paths for p in self.populations) else {})
        columns |= TELLS if self.information else {}
        rows = [[place(p), *(column(p) for column in columns.values())] for p in self.populations]
        return [["population", *columns], *rows]

    def _below(self) -> Sequence[str]:
        return self.further


class GradientFlows(RecordTable[GradientFlow]):
    """Gradient flows by candidate: a dictionary that prints the diagnosis, then a table.

    A single candidate prints as its `GradientFlow`. Several are ranked, best first. Each diagnosis
    is printed once, with its candidates. The table has a row for each candidate, and below it a row
    for each population if there are at most four. In a notebook it has all populations.

    Candidates whose mean slope, averaged over populations, is at most 0.2 share rank 1; the one
    nearest to 0.1 is listed first. No measure before training tells which of them learns best, so
    compare them by training. Then come higher mean slopes, the lowest first; then candidates
    whose gradient flips its sign from step to step in some population; last those without a
    gradient.

    Examples
    --------
    >>> import brainpy, brainstate, brainunit as u, jax.numpy as jnp
    >>> from braintools_qps import gradient_flow
    >>> inputs = jnp.full((20, 4), 1.5) * u.mA  # 20 steps, 4 neurons
    >>> with brainstate.environ.context(dt=1 * u.ms):
    ...     flows = gradient_flow(brainpy.state.LIF(4), inputs, surrogates=["Sigmoid", "Arctan"])
    >>> flows.ranked()
    ['Arctan', 'Sigmoid']
    >>> flows["Arctan"].diagnosis.cause
    'none'
    """

    def ranked(self) -> list[str]:
        """Return the candidates' names, best first; within a rank, the mean slope nearest to 0.1
        first.

        Returns
        -------
        list of str
        """
        return sorted(self, key=lambda name: (_order(self[name]), _from_best(self[name])))

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each candidate, best first: 1 is the best, and equals share a rank."""
        orders = [_order(flow) for flow in self.values()]
        return {name: 1 + sum(o < _order(self[name]) for o in orders) for name in self.ranked()}

    def by_population(self) -> RecordTable[GradientFlow]:
        """Return the flows in order of rank, as a table with a row for each population.

        Returns
        -------
        RecordTable
        """
        return RecordTable({name: self[name] for name in self.ranked()})

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """Each diagnosis once, with its candidates; that of the best candidate first."""
        found: dict[tuple[str, str | None], list[str]] = {}
        for name in self.ranked():
            one = self[name].diagnosis
            found.setdefault((one.cause, one.population), []).append(name)
        lines = {names[0]: self._diagnosis(*names) for names in found.values()}
        if len(lines) < 2:
            return tuple(lines.values())
        return tuple(f"{name}: {line}" for name, line in lines.items())

    def _diagnosis(self, first: str, *others: str) -> str:
        """The diagnosis of the first; the others share its cause, perhaps with other numbers."""
        line = str(self[first].diagnosis)
        same = len({str(self[name].diagnosis) for name in (first, *others)}) == 1
        return line if (same and len(self) == len(others) + 1) or not others else (
            f"{line} The same with {', '.join(others)}."
        )  # fmt: skip

    def __repr__(self) -> str:
        if len(self) < 2:
            return "\n".join(map(repr, self.values())) or super().__repr__()
        return "\n".join([*self.diagnoses, "", super().__repr__()])

    def _repr_html_(self) -> str:
        if len(self) < 2:
            return "\n".join(flow._repr_html_() for flow in self.values()) or super()._repr_html_()
        table = html_table(table_of(self.by_population()).rows, self._below())
        return "\n".join([*map(html_note, self.diagnoses), table])

    def _rows(self) -> Rows:
        """A row for each candidate, best first; below it its populations, if they are few."""
        most = max(len(flow.populations) for flow in self.values())
        head = ["surrogate", "rank", *_RANKED]
        ranks = self.ranks
        shown = {n: f"{r}{'=' * (list(ranks.values()).count(r) > 1)}" for n, r in ranks.items()}
        return [head, *(row for n in ranks for row in _candidate_rows(self[n], shown[n], most))]

    def _below(self) -> Sequence[str]:
        """Further sentences that all candidates share."""
        first, *others = self.values()
        return [line for line in first.further if all(line in flow.further for flow in others)]


def mean_growth(growths: Sequence[float]) -> float:
    """Geometric mean of the growths that are known; NaN if none is."""
    logarithms = [math.log(growth) for growth in growths if growth > 0]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def _order(flow: GradientFlow) -> tuple[bool, bool, float]:
    """Sort key of the ranking, the lowest first."""
    absent = not (math.isfinite(flow.growth) and flow.growth > 0)
    overshoots = any(population.gradient.overshoots for population in flow.populations)
    return absent, overshoots, flow.mean_slope if flow.mean_slope > TOO_HIGH else 0.0


def _from_best(flow: GradientFlow) -> float:
    """Distance of the mean slope from 0.1, where equals trained best by a little."""
    return abs(math.log(flow.mean_slope / HIGH_SLOPE)) if flow.mean_slope > 0 else math.inf


def _candidate_rows(flow: GradientFlow, rank: str, most: int) -> Rows:
    whole = [flow.name, rank, *(column(flow) for column in _RANKED.values())]
    if most == 1 or most > FEW:
        return [whole]
    below = [[f"  {place(p)}", "", *(COLUMNS[n](p) for n in _RANKED)] for p in flow.populations]
    return [whole, *below]


def _reach(flow: GradientFlow) -> str:
    shortest = min(flow.populations, key=lambda p: p.gradient.reach)
    return COLUMNS["reach"](shortest)


def _ranges(name: str) -> Callable[[GradientFlow], str]:
    """The cell of a single population; empty for several, which have their own rows."""
    return lambda f: COLUMNS[name](f.populations[0]) if len(f.populations) == 1 else ""


# Cells of a candidate as a whole: the slope for the ranking, range of growth, shortest reach.
_RANKED: dict[str, Callable[[GradientFlow], str]] = {
    "slope": lambda flow: (
        f"{spread([flow.mean_slope], '.3g')} {'high' if flow.mean_slope > TOO_HIGH else 'ok'}"
    ),
    "growth": lambda flow: spread((p.gradient.growth for p in flow.populations), ".3f"),
    "flat": _ranges("flat"),
    "reach": _reach,
    "depth": _ranges("depth"),
    "consistency": lambda flow: spread([flow.consistency], ".2f"),
}
