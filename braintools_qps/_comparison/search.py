"""Each seed trains every setting of a candidate in full, and chooses one by validation score.

The test score of that training is reported, so that a difference between candidates contains the
luck of tuning. By default only the learning rate is tuned; the dampening is set before training,
from the slopes at the initial weights.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any

import numpy as np

from ..records import CandidateResult, Comparison, Trial, Tuning, choose, to_plain
from .executors import RUNS_PER_CALL, trained_by
from .model_checks import check_finite
from .progress import Progress
from .provenance import compared, packages
from .result import result_of
from .run import Curves, Experiment, Setting, Tested
from .storage import Store
from .train import Candidate, Group, Outcome, Run, Trainer, groups_of
from .tune import settings_of

Trained = Generator[tuple[Group, list[Outcome] | Exception], None, None]


def search(
    comparison: Comparison,
    candidates: Sequence[Candidate],
    experiment: Experiment,
    executor: Executor | None,
    store: Store,
    progress: Progress,
) -> Generator[tuple[Candidate, CandidateResult | Exception], None, None]:
    """Train candidates; yield each one when it has finished or failed.

    Groups of runs that were kept in the store are not trained again.

    Raises
    ------
    RuntimeError
        If the executor takes no more work.
    """
    depends_on = [compared(comparison.settings), comparison.task, packages()]
    most = None if executor is None else RUNS_PER_CALL
    runs: dict[str, list[Run]] = {}  # by the label of the candidate, as all that follows
    outcomes: dict[str, dict[int, Outcome]] = {}
    failed: set[str] = set()
    groups: list[Group] = []
    for candidate in candidates:
        label = candidate.label
        try:
            settings = settings_of(candidate.surrogate, experiment)
            runs[label] = [(setting, seed) for seed in experiment.seeds for setting in settings]
            groups += groups_of(candidate, runs[label], experiment, most)
            outcomes[label] = {}
        except Exception as error:
            failed.add(label)
            yield candidate, error
    groups = [group._replace(key=_key(depends_on, group)) for group in groups]
    kept = {group.key: text for group in groups if (text := store.finished(group.key))}
    known = ((group, _read(kept[group.key])) for group in groups if group.key in kept)
    missing = [group for group in groups if group.key not in kept]
    trained: Trained = (
        _trained_here(missing, experiment, failed, store, progress)
        if executor is None
        else trained_by(executor, missing, experiment, failed)
    )
    with closing(trained):
        for group, found in chain(known, trained):
            candidate, label = group.candidate, group.candidate.label
            if isinstance(found, Exception):
                failed.add(label)
                yield candidate, found
                continue
            if group.key not in kept:
                store.keep(group.key, _text(found))
            outcomes[label] |= zip(group.numbers, found)
            loss = float(np.mean([outcome.curves.loss[-1] for outcome in found]))
            progress.finish(label, len(found), loss, known=group.key in kept)
            if len(outcomes[label]) == len(runs[label]):
                in_order = [outcomes[label][number] for number in range(len(runs[label]))]
                try:
                    yield candidate, _chosen(candidate, runs[label], in_order, experiment)
                except Exception as error:
                    yield candidate, error


def _trained_here(
    groups: Iterable[Group],
    experiment: Experiment,
    failed: set[str],
    store: Store,
    progress: Progress,
) -> Trained:
    """Train groups in this process, on all of its devices."""
    trainer = Trainer(experiment, experiment.runs)
    for group in groups:
        label = group.candidate.label
        if label in failed:
            continue
        found: list[Outcome] | Exception
        try:
            found = trainer.train(
                group,
                store=store,
                on_compile=partial(progress.compiling, label),
                on_epoch=partial(progress.advance, label),
            )
        except Exception as error:
            if error is progress.fault:
                raise
            found = error
        yield group, found


def _chosen(
    candidate: Candidate, runs: Sequence[Run], outcomes: Sequence[Outcome], experiment: Experiment
) -> CandidateResult:
    """The record of a candidate, from the training of each seed with the best validation score."""
    if not any(np.isfinite(one.curves.score).any() for one in outcomes):
        check_finite(experiment.at(runs[0][0]))  # raises if the model is at fault
    count = len(experiment.settings)
    settings = [setting for setting, _ in runs[:count]]
    by_seed = [outcomes[start : start + count] for start in range(0, len(outcomes), count)]
    final = [[float(outcome.curves.score[-1]) for outcome in outcomes] for outcomes in by_seed]
    chosen = tuple(choose(settings, scores) for scores in final)
    setting = settings[Counter(chosen).most_common(1)[0][0]]  # the first chosen, of equals
    trials = tuple(_trial(*one) for one in zip(settings, zip(*by_seed)))
    tuning = Tuning(trials, chosen) if experiment.tune else None
    own = [of_seed[number] for of_seed, number in zip(by_seed, chosen)]
    return result_of(candidate, setting, own, tuning, experiment)


def _trial(setting: Setting, outcomes: Sequence[Outcome]) -> Trial:
    numbers = lambda values: tuple(map(float, values))
    return Trial(
        setting,
        validation=numbers(one.curves.score[-1] for one in outcomes),
        test=numbers(one.tested.score for one in outcomes),
        loss=numbers(one.curves.loss[-1] for one in outcomes),
    )


def _key(depends_on: list[Any], group: Group) -> str:
    own = [group.candidate.spec, group.runs]
    text = json.dumps(to_plain([*depends_on, *own]), sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _text(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as text for the store."""
    lists = lambda arrays: [np.asarray(array).tolist() for array in arrays]
    return json.dumps([[lists(o.curves), lists(o.tested), *o[2:]] for o in outcomes])


def _read(text: str) -> list[Outcome]:
    """The inverse of `_text`."""
    outcomes = []
    for curves, tested, *rest in json.loads(text):
        arrays: Any = map(np.array, curves)
        outcomes.append(Outcome(Curves(*arrays), Tested(*tested), *rest))
    return outcomes
