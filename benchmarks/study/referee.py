"""A published ranking of surrogates, run again: as they come, tuned, and lowered.

``python -m benchmarks.study referee`` trains; ``python -m benchmarks.study.referee`` keeps what
`gradient_flow` says of each network before training.
"""

from __future__ import annotations

from collections.abc import Sequence

import brainstate
import numpy as np

from braintools_qps import gradient_flow, set_surrogate
from braintools_qps._comparison.factory import Factory

from ..problems import PUBLISHED
from .trained import Trained, table, trained
from .trainings import BOOK, SURROGATES, keep, kept, task_of

ASKED = BOOK["referee"]
WAYS = ASKED["ways"]


def tables() -> dict[str, str]:
    """The tables of the page, by name."""
    problem, reported = trained("referee")
    diagnoses = kept("referee")["diagnoses"]
    rows = [
        [label, *published, *_ours(problem, label), diagnoses[label]["cause"]]
        for label, published in ASKED["published"].items()
    ]
    head = ["surrogate", "snnTorch", "mlx-snn", *WAYS, "gradient_flow says"]
    two_head = ["surrogate", "as given", "tuned", *WAYS]
    two_rows = [
        [label, *scores, *_ours(reported, label)] for label, scores in ASKED["reported"].items()
    ]
    return {
        "referee": table(head, rows),
        "referee_reports": table(two_head, two_rows),
        "referee_seeds": str(problem.plan.seeds),
        "referee_working": _range(problem, ("arctan 2", "fast sigmoid 25")),
        "referee_failing": _range(problem, ("straight-through", "triangular", "sigmoid 25")),
    }


def _ours(problem: Trained, label: str) -> list[str]:
    ways = [problem.at(**way) for way in WAYS.values()]
    return [_spread(problem.chosen(label, way)) for way in ways]


def _range(problem: Trained, labels: Sequence[str]) -> str:
    """The lowest and the highest mean, at the best rate."""
    means = [problem.chosen(label, problem.at(**WAYS["best rate"])).mean() for label in labels]
    return f"{min(means):.0f} to {max(means):.0f}"


def _spread(percent: np.ndarray) -> str:
    return f"{percent.mean():.1f} ± {percent.std(ddof=1):.1f}"


def main() -> None:
    """What `gradient_flow` says of each network before training."""
    task = task_of(PUBLISHED)
    for label in ASKED["published"]:
        brainstate.random.seed(0)
        model = Factory(PUBLISHED.model)(task)
        set_surrogate(model, SURROGATES[label])
        said = gradient_flow(model, task)["model"].diagnosis
        keep("referee", "diagnoses", label, {"cause": said.cause, "text": said.text})


if __name__ == "__main__":
    main()
