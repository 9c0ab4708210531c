"""Checks of a comparison: what could not be shown is refused when it is made or read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from .candidate import CandidateResult
from .plain import refuse


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check the settings that the table and the verdict follow from.

    Raises
    ------
    ValueError
        If one is of another type, or out of its range.
    """
    if not isinstance(settings.get("score", ""), str):
        refuse("the setting score", "a name", settings["score"])
    for name in ("first_seeds", "most_seeds"):
        count = settings.get(name)
        if not (count is None or (type(count) is int and count > 0)):
            refuse(f"the setting {name}", "a number of seeds", count)
    tune = settings.get("tune") or {}
    if not (isinstance(tune, Mapping) and all(type(v) in (list, tuple) for v in tune.values())):
        refuse("the setting tune", "a list of values for each name", tune)
    margin = settings.get("margin")
    if not (margin is None or (type(margin) in (int, float) and 0 < margin < float("inf"))):
        refuse("the setting margin", "a number above 0, or None", margin)


def check_results(
    results: Sequence[CandidateResult],
    seeds: Sequence[int],
    candidates: Sequence[Mapping[str, Any]],
) -> None:
    """Check that each result is of a candidate, with its own label and a number for each seed.

    Raises
    ------
    ValueError
        If labels are blank or not unique, a spec is not in ``candidates``, seeds are not the first
        of those of the comparison, or a number is missing.
    """
    labels = [result.label for result in results]
    if len({*labels}) < len(labels):
        refuse("labels", "unique", Counter(labels).most_common(1)[0][0])
    for result in results:
        if not result.label.strip():
            refuse("labels", "text that is not blank", result.label)
        if result.spec not in candidates:
            refuse(f"the spec of {result.label}", "one of candidates", result.spec)
        if result.seeds != tuple(seeds[: len(result.seeds)]):
            refuse(f"seeds of {result.label}", f"the first of {list(seeds)}", result.seeds)
        _check_lengths(result)


def _check_lengths(result: CandidateResult) -> None:
    """A number for each seed, where there are any; and for each epoch in the curves."""
    groups = [vars(result.scores), vars(result.curves)]
    if result.tuning is not None:
        groups += [{"chosen": result.tuning.chosen}, *map(vars, result.tuning.trials)]
    for name, values in chain.from_iterable(group.items() for group in groups):
        missing = name == "test" and result.seeds and not result.scores.test
        if isinstance(values, tuple) and (values or missing) and len(values) != len(result.seeds):
            what = f"a value for each of {len(result.seeds)} seeds"
            refuse(f"{name} of {result.label}", what, len(values))
    curves = (curve for name in vars(result.curves).values() for curve in name)
    lengths = sorted({len(curve) for curve in curves})
    if len(lengths) > 1 or lengths == [0]:
        refuse(f"curves of {result.label}", "a value for each epoch", lengths)
