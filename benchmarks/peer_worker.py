"""Times one library's training step in its own process: one answer for every line on stdin.

Called as ``python -m benchmarks.peer_worker NAME NEURONS STEPS BATCH``. The first answer is the
temporary memory in bytes, or 0 where the library does not say; the others are seconds. On a CPU
these are of the processor, over all threads, so that other programs count little. A library is
imported where it is used.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import brainstate
import jax
import jax.numpy as jnp
import numpy as np

from braintools_qps import get_surrogate, loop_in_parts, save_memory

from .descent import CLASSES, INPUTS
from .harness import describe, sampler
from .long_sequences import TwoLayers
from .memory import Contestant, training_step

DECAY = 0.9  # of the membrane, in a step
SLOPE = 2  # the derivative is 1 / (1 + SLOPE * |x|) ** 2
RATE = 0.1
OURS = "braintools_qps"


class Task(NamedTuple):
    """The sizes of two layers of neurons, and of their inputs."""

    neurons: int
    steps: int
    batch: int

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Spikes with time first, and labels."""
        random = np.random.default_rng(0)
        spikes = random.random((self.steps, self.batch, INPUTS)) < 0.3
        return spikes.astype(np.float32), random.integers(0, CLASSES, self.batch)

    def layers(self) -> Iterator[tuple[int, int]]:
        yield INPUTS, self.neurons
        yield self.neurons, self.neurons


Trained = tuple[Callable[[], Any], int]  # trains once and returns the loss; bytes of memory


def main(name: str, *sizes: str) -> None:
    """Print the answers; after an error, print that and end."""
    try:
        for _, answer in zip(sys.stdin, answers(name, Task(*map(int, sizes)))):
            print(answer, flush=True)
    except Exception as error:
        print(describe(error), flush=True)


def answers(name: str, task: Task) -> Iterator[float]:
    """The memory, then seconds. A network whose second layer is silent is no contestant."""
    step, memory = CONTESTANTS[name](task)
    loss = float(step())
    if abs(loss - math.log(task.neurons)) < 1e-4:
        raise RuntimeError("no neuron of the second layer spikes")
    yield memory
    on_cpu = jax.default_backend() == "cpu"
    take = sampler(step, time.process_time if on_cpu else time.perf_counter)
    while True:
        yield take()


def ours(task: Task, surrogate: str = f"QPseudoSpike(q={SLOPE})", **parts: Any) -> Trained:
    """A loop over brainpy.state's LIF."""
    contestant = Contestant(get_surrogate(surrogate), **parts)
    make = partial(TwoLayers, neurons=task.neurons)
    executable, arguments = training_step(contestant, make, task.steps, task.batch)
    step = lambda: jax.tree.leaves(executable(*arguments))[-1]
    return step, executable.memory_analysis().temp_size_in_bytes


def spyx(task: Task) -> Trained:
    import optax
    from flax import nnx
    from spyx.axn import superspike
    from spyx.nn import LIF, Sequential, run
    from spyx.optimize import make_train_step

    rngs = nnx.Rngs(0)
    neurons = lambda n: LIF((n,), beta=DECAY, activation=superspike(k=SLOPE), rngs=rngs)
    layers = ((nnx.Linear(*sizes, rngs=rngs), neurons(task.neurons)) for sizes in task.layers())
    model = Sequential(*chain(*layers))
    optimizer = nnx.Optimizer(model, optax.sgd(RATE), wrt=nnx.Param)
    train = make_train_step(lambda model, x, y: cross_entropy(run(model, x)[0], y))
    x, y = map(jnp.asarray, task.data())
    return lambda: train(model, optimizer, x, y), 0


def jaxpike(task: Task, **options: Any) -> Trained:
    import jaxpike
    import optax

    neurons = lambda: jaxpike.LIF(-1 / math.log(DECAY), surrogate=jaxpike.FastSigmoid(SLOPE))
    dense = lambda sizes: jaxpike.Dense(*sizes, key=jax.random.key(sizes[0]), gain=5.0)
    layers = ((dense(sizes), neurons()) for sizes in task.layers())
    model = jaxpike.Sequential(*chain(*layers))
    loss = lambda net, x, y: (cross_entropy(jaxpike.unroll(net, x, **options)[0], y), None)
    train = jaxpike.make_step(loss, descent := optax.sgd(RATE))
    memory = descent.init(model)
    x, y = map(jnp.asarray, task.data())
    return lambda: train(model, memory, x, y)[2], 0


