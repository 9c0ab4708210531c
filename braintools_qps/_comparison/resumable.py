"""Training that can go on where it was cut off.

Beside the results lie a journal of the groups of runs that are done, tuning rounds among them, and
the states of the group in training, as they were a little while ago. Both go when all is done.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from .._defaults import CHECKPOINT_NAME
from .._registry import surrogate_spec
from ..records import Comparison, to_plain
from .locks import remove
from .programs import Job, OnEpochs, Outcome, Programs
from .provenance import compared, packages
from .storage import Store, write_files
from .trainer import Halfway, Trainer
from .training import Bench, Curves, State, initial_state
from .workers import Journal

SECONDS_BETWEEN = 10.0
MOST_OF_THE_TIME = 0.01  # goes into writing


class Checkpoint:
    """The file with the states of one group of runs, whole at any time."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / CHECKPOINT_NAME
        self._written, self._cost = time.monotonic(), 0.0

    def load(self, key: str, one: Callable[[], State]) -> Halfway | None:
        """What was saved under a key, of the same form; ``one`` makes a state of one run."""
        try:
            with open(self._path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                if str(file["key"]) != key:
                    return None
                arrays = dict(file)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # there is none
            return None
        form = jax.eval_shape(one)
        if str(arrays.get("form")) != str(form):  # the factory has changed
            return None
        leaves, structure = jax.tree.flatten(form)
        read = [_read(arrays[str(number)], leaf) for number, leaf in enumerate(leaves)]
        curves = Curves(*(arrays[name] for name in Curves._fields))
        return Halfway(jax.tree.unflatten(structure, read), curves)

    def is_due(self) -> bool:
        """Whether enough time has passed since the last one, or the start."""
        since = time.monotonic() - self._written
        return since >= max(SECONDS_BETWEEN, self._cost / MOST_OF_THE_TIME)

    def save(self, key: str, one: Callable[[], State], copy: Callable[[], Halfway]) -> None:
        """Replace what is there. A full disk costs no more than the checkpoint."""
        start = time.monotonic()
        states, curves = copy()
        file = io.BytesIO()
        arrays = {str(n): _plain(leaf) for n, leaf in enumerate(jax.tree.leaves(states))}
        about = {"key": np.array(key), "form": np.array(str(jax.eval_shape(one)))}
        contents: dict[str, Any] = {**about, **arrays, **curves._asdict()}
        np.savez(file, **contents)
        with suppress(OSError):
            write_files(self._path.parent, {self._path.name: file.getvalue()})
        self._written = time.monotonic()
        self._cost = self._written - start

    def remove(self) -> None:
        """The group is done."""
        remove(self._path)


class ResumablePrograms(Programs):
    """Programs that keep what they have trained in a store, beside the results.

    Before anything else the comparison is saved there as it is, so that what goes on from it is
    checked against it.
    """

    def __init__(
        self,
        bench: Bench,
        most_runs: int,
        comparison: Comparison,
        store: Store,
        *,
        resume: bool,
    ) -> None:
        super().__init__(bench, most_runs)
        self._comparison, self._store = comparison, store
        self._journal = Journal(store.directory, resume=resume)
        self._checkpoint = Checkpoint(store.directory)
        self._resume = resume
        self._reason: str | None = None

    @property
    def one_by_one(self) -> str | None:
        """Why some model could not be vmapped, if one could not, now or before."""
        return self._reason or super().one_by_one

    def close(self) -> None:
        """All that was trained has come into the results."""
        self._checkpoint.remove()
        self._journal.close()

    def give_up(self) -> None:
        """Nothing will come of it: only what an earlier comparison has left stays."""
        if not self._store.fresh:
            self.close()
            self._store.forget()

    def train_group(
        self,
        trainer: Trainer,
        jobs: list[Job],
        epochs: int,
        on_epochs: OnEpochs,
        test: bool,
        **halfway: Any,
    ) -> list[Outcome]:
        """Train jobs that share a program, or what is left of it."""
        key = self._key(jobs, epochs, test)
        if (known := self._journal.trained(key)) is not None:
            outcomes, self._reason = known
            self.tally.finished += len(jobs)
            on_epochs(len(jobs) * epochs, float(np.mean([o.curves.loss[-1] for o in outcomes])))
            return outcomes
        one = lambda: initial_state(trainer.bench, jobs[0].surrogate, jobs[0].seed)
        start = self._checkpoint.load(key, one) if self._resume else None
        if start is not None:
            on_epochs(start.curves.loss.size, float(np.mean(start.curves.loss[:, -1])))

        def save(copy: Callable[[], Halfway]) -> None:
            if self._checkpoint.is_due():
                self._store.begin(self._comparison)
                self._checkpoint.save(key, one, copy)

        outcomes = super().train_group(
            trainer, jobs, epochs, on_epochs, test, start=start, on_halfway=save
        )
        self._store.begin(self._comparison)
        self._journal.keep(key, (outcomes, trainer.one_by_one))
        self._checkpoint.remove()
        return outcomes

    def _key(self, jobs: list[Job], epochs: int, test: bool) -> str:
        """What the outcomes depend on."""
        runs = [(surrogate_spec(job.surrogate), dict(job.setting), job.seed) for job in jobs]
        about = self._comparison.task, compared(self._comparison.settings)
        about = to_plain({"about": about, "runs": runs, "epochs": epochs, "test": test})
        text = json.dumps([about, packages()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(leaf: Any) -> np.ndarray:
    """The bytes of each run: npz does not know bfloat16."""
    rows = np.ascontiguousarray(leaf)
    return rows.reshape(len(rows), math.prod(rows.shape[1:])).view(np.uint8)


def _read(rows: np.ndarray, like: jax.ShapeDtypeStruct) -> Any:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        numbers = rows.view(np.uint32).reshape(len(rows), *like.shape, -1)
        return jax.random.wrap_key_data(jnp.asarray(numbers))
    return rows.view(like.dtype).reshape(len(rows), *like.shape)
