"""Whatever a user passes as surrogates, as candidates with a label each that no other has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from braintools.surrogate import Surrogate

from ._registry import get_surrogate, is_surrogate_class, qualified_name

Candidates = dict[str, Surrogate]


def candidates(surrogates: Any) -> Candidates:
    """Uniquely labelled surrogates.

    A label is the key of a mapping, the string that was given, or else a short form of the repr.
    Two different surrogates that share it are told apart by the distribution that they come from.

    Parameters
    ----------
    surrogates : sequence, mapping of labels, or a single candidate
        Each candidate as `get_surrogate` takes it.

    Raises
    ------
    ValueError
        If there is no candidate, the same one twice, or two cannot be told apart.
    """
    if is_candidate(surrogates):
        surrogates = [surrogates]
    if isinstance(surrogates, Mapping):
        return {str(label): get_surrogate(spec) for label, spec in surrogates.items()}
    if not isinstance(surrogates, Iterable):
        raise TypeError(
            "surrogates must be a sequence of candidates, a mapping of labels to them, or one "
            f"candidate, got {surrogates!r}. For example surrogates=['Sigmoid', 'QPseudoSpike']"
        )
    return _labelled([(label_of(spec), get_surrogate(spec)) for spec in surrogates])


def is_candidate(spec: Any) -> bool:
    """Whether it is what `get_surrogate` takes, and not several of them."""
    named = isinstance(spec, Mapping) and isinstance(spec.get("name"), str)
    return isinstance(spec, (str, Surrogate)) or is_surrogate_class(spec) or named


def label_of(spec: Any) -> str:
    """A short name for tables and figures: what was asked for, or the repr without its noise."""
    if isinstance(spec, str):
        return spec
    shown = re.sub(r'Quantity\(([^,]+), "([^"]+)"\)', r"\1 \2", repr(get_surrogate(spec)))
    return re.sub(r"float\('inf'\)", "inf", re.sub(r"(\d)\.0\b", r"\1", shown))


def _labelled(pairs: list[tuple[str, Surrogate]]) -> Candidates:
    if not pairs:
        raise ValueError("surrogates must name one candidate or more, got none")
    shared = Counter(label for label, _ in pairs)
    named: Candidates = {}
    for label, surrogate in pairs:
        if shared[label] > 1 and len(_types(label, pairs)) > 1:
            label = _qualified(label, surrogate)
        if label in named:
            raise ValueError(
                f"each surrogate can be given only once, got {label} twice. Give candidates that "
                "print alike labels of their own: {'one': ..., 'other': ...}"
            )
        named[label] = surrogate
    return named


def _types(label: str, pairs: list[tuple[str, Surrogate]]) -> set[type]:
    return {type(surrogate) for other, surrogate in pairs if other == label}


def _qualified(label: str, surrogate: Surrogate) -> str:
    """The label with the distribution in front: ``"braintools:QPseudoSpike(alpha=2)"``."""
    distribution = qualified_name(type(surrogate)).partition(":")[0]
    return f"{distribution}:{label.partition(':')[2] or label}"
