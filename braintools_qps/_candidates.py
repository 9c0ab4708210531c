"""Candidates: the surrogates that a user passes to a tool, with unique labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from braintools.surrogate import Surrogate

from ._registry import get_surrogate, is_surrogate_class, qualified_name
from ._wording import shortened
from .typing import SurrogateSpec, SurrogateSpecs

Candidates = dict[str, Surrogate]
LONGEST_LABEL = 80


def candidates(surrogates: SurrogateSpecs) -> Candidates:
    """Build the surrogates and label them.

    A label is the key of a mapping, the string that was given, or a short form of the repr. If two
    surrogates share a label, each gets its package in front:
    ``"braintools:QPseudoSpike(alpha=2)"``.

    Parameters
    ----------
    surrogates : iterable, mapping of labels, or a single candidate
        Each candidate as `get_surrogate` takes it.

    Raises
    ------
    ValueError
        If there is no candidate, a blank label, or two with the same label.
    TypeError
        If ``surrogates`` is none of these.
    """
    if is_candidate(surrogates) or not isinstance(surrogates, Iterable):
        surrogates = [surrogates]
    if isinstance(surrogates, Mapping):
        pairs = [(str(label), get_surrogate(spec)) for label, spec in surrogates.items()]
    else:
        pairs = _qualified([(label_of(spec), get_surrogate(spec)) for spec in surrogates])
    if not pairs:
        raise ValueError(
            "surrogates must have one candidate or more, got none. "
            "For example surrogates=['Sigmoid', 'QPseudoSpike']"
        )
    label, times = Counter(label for label, _ in pairs).most_common(1)[0]
    if times > 1:
        raise ValueError(
            f"candidates need unique labels, got {label} {times} times. Leave one out, or pass a "
            "mapping from labels to surrogates: {'one': ..., 'other': ...}"
        )
    if not all(label.strip() for label, _ in pairs):
        raise ValueError(
            f"labels must not be blank, got {[label for label, _ in pairs]}. Pass a mapping from "
            "labels to surrogates: {'one': ..., 'other': ...}"
        )
    return dict(pairs)


def is_candidate(spec: object) -> bool:
    """Whether this is one candidate and not a collection."""
    named = isinstance(spec, Mapping) and isinstance(spec.get("name"), str)
    return isinstance(spec, (str, Surrogate)) or is_surrogate_class(spec) or named


def label_of(spec: SurrogateSpec) -> str:
    """A short name for tables and figures: the string that was given, or a short repr."""
    if isinstance(spec, str):
        return str(spec)  # NumPy's text prints as np.str_(...)
    shown = repr(get_surrogate(spec)).replace("float('inf')", "inf")
    shown = re.sub(r'Quantity\(([^,]+), "([^"]+)"\)', r"\1 \2", shown)
    shown = re.sub(r"(\d)\.0\b", r"\1", shown)
    return shortened(shown, LONGEST_LABEL)


def _qualified(pairs: list[tuple[str, Surrogate]]) -> list[tuple[str, Surrogate]]:
    """The pairs, with the package in front of each label that several share."""
    shared = Counter(label for label, _ in pairs)
    return [
        (f"{qualified_name(type(surrogate)).partition(':')[0]}:{label}", surrogate)
        if shared[label] > 1
        else (label, surrogate)
        for label, surrogate in pairs
    ]
