"""What the pages of the study show: every figure and table is made here, from the summary.

Sphinx puts them where a page says ``{{ study.NAME }}`` (``myst_substitutions`` of `docs/conf.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, pairwise, product
from typing import Any

import numpy as np

from braintools_qps._statistics import FREEDOM

from . import answers, equal, referee, starts, trainings
from .rules import DEFAULT, ROUNDS, RULES, UPDATED, WHOLE, lost
from .starts import BEST, CASES, HEIGHTS, LABELS, SHOWN_CASES, UP_TO_01, look, start
from .tables import effect, table, tenths
from .trained import NORMALISED, Effect, Trained, over, problems_of
from .trainings import RATES, UPDATES

MOST_LOST = 1.5  # points: the aim for the default of `compare`
HEIGHT_NAMES = ("1", "1/2", "1/4", "1/8", "mean slope 0.1", "mean slope 0.05")
PARTS = {  # which problems a column or a figure is over: its heading, and its names' beginning
    "development": ("dev", look(False)),
    "held out, both looks": ("held", look(True)),
    "first look": ("first", look(True, 1)),
    "second look": ("second", look(True, 2)),
}
STARTS = (  # of the choosing guide
    ("alpha 8", NORMALISED),
    ("alpha 2", NORMALISED),
    ("alpha 2", 2),
    ("alpha 2", 1),
    ("alpha ∞", 0),
    ("alpha 8", 0),
    ("alpha 2", 0),
    ("alpha 1/2", NORMALISED),
)
NAMED_STARTS = (  # those that the text of the study's first page names
    ("alpha 8", NORMALISED),
    ("alpha 2", NORMALISED),
    ("alpha 8", 0),
    ("alpha 2", 0),
    ("alpha 1/2", NORMALISED),
)
SHOWN = (
    WHOLE,
    "mean slope 0.1: 0.1",
    "mean slope 0.1: 0.1, 0.03, 0.3",
    DEFAULT,
    ROUNDS,
)


@cache
def study() -> dict[str, str]:
    """Every figure and table by name."""
    record = trainings.kept()
    every = problems_of(record)
    parts = {name: some(every) for name, (_, some) in PARTS.items()}
    found = {
        "search": search_table(parts),
        "search_by_problem": by_problem(every, SHOWN, lambda one, rule: lost(RULES[rule], one)),
        "gain": gain_table(parts),
        "gain_by_problem": by_problem(every, LABELS, starts.gain),
        "start": start_table(every),
        "start_named": start_table(every, NAMED_STARTS),
        "start_in_full": start_table(every, product(LABELS, HEIGHTS), tuple(CASES)),
        "advised": by_problem(every, LABELS[:4], starts.advised),
        "slopes": slope_table(parts),
        "picks": picks_table(parts),
        "accuracy": accuracy_table(every),
        "plan": plan_table(every),
        "longer": longer_table(every, record.get("longer", {})),
    }
    for name, (prefix, _) in PARTS.items():
        if parts[name]:
            found |= _figures(prefix, parts[name])
    found |= answers.tables() | referee.tables()
    found |= equal_tables(trainings.kept(equal.RESULTS))
    limit = over([lost(RULES[DEFAULT], one) for one in parts["held out, both looks"]]).high
    found["most_lost"] = f"{MOST_LOST:g}"
    found["excludes"] = "excludes" if limit < MOST_LOST else "does not exclude"
    found["cost"] = _cost(DEFAULT, every)
    found["cost_of_one"] = _cost("mean slope 0.1: 0.03", every)
    found["updates"] = str(UPDATES)
    found["cost_in_updates"] = _cost(UPDATED, every)
    found["problems"] = str(len(every))
    for wave in (1, 2):
        some = [one for one in every if one.wave == wave]
        found[f"minutes_{wave}"] = f"{sum(one.minutes for one in some):.0f}"
    found["trainings"] = f"{sum(map(_trainings, every)):,}"
    found["longer_problems"] = str(len(record.get("longer", {})))
    return found


def _trainings(problem: Trained) -> int:
    """Those in full, and the short rounds of the grid that leave finalists."""
    short = len(problem.finalists) * problem.grid.size
    return int(np.isfinite(problem.test).sum()) + short


def _cost(rule: str, problems: Sequence[Trained]) -> str:
    costs = [RULES[rule].cost(one) for one in problems if RULES[rule].trained_on(one)]
    return f"{100 * np.mean(costs):.0f}" if costs else ""


def _figures(prefix: str, problems: Sequence[Trained]) -> dict[str, str]:
    """Figures that stand in sentences."""
    mean = lambda measure, *given: over([measure(one, *given) for one in problems])
    of_rule = lambda name: over([lost(RULES[name], one) for one in problems])
    effects = {
        "lost": of_rule(DEFAULT),
        "lost_whole": of_rule(WHOLE),
        "lost_to_grid": mean(lambda one: lost(RULES[DEFAULT], one) - lost(RULES[WHOLE], one)),
        "lost_in_rounds": of_rule(ROUNDS),
        "fat_gain": mean(starts.gain, "alpha 1/2"),
        "two_gain": mean(starts.gain, "alpha 2"),
        "thin_gain": mean(starts.gain, "alpha ∞"),
        "lost_unsearched": of_rule("no search: 0.1, dampening 1"),
        "lost_by_one_seed": of_rule("mean slope 0.1: 0.1, 0.03, 0.01, chosen by one seed"),
        "lost_in_updates": of_rule(UPDATED),
        "lost_one_setting": of_rule("mean slope 0.1: 0.03"),
        "advised_eight": mean(starts.advised, "alpha 8"),
        "advised_two": mean(starts.advised, "alpha 2"),
        "advised_fat": mean(starts.advised, "alpha 1/2"),
        "advised_thin": mean(starts.advised, "alpha ∞"),
        "at_rate_03": mean(starts.lost_at, 0.3),
        "fat_low": start(problems, "alpha 1/2", NORMALISED),
        "eight": start(problems, "alpha 8", 0),
        "eight_low": start(problems, "alpha 8", NORMALISED),
        "as_it_comes": start(problems, "alpha 2", 0),
        "half": start(problems, "alpha 2", 1),
        "half_at_03": start(problems, "alpha 2", 1, starts.AT_03),
        "thin_low": start(problems, "alpha ∞", NORMALISED),
        "thin_low_at_03": start(problems, "alpha ∞", NORMALISED, starts.AT_03),
        "two_low": start(problems, "alpha 2", NORMALISED),
    }
    for name, pick in starts.PICKS.items():
        effects[f"pick_{re.sub(r'[^a-z0-9]+', '_', name)}"] = mean(pick)
    short = {f"{prefix}_{name}": tenths(one.mean) for name, one in effects.items()}
    long = {f"{prefix}_{name}_interval": effect(one) for name, one in effects.items()}
    long[f"{prefix}_order_interval"] = effect(mean(starts.order_below), "{:+.2f}".format)
    wide = [starts.slower(one, "alpha 8") for one in problems if "256 neurons" in one.name]
    short[f"{prefix}_wide"] = tenths(np.mean(wide)) if wide else ""
    return short | long | {f"{prefix}_problems": str(len(problems))}


Parts = Mapping[str, Sequence[Trained]]


def means(parts: Parts, measure: Callable[..., float], *given: Any) -> list[Effect]:
    """A mean over the problems of each part."""
    return [over([measure(one, *given) for one in some]) for some in parts.values()]


def by_problem(
    problems: Sequence[Trained], names: Sequence[str], measure: Callable[[Trained, str], float]
) -> str:
    rows = [[_name(one), *(measure(one, name) for name in names)] for one in problems]
    return table(["problem", *names], rows)


def _name(problem: Trained) -> str:
    look = {1: " (first look)", 2: " (second look)"}[problem.wave]
    return f"{problem.name}{look if problem.held_out else ''}"


def search_table(parts: Parts) -> str:
    every = list(chain.from_iterable(parts.values()))
    rows = [
        [name, f"{_cost(name, every)}%", *means(parts, partial(lost, rule))]
        for name, rule in RULES.items()
        if _cost(name, every)
    ]
    return table(["settings of each candidate", "cost", *parts], rows)


def gain_table(parts: Parts) -> str:
    """What a lower mean slope gains over a dampening of 1."""
    rows = [
        [label, HEIGHT_NAMES[height], name, *means(parts, starts.gain, label, rates, height)]
        for label, height in product(LABELS, (NORMALISED, NORMALISED + 1))
        for name, rates in (("up to 0.1", UP_TO_01), ("0.3", starts.AT_03))
    ]
    return table(["surrogate", "height", "learning rates", *parts], rows)


def start_table(
    problems: Sequence[Trained],
    settings: Iterable[tuple[str, int]] = STARTS,
    cases: Sequence[str] = SHOWN_CASES,
) -> str:
    """What a start loses against the best of the same rate, and its mean slope."""
    rows = []
    for label, height in settings:
        slopes = [one.slopes[starts.rows_of(one, [label]), height] for one in problems]
        lost = [start(CASES[case][1](problems), label, height, CASES[case][0]) for case in cases]
        slope = np.nanmean(np.concatenate(slopes))
        rows.append([label, HEIGHT_NAMES[height], f"{slope:.2f}", *lost])
    return table(["surrogate", "dampening", "mean slope", *cases], rows)


def slope_table(parts: Parts) -> str:
    """Points lost by the mean slope before training."""
    shown = {name: parts[name] for name in tuple(PARTS)[:2]}
    columns = [
        starts.by_slope(some, group) for group in starts.GROUPS.values() for some in shown.values()
    ]
    head = [f"{group}, {name.split(',')[0]}" for group in starts.GROUPS for name in shown]
    limits = [f"{low:.2g} to {high:.2g}" for low, high in pairwise(starts.BINS)]
    limits[-1] = f"above {starts.BINS[-2]:g}"
    rows = [[limit, *(c[row] for c in columns)] for row, limit in enumerate(limits)]
    return table(["mean slope", *head], rows)


def picks_table(parts: Parts) -> str:
    rows = [[name, *means(parts, pick)] for name, pick in starts.PICKS.items()]
    return table(["mean slope of what is picked", *parts], rows)


def accuracy_table(problems: Sequence[Trained]) -> str:
    """Percent by candidate: as it is, at a mean slope of 0.1, and the best of the grid."""
    rows = []
    for one in problems:
        rate = RATES.index(0.1)
        for name, scores in (
            ("rate 0.1, dampening 1", one.test[:, rate, 0]),
            ("rate 0.1, mean slope 0.1", one.test[:, rate, NORMALISED]),
            ("best of the grid", one.reference),
        ):
            each = dict(zip(one.labels, map(float, scores.mean(axis=-1))))
            rows.append([_name(one), name, *(each.get(label, "") for label in LABELS)])
    return table(["problem", "setting", *LABELS], rows)


def plan_table(problems: Sequence[Trained]) -> str:
    rows = [
        [_name(p), p.epochs, f"{p.chance:.0f}", f"{p.highest:.1f}", p.minutes] for p in problems
    ]
    return table(["problem", "epochs", "guessing, %", "best, %", "minutes of one core"], rows)


def equal_tables(kept: Mapping[str, Any]) -> dict[str, str]:
    """False claims among equals, power, and how comparisons that grow end."""
    labels = [f"{count} labels" for count in equal.LABELS]
    errors = {name: found["5"] for name, found in kept["error"].items()}
    real = [errors[name] for name in equal.trained()]
    power = kept["power"]["normal"]
    lower = [
        [name, *(end["lower"] for end in ends.values())] for name, ends in kept["growing"].items()
    ]
    ends = [
        [f"{spread} points", f"{end['settled']}%", end["runs"], *end["false equal"].values()]
        for spread, end in kept["margin"].items()
    ]
    false = [row[1:] for row in lower] + [
        list(end["false equal"].values()) for end in kept["margin"].values()
    ]
    head = ["seeds vary by", "settled", "mean runs", "false equal, 2 labels", "3 labels"]
    return {
        "errors": table(["scores", *labels], [[name, *rates] for name, rates in errors.items()]),
        "errors_most": tenths(max(map(max, real))),
        "errors_most_anywhere": tenths(
            max(
                rate
                for found in kept["error"].values()
                for rates in found.values()
                for rate in rates
            )
        ),
        "power": table(["seeds", *labels], [[n, *power[n]] for n in power if n != "3"]),
        "growing": table(["scores", *(f"{k} labels" for k in ("2", "3", "10"))], lower),
        "growing_ends": table(head, ends),
        "growing_most": tenths(max(map(max, false))),
        "freedom": f"{FREEDOM:g}",
        "equal_seeds": str(len(kept["scores"][equal.DEFAULT]["test"])),
    }


def longer_table(problems: Sequence[Trained], longer: Mapping[str, Any]) -> str:
    """What is concluded, over development problems, and whether its sign holds at both lengths."""
    both = [starts.twice(one, longer[one.name]) for one in problems if one.name in longer]
    pairs = [tuple(map(starts.conclusions, one)) for one in both]
    rows = []
    for name in pairs[0][0] if pairs else ():
        once, double = (over([pair[place][name] for pair in pairs]) for place in (0, 1))
        change = over([pair[1][name] - pair[0][name] for pair in pairs])
        signs = [np.sign(bound) for one in (once, double) for bound in one[1:]]
        holds = "yes" if abs(sum(signs)) == 4 else "no"
        rows.append([name, once, double, change, "" if name == BEST else holds])
    head = "points", "epochs as planned", "twice as many", "change", "told from 0 at both"
    return table(head, rows)
