"""What test_devices.py runs where JAX sees eight devices; a traceback names the case."""

import re

import digits
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from braintools_qps import QPseudoSpike

COLLECTIVE = re.compile(r"all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter")
SURROGATES = [QPseudoSpike(1.7), QPseudoSpike(2.0, residual_dtype="uint8")]
GRADIENT = jax.jit(jax.grad(digits.loss), static_argnames="surrogate")


def mesh(axis, kind=AxisType.Auto):
    return jax.make_mesh((8,), (axis,), axis_types=(kind,))


def batch():
    return [jnp.asarray(data[:128]) for data in digits.load()]


def check_gradient(weights, images, labels):
    """Against the gradient of the same batch on one device."""
    for surrogate in SURROGATES:
        alone = GRADIENT(digits.initial_weights(), *batch(), surrogate=surrogate)
        together = GRADIENT(weights, images, labels, surrogate=surrogate)
        for name, allowed in tolerances(alone, surrogate).items():
            np.testing.assert_allclose(together[name], alone[name], rtol=0, atol=allowed)


def tolerances(gradient, surrogate):
    """The difference allowed between gradients whose sums were taken in another order.

    A sum over n neurons rounds by about sqrt(n) units in the last place, once in each time step.
    With 8-bit residuals a last bit may also choose the neighbouring code, a step of 1/32, for one
    neuron of one sample at one time: it moves the mean over the batch by that part of the sample's
    share.
    """
    neurons, steps = len(gradient["recurrent"]), digits.ROWS * digits.STEPS_PER_ROW
    rounding = np.finfo(np.float32).eps * np.sqrt(neurons) * steps
    allowed = {name: rounding * np.abs(value).max() for name, value in gradient.items()}
    if surrogate.residual_dtype == "uint8":
        share = largest_share(surrogate)
        allowed = {name: allowed[name] + share[name] / 32 for name in allowed}
    return allowed


def largest_share(surrogate):
    """The largest element of a single sample's part of the gradient."""
    images, labels = batch()
    samples = [slice(n, n + 1) for n in range(len(labels))]
    weights = digits.initial_weights()
    alone = [GRADIENT(weights, images[n], labels[n], surrogate=surrogate) for n in samples]
    return {
        name: max(np.abs(gradient[name]).max() for gradient in alone) / len(samples)
        for name in weights
    }


def data_parallel():
    devices = mesh("batch")
    weights = jax.device_put(digits.initial_weights(), NamedSharding(devices, P()))
    images, labels = jax.device_put(batch(), NamedSharding(devices, P("batch")))
    check_gradient(weights, images, labels)
    text = GRADIENT.lower(weights, images, labels, surrogate=SURROGATES[0]).compile().as_text()
    collectives = [line for line in text.splitlines() if COLLECTIVE.search(line)]
    assert collectives, "the gradient of the weights must be summed over devices"
    assert not [line for line in collectives if "jit(_step)" in line]


def neurons_sharded():
    devices = mesh("neurons")
    sharded = {
        "input": P(None, "neurons"),
        "recurrent": P(None, "neurons"),
        "readout": P("neurons"),
    }
    weights = {
        name: jax.device_put(value, NamedSharding(devices, sharded[name]))
        for name, value in digits.initial_weights().items()
    }
    images, labels = jax.device_put(batch(), NamedSharding(devices, P()))
    check_gradient(weights, images, labels)


def no_collective():
    """Elementwise in either way of sharding, and the result stays where its input was."""
    for kind in (AxisType.Auto, AxisType.Explicit):
        where = NamedSharding(mesh("neurons", kind), P(None, "neurons"))
        x = jax.device_put(jnp.linspace(-3.0, 3.0, 16 * 64).reshape(16, 64), where)
        for surrogate in SURROGATES:
            for function in (surrogate, surrogate.surrogate_grad, surrogate.surrogate_fun):
                check_elementwise(jax.jit(function), x)
            check_elementwise(jax.jit(jax.grad(lambda x, s=surrogate: s(x).sum())), x)


def check_elementwise(function, x):
    result = function(x)
    assert result.sharding.is_equivalent_to(x.sharding, x.ndim)
    assert not COLLECTIVE.search(function.lower(x).compile().as_text())


if __name__ == "__main__":
    assert jax.device_count() == 8
    for case in (data_parallel, neurons_sharded, no_collective):
        case()
