"""The tuned settings of candidates as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..records import CandidateResult


SHOWN_AS_FRACTIONS = ("dampening", "scale", "scale_factor")
ALWAYS = ("learning_rate", "dampening")  # shown even with a single value


def varied_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names with several values, without a dampening that follows from a mean slope."""
    first, *others = settings
    derived = "dampening" if "mean_slope" in first else None
    several = lambda name: any(setting.get(name) != first[name] for setting in others)
    return [name for name in first if name != derived and several(name)]


def tuned_names(result: CandidateResult) -> list[str]:
    """Names to show: learning rate and dampening, and all others with several values."""
    if result.tuning is None:
        return []
    settings = [trial.setting for trial in result.tuning.trials]
    return [name for name in settings[0] if name in (*ALWAYS, *varied_names(settings))]


def all_tuned_names(results: Iterable[CandidateResult]) -> list[str]:
    """The names of all candidates, each once."""
    return list(dict.fromkeys(name for result in results for name in tuned_names(result)))


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
        return "none" if name else ""
    if (
        name in SHOWN_AS_FRACTIONS
        and isinstance(value, float)
        and 0 < value < 1
        and (1 / value).is_integer()
    ):
        return f"1/{1 / value:g}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