def cross_entropy(spikes: jax.Array, labels: jax.Array) -> jax.Array:
    """Of the mean over time, as JAX computes it."""
    return -jax.nn.log_softmax(spikes.mean(axis=0))[jnp.arange(len(labels)), labels].mean()


def spikingjelly(task: Task) -> Trained:
    """In multi-step mode: a layer's products for all steps at once."""
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    neurons = lambda: neuron.LIFNode(
        tau=1 / (1 - DECAY),
        decay_input=False,
        v_reset=None,
        surrogate_function=surrogate.SoftSign(alpha=SLOPE),
    )

    def spikes(network, inputs):
        functional.reset_net(network)
        return network(inputs)

    network = in_torch(task, neurons, layer.Linear)
    functional.set_step_mode(network, "m")
    return descend_in_torch(task, network, spikes)


def snntorch(task: Task) -> Trained:
    import torch
    from snntorch import Leaky, surrogate, utils

    fast_sigmoid = surrogate.fast_sigmoid(slope=SLOPE)

    def spikes(network, inputs):
        utils.reset(network)
        return torch.stack([network(x) for x in inputs])

    neurons = lambda: Leaky(beta=DECAY, spike_grad=fast_sigmoid, init_hidden=True)
    return descend_in_torch(task, in_torch(task, neurons), spikes)


def norse(task: Task) -> Trained:
    """LIFBox, which has no synaptic current and multiplies inputs by 1 - DECAY."""
    import torch
    from norse.torch import LIFBoxCell, LIFBoxParameters, SequentialState

    parameters = LIFBoxParameters(tau_mem_inv=torch.tensor(1 - DECAY), v_th=torch.tensor(1 - DECAY))

    def spikes(network, inputs):
        state, outputs = None, []
        for x in inputs:
            output, state = network(x, state)
            outputs.append(output)
        return torch.stack(outputs)

    network = in_torch(task, lambda: LIFBoxCell(parameters, dt=1.0), container=SequentialState)
    return descend_in_torch(task, network, spikes)


def in_torch(task: Task, neurons: Callable, linear: Any = None, container: Any = None) -> Any:
    import torch

    torch.manual_seed(0)
    linear, container = linear or torch.nn.Linear, container or torch.nn.Sequential
    return container(*chain(*((linear(*sizes), neurons()) for sizes in task.layers())))


def descend_in_torch(task: Task, network: Any, spikes: Callable) -> Trained:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # as JAX multiplies there
    inputs, labels = (torch.from_numpy(array).to(device) for array in task.data())
    network.to(device)
    optimizer = torch.optim.SGD(network.parameters(), RATE)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(spikes(network, inputs).mean(0), labels)
        loss.backward()
        optimizer.step()
        return loss.item()  # waits until the device is done

    return step, 0


unrolled = lambda steps: partial(brainstate.transform.for_loop, unroll=steps)
CONTESTANTS: dict[str, Callable[[Task], Trained]] = {
    OURS: ours,
    f"{OURS}, save_memory": partial(ours, treat=save_memory),
    f"{OURS}, in parts": partial(ours, loop=loop_in_parts),
    f"{OURS}, save_memory, in parts": partial(ours, treat=save_memory, loop=loop_in_parts),
    f"{OURS}, unroll=4": partial(ours, loop=unrolled(4)),
    f"{OURS}, unroll=8": partial(ours, loop=unrolled(8)),
    "braintools ReluGrad": partial(ours, surrogate="ReluGrad"),
    "braintools QPseudoSpike": partial(ours, surrogate="braintools.QPseudoSpike(alpha=2.0)"),
    "spyx": spyx,
    "jaxpike": jaxpike,
    "jaxpike, scan_unroll=1": partial(jaxpike, scan_unroll=1),
    "SpikingJelly": spikingjelly,
    "snnTorch": snntorch,
    "Norse": norse,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
