"""Training with each candidate surrogate, side by side.

Start here with `compare`, then read `training` (one run as a pure function), `programs` (each run
goes to the compiled program of its kind), `trainer` (which deals runs to the devices of `places`)
and `tuning` (each candidate's own setting). `tasks` has the data, `factory` makes the user's models
and `model` runs them, `network` is the demonstration, `objective` has loss and score, `outcome` and
`cost` what is recorded, `provenance`, `fingerprint`, `storage` and `resumable` what is kept,
`numerics` what threads and workers must have in common. `workers` is where candidates are
trained: in this process, or by an executor.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, nullcontext
from typing import Any

import optax

from .._candidates import candidates
from .._checks import checked_seeds
from .._defaults import SEEDS, SURROGATES, TASK
from .._registry import get_surrogate, surrogate_spec
from .._surrogate import surrogate_key
from ..records import CandidateResult, Comparison
from ..typing import SurrogateSpecs
from .candidate import Candidate, Plan, described, failed, measured
from .factory import Factory
from .locks import abandon
from .model import environment, seeded
from .model_checks import check_model
from .network import demonstration
from .objective import objective
from .programs import Programs, check_names
from .progress import OnEpoch, reported
from .provenance import blank, present_environment, resumed
from .resumable import ResumablePrograms
from .settings import Settings
from .storage import Store, discarding, numbered, opened
from .tasks import DESCRIPTIONS, Task, load_task
from .training import Bench
from .tuning import DEFAULT_TUNE, searched, tried, tuning_seeds
from .workers import (
    ByExecutor,
    Found,
    InThisProcess,
    Journal,
    Workplace,
    dask_workers,
    local_workers,
)

__all__ = [  # noqa: RUF022 -- what users meet first
    "compare",
    # For what shows results
    "DESCRIPTIONS",
    "Factory",
    "Task",
    "abandon",
    "dask_workers",
    "demonstration",
    "discarding",
    "environment",
    "load_task",
    "local_workers",
    "numbered",
    "present_environment",
    "seeded",
]


def compare(
    surrogates: SurrogateSpecs = SURROGATES,
    *,
    model: Callable[..., Any] = demonstration,
    task: Any = TASK,
    tune: Mapping[str, Sequence[Any]] | None = DEFAULT_TUNE,
    tuning_runs: int = 1,
    seeds: int | Sequence[int] = SEEDS,
    epochs: int = Settings.epochs,
    batch_size: int = Settings.batch_size,
    learning_rate: float = Settings.learning_rate,
    clip: float | None = Settings.clip,
    schedule: str = Settings.schedule,
    patience: int | None = None,
    optimizer: Callable[[Any], optax.GradientTransformation] | None = None,
    readout: str | int | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    score: Callable[[Any, Any], Any] | None = None,
    save_memory: bool = False,
    measure: bool = True,
    out: str | os.PathLike | None = None,
    resume: bool = False,
    strict: bool = False,
    executor: Executor | None = None,
    progress: bool = True,
    on_epoch: OnEpoch = None,
    on_result: Callable[[Comparison], None] | None = None,
    **options: Any,
) -> Comparison:
    """Train a spiking network with each surrogate, each at its own learning rate and dampening.

    A learning rate and a dampening that suit one surrogate need not suit the next. So each
    candidate is first tuned, with seeds that are used for nothing else: all settings are trained
    for a tenth of the epochs, and two of those with the lowest training losses for all of them,
    of which the validation score chooses one. Then this setting is trained anew, with the seeds
    that are reported, and only this training is tested. A seed decides on the initial weights and
    on the order of the samples, so differences between candidates are paired by seed.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Candidates, each as `get_surrogate` takes them.
    model : callable
        A factory: it returns a fresh brainstate model, and is called with those of the keywords
        ``features``, ``classes`` (None in a regression), ``outputs`` (how many numbers a step
        returns: one for each class, or those of one target) and ``steps`` that it takes. The model
        is called as ``model(x)``, or ``model.update(x)``, once for each step, with x of shape
        (batch, features) and the index ``i`` and the time ``t`` of the step in
        `brainstate.environ`; ``dt`` is 1 ms where none is set. `brainstate.nn.init_all_states` is
        called before each batch. Parameters are trained, other states that outlive a batch are
        kept, and ``fit`` in the environment says whether this is training. By default a layer of
        recurrent LIF neurons with the options ``hidden``, ``neuron`` (a class of `brainpy.state`)
        and ``reset``.
    task : str, tuple, path or Task
        The name of a task: ``"digits-rows"``, ``"digits-pixels"``, ``"mnist-rows"``,
        ``"mnist-pixels"``, ``"cue-recall"``, ``"randman"`` (or a call such as
        ``"randman(dim=2, alpha=1.0)"``), or that of a class in `braintools.cogtask`. Or arrays
        ``(X, y)``, with X of shape (samples, time, features) and y classes of shape (samples,),
        integers or strings, or floats to predict of shape (samples, ...) or (samples, time, ...);
        ``(X, y, X_test, y_test)`` has a test part of its own. Or a `pathlib.Path` to an ``.npz``
        file of such arrays, or to spike times in HDF5.
    tune : mapping of names to values, or None
        What to tune for each candidate, with the values to try: ``learning_rate``; ``dampening``
        and ``scale``, as factors of the candidate's own; ``alpha``; ``clip``; or keywords of the
        factory. Up to four settings are all trained in full. Of more than 40 a random sample is
        tried; from 120 on the search costs 5% of what it would to train all of them in full. None
        compares the candidates as they are given.
    tuning_runs : int
        With how many seeds each setting is tried.
    seeds : int or sequence of int
        How many seeds to report on, or which.
    epochs, batch_size : int
        Passes over the training part, each in a new order, and samples in a batch; those left over
        at the end of a pass are not used in it.
    learning_rate, clip : float
        The learning rate, and the norm above which the gradient of all weights together is scaled
        down (None for never), where they are not tuned.
    schedule : {"cosine", "constant"}
        Whether the learning rate falls to 0 with the last step.
    patience : int, optional
        End a run after this many epochs without a better validation score.
    optimizer : callable, optional
        From a learning rate, which is traced, to an optax transformation; `optax.adamw` by default.
        Weights with units are trained as numbers in their unit.
    readout : {"last", "mean", "all"} or int, optional
        Which outputs are read: that of the last step, the mean over all steps or over this many
        last ones, or that of every step by itself. By default what suits the task.
    loss, score : callable, optional
        Functions of (outputs, y), traced. By default cross-entropy and accuracy for classes, the
        mean squared error and its negative for numbers. A higher score is better.
    save_memory : bool
        Whether to apply `save_memory` to every model, so that a step takes less memory.
    measure : bool
        Whether to time a training step of each candidate, which compiles it once more. With an
        executor other runs may be in training meanwhile, which makes a step take longer. What
        cannot be measured is a warning.
    out : path, optional
        A directory to which results are saved as soon as a candidate has finished. Of one in
        training, finished rounds and, every ten seconds or at each longer epoch, the states of the
        runs are kept there until all is done. Files of an earlier comparison are renamed when
        something new is saved, to ``comparison-1.json`` and so on.
    resume : bool
        Whether to go on from what is in ``out``: all results are kept, also those of candidates
        that are not asked for now, and only what is missing is trained or measured. Training goes
        on within a candidate, to the same numbers on the same machine; only with an executor are
        groups of runs that were not finished trained anew.
    strict : bool
        Whether to resume only on the same machine with the same versions; otherwise a warning names
        what differs.
    executor : concurrent.futures.Executor, optional
        Where to train: a pool of processes, ``Client.get_executor()`` of Dask, or any other. The
        data travels to each worker once. The factory, and any function that is given beside it,
        must be importable there. By default all devices of this process are used.
    progress : bool
        Whether to show how far it is, where tqdm is installed: a bar in a terminal and in a
        notebook, and elsewhere a line a minute.
    on_epoch : callable, optional
        Called after each epoch with the named tuple ``(labels, done, total, loss, finished,
        training, runs)``: the candidates in training; how many epochs of all runs are done, and
        how many there are; the mean loss; how many runs have finished, how many are in training,
        and how many there are.
    on_result : callable, optional
        Called with the comparison so far, each time that it has new results, and at first with
        those that are resumed.
    **options
        Further keywords for the factory, such as ``hidden=128``.

    Returns
    -------
    Comparison
        Printing it shows a table. A candidate that fails while others do not is a row with its
        error.

    Raises
    ------
    LookupError
        If no surrogate, task or neuron has the name.
    TypeError, ValueError
        If an option is out of its range, the arrays or the model cannot be trained on, or what is
        to be resumed was run with other options.
    OSError
        If nothing can be written to ``out``, before anything is trained, or another comparison is
        writing there.
    RuntimeError
        If the executor takes no more work. What has finished is in ``out``.

    See Also
    --------
    gradient_flow : How the gradient travels through your own model, without training.
    braintools_qps.plotting.plot_comparison : The figure.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> small = {"epochs": 2, "hidden": 8, "seeds": 1, "tune": None, "measure": False}
    >>> comparison = compare(["Sigmoid"], **small)
    >>> comparison.best.label
    'Sigmoid'
    """
    task = load_task(task, readout=readout)
    settings = Settings(
        epochs, batch_size, learning_rate, clip, schedule, patience, optimizer, save_memory
    )
    factory = Factory(functools.partial(model, **options) if options and callable(model) else model)
    bench = Bench(factory, task, settings, objective(task, loss, score))
    asked, seeds = _candidates(surrogates), checked_seeds(seeds)
    names = searched(tune)
    check_names(names, model)
    plan = Plan(tried(names), names, tuning_seeds(tuning_runs, seeds), seeds, epochs, measure)
    comparison = blank([c.spec for c in asked], task, described(bench, plan), seeds)
    with opened(out) if out is not None else nullcontext() as store:
        if resume:
            comparison = resumed(comparison, store, strict=strict)
        training = _training(bench, plan, comparison, store, executor, resume=resume)
        if resume and measure:
            results = [measured(r, training.runner_of(r.spec), plan) for r in comparison.results]
            comparison = dataclasses.replace(comparison, results=tuple(results))
        keep = _keeper(comparison, store, on_result)
        finished = [r.spec for r in comparison.results if not r.error]
        pending = [c for c in asked if c.spec not in finished]
        if pending:
            notes = check_model(bench, seeds)
            for note in notes:
                warnings.warn(note, stacklevel=2)
            both = dict.fromkeys((*comparison.notes, *notes))
            comparison = dataclasses.replace(comparison, notes=tuple(both))
        with reported(on_epoch, shown=progress and bool(pending)) as report:
            found = training.train(pending, plan, report)
            comparison = _trained(comparison, found, keep, training.give_up)
        training.close()
        return comparison


def _training(
    bench: Bench,
    plan: Plan,
    comparison: Comparison,
    store: Store | None,
    executor: Executor | None,
    *,
    resume: bool,
) -> InThisProcess | ByExecutor:
    """Where candidates are trained, and what of it is kept in the store."""
    if executor is not None:
        journal = Journal(None if store is None else store.directory, resume=resume)
        return ByExecutor(Workplace(executor, bench, journal))
    if store is None:
        return InThisProcess(Programs(bench, plan.most_runs))
    kept = ResumablePrograms(bench, plan.most_runs, comparison, store, resume=resume)
    return InThisProcess(kept)


def _trained(
    comparison: Comparison,
    found: Found,
    keep: Callable[[Comparison], None],
    give_up: Callable[[], None],
) -> Comparison:
    """Keep each result that is found; one that failed is a row with its error.

    ``give_up`` is called if all have failed.
    """
    errors = []
    with closing(found):
        for candidate, result in found:
            if isinstance(result, Exception):
                errors.append(result)
                result = failed(candidate, result)
            comparison = _with_result(comparison, result)
            if len(errors) == len(comparison.results) == len(comparison.candidates):
                give_up()
                raise errors[0]  # there is nothing to report beside it
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
    # Each as its spec has it: so it is resumed, and a worker trains it; its arrays are NumPy's.
    specs = {label: surrogate_spec(one) for label, one in candidates(surrogates).items()}
    found = [Candidate(label, get_surrogate(spec), spec) for label, spec in specs.items()]
    labels: dict[Hashable, str] = {}
    for candidate in found:
        first = labels.setdefault(surrogate_key(candidate.surrogate), candidate.label)
        if first != candidate.label:
            raise ValueError(
                "each surrogate can be compared only once, got the same one as "
                f"{first} and as {candidate.label}. Leave one out"
            )
    return found


def _with_result(comparison: Comparison, result: CandidateResult) -> Comparison:
    found = (*(r for r in comparison.results if r.spec != result.spec), result)
    order = sorted(found, key=lambda one: comparison.candidates.index(one.spec))
    return dataclasses.replace(comparison, results=tuple(order))
