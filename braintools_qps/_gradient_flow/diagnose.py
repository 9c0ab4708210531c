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


def trials_of(evaluator: Evaluator) -> Trials | None:
    """Trials with the objective, with the labels or with random ones, if there can be any."""
    if why_untried(evaluator):
        return None
    step, outputs, batch = evaluator.step, evaluator.run.outputs, evaluator.batch
    if function := evaluator.objective.function:
        return Trials(of_objective(step, outputs, function, batch))
    if evaluator.labels is not None:
        return Trials(of_labels(step, outputs, evaluator.labels))
    return Trials(of_random_labels(step, outputs, batch or 1, evaluator.objective.seed))


def why_untried(evaluator: Evaluator) -> str:
    """Why there can be no trial, where there is nothing to train or to tell apart; else empty."""
    if not evaluator.step.parameters:
        return ": it has no brainstate.ParamState to train"
    if evaluator.objective.function:
        return "" if evaluator.cotangents.value else ": the objective is 0 for its outputs"
    if (evaluator.batch or 1) == 1:
        return ", which takes several samples: pass a batch"
    first = next(filter(is_real, evaluator.run.outputs))
    if first.shape[1:2] != (evaluator.batch,):
        return (
            ", since its outputs have no axis of samples: pass objective=, a function from the "
            "outputs of all steps to your loss"
        )
    return ""


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
        if helping := attempts.first_that_helps(cause.changes(measured, finding), tried.record):
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
    lowest, constant = f"{trial.left:.3g}", f"{trial.constant:.3g}"
    left = f"{lowest} of {constant} is left"
    if trial.left > trial.constant and lowest != constant:
        left = f"its loss is {lowest}, that of the best constant answer {constant}"
    how = "learns slowly" if trial.moves else "does not learn"
    return f"It {how}: after {_steps(len(trial.losses))} {left}."


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


def named_as_cause(
    cause: Cause,
    finding: Finding,
    before: LearningTrial | None,
    remedy: str | None,
    code: str | None = None,
) -> Diagnosis:
    """The diagnosis that a finding gives, after what the trial of the model has shown."""
    first = next(iter(finding.populations), None)
    text = finding.text if before is None else f"{said_of(before)} {finding.text}"
    marks = finding.populations, cause.column, cause.word
    return Diagnosis(cause.name, first, text, remedy, code, *marks)


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
    code, remedy = change.code(given), f"{change.said(given)} {_afterwards(after)}."
    diagnosis = named_as_cause(cause, finding, before, remedy, str(code) if code.lines else None)
    return Verdict(diagnosis, tuple(facts(measured, cause.name)), change)


def _afterwards(after: LearningTrial) -> str:
    steps = after.half_after
    if steps is not None:
        return f"{_steps(steps)} {_take(steps)} half away"
    return f"{after.left:.3g} is left after {_steps(len(after.losses))}"


def _unproven(
    before: LearningTrial, found: list[tuple[Cause, Finding]], attempts: Attempts
) -> Verdict:
    """No cause for what learns; else exact findings first, then the others, then what was tried."""
    measured, tried = attempts.measured, ", ".join(attempts.kinds)
    nothing = f"Nothing that was tried helps: {tried}." if tried else None
    if before.learns:
        further = (*facts(measured), *unmoved(measured), *filter(None, [nothing]))
        return Verdict(Diagnosis("none", None, said_of(before)), further)
    known = sorted(
        (pair for pair in found if not pair[0].general), key=lambda pair: not pair[1].exact
    )
    if not known:
        remedy = " ".join(filter(None, [nothing, _on_random_labels(measured.evaluator)]))
        return Verdict(Diagnosis("unknown", None, said_of(before), remedy or None))
    (cause, first), *others = known
    diagnosis = named_as_cause(cause, first, before, first.advice or nothing)
    texts = [] if first.final else [f.text for each, f in others if each.name != cause.name]
    return Verdict(diagnosis, (*texts, *([nothing] if nothing and first.advice else ())))


def _on_random_labels(evaluator: Evaluator) -> str:
    """What else may be wrong where the labels of the trial say nothing about the inputs."""
    if evaluator.labels is not None or evaluator.objective.function:
        return ""
    return "Its labels were random, which alike samples forbid: pass labels= to try your task."


def _untried(measured: Measured, found: list[tuple[Cause, Finding]]) -> Verdict:
    """Without a trial, only exact findings are causes."""
    for cause, finding in found:
        if finding.exact:
            return Verdict(named_as_cause(cause, finding, None, finding.advice or None))
    why = why_untried(measured.evaluator)
    return Verdict(Diagnosis("none", None, f"Whether it learns was not tried{why}."))


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


def _take(count: int) -> str:
    return "takes" if count == 1 else "take"
