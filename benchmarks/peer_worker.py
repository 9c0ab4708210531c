"""Times one framework in its own process: one sample for every line on stdin.

Called as ``python -m benchmarks.peer_worker NAME WORK Q ELEMENTS``. Frameworks are imported only
here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .harness import describe, sampler

OURS = "braintools_qps QPseudoSpike.from_q"


class Framework(NamedTuple):
    """How a framework makes a spike function for a q, and how it runs it."""

    spike: Callable[[float], Any]
    run: Callable
    any_q: bool = False
    sharpness: float = 1.0


def main(name: str, work: str, q: str, elements: str) -> None:
    """Print the seconds of each sample; after an error, print that and end."""
    try:
        take = prepare(CONTESTANTS[name], work, float(q), int(elements))
        for _ in sys.stdin:
            print(take(), flush=True)
    except Exception as error:
        print(describe(error), flush=True)


def prepare(framework: Framework, work: str, q: float, elements: int) -> Callable[[], float]:
    """Check the formula on a few points, then warm up."""
    spike = framework.spike(q)
    x = np.array([-3.0, -0.2, 0.5, 4.0], np.float32)
    _, gradient = framework.run(spike, "forward and backward", x, np.ones_like(x))()
    expected = (1 + 2 * framework.sharpness * np.abs(x) / (q - 1)) ** -q
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=1e-5)
    generator = np.random.default_rng(0)
    x, cotangent = generator.normal(size=(2, elements)).astype(np.float32)
    return sampler(framework.run(spike, work, x, cotangent))


def in_jax(spike, work, *arrays):
    import jax
    import jax.numpy as jnp

    x, cotangent = map(jnp.asarray, arrays)
    if work == "forward":
        call = jax.jit(spike)
        return lambda: call(x)

    @jax.jit
    def both(x, cotangent):
        spikes, backward = jax.vjp(spike, x)
        return spikes, backward(cotangent)[0]

    return lambda: both(x, cotangent)


def in_torch(spike, work, *arrays, compile=False):
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    spike = torch.compile(spike) if compile else spike
    x, cotangent = map(torch.from_numpy, arrays)
    if work == "forward":
        return lambda: spike(x)
    x.requires_grad_()

    def both():
        spikes = spike(x)
        return spikes.detach(), torch.autograd.grad(spikes, x, cotangent)[0]

    return both


def in_compiled_torch(*task):
    return in_torch(*task, compile=True)


def ours(q):
    from braintools_qps import QPseudoSpike

    return QPseudoSpike.from_q(q)


def spikingjelly(q):
    from spikingjelly.activation_based.surrogate import QPseudoSpike

    return QPseudoSpike(alpha=q)


def snntorch(q):
    from snntorch.surrogate import fast_sigmoid

    return fast_sigmoid(slope=2)


def norse(q):
    from norse.torch.functional.threshold import threshold

    return lambda x: threshold(x, "super", 1.0)


def spyx(q):
    from spyx.axn import superspike

    return superspike(k=2)


CONTESTANTS = {
    OURS: Framework(ours, in_jax, any_q=True),
    "spyx superspike": Framework(spyx, in_jax),
    "SpikingJelly QPseudoSpike": Framework(spikingjelly, in_torch, any_q=True),
    "SpikingJelly QPseudoSpike, torch.compile": Framework(
        spikingjelly, in_compiled_torch, any_q=True
    ),
    "snnTorch fast_sigmoid": Framework(snntorch, in_torch),
    "snnTorch fast_sigmoid, torch.compile": Framework(snntorch, in_compiled_torch),
    "Norse SuperSpike": Framework(norse, in_torch, sharpness=0.5),  # no slope but 1
}


if __name__ == "__main__":
    main(*sys.argv[1:])
