"""Tables of the page, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from . import advised, defaults, equal, joint, picks, predict, regret, tails, variance
from .data import Problem, chosen, own, problems, reported, ruled
from .design import CANDIDATES, TASKS
from .intervals import Effect, over
from .markdown import table
from .picks import AS_IT_IS, FREEDOMS
from .plan import RULED, RULES
from .store import Store

KINDS = {
    "grid": "the grid: one tuning seed (two where the page says so), all epochs",
    "short": "the same, with fewer epochs, to replay searches",
    "report": "chosen settings, with seeds of their own",
    "rule": "dampenings that `normalize_surrogate` chose",
    "flow": "measured before training",
    "proposal": "what `gradient_flow` proposes",
}


def costs(store: Store) -> str:
    """Trainings and processor time by kind."""
    found: dict[str, list[float]] = {}
    for key, cell in store.cells.items():
        kind = key.split(" / ")[0]
        kind = "rule" if kind in RULES else kind
        runs = np.size(cell["validation"]) if "validation" in cell else 0
        found.setdefault(kind, [0, 0])
        found[kind][0] += runs
        found[kind][1] += cell["cpu_seconds"] / 60
    rows = [
        (what, f"{found[kind][0]:.0f}", f"{found[kind][1]:.0f}")
        for kind, what in KINDS.items()
        if kind in found
    ]
    return table(("what", "trainings", "minutes of one core"), rows)


def accuracies(task: str) -> Callable[[Store], str]:
    """Test accuracy of every candidate on a task, by what it has of its own."""

    def shown(store: Store) -> str:
        problem = Problem(task)
        rows = []
        for name in CANDIDATES:
            cells = [_mean(own(store, problem, name, freedom)) for freedom in FREEDOMS]
            setting = chosen(store, problem, name, "both")
            if any(cells):
                rows.append((name, *cells, _setting(setting)))
        return table(("", *FREEDOMS, "own dampening, rate"), rows)

    return shown


def spreads(store: Store) -> str:
    """Highest less lowest tail, by problem and freedom, and what chance gives."""
    found = tails.all_spreads(store)
    labels = dict.fromkeys(n for of in found.values() for n in of)
    shown = ("nothing", "learning rate", "dampening", "both")
    rows = []
    for label in labels:
        of = [found[freedom].get(label) for freedom in shown]
        chance = found["both"].get(label)
        rows.append(
            (
                label,
                *(f"{one.spread:.1f}" if one else "" for one in of),
                f"{chance.by_chance:.1f}" if chance else "",
            )
        )
    return table(("", *shown, "by chance, both"), rows)


def shares(store: Store) -> str:
    """Shares of variance by problem."""
    found = variance.by_problem(store)
    names = list(next(iter(found.values())))
    rows = [(label, *(f"{100 * of[n]:.0f}" for n in names)) for label, of in found.items()]
    return table(("% of the variance", *names), rows)


def equalised(store: Store) -> str:
    """How well the other tails predict one at an equal number."""
    errors = equal.over_problems(store, equal.error)
    spans = equal.over_problems(store, equal.spread)
    rows = [
        (equal.NAMES[name], f"{over(list(of.values())):.1f}", _finite(spans[name].values()))
        for name, of in errors.items()
    ]
    return table(("made equal", "error, points", "spread over alpha, points"), rows)


def correlations(store: Store) -> str:
    """Rank correlations by number and view."""
    found = predict.correlations(store)
    rows = [(n, *(f"{views[v]:+.2f}" for v in predict.VIEWS)) for n, views in found.items()]
    return table(("", *predict.VIEWS), rows)


def lost(store: Store) -> str:
    """Points lost at a learning rate of 0.1, by problem and rule."""
    found = predict.regrets(store)
    labels = dict.fromkeys(label for of in found.values() for label in of)
    rows = [(label, *(f"{of[label]:.1f}" for of in found.values())) for label in labels]
    mean = ("mean with interval", *(f"{over(list(of.values())):.1f}" for of in found.values()))
    return table(("", *found), [*rows, mean])


def rules(store: Store) -> str:
    """What `normalize_surrogate` gives, beside the surrogate as it is and at its own."""
    rows = []
    for problem in problems(store):
        for name in RULED:
            cells = [ruled(store, problem, name, rule) for rule in RULES]
            if any(one is not None for one in cells):
                before = reported(store, problem, name, AS_IT_IS)
                own_dampening = own(store, problem, name, "dampening")
                own_both = own(store, problem, name, "both")
                shown = map(_mean, (before, *cells, own_dampening, own_both))
                rows.append((f"{problem.label}: {name}", *shown))
    titles = ("", "as it is", *RULES, "own dampening", "own dampening and rate")
    return table(titles, rows)


def search(store: Store) -> str:
    """Regret of the search of `compare`, beside that of plain halving."""
    rows = [
        (name, label, f"{one.mean:.2f}", f"{one.high:.1f}", len(one.by_candidate), *_grid(one, of))
        for name, of in picks.SEARCHES.items()
        for label, one in regret.regrets(store, of).items()
    ]
    titles = ("search", "problem", "points lost", "90th percentile", "candidates")
    return table((*titles, "settings in the grid", "cost of the grid"), rows)


def joint_search(store: Store) -> str:
    """What a search for the tail as well loses."""
    tested = {True: "with the other seed", False: "in the training that chose"}
    rows = [
        (label, f"{one.mean:.2f}", f"{one.high:.1f}", f"{one.unsampled:.2f}", tested[one.anew])
        for label, one in joint.lost(store).items()
    ]
    titles = ("problem", "points lost", "90th percentile", "lost without a sample", "tested")
    return table(titles, rows)


def _grid(one: regret.Regret, search: picks.Search) -> tuple[str, str]:
    """How many settings it has, for the smallest and the largest, and the search's share of it."""
    sizes = list(dict.fromkeys(one.settings))
    shares = [f"{100 * regret.cost(size, search):.0f}%" for size in reversed(sizes)]
    return " to ".join(map(str, sizes)), " to ".join(shares)


def starts(store: Store) -> str:
    """What settings lose against the best of the grid at the same learning rate."""
    within, _ = defaults.widths(store)
    settings = dict.fromkeys([defaults.recommended(store), *defaults.BESIDE])
    rows = [
        (
            f"{tail}, dampening {dampening:g}",
            f"{defaults.losses_of(store, tail, dampening):.1f}",
            f"{100 * within[defaults.place(tail, dampening)]:.0f}",
        )
        for tail, dampening in settings
    ]
    return table(("", "points lost", "% of problems and rates within noise"), rows)


def _finite(values: Iterable[float]) -> str:
    known = [value for value in values if np.isfinite(value)]
    return f"{over(known):.1f}" if known else ""


def _mean(scores: np.ndarray | None) -> str:
    """Mean, and half of its interval."""
    if scores is None:
        return ""
    effect: Effect = over(scores)
    return f"{effect.value:.1f} ± {effect.high - effect.value:.1f}"


def _setting(setting: Mapping[str, float] | None) -> str:
    return "" if setting is None else f"{setting['dampening']:g}, {setting['learning_rate']:g}"


TABLES: Mapping[str, Callable[[Store], str]] = {
    "costs": costs,
    **{task: accuracies(task) for task in TASKS},
    "spreads": spreads,
    "shares": shares,
    "equalised": equalised,
    "correlations": correlations,
    "lost": lost,
    "rules": rules,
    "proposals of old": lambda store: advised.of_old(advised.kept(), store),
    "advice": lambda store: advised.of_sentences(advised.kept()),
    "search": search,
    "joint": joint_search,
    "starts": starts,
}
