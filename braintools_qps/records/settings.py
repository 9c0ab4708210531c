"""The tuned settings of candidates as text."""

from __future__ import annotations

from collections.abc import Iterable

from .candidate import CandidateResult
from .tuning import varied_names

SHOWN_AS_FRACTIONS = ("dampening", "scale", "scale_factor")
ALWAYS = ("learning_rate", "dampening")  # shown even with a single value


def all_tuned_names(results: Iterable[CandidateResult]) -> list[str]:
    """Names to show: learning rate and dampening, and all others with several values."""
    tried = [[trial.setting for trial in r.tuning.trials] for r in results if r.tuning]
    shown = [name for s in tried for name in s[0] if name in (*ALWAYS, *varied_names(s))]
    return list(dict.fromkeys(shown))


def setting_text(result: CandidateResult, name: str) -> str:
    """The value chosen most often, and by how many seeds."""
    if name not in result.setting:
        return "-"
    value, seeds = value_text(name, result.setting[name]), result.seeds
    if result.tuning is None:
        return value
    same = sum(result.setting_of(seed).get(name) == result.setting[name] for seed in seeds)
    return value + (f" ({same}/{len(seeds)})" if same < len(seeds) else "")


def value_text(name: str, value: object) -> str:
    """A value of a setting in a few characters; factors as fractions."""
    if value is None:
        return "none"
    if not isinstance(value, float):
        return str(value)
    is_part = 0 < value < 1 and (1 / value).is_integer()
    return f"1/{1 / value:g}" if is_part and name in SHOWN_AS_FRACTIONS else f"{value:.3g}"
