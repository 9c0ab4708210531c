"""A second call on the same model and shapes compiles nothing, and no other model is mistaken."""

import gc
import weakref

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import pytest
from flow_networks import only

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps._gradient_flow.programs import programs
from braintools_qps._gradient_flow.tracing import trace

EVENT = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compiled():
    """The number of compilations so far, in a list of one."""
    count = [0]

    def listen(event, duration, **_):
        count[0] += event == EVENT

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield count
    jax.monitoring.unregister_event_duration_listener(listen)


class Network(brainstate.nn.Module):
    def __init__(self, shape=jax.nn.softplus, gain=5.0):
        super().__init__()
        self.lif = brainpy.state.LIF(4, spk_fun=QPseudoSpike())
        self.shape, self.gain = shape, gain

    def update(self, x):
        return self.shape(self.lif(self.gain * x * u.mA))


def measured(model, **options):
    inputs = jax.random.uniform(jax.random.key(0), (6, 2, 4))
    options = {"target": None, "rate": None} | options
    with brainstate.environ.context(dt=1 * u.ms):
        return gradient_flow(model, inputs, **options)


class Mapped(Network):
    def __init__(self):
        super().__init__()
        brainstate.nn.vmap_init_all_states(self.lif, axis_size=2, state_tag="mapped")
        self.lif = brainstate.nn.Vmap(self.lif, vmap_states="mapped")


@pytest.mark.parametrize("make", [Network, Mapped])
def test_a_second_call_compiles_nothing(make, compiled):
    candidates = ["QPseudoSpike(alpha=3)", "Sigmoid"]
    model = make()
    first = measured(model, surrogates=candidates)
    assert compiled[0] > 0
    before = compiled[0]
    second = measured(model if make is Mapped else make(), surrogates=candidates)
    assert compiled[0] == before
    assert second.to_dict() == first.to_dict()


def test_models_of_one_make_share_a_program_and_keep_their_values():
    class Weighted(Network):
        def __init__(self, weight):
            super().__init__(lambda x: x)
            self.weight = brainstate.ParamState(jnp.full(4, weight))
            self.fixed = jnp.full(4, weight)

        def update(self, x):
            return self.fixed * super().update(self.weight.value * x)

    with brainstate.environ.context(dt=1 * u.ms):
        one, other = (
            programs(trace(Weighted(weight), jnp.ones((6, 2, 4)))) for weight in (1.0, 2.0)
        )
    assert one is other
    weak, strong = (only(measured(Weighted(weight))).populations[0] for weight in (1.0, 2.0))
    assert strong.firing_rate > weak.firing_rate


def test_models_that_differ_in_a_derivative_rule_alone_are_told_apart():
    """They print alike: the rule of a function shows only its name."""

    def rule(slope):
        @jax.custom_jvp
        def same(x):
            return x

        same.defjvp(lambda primals, tangents: (primals[0], slope * tangents[0]))
        return same

    moments = [
        only(measured(Network(rule(slope)))).populations[0].second_moments[0]
        for slope in (1.0, 3.0)
    ]
    assert moments[1] == pytest.approx(9 * moments[0])


def compiled_with(factor):
    return jax.jit(lambda x: x * factor)


def ruled(factor):
    times = jax.custom_jvp(lambda x: x * factor)
    times.defjvp(lambda primals, tangents: (times(*primals), factor * tangents[0]))
    return times


def slope_of(factor):
    same = jax.custom_jvp(lambda x: x)
    same.defjvp(lambda primals, tangents: (primals[0], factor * tangents[0]))
    return same


def branching(factor):
    return lambda x: jax.lax.cond(x.sum() > -1, lambda x: x * factor, jnp.zeros_like, x)


def once(function):
    """In a loop, which stays one equation."""
    return lambda x: jax.lax.fori_loop(0, 1, lambda i, x: function(x), x)


@pytest.mark.parametrize(
    "shape",
    [
        lambda factor: once(compiled_with(factor)),
        lambda factor: once(jax.checkpoint(compiled_with(factor))),
        lambda factor: once(branching(factor)),
        ruled,
        slope_of,
        branching,
        lambda factor: lambda x: x * factor,
    ],
    ids=["jit", "checkpoint", "branch in a loop", "rule", "rule alone", "branch", "plain"],
)
def test_models_that_differ_in_a_constant_alone_are_told_apart(shape):
    moments = [
        only(measured(Network(shape(jnp.full(4, factor))))).populations[0].second_moments[0]
        for factor in (1.0, 3.0)
    ]
    assert moments[1] == pytest.approx(9 * moments[0])


def test_models_with_equal_inner_constants_share_a_program():
    with brainstate.environ.context(dt=1 * u.ms):
        one, other = (
            programs(trace(Network(once(compiled_with(jnp.full(4, 2.5)))), jnp.ones((6, 2, 4))))
            for _ in range(2)
        )
    assert one is other


def test_nothing_of_a_model_stays():
    """The programs are kept; weights, states and spike functions are not."""

    class Surrogate(QPseudoSpike):
        """Kept under weak references, as a frozen dataclass with its own dictionary."""

    class Weighted(Network):
        def __init__(self, count):
            super().__init__()
            self.count = lambda: count  # a state outside the model
            self.weight = brainstate.ParamState(jnp.full(4, 1.5))
            self.fixed = jnp.full(4, 1.25)
            self.lif.spk_fun = Surrogate(2.25)

        def update(self, x):
            self.count().value = self.count().value + 1
            return self.fixed * super().update(self.weight.value * x)

    outside = brainstate.ShortTermState(jnp.zeros(3))
    model = Weighted(outside)
    measured(model, target=1.0, rate=0.1)
    parts = model, model.lif, model.lif.spk_fun, model.weight, model.weight.value, model.fixed
    held = [weakref.ref(part) for part in (*parts, outside, outside.value)]
    del model, outside, parts
    gc.collect()
    assert [part() for part in held] == [None] * len(held)


def test_a_state_in_a_surrogate_is_read_at_each_call():
    alpha = brainstate.ShortTermState(jnp.asarray(1.0))
    model = Network()
    model.lif.spk_fun = QPseudoSpike(alpha)
    slopes = []
    for value in (1.0, 8.0):
        alpha.value = jnp.asarray(value)
        slopes.append(only(measured(model)).populations[0].mean_slope)
    expected = [
        flow.populations[0].mean_slope
        for flow in measured(Network(), surrogates=[QPseudoSpike(1.0), QPseudoSpike(8.0)]).values()
    ]
    assert slopes == pytest.approx(expected)
