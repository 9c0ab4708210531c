"""`compare`: checks the arguments, has the missing runs trained, and records the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import optax
from braintools.surrogate import ReluGrad, Sigmoid

from .. import _defaults
from .._checks import check_positive, checked_count, checked_seeds
from .._surrogate import QPseudoSpike
from .._wording import shown
from ..records import Comparison
from ..typing import Model, SurrogateSpecs
from .experiment import Experiment
from .factory import Factory
from .network import RecurrentNetwork
from .numerics import check_debugging
from .optimizers import check_optimizer
from .plan import candidates_of
from .progress import Progress
from .result import blank
from .runs import Runs
from .scoring import scoring
from .search import Search
from .tasks import load_task
from .tune import checked_tune
from .typing import Goal

if TYPE_CHECKING:
    from distributed import Client


SURROGATES = dict(zip(_defaults.SURROGATES, (ReluGrad(), Sigmoid(), QPseudoSpike(alpha=8))))


def compare(
    surrogates: SurrogateSpecs = SURROGATES,
    *,
    task: Any = _defaults.TASK,
    model: Callable[..., Model] | None = None,
    tune: Mapping[str, Sequence[Any]] | None = _defaults.TUNE,
    seeds: int | Sequence[int] = _defaults.SEEDS,
    epochs: int = _defaults.EPOCHS,
    batch_size: int = _defaults.BATCH_SIZE,
    learning_rate: float = _defaults.LEARNING_RATE,
    optimizer: Callable[..., optax.GradientTransformation] | None = None,
    loss: Goal | None = None,
    score: Goal | None = None,
    prepare: bool = False,
    out: str | os.PathLike | None = None,
    fresh: bool = False,
    client: Client | None = None,
    progress: bool = True,
    callback: Callable[[Comparison], None] | None = None,
) -> Comparison:
    """Train a spiking network with each surrogate, and find out which surrogate to take.

    Each seed trains every setting of ``tune``, and reports the test score of the setting with the
    highest validation score after the last epoch. The seed also sets the split of the data, the
    initial weights and the order of the samples, which are the same for all candidates.

    By default, it tunes the learning rate, and trains each surrogate as given.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Candidates, each as `get_surrogate` takes it, such as ``"QPseudoSpike(alpha=1.5)"``.
    task : str, tuple, path or Task
        The data, as `load_task` takes it: a name such as ``"digits-rows"``, arrays ``(X, y)`` with
        X of shape (samples, time, features), or a `pathlib.Path` to an ``.npz`` file of them.
    model : callable, optional
        A factory that returns a fresh brainstate model. It may take
        ``features``, ``classes`` (None in a regression), ``outputs`` (how many numbers a step must
        return), ``steps``, ``input_rms`` (the root mean square of the inputs) and ``surrogate``. If
        it takes no ``surrogate``, all neurons get the candidate. Each step calls the model with x
        of shape (batch, features). `brainstate.environ` has ``i``, ``t``, ``dt`` (1 ms unless you
        set it) and ``fit``, which is True in training. Each batch starts from initial states.

        By default, recurrent LIF neurons with the keywords ``hidden``, ``neuron`` (a class of
        `brainpy.state`) and ``reset``.
    tune : mapping of names to values, or None
        The values to try for each candidate, in all combinations; None trains the candidates as
        given. Names are ``learning_rate``, ``alpha``, keywords of the optimizer (such as ``clip``)
        and of the factory, and

        - ``mean_slope``, which lowers the dampening until no population has a larger mean surrogate
          gradient at the initial weights of seed 0;
        - ``dampening`` (instead of ``mean_slope``) and ``scale_factor``, which multiply the
          candidate's own dampening and scale.
    seeds : int or sequence of int
        The number of seeds, or the seeds themselves. Choose it before you look at a result: who
        looks twice finds false differences in 10% of cases, not 5%.
    epochs, batch_size : int
        Passes over the training part, and samples in a batch.
    learning_rate : float
        The learning rate, if ``tune`` does not name it. `prepare` names one for a network.
    optimizer : callable, optional
        Returns an optax transformation for the keyword ``learning_rate``, which is traced. It may
        take ``steps``, the number of batches in a training, and keywords that ``tune`` names. By
        default, `optax.adamw` with a cosine schedule, and the norm of the gradient clipped.
    loss, score : callable, optional
        Functions of (outputs, y) that JAX can trace; a higher score is better. ``outputs`` is the
        mean over the steps that the task's ``readout`` names, of shape (samples, ...), or for "all"
        (samples, time, ...). By default, cross-entropy and accuracy for classes, the mean squared
        error and its negative for numbers.
    prepare : bool
        Whether `braintools_qps.prepare` first changes the initial weights of each seed so that the
        network learns. All candidates begin with these weights.
    out : path, optional
        A directory for JSON, CSV, and a file for each run. A saved run is reused, unless its data,
        code, settings or versions have changed. Several processes may share the directory.
    fresh : bool
        Whether to train all runs again, even those in ``out``.
    client : distributed.Client, optional
        Dask's client, whose workers train. By default, all devices of this process train.
    progress : bool
        Whether to print the number of runs, and to show a progress bar.
    callback : callable, optional
        Called with the `.Comparison` after each result.

    Returns
    -------
    Comparison
        The scores of all candidates; ``print`` shows them as a table. If the training of a
        candidate fails, its row shows the error.

    Raises
    ------
    LookupError, TypeError, ValueError
        If a name is unknown, an option is out of its range, or the model cannot be trained.
    OSError, ConnectionError
        If ``out`` cannot be written, or Dask's scheduler is lost.

    See Also
    --------
    gradient_flow : Diagnoses why a model does not learn.

    Examples
    --------
    >>> from braintools_qps import compare
    >>> comparison = compare(["Sigmoid"], epochs=2, seeds=1, tune=None)
    >>> comparison.best.label
    'Sigmoid'
    """
    check_debugging()
    task = load_task(task)
    checked_count("epochs", epochs)
    check_positive("learning_rate", learning_rate)
    check_optimizer(optimizer)
    for name, value, method in ("callback", callback, "__call__"), ("client", client, "cancel"):
        if not (value is None or hasattr(value, method)):
            raise TypeError(
                "callback must be a function of a Comparison, such as print, and client a "
                f"distributed.Client(address), got {name}={shown(value)}"
            )
    factory = Factory(RecurrentNetwork if model is None else model)
    experiment = Experiment(
        factory,
        task,
        scoring(task, loss, score),
        optimizer,
        min(checked_count("batch_size", batch_size), task.sizes.train),
        learning_rate,
        epochs,
        checked_seeds(seeds),
        checked_tune(tune, factory, optimizer),
        prepare=prepare,
    )
    candidates = candidates_of(surrogates)
    comparison = blank(candidates.values(), experiment)
    with closing(Progress(epochs, shown=progress)) as bar:
        if batch_size > (most := task.sizes.train):
            bar.say(f"batch_size={batch_size}: a batch holds all {most} samples to train on")
        search = Search(comparison, candidates, experiment, Runs(out), bar, client, fresh, callback)
        return search.whole()
