"""`compare`: checks the arguments, trains what is missing, and records the results."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from typing import Any, Literal

import optax

from .._candidates import candidates
from .._checks import check_positive, checked_count, checked_seeds
from .._registry import get_surrogate, surrogate_spec
from .._surrogate import surrogate_key
from ..records import Comparison, to_plain
from ..typing import SurrogateSpecs
from .executors import check_executor
from .factory import Factory, cause_of
from .fingerprint import CODE, SOURCE, fingerprint, name_of, sources
from .model import numerics
from .model_checks import check_model
from .network import demonstration
from .objective import objective
from .optimizers import check_optimizer, described_optimizer
from .progress import Callback, Progress
from .provenance import blank, resumed
from .result import failed
from .run import Experiment
from .search import search
from .storage import Store, opened
from .tasks import load_task
from .train import Candidate
from .tune import tuned


def compare(
    surrogates: SurrogateSpecs = ("ReluGrad", "Sigmoid", "QPseudoSpike(alpha=8)"),
    *,
    task: Any = "digits-rows",
    model: Callable[..., Any] | None = None,
    tune: Mapping[str, Sequence[Any]] | None = {
        "learning_rate": (0.1, 0.03, 0.01),
        "mean_slope": (0.1,),
    },
    seeds: int | Sequence[int] = 5,
    epochs: int = 60,
    batch_size: int = 32,
    learning_rate: float = 0.1,
    optimizer: Callable[..., optax.GradientTransformation] | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    score: Callable[[Any, Any], Any] | None = None,
    out: str | os.PathLike | None = None,
    resume: bool | Literal["strict"] = False,
    executor: Executor | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> Comparison:
    """Train a spiking network with each surrogate, and say which differences are real.

    Each surrogate needs its own learning rate and dampening. So each seed trains every setting of
    ``tune`` in full, keeps the one with the highest validation score, and reports the test score of
    that run. The seed also sets the split of the data, the initial weights and the order of the
    samples, the same for all candidates. Candidates are compared seed by seed, so the interval of a
    difference includes the variation from all of these.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Candidates, each as `get_surrogate` takes it: ``"Sigmoid"``, ``"QPseudoSpike(alpha=1.5)"``
        or an object. ReluGrad, the first by default, is the default surrogate of neurons of
        `brainpy.state`.
    task : str, tuple, path or Task
        The data, in any form that `load_task` takes:

        - a name: ``"digits-rows"``, ``"digits-pixels"``, ``"mnist-rows"``, ``"mnist-pixels"``,
          ``"cue-recall"``, ``"randman"`` (or a call such as ``"randman(dim=2, alpha=1.0)"``), or a
          class in `braintools.cogtask`;
        - arrays ``(X, y)``, which each seed splits: X of shape (samples, time, features); y of
          shape (samples,) or (samples, time) with classes as integers or strings, or of shape
          (samples, ...) or (samples, time, ...) with floats to predict;
        - arrays ``(X, y, X_test, y_test)``, with a fixed test part;
        - a `pathlib.Path` to an ``.npz`` file of such arrays, or to an HDF5 file of spike times.
    model : callable, optional
        A factory that returns a fresh brainstate model. It may take any of the keywords
        ``features``, ``classes`` (None in a regression), ``outputs`` (how many numbers a step must
        return: one for each class, or for each number of a target), ``steps``, ``input_rms`` (the
        root mean square of the inputs, which reach the model as they are) and ``surrogate``. A
        factory that takes ``surrogate`` puts it into the model itself; otherwise all neurons get
        the candidate. Bind other keywords with ``functools.partial``, as in
        ``partial(network, hidden=256)``.

        The model is called as ``model(x)``, or ``model.update(x)``, once for each step, with x of
        shape (batch, features). `brainstate.environ` has the index ``i`` and the time ``t`` of the
        step, ``dt`` (1 ms unless you set it), and ``fit``, which is True in training.
        `brainstate.nn.init_all_states` is called before each batch. Parameters are trained. A state
        that this call does not set keeps its value from batch to batch, unless it is a
        `brainstate.ShortTermState`.

        By default, a layer of recurrent LIF neurons with the keywords ``hidden``, ``neuron`` (a
        class of `brainpy.state`) and ``reset``.
    tune : mapping of names to values, or None
        The values to try for each candidate, in all combinations. With the defaults, 3 settings and
        5 seeds make 15 trainings of each candidate. None trains the candidates as given. Names are

        - ``learning_rate``;
        - ``mean_slope``, which lowers the candidate's dampening until no population has a larger
          mean surrogate gradient at the initial weights of the first seed;
        - ``dampening`` (in place of ``mean_slope``) and ``scale_factor``, which multiply the
          candidate's own dampening and scale;
        - ``alpha``;
        - keywords of the optimizer, such as ``clip``, and of the factory.
    seeds : int or sequence of int
        How many seeds, or the seeds themselves.
    epochs, batch_size : int
        Number of passes over the training part, each in a new order, and number of samples in a
        batch. Samples that do not fill a batch are left out of that pass.
    learning_rate : float
        The learning rate, if ``tune`` does not name it.
    optimizer : callable, optional
        Returns an optax transformation. It must take the keyword ``learning_rate``, which is
        traced. It may take ``steps``, the number of batches in a whole training, and further
        keywords that ``tune`` names. By default, `optax.adamw` with a cosine schedule and the norm
        of the gradient clipped at ``clip=0.03``. Weights with units are trained as numbers in
        their unit.
    loss, score : callable, optional
        Functions of (outputs, y) that JAX can trace. A higher score is better. By default,
        cross-entropy and accuracy for classes, the mean squared error and its negative for numbers.
    out : path, optional
        A directory for the results of each candidate as it finishes. Until all is done, it also
        holds what ``resume`` needs: finished runs, and a checkpoint of those in training, at most
        ten seconds or one epoch old. Files of an earlier comparison are renamed to
        ``comparison-1.json`` and so on, once something new is saved.
    resume : bool or "strict"
        Whether to continue from the results in ``out``. All of them are kept, even those of
        surrogates that are not in this call, and only missing ones are trained. On the same machine
        the numbers are those of an uninterrupted run. Another machine or other versions cause a
        warning, or with ``"strict"`` an error. With an executor, unfinished groups of runs start
        again. If there is nothing to resume, a warning says so.
    executor : concurrent.futures.Executor, optional
        Where to train: a pool of processes, Dask's ``Client.get_executor(pure=False)``, or any
        other. The data travels to each worker once. Workers must be able to import the factory,
        the optimizer, the loss and the score. By default, all devices of this process train.
    progress : bool
        Whether to show progress, if tqdm is installed: as a bar in a terminal or a notebook,
        elsewhere as one line per minute.
    callback : callable, optional
        Called after each epoch and at each result with a named tuple of

        - ``comparison``: the `.Comparison` so far;
        - ``result``: the `.CandidateResult` that has just come in, or None;
        - ``labels`` of the candidates in training;
        - ``epochs_done`` and ``epochs``, summed over all runs;
        - ``loss``: the mean of the runs that just finished an epoch;
        - ``runs_done`` and ``runs``: how many have finished, and how many there are;
        - ``directory``: where results are saved, or None. If ``out`` could not be written, it is
          another one.

    Returns
    -------
    Comparison
        Prints as a table. If a candidate fails while others do not, its row shows the error.

    Raises
    ------
    LookupError
        If no surrogate, task or neuron has the name.
    TypeError, ValueError
        If an option is out of its range, the data or the model cannot be trained, or the results to
        resume have other options.
    OSError
        If ``out`` cannot be written to, or another comparison is writing there. Raised before
        anything is trained.
    RuntimeError
        If the executor breaks or is shut down. Finished runs are in ``out``.

    See Also
    --------
    gradient_flow : Say why your own model does not learn, without training.
    braintools_qps.plotting.plot_comparison : The figure.

    Notes
    -----
    To train in less memory, have the factory take ``surrogate``, put it into the model, and then
    apply `save_memory` to the model.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> comparison = compare(["Sigmoid"], epochs=2, seeds=1, tune=None)
    >>> comparison.best.label
    'Sigmoid'
    """
    check_executor(executor)
    task = load_task(task)
    checked_count("epochs", epochs)
    check_positive("learning_rate", learning_rate)
    check_optimizer(optimizer)
    model = demonstration if model is None else model
    experiment = Experiment(
        Factory(model),
        task,
        objective(task, loss, score),
        optimizer,
        min(checked_count("batch_size", batch_size), task.sizes.train),
        learning_rate,
        epochs,
        checked_seeds(seeds),
        tuned(tune, model, optimizer),
    )
    asked = _candidates(surrogates)
    specs = [candidate.spec for candidate in asked]
    comparison = blank(specs, task, _described(experiment), experiment.seeds)
    with opened(out) as store:
        if resume:
            comparison = resumed(comparison, store, strict=resume == "strict")
        return _trained(comparison, asked, experiment, store, executor, progress, callback)


def _candidates(surrogates: Any) -> list[Candidate]:
    # Rebuilt from its spec, as in resuming and on a worker, so that its arrays are NumPy's.
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


def _described(experiment: Experiment) -> dict[str, Any]:
    """Settings that all candidates share, as plain values for the record."""
    goal, make = experiment.objective, experiment.factory.make
    functions = {"model": make, "optimizer": experiment.optimizer}
    functions |= {"loss": goal.loss, "score": goal.score}
    given = {name: function for name, function in functions.items() if function is not None}
    return to_plain(
        {
            "model": name_of(make),
            "options": experiment.factory.options,
            "epochs": experiment.epochs,
            "batch_size": experiment.batch_size,
            "learning_rate": experiment.usual_rate,
            **described_optimizer(experiment.optimizer),
            "loss": goal.loss_name,
            "score": goal.score_name,
            "tune": experiment.tune,
            **numerics(),
            CODE: {name: fingerprint(function) for name, function in given.items()},
            SOURCE: sources(given),
        }
    )


def _trained(
    comparison: Comparison,
    asked: Sequence[Candidate],
    experiment: Experiment,
    store: Store,
    executor: Executor | None,
    shown: bool,
    callback: Callback | None,
) -> Comparison:
    """Train what has no result yet, and keep each result; one that failed is a row with its error.

    Raises
    ------
    Exception
        If all candidates have failed, what the first did: there is nothing to report beside it.
    """
    finished = [result.spec for result in comparison.results if not result.error]
    pending = [candidate for candidate in asked if candidate.spec not in finished]
    if pending:
        comparison = _noted(comparison, check_model(experiment))
    store.begin(comparison)
    if comparison.results:
        store.save(comparison)  # writes files that are missing
    labels = [candidate.label for candidate in pending]
    counts = experiment.runs, experiment.epochs
    errors = []
    with (
        closing(Progress(comparison, labels, *counts, store, callback, shown=shown)) as progress,
        closing(search(comparison, pending, experiment, executor, store, progress)) as found,
    ):
        for candidate, result in found:
            if isinstance(result, Exception):
                errors.append(result)
                result = failed(candidate, result)
            others = [one for one in comparison.results if one.spec != result.spec]
            order = sorted((*others, result), key=lambda r: comparison.candidates.index(r.spec))
            comparison = dataclasses.replace(comparison, results=tuple(order))
            if len(errors) == len(comparison.results) == len(comparison.candidates):
                raise cause_of(errors[0])
            store.save(comparison)
            progress.end(comparison, result)
    store.close()
    return comparison


def _noted(comparison: Comparison, notes: Sequence[str]) -> Comparison:
    """The comparison with notes on the model and the data, which are also warnings now."""
    for note in notes:
        warnings.warn(note, stacklevel=4)
    both = dict.fromkeys((*comparison.notes, *notes))
    return dataclasses.replace(comparison, notes=tuple(both))
