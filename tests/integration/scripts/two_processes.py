"""Train on digits as one of two processes: RANK RESULT PORT. Saves all steps' gradients."""

import sys

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

BATCH, STEPS = 128, 3


def main(rank, result, port):
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=int(rank))
    assert jax.process_count() == 2
    # Only now: brainstate 0.5 touches the devices when it is imported, and JAX must know first.
    import digits

    from braintools_qps import QPseudoSpike

    # By one array in a program: XLA may take two sums over processes in either order, and with Gloo
    # each process then waits for another one.
    loss = lambda x, n, weights, *batch: digits.loss({**weights, n: x}, *batch, QPseudoSpike())
    program = jax.jit(jax.grad(loss), static_argnums=1)
    slope = lambda *given: jax.block_until_ready(program(*given))
    devices = Mesh(np.array(jax.devices()), ("batch",))
    everywhere, split = NamedSharding(devices, P()), NamedSharding(devices, P("batch"))
    weights = jax.device_put(digits.initial_weights(), everywhere)
    memory = jax.device_put(digits.OPTIMIZER.init(weights), everywhere)
    update = jax.jit(digits.OPTIMIZER.update)
    kept = {}
    for step, data in enumerate(batches(*digits.load())):
        batch = [own_share(part, split) for part in data]
        gradient = {n: slope(x, n, weights, *batch) for n, x in weights.items()}
        for kind, values in (("weights", weights), ("gradient", gradient)):
            kept |= {f"{kind} {step} {n}": v.addressable_data(0) for n, v in values.items()}
        updates, memory = update(gradient, memory)
        weights = jax.tree.map(jax.numpy.add, weights, updates)
    np.savez(result, **kept)


def batches(images, labels):
    """The same on every process."""
    for start in range(0, STEPS * BATCH, BATCH):
        yield images[start : start + BATCH], labels[start : start + BATCH]


def own_share(data, sharding):
    """A global array of which this process holds its part."""
    size = BATCH // jax.process_count()
    local = data[jax.process_index() * size :][:size]
    return jax.make_array_from_process_local_data(sharding, local, data.shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
