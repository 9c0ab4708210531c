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
from .plan import Plan, candidates_of
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
    """Train a spiking network with each surrogate, and say which differences are real.

    Each surrogate needs its own learning rate and dampening. So each seed trains every setting of
    ``tune`` in full, keeps the one with the highest validation score after the last epoch, and
    reports the test score of that run. Of equal scores, the one in the middle of the values counts.
    The seed also sets the split of the data, the initial weights and the order of the samples, the
    same for all candidates. Candidates are compared seed by seed, so the interval of a difference
    includes the variation from all of these.

    With ``out`` each run is kept under a key of what it depends on: data, code, surrogate, setting,
    seed, epochs, versions of packages. It is not trained again, so that more seeds, values or
    surrogates cost the difference only. No key sees files, environment variables or variables of a
    notebook that your code reads. So before kept runs are used, one of each candidate is tried: its
    first epoch is trained again, and its weights are tested again. If the numbers differ, a warning
    says so, and these runs are not used.

    Parameters
    ----------
    surrogates : sequence, or mapping of labels
        Candidates, each as `get_surrogate` takes it: ``"Sigmoid"``, ``"QPseudoSpike(alpha=1.5)"``
        or an object. ReluGrad is the default surrogate of neurons of `brainpy.state`.
    task : str, tuple, path or Task
        The data, in any form that `load_task` takes:

        - a name: ``"digits-rows"``, ``"digits-pixels"``, ``"mnist-rows"`` or ``"mnist-pixels"``;
        - arrays ``(X, y)``, which each seed splits: X of shape (samples, time, features); y of
          shape (samples,) or (samples, time) with classes as integers or strings, or of shape
          (samples, ...) or (samples, time, ...) with floats to predict;
        - arrays ``(X, y, X_test, y_test)``, with a fixed test part;
        - a `pathlib.Path` to an ``.npz`` file of such arrays.

        X reaches the model as it is, as float32.
    model : callable, optional
        A factory that returns a fresh brainstate model. It may take any of the keywords
        ``features``, ``classes`` (None in a regression), ``outputs`` (how many numbers a step must
        return: one for each class, or for each number of a target), ``steps``, ``input_rms`` (the
        root mean square of the inputs) and ``surrogate``. A factory that takes ``surrogate`` puts
        it into the model itself; otherwise all neurons get the candidate. Bind other keywords with
        ``functools.partial``, as in ``partial(network, hidden=256)``.

        The model is called as ``model(x)``, or ``model.update(x)``, once for each step, with x of
        shape (batch, features). `brainstate.environ` has the index ``i`` and the time ``t`` of the
        step, ``dt`` (1 ms unless you set it), and ``fit``, which is True in training.
        Each batch starts from initial states: ``init_state`` is called with the number of samples
        if it takes one, and states of one sample are repeated. Parameters are trained. A state that
        this does not set keeps its value from batch to batch, unless it is a
        `brainstate.ShortTermState`.

        By default, a layer of recurrent LIF neurons with the keywords ``hidden``, ``neuron`` (a
        class of `brainpy.state`) and ``reset``.
    tune : mapping of names to values, or None
        The values to try for each candidate, in all combinations. With the defaults, 3 settings and
        5 seeds make 15 trainings of each candidate. None trains the candidates as given. Names are

        - ``learning_rate``;
        - ``mean_slope``, which lowers the candidate's dampening until no population has a larger
          mean surrogate gradient at the initial weights of seed 0;
        - ``dampening`` (in place of ``mean_slope``) and ``scale_factor``, which multiply the
          candidate's own dampening and scale;
        - ``alpha``;
        - keywords of the optimizer, such as ``clip``, and of the factory.
    seeds : int or sequence of int
        How many seeds, or the seeds themselves. Choose the number before you look at any result:
        whoever looks at 5 seeds and then again at 20 errs in 8 to 9% of the cases, not in 5%.
    epochs, batch_size : int
        Number of passes over the training part, each in a new order, and number of samples in a
        batch. Samples that do not fill a batch are left out of that pass.
    learning_rate : float
        The learning rate, if ``tune`` does not name it. `prepare` names one for a network.
    optimizer : callable, optional
        Returns an optax transformation. It must take the keyword ``learning_rate``, which is
        traced. It may take ``steps``, the number of batches in a whole training, and further
        keywords that ``tune`` names. By default, `optax.adamw` with a cosine schedule and the norm
        of the gradient clipped at ``clip=0.03``. It gets the weights as a list of arrays, in the
        order of their paths, those with units as numbers in their unit.
    loss, score : callable, optional
        Functions of (outputs, y) that JAX can trace. ``outputs`` has the shape (samples, ...): the
        mean over time, or over the steps that the task's ``readout`` names. Where that is "all",
        by default if each step has a label or a target, the shape is (samples, time, ...). ``y`` is
        that of these samples, with classes as integers from 0. A higher score is better. By
        default, cross-entropy and accuracy for classes, the mean squared error and its negative for
        numbers.
    prepare : bool
        Whether all candidates begin with weights that fire: `braintools_qps.prepare` brings a model
        with the initial weights of each seed into the range where it learns, on 64 training samples
        and with the surrogate that the factory gives it. The weights are kept, the surrogate stays
        that of the candidate. A ``mean_slope`` is then measured at these weights.
    out : path, optional
        A directory for the results: JSON, CSV, and a file for each run in ``runs``. A run that is
        there already is not trained again. Runs in training are saved there too, at most ten
        seconds or one epoch old; less often where writing takes more than 1% of the time, and not
        if a ``client`` trains. Several processes may share the directory. Copy the ``runs`` of
        several machines into one folder to bring their results together.
    fresh : bool
        Whether to train all runs again, even those that are in ``out``.
    client : distributed.Client, optional
        Dask's client, whose workers train. They must be able to import the modules of the factory,
        the optimizer, the loss and the score. By default, all devices of this process train.
    progress : bool
        Whether to print how many runs are trained, and about how long that takes, and to show a
        bar in a terminal or a notebook, if tqdm is installed.
    callback : callable, optional
        Called after each result with the `.Comparison` so far.

    Returns
    -------
    Comparison
        Prints as a table. If a candidate fails while others do not, its row shows the error.
        `Comparison.weights` has the trained weights.

    Raises
    ------
    LookupError
        If no surrogate, task or neuron has the name.
    TypeError, ValueError
        If an option is out of its range, or the data or the model cannot be trained.
    OSError
        If ``out`` cannot be written to. Raised before anything is trained.
    ConnectionError
        If Dask's scheduler is lost. Finished runs are in ``out``.

    See Also
    --------
    gradient_flow : Say why your own model does not learn, in seconds.
    braintools_qps.plotting.plot_comparison : The figure.

    Notes
    -----
    To train in less memory, have the factory take ``surrogate``, put it into the model, and then
    apply `save_memory` to the model.

    Weights have the paths of the model's states as names. To load those of a label and a seed into
    a model that the factory has made, initialise its states first::

        weights = comparison.weights(label, seed)
        brainstate.nn.init_all_states(model, batch_size)
        for path, state in brainstate.graph.states(model).items():
            state.value = weights.get(".".join(map(str, path)), state.value)

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
    plan = Plan(experiment)
    comparison = blank(candidates.values(), plan)
    with closing(Progress(epochs, shown=progress)) as bar:
        search = Search(comparison, candidates, plan, Runs(out), bar, client, fresh, callback)
        return search.whole()
