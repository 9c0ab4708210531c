"""Why does the network not learn? A trial judges the network, every cause and every change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._wording import listed
from ..records import Diagnosis, LearningTrial
from .attempts import Attempts
from .causes import (
    CAUSES,
    Cause,
    Finding,
    keeps,
    low_dropouts,
    said_of_matrix,
    stopped_matrices,
)
from .changes import Change, Given
from .evaluate import Evaluator, Measured
from .graph import OUTPUTS
from .loss import of_labels, of_objective, of_random_labels
from .step import is_real
from .trial import Trials

KEPT = 0.1  # share of the signals; a dropout that keeps less is worth a sentence


class Verdict(NamedTuple):
    """A diagnosis, sentences that go with it, and the change that a trial has shown to help."""

    diagnosis: Diagnosis
    further: tuple[str, ...] = ()
    change: Change | None = None
    after: LearningTrial | None = None


def trials_of(evaluator: Evaluator) -> Trials | None:
    """Trials with the user's objective, with the labels or with random ones.

    None where there is nothing to train, or nothing to tell apart.
    """
    step, outputs, batch = evaluator.step, evaluator.run.outputs, evaluator.batch
    if not step.parameters:
        return None
    if function := evaluator.objective.function:
        return Trials(of_objective(step, outputs, function, batch))
    if batch is None or batch == 1 or not _has_samples(evaluator):
        return None
    if evaluator.labels is not None:
        return Trials(of_labels(step, outputs, evaluator.labels))
    return Trials(of_random_labels(step, outputs, batch, evaluator.objective.seed))


def judged(measured: Measured, trials: Trials | None) -> Measured:
    """The same with its trial."""
    if trials is None:
        return measured
    run = measured.evaluator.run
    return measured._replace(tried=trials.judge(measured.step, measured.spikes, run.inputs))


def diagnose(measured: Measured, trials: Trials | None, given: Given) -> Verdict:
    """Judge a measured model by its trial, and look for a cause where it does not learn."""
    tried = measured.tried
    if tried is not None and tried.record.learns_soon:
        further = (*facts(measured), *unmoved(measured))
        return Verdict(Diagnosis("none", None, said_of(tried.record)), further)
    found = [(cause, f) for cause in CAUSES if (f := cause.find(measured)) is not None]
    if trials is None or tried is None:
        return _untried(measured, found)
    attempts = Attempts(measured, trials, given)
    for cause, finding in found:
        if helping := attempts.first_that_helps(cause.changes(measured, finding)):
            return _proven(measured, tried.record, cause, finding, given, *helping)
        if finding.final:
            break
    return _unproven(tried.record, found, attempts)


def said_of(trial: LearningTrial) -> str:
    """What a trial has shown, in a sentence."""
    samples, steps = f"on these {trial.samples} samples", trial.half_after
    if steps == 0:
        return f"It has learned: {samples} more than half of the loss is gone before any training."
    if steps is not None:
        how = "It learns" if trial.learns_soon else "It learns slowly"
        return f"{how}: {_steps(steps)} {samples} {_take(steps)} half of the loss away."
    if not np.isfinite([trial.losses[0], trial.constant]).all():
        return "It does not learn: its loss is NaN or infinite."
    left = f"after {_steps(len(trial.losses))} {trial.left:.3g} of {trial.constant:.3g} is left"
    return f"It {'learns slowly' if trial.moves else 'does not learn'}: {left}."


def unmoved(measured: Measured) -> Iterator[str]:
    """A sentence on weights that the trial of a network that learns did not move."""
    step, moved = measured.step, measured.tried.moved if measured.tried else ()
    known = {*moved, *stopped_matrices(measured)}
    reaching = lambda i: OUTPUTS in step.graph.downstream(i)  # others are disconnected
    matrices = (i for i in step.parameters if step.arrays.states[i].ndim > 1 and reaching(i))
    if still := [step.path(i) for i in matrices if i not in known]:
        verb = "gets" if len(still) == 1 else "get"
        yield f"But {listed(still, 3)} {verb} no gradient in any step of the trial."


def facts(measured: Measured, cause: str = "") -> Iterator[str]:
    """Exact facts that a network may learn with all the same, but for those that a cause says."""
    step = measured.step
    for i in stopped_matrices(measured) if cause != "no gradient" else ():
        yield f"But {said_of_matrix(measured, i)}."
    cut = [p.name for p in measured.populations if OUTPUTS not in step.graph.downstream(p.name)]
    if cut and cause != "disconnected":
        yield f"But the output does not depend on {listed(cut, 3)}."
    yield from _fixed(measured)
    low = low_dropouts(measured.evaluator.model, KEPT) if cause != "dropout" else {}
    for name, found in low.items():
        yield f"But {keeps(name, found.node)}."


def _fixed(measured: Measured) -> Iterator[str]:
    """A sentence on weight matrices that an optimizer does not see."""
    step = measured.step
    sinks = (*step.graph.names, OUTPUTS)
    if positions := sorted({i for name in sinks for i in step.graph.fixed[name]}):
        one = len(positions) == 1
        yield (
            f"But {listed(map(step.path, positions), 3)} {'is' if one else 'are'} no "
            f"brainstate.ParamState, so an optimizer does not train {'it' if one else 'them'}. If "
            f"it should: {step.as_parameter(positions[0])}."
        )


def _proven(
    measured: Measured,
    before: LearningTrial,
    cause: Cause,
    finding: Finding,
    given: Given,
    change: Change,
    after: LearningTrial,
) -> Verdict:
    """The cause whose change makes the trial better, with the numbers of both."""
    code = change.code(given)
    remedy = f"{change.said(given)} {_afterwards(after)}."
    diagnosis = Diagnosis(
        cause.name,
        finding.populations[0] if finding.populations else None,
        f"{said_of(before)} {finding.text}",
        remedy,
        str(code) if code.lines else None,
        finding.populations,
        cause.column,
        cause.word,
    )
    return Verdict(diagnosis, tuple(facts(measured, cause.name)), change, after)


def _afterwards(after: LearningTrial) -> str:
    steps = after.half_after
    if steps is not None:
        return f"{_steps(steps)} {_take(steps)} half away"
    return f"{after.left:.3g} is left after {_steps(len(after.losses))}"


def _unproven(
    before: LearningTrial, found: list[tuple[Cause, Finding]], attempts: Attempts
) -> Verdict:
    """Exact findings first, then those that no trial can speak against, then what was tried."""
    measured = attempts.measured
    has_changes = lambda cause, finding: any(True for _ in cause.changes(measured, finding))
    certain = lambda pair: pair[1].exact or not has_changes(*pair)
    known = [pair for pair in found if not pair[0].general]
    known.sort(key=lambda pair: (not pair[1].exact, not certain(pair)))
    tried = ", ".join(attempts.kinds)
    nothing = f"Nothing that was tried helps: {tried}." if tried else None
    if before.learns and not (known and certain(known[0])):
        further = (*facts(measured), *unmoved(measured), *filter(None, [nothing]))
        return Verdict(Diagnosis("none", None, said_of(before)), further)
    if not known:
        remedy = " ".join(filter(None, [nothing, _on_random_labels(measured.evaluator)]))
        return Verdict(Diagnosis("unknown", None, said_of(before), remedy or None))
    (cause, first), *others = known
    diagnosis = Diagnosis(
        cause.name,
        first.populations[0] if first.populations else None,
        f"{said_of(before)} {first.text}",
        first.advice or nothing,
        None,
        first.populations,
        cause.column,
        cause.word,
    )
    texts = [] if first.final else [finding.text for _, finding in others]
    return Verdict(diagnosis, (*texts, *([nothing] if nothing and first.advice else ())))


def _on_random_labels(evaluator: Evaluator) -> str:
    """What else may be wrong where the labels of the trial say nothing about the inputs."""
    if evaluator.labels is not None or evaluator.objective.function:
        return ""
    return "Its labels were random, which alike samples forbid: pass labels= to try your task."


def _untried(measured: Measured, found: list[tuple[Cause, Finding]]) -> Verdict:
    """Without a trial, only exact findings are causes."""
    known = [(cause, finding) for cause, finding in found if finding.exact]
    for cause, finding in known:
        where = finding.populations[0] if finding.populations else None
        return Verdict(Diagnosis(cause.name, where, finding.text, finding.advice or None))
    return Verdict(Diagnosis("none", None, _why_untried(measured)))


def _why_untried(measured: Measured) -> str:
    why = ""
    if not measured.step.parameters:
        why = ": it has no brainstate.ParamState to train"
    elif (measured.evaluator.batch or 1) == 1:
        why = ", which takes several samples: pass a batch"
    elif not _has_samples(measured.evaluator):
        why = (
            ", since its outputs have no axis of samples: pass objective=, a function from the "
            "outputs of all steps to your loss"
        )
    return f"Whether it learns was not tried{why}."


def _has_samples(evaluator: Evaluator) -> bool:
    """Whether the first real output has the samples of the batch along its second axis."""
    first = next(filter(is_real, evaluator.run.outputs))
    return evaluator.batch is not None and first.shape[1:2] == (evaluator.batch,)


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


def _take(count: int) -> str:
    return "takes" if count == 1 else "take"
