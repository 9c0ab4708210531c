"""Networks that learn nothing, rebuilt from reports by users of other libraries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import brainstate
import jax
import jax.numpy as jnp
from braintools import surrogate as bts

from braintools_qps import QPseudoSpike, normalize_rates, normalize_surrogate, set_surrogate

from .networks import (
    PIXELS,
    Network,
    Overflowing,
    Recurrent,
    Synaptic,
    constant,
    convolutional,
    deep,
    fast_sigmoid,
)


def twelve_times(images: Any) -> Any:
    return constant(images, 12)


def at_the_start(images: Any) -> Any:
    """Each image in the first 4 of 30 steps, and nothing after."""
    return constant(images, 30) * (jnp.arange(30) < 4)[:, None, None]


def mean_output(outputs: Any) -> Any:
    return outputs.mean(axis=0)


def last_output(outputs: Any) -> Any:
    return outputs[-1]


def positive(network: Network) -> Network:
    """Absolute values of all weights, as on a device that has no negative ones."""
    return weights_changed(network, jnp.abs)


def weights_changed(network: Network, change: Callable[[Any], Any]) -> Network:
    for layer in brainstate.graph.nodes(network).values():
        if isinstance(layer, brainstate.nn.Linear):
            weights = layer.weight.value
            layer.weight.value = weights | {"weight": change(weights["weight"])}
    return network


def centred(network: Network, inputs: Any) -> None:
    """Give weights both signs: subtract the mean of each matrix; then normalise the rates."""
    weights_changed(network, lambda weights: weights - weights.mean())
    normalize_rates(network, inputs)


def lower(network: Network, inputs: Any) -> None:
    set_surrogate(network, normalize_surrogate(network, inputs))


def narrow(spk_fun: Any) -> Network:
    """Two layers whose weights are large enough for most neurons to fire."""
    return weights_changed(deep(spk_fun, 2), lambda weights: 4 * weights)


def fast_forgetting() -> Network:
    return deep(QPseudoSpike(dampening=0.25), 1, decay=0.8)


def severed() -> Network:
    """Two layers, and nothing leads back from the second to the first."""
    network = deep(bts.Arctan(), 2)
    network.layers.insert(2, jax.lax.stop_gradient)
    return network


class Other(NamedTuple):
    """The second way that a remedy offers."""

    done: str
    network: Callable[[], Network]


@dataclasses.dataclass(frozen=True)
class Case:
    """A failure that was reported in public, or a typical one.

    ``reported`` makes the network as reported; ``rewritten`` makes it with the mistake in its code
    fixed; ``cure`` changes a finished network. ``other`` is the second way that the remedy offers.
    ``cause`` and ``population`` are the expected diagnosis of gradient_flow.
    """

    thread: str  # owner/repository#number, or empty
    seen: str
    reported: Callable[[], Network]
    cause: str
    population: str | None
    done: str
    rewritten: Callable[[], Network] | None = None
    cure: Callable[[Network, Any], Any] | None = None
    other: Other | None = None
    remark: str = ""  # for the guide
    read: Callable[[Any], Any] = mean_output  # outputs to the logits of the loss
    read_after: Callable[[Any], Any] = mean_output
    shown: Callable[[Any], Any] = twelve_times
    epochs: int = 8
    learning_rate: float = 1e-3


def mixed_up(value: bool) -> Network:
    return deep(
        bts.Arctan(), 1, width=32, kind=Synaptic, current_decay=0.8, mixed_up=value, decay=0.9
    )


# exp(-2 * abs(x) / scale), of height 1.
exponential = QPseudoSpike(jnp.inf, scale=0.02, dampening=0.02)


def three_convolutions(spk_fun: Any) -> Network:
    options = {"kind": Synaptic, "current_decay": 0.7, "decay": 0.8, "biased": False}
    return convolutional(spk_fun, (1.0, 1.0, 1.0), **options)


def recurrent() -> Network:
    return Network([Recurrent(PIXELS, 64, bts.Sigmoid())], 64)


CASES = {
    "spikingjelly-190": Case(
        thread="fangwei123456/spikingjelly#190",
        seen="A deep network learns with arctan or sigmoid, and not with S2NN or a rectangle.",
        reported=partial(deep, bts.S2NN(), 8),
        cause="silent",
        population="layers.5",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
        remark="Not as reported: with a sigmoid (the next case) the same network does little "
        "better, and at rates of 0.1 both learn. Silence was the cause, not the surrogate.",
    ),
    "spikingjelly-285": Case(
        thread="fangwei123456/spikingjelly#285",
        seen="Firing rates fall with depth and are 0 from the fifth layer on; all images get the "
        "same class.",
        reported=partial(deep, bts.Sigmoid(), 8),
        cause="silent",
        population="layers.5",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
    ),
    "snntorch-66": Case(
        thread="jeshraghian/snntorch#66",
        seen="All weights are positive, as on a device; membranes run away to 100 times the "
        "threshold.",
        reported=lambda: positive(
            deep(fast_sigmoid(25.0), 2, kind=Synaptic, current_decay=0.9, decay=0.8)
        ),
        cause="saturated",
        population="layers.1",
        done="weights of both signs (the mean subtracted from each matrix), then `normalize_rates`",
        cure=centred,
    ),
    "spytorch-2": Case(
        thread="fzenke/spytorch#2",
        seen="A sigmoid of slope 100 with its prefactor, and a gradient that passes through the "
        "reset.",
        reported=partial(deep, bts.Sigmoid(100.0), 1, detach=False),
        cause="too high",
        population="layers.1",
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`",
        cure=lower,
        other=Other("no gradient through the reset", partial(deep, bts.Sigmoid(100.0), 1)),
        shown=partial(constant, steps=30),
    ),
    "snntorch-427": Case(
        thread="jeshraghian/snntorch#427",
        seen="The loss behaves weirdly with a sigmoid of slope 25.",
        reported=partial(deep, Overflowing(25.0), 2),
        cause="not finite",
        population="layers.3",
        done="the derivative as `slope * sigmoid(z) * sigmoid(-z)`; `check_surrogate` finds it too",
        rewritten=partial(deep, bts.Sigmoid(25.0), 2),
    ),
    "snntorch-350": Case(
        thread="jeshraghian/snntorch#350",
        seen="The membrane is assigned to the synaptic current, and both run to infinity.",
        reported=partial(mixed_up, True),
        cause="not finite",
        population="layers.1",
        done="the synaptic current assigned to its own state",
        rewritten=partial(mixed_up, False),
        shown=partial(constant, steps=200),
        epochs=4,
    ),
    "norse-125": Case(
        thread="norse/norse#125",
        seen="No gradient gets past a layer.",
        reported=severed,
        cause="disconnected",
        population="layers.1",
        done="the `stop_gradient` removed",
        rewritten=partial(deep, bts.Arctan(), 2),
    ),
    "stbp-6": Case(
        thread="yjwu17/STBP-for-training-SpikingNN#6",
        seen="The loss of a convolutional network does not fall; a threshold of 0.25 instead of "
        "0.75 helps.",
        reported=lambda: convolutional(bts.ReluGrad(1.0, 0.5), (0.75, 0.75), decay=0.25),
        cause="silent",
        population="layers.2",
        done="`normalize_rates(model, inputs)`",
        cure=normalize_rates,
        epochs=4,
    ),
    "snntorch-33": Case(
        thread="jeshraghian/snntorch#33",
        seen="Three convolutions, with second-order neurons, learn nothing.",
        reported=partial(three_convolutions, fast_sigmoid(25.0)),
        cause="none",
        population=None,
        done="a `scale` twice as large, although nothing was found",
        rewritten=partial(three_convolutions, fast_sigmoid(25.0).replace(scale=3 / 25)),
        remark="Not as reported: this network learns without help, and a wider surrogate "
        "gains nothing. The maintainer suspected a forward pass without the time steps.",
        epochs=3,
    ),
    "snntorch-219": Case(
        thread="jeshraghian/snntorch#219",
        seen="Four convolutions learn nothing, and thresholds of almost 0 in the last two do not "
        "help.",
        reported=partial(
            convolutional, fast_sigmoid(25.0), (0.3, 0.3, 0.001, 0.001), biased=False, decay=0.95
        ),
        cause="none",
        population=None,
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`, although nothing was "
        "found",
        cure=lower,
        remark="Not as reported: it learns without help, and the cure gains nothing. In the "
        "thread no neuron of the output layer fired; the output of this network does not spike.",
        epochs=3,
    ),
    "narrow-surrogate": Case(
        thread="",
        seen="An exponential surrogate 50 times narrower than the distance from rest to threshold.",
        reported=partial(narrow, exponential),
        cause="out of reach",
        population="layers.1",
        done="a `scale` 64 times as large",
        rewritten=partial(narrow, exponential.replace(scale=1.28)),
        other=Other("a fatter tail, `alpha=1`", partial(narrow, exponential.replace(alpha=1.0))),
    ),
    "early-input": Case(
        thread="",
        seen="The image is shown in the first 4 steps, and the output is read at the last of 30.",
        reported=fast_forgetting,
        cause="fading",
        population="layers.1",
        done="the mean output of all steps in the loss",
        remark="A slower membrane alone does not help: with a decay of 0.99 per step in place of "
        "0.8, and the last output, accuracy stayed at chance.",
        shown=at_the_start,
        read=last_output,
        read_after=mean_output,
    ),
    "recurrent-500": Case(
        thread="",
        seen="A recurrent network over 500 steps learns nothing.",
        reported=recurrent,
        cause="not finite",
        population="layers.0.cell",
        done="`set_surrogate(model, normalize_surrogate(model, inputs))`",
        cure=lower,
        shown=partial(constant, steps=500),
        epochs=3,
        learning_rate=3e-3,
    ),
}
