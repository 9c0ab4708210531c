"""Candidates: the surrogates that a user passes to a tool, with unique labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from braintools.surrogate import Surrogate

from .._wording import shortened
from ..typing import SurrogateSpecs
from .discovery import is_surrogate_class
from .specs import build, call_text

Candidates = dict[str, Surrogate]
LONGEST_LABEL = 80


def candidates(surrogates: SurrogateSpecs) -> Candidates:
    """Build the surrogates and label them.

    A label is the key of a mapping, the string that was given, or a short form of the surrogate's
    spec, such as ``"braintools:QPseudoSpike(alpha=2)"``.

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
        pairs = [(str(label), build(spec)) for label, spec in surrogates.items()]
    else:
        built = ((spec, build(spec)) for spec in surrogates)
        # NumPy's text prints as np.str_(...)
        pairs = [(str(s) if isinstance(s, str) else label_of(each), each) for s, each in built]
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


def label_of(surrogate: Surrogate) -> str:
    """A short name for tables and figures."""
    try:
        text = re.sub(r"""['"\\]""", "", call_text(surrogate))
    except TypeError:  # it holds a State, or its class has no name
        text = repr(surrogate)
    return shortened(re.sub(r"(\d)\.0\b", r"\1", text), LONGEST_LABEL)
