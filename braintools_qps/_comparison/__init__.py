"""Training with each candidate surrogate, side by side.

Start here with `compare`. `tasks` has the data, `network` the demonstration model, `training` the
compiled program, `runs` how it is shared out, `cost` what is measured beside it, `provenance` and
`storage` what is kept.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from braintools.surrogate import Surrogate

from .._candidates import candidates
from .._registry import surrogate_spec
from ..records.comparison import CandidateResult, Comparison, tuples
from .checks import checked_seeds
from .cost import measure_cost, measure_flow
from .provenance import blank, resumed
from .storage import Store, opened
from .tasks import Task, load_task
from .training import Settings, Trained, batches_per_epoch, can_share, program, train

__all__ = ["compare"]

DEFAULT_SURROGATES = ("Sigmoid", "S2NN", "QPseudoSpike(alpha=2)", "QPseudoSpike(alpha=8)")


class Progress(NamedTuple):
    """Where a comparison stands, after each epoch."""

    labels: tuple[str, ...]  # of the candidates in training
    done: int  # epochs, of all programs
    total: int
    loss: float  # mean over these candidates and all seeds


class Candidate(NamedTuple):
    label: str
    surrogate: Surrogate
    spec: dict[str, Any]


def compare(
    surrogates: Sequence[Any] = DEFAULT_SURROGATES,
    *,
    task: Any = "digits-rows",
    seeds: int | Sequence[int] = 3,
    epochs: int = Settings.epochs,
    hidden: int = Settings.hidden,
    neuron: str = Settings.neuron,
    reset: str = Settings.reset,
    measure: bool = True,
    out: str | os.PathLike | None = None,
    resume: bool = False,
    strict: bool = False,
    on_epoch: Callable[[Progress], None] | None = None,
    on_result: Callable[[Comparison], None] | None = None,
) -> Comparison:
    """Train a recurrent spiking classifier with each surrogate, from the same weights.

    A seed decides on the initial weights and on the order of the samples, so that candidates differ
    in nothing but their surrogate. `QPseudoSpike` with different numbers trains in one compiled
    program, over all seeds at once; others, over all seeds.

    Data is split into parts to train, to validate and to test, always in the same way. The test
    part is looked at once, after the last epoch; `Comparison.best` goes by the validation part.

    Parameters
    ----------
    surrogates : sequence
        Candidates, each as `get_surrogate` takes them.
    task : str, tuple or Task
        ``"digits-rows"`` and ``"digits-pixels"``, scikit-learn's handwritten digits row by row (16
        steps of 8 features) and pixel by pixel (64 steps); ``"cue-recall"``, a cue to be named
        after a delay of 20 steps; or arrays ``(X, y)``, with X of shape (samples, time, features)
        and y of shape (samples,).
    seeds : int or sequence of int
        How many seeds, or which.
    epochs, hidden : int
        Passes over the training part, and number of neurons.
    neuron : str
        A class of `brainpy.state`, such as ``"LIF"`` or ``"ALIF"``.
    reset : {"soft", "hard"}
        How the membrane comes down after a spike.
    measure : bool
        Whether to time a training step of each candidate, which compiles it once more, and to
        measure the gradient flow.
    out : path, optional
        A directory to which results are saved as soon as a program has finished, so that an
        interruption loses only what was in training. What an earlier comparison has left there is
        renamed at that moment, to ``comparison-1.json`` and so on.
    resume : bool
        Whether to go on from the results that are in ``out``: they stay, those of candidates that
        are not asked for now included, and only what is missing is trained.
    strict : bool
        Whether to resume only on the same machine with the same versions; otherwise a warning names
        what differs.
    on_epoch : callable, optional
        Called after each epoch with the named tuple ``(labels, done, total, loss)``: which
        candidates are in training, epochs done and in all, and their mean loss.
    on_result : callable, optional
        Called with the comparison so far, each time that results have come into it.

    Returns
    -------
    Comparison
        Printing it shows a table.

    Raises
    ------
    LookupError
        If no surrogate, task or neuron has the name.
    ValueError
        If an option is out of its range, the arrays cannot be trained on, or what is to be resumed
        was run with other options.
    OSError
        If nothing can be written to ``out``, before anything is trained.

    See Also
    --------
    gradient_flow : How the gradient travels through your own model, without training.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> comparison = compare(["Sigmoid"], epochs=1, hidden=16, seeds=1, measure=False)
    >>> comparison.best.label
    'Sigmoid'
    """
    task, settings = load_task(task), Settings(epochs, hidden, neuron, reset)
    asked = _candidates(surrogates)
    comparison = blank([c.spec for c in asked], task, settings, checked_seeds(seeds))
    with opened(out) if out is not None else nullcontext() as store:
        if resume:
            comparison = resumed(comparison, store, strict=strict)
        keep = _keeper(comparison, store, on_result)
        pending = [c for c in asked if c.spec not in [r.spec for r in comparison.results]]
        flows = _flows(pending, task, settings, comparison.seeds) if measure and pending else {}
        groups = _groups(pending)
        for number, group in enumerate(groups):
            report = _reporter(on_epoch, group, settings.epochs, number, len(groups))
            trained = train(
                program([c.surrogate for c in group]), task, settings, comparison.seeds, report
            )
            for row, candidate in enumerate(group):
                cost = _cost(candidate, task, settings) if measure else {}
                result = _result(candidate, trained, row) | cost | flows.get(candidate.label, {})
                comparison = _with_result(comparison, CandidateResult(**result))
            keep(comparison)
        return comparison


def _keeper(
    start: Comparison, store: Store | None, on_result: Callable[[Comparison], None] | None
) -> Callable[[Comparison], None]:
    """What to do with a comparison that has new results, and with those that are resumed."""

    def keep(comparison: Comparison) -> None:
        if store is not None:
            store.save(comparison)
        if on_result is not None:
            on_result(comparison)

    if start.results:
        keep(start)  # whatever of its files is missing is written anew
    return keep


def _candidates(surrogates: Any) -> list[Candidate]:
    found = [Candidate(*one, surrogate_spec(one[1])) for one in candidates(surrogates).items()]
    for number, candidate in enumerate(found):
        if candidate.spec in [other.spec for other in found[:number]]:
            raise ValueError(
                f"each surrogate can be compared only once, got {candidate.label} twice"
            )
    return found


def _groups(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates that train in one program, in the order in which they were asked for."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        for group in groups:
            if can_share(group[0].surrogate, candidate.surrogate):
                group.append(candidate)
                break
        else:
            groups.append([candidate])
    return groups


def _flows(
    candidates: Sequence[Candidate], task: Task, settings: Settings, seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:
    flows = measure_flow([c.surrogate for c in candidates], task, settings, seeds)
    return {c.label: flow._asdict() for c, flow in zip(candidates, flows)}


def _cost(candidate: Candidate, task: Task, settings: Settings) -> dict[str, Any]:
    cost = measure_cost(candidate.surrogate, task, settings)
    per_epoch = cost.seconds_per_step * batches_per_epoch(task, settings)
    return cost._asdict() | {"seconds_per_epoch": per_epoch}


def _reporter(
    on_epoch: Callable[[Progress], None] | None,
    group: Sequence[Candidate],
    epochs: int,
    number: int,
    programs: int,
) -> Callable[[int, float], None]:
    labels = tuple(candidate.label for candidate in group)

    def report(epoch: int, loss: float) -> None:
        if on_epoch is not None:
            on_epoch(Progress(labels, number * epochs + epoch + 1, programs * epochs, loss))

    return report


def _result(candidate: Candidate, trained: Trained, row: int) -> dict[str, Any]:
    numbers = {
        "test_accuracy": trained.test_accuracy,
        "validation_accuracy": trained.validation_accuracy,
        "firing_rate": trained.firing_rate,
        "loss": trained.curves.loss,
        "validation_curve": trained.curves.validation_accuracy,
    }
    named = {name: tuples(np.asarray(of_all)[row].tolist()) for name, of_all in numbers.items()}
    return {"label": candidate.label, "spec": candidate.spec} | named


def _with_result(comparison: Comparison, result: CandidateResult) -> Comparison:
    found = (*comparison.results, result)
    order = sorted(found, key=lambda one: comparison.candidates.index(one.spec))
    return dataclasses.replace(comparison, results=tuple(order))
