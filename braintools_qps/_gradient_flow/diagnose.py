"""Find out why a network does not learn: short trainings test the network and each change."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._defaults import SAMPLES
from .._wording import plural
from ..records import Diagnosis, LearningTrial
from .attempts import Attempts
from .causes import CAUSES, Cause, Finding
from .causes.no_gradient import untrained
from .changes import Change, all_changes, with_imports
from .evaluate import Evaluator, Measured
from .facts import AT_CHANCE, facts, score_of_others, silent_parts
from .loss import FEW, of_labels, of_objective, of_random_labels
from .step import is_real
from .trial import Trials, Tried

RANDOM = (
    "Labels were random, and no network tells identical samples apart: pass labels= to try your "
    "task."
)

FLAT = "The objective has no gradient: its derivative is 0 at these outputs and around them."
SMOOTH = "Pass your loss: an accuracy, a comparison or a constant cannot be trained."


class Verdict(NamedTuple):
    """A measured model with its trial, its diagnosis, further sentences, the change that helps."""

    measured: Measured
    diagnosis: Diagnosis
    further: tuple[str, ...] = ()
    change: Change | None = None


def trials_of(evaluator: Evaluator, most: int = SAMPLES) -> Trials | None:
    """Trials with the objective, with the labels or with random ones; None if not possible."""
    if why_untried(evaluator):
        return None
    step, outputs, batch = evaluator.step, evaluator.run.outputs, evaluator.batch
    if function := evaluator.objective.function:
        start = evaluator.cotangents.value
        return Trials(of_objective(step, outputs, function, start, batch))
    if evaluator.labels is not None:
        return Trials(of_labels(step, outputs, evaluator.labels, evaluator.ran))
    return Trials(of_random_labels(step, outputs, batch or 1, evaluator.objective.seed, most))


def why_untried(evaluator: Evaluator) -> str:
    """A clause on why no trial is possible; empty if one is."""
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


def diagnose(measured: Measured, trials: Trials | None) -> Verdict:
    """Train a copy of a measured model, and look for a cause if it does not learn."""
    if measured.evaluator.cotangents.is_flat:
        return Verdict(measured, Diagnosis("no gradient", None, FLAT, SMOOTH))
    if trials is None:
        return _untried(measured)
    return _verdict(measured._replace(trials=trials, tried=_judged(measured, trials)))


def _judged(measured: Measured, trials: Trials) -> Tried:
    return trials.judge(measured.step, measured.spikes, measured.evaluator.run.inputs)


def _verdict(measured: Measured) -> Verdict:
    """The first cause whose change helps; else what was found, and changes for any network."""
    if measured.trial.learns_soon:
        return _learning(measured)
    found = [(cause, f) for cause in CAUSES if (f := cause.find(measured)) is not None]
    attempts = Attempts(measured)
    for cause, finding in found:
        if helping := attempts.first_that_helps(cause.changes(measured)):
            return _proven(measured, (cause, finding), *helping)
        if finding.final:
            return _unproven(found, attempts)
    if not found and (few := _with_few_samples(measured)):
        return few
    if helping := attempts.first_that_helps(all_changes(measured)):
        return _proven(measured, found[0] if found else None, *helping)
    return _unproven(found, attempts)


def _learning(measured: Measured, *further: str) -> Verdict:
    """The verdict on a network that learns: no cause, but perhaps facts."""
    others, at_chance = score_of_others(measured)
    said = said_of(measured.trial, measured.evaluator.batch, others)
    texts = [said, AT_CHANCE * at_chance, silent_parts(measured)]
    diagnosis = Diagnosis("none", None, " ".join(filter(None, texts)))
    return Verdict(measured, diagnosis, (*further, *facts(measured)))


def _with_few_samples(measured: Measured) -> Verdict | None:
    """The verdict on a network that learns random labels of a few samples, but not of all."""
    evaluator, trials = measured.evaluator, trials_of(measured.evaluator, FEW)
    if trials is None or not has_random_labels(evaluator) or (evaluator.batch or 1) <= FEW:
        return None
    easier = measured._replace(tried=_judged(measured, trials))
    if not easier.trial.learns:
        return None
    count = plural(measured.trial.samples, "sample")
    return _learning(easier, f"With {count}: {_result(measured.trial)}. {RANDOM}")


def said_of(trial: LearningTrial, batch: int | None = None, others: str = "") -> str:
    """Whether a network learns, the only sentence that tells; ``others`` is on other samples."""
    samples = f"on these {trial.samples} samples"
    if trial.samples == 1:
        samples = "on this sample"
    if trial.samples == FEW and batch not in (None, FEW):
        samples = f"on {FEW} of these {batch} samples"
    if others:
        samples = f"on {trial.samples} samples; {others}"
    if trial.had_learned:
        return f"It has learned: the loss is below half before any training {samples}."
    if trial.learns:
        how = "learns" if trial.learns_soon else "learns slowly"
        return f"It {how}: {_result(trial)} {samples}."
    return f"It {'learns slowly' if trial.moves else 'does not learn'}: {_result(trial)}."


def _result(trial: LearningTrial) -> str:
    """A clause on the losses of a trial."""
    if trial.half_after is not None:
        return f"the loss halves within {plural(trial.half_after, 'step')}"
    if not np.isfinite([trial.losses[0], trial.constant]).all():
        return "its loss is NaN or infinite"
    finite = np.isfinite(trial.losses)
    broken = "" if finite.all() else ", then NaN or infinite"
    return (
        f"after {plural(int(finite.sum()), 'step')} the loss is still {trial.left:.3g}{broken} (a "
        f"constant answer reaches {trial.constant:.3g})"
    )


def named_as_cause(
    pair: tuple[Cause, Finding] | None,
    before: LearningTrial | None,
    remedy: str | None,
) -> Diagnosis:
    """The diagnosis for a finding, with a sentence on the trial first."""
    said = "" if before is None else f"{said_of(before)} "
    if pair is None:
        name = "none" if before is not None and before.learns else "unknown"
        return Diagnosis(name, None, said.rstrip(), remedy)
    cause, finding = pair
    return Diagnosis(
        cause.name,
        next(iter(finding.populations), None),
        f"{said}{finding.text}",
        remedy,
        populations=finding.populations,
        column=cause.column,
        word=cause.word,
    )


def _proven(
    measured: Measured, pair: tuple[Cause, Finding] | None, change: Change, after: LearningTrial
) -> Verdict:
    """The verdict where a change helps: its cause, its lines, and both trials in numbers."""
    where = " in the task's data" * (change.of_inputs and measured.evaluator.wanted.is_task)
    fix = f"Fix: {'; '.join(change.lines)}{where}. {_with_it(after, measured.trial)}"
    diagnosis = replace(
        named_as_cause(pair, measured.trial, fix),
        code=None if where else "; ".join(with_imports(change.lines)),
        changes_inputs=change.of_inputs,
    )
    return Verdict(measured, diagnosis, tuple(facts(measured, diagnosis.cause)), change)


def _with_it(after: LearningTrial, before: LearningTrial) -> str:
    """A sentence on the trial with a change."""
    if after.half_after is not None:
        return f"With it the loss halves within {plural(after.half_after, 'step')}."
    count = len(after.losses)
    without = replace(before, losses=before.losses[:count]).left
    steps = plural(count, "step")
    return f"With it the loss is {after.left:.3g} after {steps}, and {without:.3g} without it."


def _unproven(found: list[tuple[Cause, Finding]], attempts: Attempts) -> Verdict:
    """The verdict where no change helps."""
    if attempts.measured.trial.learns:
        return _learning_slowly(found, attempts)
    return _as_measured(found, attempts) if found else _unknown(attempts)


def _learning_slowly(found: list[tuple[Cause, Finding]], attempts: Attempts) -> Verdict:
    """The verdict on slow learning: findings without a change to try are reported as facts."""
    measured = attempts.measured
    untried = [f.text for c, f in found if not (f.exact or [*c.changes(measured)])]
    verdict = _learning(measured, *untried)
    tried = _tried(attempts, "Tried, without making it faster")
    return verdict._replace(further=(*verdict.further, *tried))


def _unknown(attempts: Attempts) -> Verdict:
    """The verdict where nothing was found, except perhaps weights that nothing trains."""
    measured = attempts.measured
    if lacking := untrained(measured):
        text = f"{said_of(measured.trial)} {lacking}"
        return Verdict(measured, Diagnosis("no gradient", None, text), tuple(_tried(attempts)))
    random = [RANDOM] if has_random_labels(measured.evaluator) else []
    remedy = " ".join(["The cause is unknown.", *_tried(attempts), *random])
    diagnosis = named_as_cause(None, measured.trial, remedy)
    return Verdict(measured, diagnosis, tuple(facts(measured)))


def _as_measured(found: list[tuple[Cause, Finding]], attempts: Attempts) -> Verdict:
    """The verdict where no change helps: what was measured, exact findings first."""
    measured, tried = attempts.measured, _tried(attempts)
    first, *others = sorted(found, key=lambda pair: not pair[1].exact)
    cause, finding = first
    diagnosis = named_as_cause(first, measured.trial, finding.advice or "".join(tried) or None)
    texts = [] if finding.final else [f.text for each, f in others if each.name != cause.name]
    last = tried if finding.advice else []
    return Verdict(measured, diagnosis, (*texts, *facts(measured, cause.name), *last))


def _tried(attempts: Attempts, how: str = "Tried without success") -> list[str]:
    """A sentence on what was tried, if anything was."""
    return [f"{how}: {', '.join(attempts.kinds)}."] if attempts.kinds else []


def has_random_labels(evaluator: Evaluator) -> bool:
    """Whether the labels of the trial are random."""
    return evaluator.labels is None and not evaluator.objective.function


def _untried(measured: Measured) -> Verdict:
    """The verdict without a trial: only exact findings count as causes."""
    for cause in CAUSES:
        finding = cause.find(measured)
        if finding is not None and finding.exact:
            return Verdict(measured, named_as_cause((cause, finding), None, finding.advice or None))
    why = why_untried(measured.evaluator)
    return Verdict(measured, Diagnosis("none", None, f"No trial shows whether it learns{why}."))
