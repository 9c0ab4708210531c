"""Operations counted by gradient_flow, against counts by hand and by brute force in NumPy."""

import itertools

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import Memoryless, gradient_flow, only

from braintools_qps.records import Operations

STEPS, BATCH, N, M = 5, 3, 6, 4
RANDOM = np.random.default_rng(0)
SPIKES = RANDOM.integers(0, 2, (STEPS, BATCH, N)).astype(np.float32)
CURRENTS = RANDOM.normal(size=(STEPS, BATCH, N)).astype(np.float32)
CURRENTS[0] = 0  # computes nothing
IMAGES = RANDOM.integers(0, 2, (STEPS, BATCH, 5, 7, 2)).astype(np.float32)


class Network(brainstate.nn.Module):
    """Populations in a row; returns the signals that each product has met."""

    def __init__(self, *products, dtype=np.float32):
        super().__init__()
        for n, (_, weights, shape) in enumerate(products):
            weights = brainstate.ParamState(jnp.asarray(weights, dtype))
            setattr(self, f"weights{n}", weights)
            setattr(self, f"layer{n}", Memoryless((BATCH, *shape), 0.5))
        self.products = [product for product, _, _ in products]

    def update(self, x):
        met = []
        for n, product in enumerate(self.products):
            met.append(x)
            current = product(x, getattr(self, f"weights{n}").value)
            x = getattr(self, f"layer{n}")(current.astype(jnp.float32))
        return met, x


def dense(n, m, product=jnp.dot):
    return product, RANDOM.normal(size=(n, m)), (m,)


def conv(window, stride, padding, inputs, outputs, groups=1):
    def product(x, weights):
        return jax.lax.conv_general_dilated(
            x, weights, stride, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip

    weights = RANDOM.normal(size=(*window, inputs // groups, outputs))
    shape = jax.eval_shape(product, IMAGES[0], weights).shape
    return product, weights, shape[1:]


def signals_of(network, inputs):
    with brainstate.environ.context(fit=True):
        met, _ = brainstate.transform.for_loop(network.update, jnp.asarray(inputs))
    return [np.asarray(signals) for signals in met]


def counted(network, inputs):
    """What each sender's signals cost, in order: the inputs, then the populations."""
    flow = only(gradient_flow(network, inputs))
    populations = [population.operations for population in flow.populations]
    sent = [flow.operations.synaptic - sum(p.synaptic for p in populations)]
    return flow, [*sent, *(p.synaptic for p in populations)]


def fan_out_by_hand(shape, window, stride, padding, results, outputs):
    """For each pixel, the pairs of window place and result that it takes part in."""
    fan_out = np.zeros(shape)
    for pixel in itertools.product(*map(range, shape)):
        for place in itertools.product(*map(range, window)):
            shifted = [x + p - k for x, (p, _), k in zip(pixel, padding, place)]
            at = [divmod(s, step) for s, step in zip(shifted, stride)]
            fan_out[pixel] += all(r == 0 and 0 <= q < n for (q, r), n in zip(at, results))
    return fan_out * outputs


def test_dense_layers_count_spikes_times_fan_out():
    network = Network(dense(N, M), dense(M, 9), dense(9, 2))
    with jax.numpy_dtype_promotion("strict"):
        flow, sent = counted(network, SPIKES)
    fan_outs = (M, 9, 2)
    by_hand = [np.count_nonzero(x) * m for x, m in zip(signals_of(network, SPIKES), fan_outs)]
    assert all(by_hand)
    np.testing.assert_allclose(sent, [*np.divide(by_hand, BATCH), 0], rtol=1e-6)
    assert flow.operations.multiplications == 0
    assert [p.operations.updates for p in flow.populations] == [M * STEPS, 9 * STEPS, 2 * STEPS]
    assert flow.operations.updates == (M + 9 + 2) * STEPS


@pytest.mark.parametrize(
    ("inputs", "multiplied"),
    [(SPIKES, 0), (-SPIKES, 0), (CURRENTS, STEPS - 1), (2 * SPIKES, np.mean(SPIKES) * STEPS)],
    ids=["spikes", "negative spikes", "currents", "counts"],
)
def test_only_numbers_other_than_0_and_1_multiply(inputs, multiplied):
    flow, _ = counted(Network(dense(N, M)), inputs)
    assert flow.operations.multiplications == pytest.approx(multiplied * N * M)
    assert flow.operations.synaptic == pytest.approx(np.count_nonzero(inputs) * M / BATCH)


@pytest.mark.parametrize(
    ("window", "stride", "padding", "groups"),
    [
        ((3, 2), (2, 1), ((0, 0), (0, 0)), 1),
        ((2, 3), (2, 3), ((1, 0), (0, 2)), 2),
    ],
    ids=["strided", "grouped"],
)
def test_convolutions_count_the_fan_out_of_each_pixel(window, stride, padding, groups):
    layer = conv(window, stride, padding, 2, 4, groups)
    network = Network(layer)
    _, sent = counted(network, IMAGES)
    results = layer[2][:2]
    fan_out = fan_out_by_hand((5, 7), window, stride, padding, results, 4 // groups)
    assert fan_out.min() < fan_out.max() or stride == window
    assert sent[0] == pytest.approx(np.sum(IMAGES * fan_out[..., None]) / BATCH)


class Recurrent(Network):
    """Inputs and the spikes of the step before, in a product each or joined in one."""

    def __init__(self, is_joined):
        super().__init__(dense(N + M, M))
        self.is_joined = is_joined

    def update(self, x):
        met, weights = [x, self.layer0.spk_fun(self.layer0.V.value - 0.5)], self.weights0.value
        if self.is_joined:
            met = [jnp.concatenate(met, axis=-1)]
            return met, self.layer0(met[0] @ weights)
        return met, self.layer0(x @ weights[:N] + met[1] @ weights[N:])


@pytest.mark.parametrize("is_joined", [False, True])
def test_a_recurrent_layer_counts_its_own_spikes_and_what_is_joined_with_them(is_joined):
    network = Recurrent(is_joined)
    _, sent = counted(network, CURRENTS)
    *inputs, own = (np.count_nonzero(x) * M / BATCH for x in signals_of(network, CURRENTS))
    assert own > 0
    assert sent == pytest.approx([*(inputs or [0]), own])


def test_half_precision_counts_beyond_256():
    wide = (lambda x, w: jnp.tile(x, 101).astype(jnp.bfloat16) @ w, np.zeros((101 * N, M)), (M,))
    _, sent = counted(Network(wide, dtype=jnp.bfloat16), SPIKES)
    assert sent[0] == pytest.approx(np.count_nonzero(SPIKES) * 101 * M / BATCH, rel=1e-6)


def test_energy_is_a_sum_over_operations():
    operations = Operations(synaptic=100.0, multiplications=10.0, updates=7)
    assert operations.energy(per_addition=2, per_multiplication=30) == 500
    assert operations.energy(per_addition=2, per_multiplication=30, per_update=1) == 507
